//! What comes when nobody waits for it any more: after giving up, after the end, after a restart.

use super::bench::{Bench, STRANGER, TARGET, trunk};
use crate::base::id::AttemptId;
use crate::call::outcome::Outcome;
use crate::sip::message::Method;
use crate::sip::txn::branch::{Branch, BranchKey};
use crate::sip::ua::Dropped;

#[test]
fn can_06_a_180_after_timer_b_gets_its_cancel_and_an_amendment() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(33_000).left();
    assert_eq!(bench.outcome(), Outcome::TrunkTimeout);
    bench.say(&invite.reply(180, "Ringing").tag("a"));
    let cancel = bench.only("CANCEL");
    assert_eq!(cancel.header("Via"), invite.header("Via"));
    assert_eq!(bench.late(), [(180, true)]);
    bench.at(33_100).say(&invite.reply(180, "Ringing").tag("a")).nothing();
    bench.at(33_110).say(&cancel.reply(200, "OK")).nothing();
    bench.at(33_120).say(&invite.reply(487, "Request Terminated").tag("a"));
    assert_eq!(bench.only("ACK").header("Via"), invite.header("Via"));
    bench.at(33_620).say(&invite.reply(487, "Request Terminated").tag("a"));
    bench.only("ACK");
    assert_eq!(bench.late(), [(180, true), (487, false)], "each once");
    bench.rests();
    assert_eq!(bench.ended.len(), 1);
}

#[test]
fn can_06_a_100_after_timer_b_is_cancelled_and_a_180_behind_it_amends_the_record() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(33_000).left();
    bench.say(&invite.reply(100, "Trying"));
    let cancel = bench.only("CANCEL");
    bench.say(&cancel.reply(200, "OK"));
    bench.at(33_100).say(&invite.reply(180, "Ringing").tag("a")).nothing();
    assert_eq!(bench.late(), [(100, false), (180, true)]);
}

#[test]
fn can_06_a_late_cancel_is_sent_again_until_it_is_answered() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(63_900).left();
    bench.say(&invite.reply(180, "Ringing").tag("a"));
    bench.rests();
    assert_eq!(bench.times("CANCEL")[..3], [63_900, 64_400, 65_400]);
}

#[test]
fn can_06_what_icmp_ended_is_cancelled_too_if_it_rings_all_the_same() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(3).undelivered(&invite);
    assert_eq!(bench.outcome(), Outcome::TrunkUnreachable);
    bench.at(900).say(&invite.reply(180, "Ringing").tag("a"));
    bench.only("CANCEL");
}

#[test]
fn can_07_no_late_cancel_after_a_late_answer() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(33_000).left();
    bench.say(&invite.answer("a"));
    let [_, bye] = bench.exactly(["ACK", "BYE"]);
    bench.say(&bye.reply(200, "OK"));
    bench.at(33_100).say(&invite.reply(180, "Ringing").tag("b")).nothing();
    assert_eq!(bench.late(), [(200, true)]);
    bench.rests();
}

#[test]
fn can_07_no_late_cancel_after_a_late_refusal() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(33_000).left();
    bench.say(&invite.reply(486, "Busy Here").tag("a")).only("ACK");
    bench.at(33_100).say(&invite.reply(180, "Ringing").tag("b")).nothing();
    assert_eq!(bench.late(), [(486, false)]);
    bench.rests();
}

#[test]
fn tx_19_a_late_bye_that_outlives_the_watch_keeps_nobody_awake() {
    // The watch over a silent call ends at 64 s; its late answer's BYE is not answered until 95 s.
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(63_500).left();
    bench.say(&invite.answer("a"));
    bench.at(64_100);
    let due = bench.ua.poll_timeout().unwrap();
    assert!(due > bench.instant(), "it waits for the BYE's next copy");
    bench.rests();
    assert_eq!(bench.times("BYE").len(), 11);
}

#[test]
fn can_18_a_2xx_after_timer_d_is_acknowledged_and_hung_up() {
    let mut bench = Bench::new();
    let invite = bench.over();
    bench.rests();
    assert_eq!(bench.ua.held(), 0);
    bench.left();
    let answer = invite.answer("z").line("Record-Route: <sip:192.0.2.31:5071;lr>");
    bench.say(&answer);
    let [ack, bye] = bench.exactly(["ACK", "BYE"]);
    for sent in [&ack, &bye] {
        assert_eq!(sent.to_tag().as_deref(), Some("z"));
        assert_eq!(sent.own_tag(), invite.own_tag());
        assert_eq!(sent.header("Call-ID"), invite.header("Call-ID"));
        assert_eq!(sent.headers("Route"), ["<sip:192.0.2.31:5071;lr>"]);
    }
    assert_eq!((ack.cseq(), bye.cseq()), (1, 2));
    assert_eq!(bench.late(), [(200, true)], "the record is amended");
    bench.say(&answer);
    assert_eq!(bench.only("ACK").text, ack.text);
    bench.say(&bye.reply(200, "OK"));
    bench.rests();
    assert_eq!((bench.times("BYE").len(), bench.late().len()), (1, 1));
}

#[test]
fn can_18_a_2xx_of_an_earlier_life_is_acknowledged_and_hung_up() {
    let invite = Bench::new().call();
    let mut bench = Bench::life(2, trunk());
    let own = bench.call();
    bench.say(&own.reply(100, "Trying"));
    bench.at(40).say(&invite.answer("a"));
    let [ack, bye] = bench.exactly(["ACK", "BYE"]);
    for sent in [&ack, &bye] {
        assert_eq!(sent.header("Call-ID"), invite.header("Call-ID"));
        assert_eq!(sent.header("From"), invite.header("From"));
        assert_eq!(sent.uri(), "sip:a@192.0.2.77:5077");
    }
    let earlier = AttemptId { shard: 3, epoch: 1, slot: 0, generation: 0 };
    assert_eq!(bench.amended.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [earlier]);
    bench.at(50).say(&bye.reply(200, "OK")).nothing();
    assert!(bench.ended.is_empty(), "the call that has the same slot now is another one");
    bench.say(&own.reply(486, "Busy Here").tag("b")).only("ACK");
    assert_eq!(bench.outcome(), Outcome::Busy);
    bench.rests();
}

#[test]
fn can_18_a_refusal_of_an_earlier_life_is_acknowledged() {
    let mut earlier = Bench::new();
    let invite = earlier.call();
    let busy = invite.reply(486, "Busy Here").tag("a");
    earlier.say(&busy);
    let mut bench = Bench::life(2, trunk());
    bench.at(40).say(&busy);
    assert_eq!(bench.only("ACK").text, earlier.only("ACK").text);
    bench.at(50).say(&invite.reply(180, "Ringing").tag("a")).nothing();
    bench.dropped(Dropped { late: 1, ..Dropped::default() });
    bench.rests();
}

#[test]
fn can_18_the_ack_for_a_forgotten_call_repeats_the_via_and_the_uri_of_its_invite() {
    // Meanwhile the trunk had another advertised address and another domain, and the ACK had these.
    let mut earlier = Bench::new();
    let invite = earlier.call();
    let busy = invite.reply(486, "Busy Here").tag("a");
    let mut moved = trunk();
    moved.advertised = "203.0.113.77:5099".into();
    moved.domain = "elsewhere.example".into();
    let mut bench = Bench::life(2, moved);
    bench.say(&busy);
    let ack = bench.only("ACK");
    assert_eq!(ack.header("Via"), invite.header("Via"));
    assert_eq!(ack.uri(), invite.uri());
}

#[test]
fn can_18_the_ack_for_a_forgotten_call_goes_to_whoever_says_that_it_was_refused() {
    // The trunk's target had changed, and the ACK went to the new one, which knew nothing of the call.
    let mut earlier = Bench::new();
    let invite = earlier.call();
    let mut moved = trunk();
    moved.targets = vec!["192.0.2.200:5060".parse().unwrap()];
    moved.peers = vec!["192.0.2.10".parse().unwrap()];
    let mut bench = Bench::life(2, moved);
    bench.say(&invite.reply(486, "Busy Here").tag("a"));
    assert_eq!(bench.only("ACK").to.to_string(), TARGET);
}

#[test]
fn can_18_the_ack_for_a_forgotten_call_has_the_route_of_the_trunk_that_bears_its_name() {
    // Two trunks lead to the same carrier, and the ACK had the Route of the other one.
    let invite = Bench::new().call();
    let busy = invite.reply(486, "Busy Here").tag("a");
    for other_last in [true, false] {
        let mut other = trunk();
        other.advertised = "203.0.113.77:5099".into();
        other.route = Some("other.example".into());
        let mut bench = Bench::life(2, trunk());
        let trunks = if other_last { vec![trunk(), other] } else { vec![other, trunk()] };
        bench.ua.configure(trunks);
        bench.say(&busy);
        assert_eq!(bench.only("ACK").headers("Route"), [""; 0]);
    }
}

#[test]
fn tx_12_a_2xx_of_an_earlier_life_from_a_stranger_is_dropped() {
    let invite = Bench::new().call();
    let mut bench = Bench::life(2, trunk());
    bench.at(40).say_from(STRANGER, &invite.answer("a")).nothing();
    bench.dropped(Dropped { strangers: 1, ..Dropped::default() });
}

#[test]
fn tx_12_only_the_trunk_answers_the_bye_of_a_stray() {
    let invite = Bench::new().call();
    let mut bench = Bench::life(2, trunk());
    bench.at(40).say(&invite.answer("a"));
    let [_, bye] = bench.exactly(["ACK", "BYE"]);
    bench.at(50).say_from(STRANGER, &bye.reply(200, "OK"));
    bench.dropped(Dropped { strangers: 1, ..Dropped::default() });
    bench.at(540).only("BYE");
}

#[test]
fn can_18_a_stray_is_hung_up_as_it_began_when_the_trunk_moves() {
    let invite = Bench::new().call();
    let mut bench = Bench::life(2, trunk());
    bench.at(40).say(&invite.answer("a"));
    let [ack, bye] = bench.exactly(["ACK", "BYE"]);
    let mut moved = trunk();
    moved.advertised = "203.0.113.200:5999".into();
    bench.ua.configure(vec![moved.clone()]);
    bench.ua.configure(vec![moved]);
    bench.at(540);
    assert_eq!(bench.only("BYE").text, bye.text);
    bench.say(&invite.answer("a"));
    assert_eq!(bench.only("ACK").text, ack.text);
    bench.say(&bye.reply(200, "OK")).nothing();
    bench.dropped(Dropped::default());
    bench.rests();
    assert_eq!(bench.times("BYE"), [40, 540]);
}

#[test]
fn tx_14_a_2xx_under_another_key_is_nobodys() {
    let mut bench = Bench::new();
    let invite = bench.call();
    let mut forged = [0; Branch::LEN];
    let branch = Branch { shard: 3, epoch: 1, slot: 0, generation: 0, n: 1 };
    branch.write(&BranchKey::new([8; 16]), &mut forged);
    let via = invite.header("Via").replace(&invite.branch(), str::from_utf8(&forged).unwrap());
    bench.at(40).say(&invite.answer("a").via(&via)).nothing();
    bench.dropped(Dropped { forged: 1, ..Dropped::default() });
}

#[test]
fn tx_19_answers_without_a_call_have_room_beside_all_calls() {
    let invite = Bench::new().call();
    let mut bench = Bench::life(2, trunk());
    for _ in 0..4 {
        let call = bench.call();
        bench.say(&call.reply(100, "Trying"));
    }
    bench.say(&invite.answer("a")).exactly(["ACK", "BYE"]);
    bench.dropped(Dropped::default());
}

#[test]
fn late_responses_to_anything_but_the_invite_are_only_counted() {
    let mut bench = Bench::new();
    let (invite, cancel) = bench.cancelled();
    bench.at(1650).say(&cancel.reply(200, "OK").tag("x"));
    bench.at(1660).say(&invite.reply(487, "").tag("a")).only("ACK");
    bench.at(2000).say(&cancel.reply(200, "OK").tag("x")).nothing();
    bench.at(2010).say(&invite.reply(180, "").tag("a")).nothing();
    bench.dropped(Dropped { late: 2, ..Dropped::default() });
    assert_eq!(Method::from_bytes(cancel.what.as_bytes()), Method::Cancel);
    assert_eq!(bench.late(), []);
    assert_eq!(TARGET.parse(), Ok(cancel.to));
}
