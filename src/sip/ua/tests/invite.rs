//! The INVITE and its transaction: RFC 3261 §17.1.1, §8.1.

use std::collections::BTreeSet;
use std::time::Duration;

use super::bench::{Bench, TARGET, trunk};
use crate::call::Pace;
use crate::call::facts::End;
use crate::call::outcome::Outcome;
use crate::sip::ua::Refused;

#[test]
fn tx_01_an_unanswered_invite_leaves_seven_times_and_is_given_up_at_32_seconds() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(31_999);
    assert!(bench.ended.is_empty());
    bench.at(200_000);
    assert_eq!(bench.times("INVITE"), [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    assert!(bench.sent.iter().all(|sent| sent.text == invite.text), "each is the same");
    assert_eq!(bench.outcome(), Outcome::TrunkTimeout);
    let facts = &bench.report().facts;
    assert_eq!(facts.times.end.micros(), Some(32_000_000));
    assert_eq!((facts.invites, facts.retransmissions), (1, 6));
}

#[test]
fn tx_01_the_trunks_t1_counts() {
    let mut slow = trunk();
    slow.timers.t1 = Duration::from_millis(200);
    let mut bench = Bench::on(slow);
    bench.call();
    bench.at(200_000);
    assert_eq!(bench.times("INVITE"), [0, 200, 600, 1400, 3000, 6200, 12_600]);
    assert_eq!(bench.report().facts.times.end.micros(), Some(12_800_000));
}

#[test]
fn tx_03_any_provisional_stops_the_retransmission_and_timer_b() {
    for status in [100, 101, 180, 181, 182, 183, 199] {
        let mut bench = Bench::new();
        let long = Duration::from_secs(120);
        let pace = Pace { no_alert: long, ..Pace::default() };
        let invite = bench.call_at_pace(pace);
        bench.at(1600).say(&invite.reply(status, "").tag("a"));
        bench.at(119_000);
        assert_eq!(bench.times("INVITE"), [0, 500, 1500], "{status}");
        if status != 180 {
            assert!(bench.ended.is_empty(), "{status}: only the guard limits the wait");
        }
    }
}

#[test]
fn tx_04_every_refusal_is_acknowledged_on_the_invites_branch_with_the_refusals_to() {
    for status in [300, 302, 400, 401, 404, 407, 480, 486, 487, 500, 503, 600, 603, 699] {
        let mut routed = trunk();
        routed.route = Some("proxy.example:5080".into());
        let mut bench = Bench::on(routed);
        let invite = bench.call();
        let to = "\"B\" <sip:+4915112345678@carrier.example>;tag=b;x=1";
        bench.at(40).say(&invite.reply(status, "No").to(to));
        let ack = bench.only("ACK");
        assert_eq!(ack.header("To"), to, "{status}");
        assert_eq!(ack.uri(), invite.uri());
        assert_eq!(ack.header("CSeq"), "1 ACK");
        for name in ["Via", "Route", "From", "Call-ID"] {
            assert_eq!(ack.headers(name), invite.headers(name), "{status}");
        }
        assert_eq!(ack.header("Max-Forwards"), "70");
        assert_eq!(ack.body(), "");
        assert_eq!(ack.headers("Contact"), [""; 0]);
        assert_eq!(bench.report().facts.end, End::Refused);
    }
}

#[test]
fn tx_04_a_refusal_without_a_to_tag_is_acknowledged_too() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(40).say(&invite.reply(486, "Busy Here"));
    assert_eq!(bench.only("ACK").header("To"), invite.header("To"));
}

#[test]
fn tx_05_the_ack_of_a_refusal_goes_where_the_invite_went() {
    let mut bench = Bench::new();
    let invite = bench.call();
    let reply = invite.reply(486, "Busy Here").tag("a");
    let elsewhere = reply
        .line("Contact: <sip:x@192.0.2.99:5099>")
        .line("Record-Route: <sip:192.0.2.98:5098;lr>");
    bench.at(40).say_from("192.0.2.11:9999", &elsewhere);
    assert_eq!(bench.only("ACK").to, TARGET.parse().unwrap());
    bench.at(540).say_from("192.0.2.11:9999", &elsewhere);
    assert_eq!(bench.only("ACK").to, TARGET.parse().unwrap(), "also when the call is over");
}

#[test]
fn tx_06_a_repeated_final_is_acknowledged_again_for_timer_d_and_told_once() {
    let mut bench = Bench::new();
    let (invite, cancel) = bench.cancelled();
    let last = invite.reply(487, "Request Terminated").tag("a");
    bench.at(1650).say(&last);
    let ack = bench.only("ACK");
    bench.at(1700).say(&last);
    assert_eq!(bench.only("ACK").text, ack.text, "while the CANCEL is not answered");
    bench.at(1710).say(&cancel.reply(200, "OK").tag("x")).nothing();
    for ms in [2200, 3200, 5200, 9200, 13_200, 33_600] {
        bench.at(ms).say(&last);
        let again = bench.only("ACK");
        assert_eq!((again.text, again.to), (ack.text.clone(), ack.to), "at {ms} ms");
    }
    assert_eq!(bench.ended.len(), 1);
    assert_eq!(bench.late(), [], "a copy is no news");
    bench.rests();
}

#[test]
fn tx_06_the_ack_of_an_ended_call_has_the_route_of_its_invite() {
    let mut routed = trunk();
    routed.route = Some("192.0.2.60:5080".into());
    let mut bench = Bench::on(routed);
    let invite = bench.call();
    let busy = invite.reply(486, "Busy Here").tag("a");
    bench.at(40).say(&busy);
    let ack = bench.only("ACK");
    bench.at(540).say(&busy);
    assert_eq!(bench.only("ACK").text, ack.text);
}

#[test]
fn tx_14_each_transaction_has_a_branch_of_its_own_but_cancel_and_the_ack_of_a_refusal() {
    let mut bench = Bench::new();
    let (invite, cancel) = bench.cancelled();
    assert_eq!(cancel.branch(), invite.branch());
    bench.at(1650).say(&invite.answer("a"));
    let [ack, bye] = bench.exactly(["ACK", "BYE"]);
    let other = bench.call();
    bench.say(&other.reply(486, "Busy Here").tag("b"));
    assert_eq!(bench.only("ACK").branch(), other.branch());
    let all: BTreeSet<String> =
        [&invite, &ack, &bye, &other].into_iter().map(super::reader::Sent::branch).collect();
    assert_eq!(all.len(), 4, "{all:?}");
    for branch in all {
        let random = branch.strip_prefix("z9hG4bK").unwrap();
        assert!(random.len() >= 13, "64 bits and more");
        assert!(!random.bytes().any(|byte| byte.is_ascii_uppercase()), "one case");
    }
}

#[test]
fn tx_14_a_branch_is_compared_without_regard_to_case() {
    let mut bench = Bench::new();
    let invite = bench.call();
    let via = invite.header("Via").replace(&invite.branch(), &invite.branch().to_uppercase());
    bench.at(40).say(&invite.reply(486, "Busy Here").tag("a").via(&via));
    bench.only("ACK");
    assert_eq!(bench.outcome(), Outcome::Busy);
}

#[test]
fn tx_15_every_attempt_has_its_own_call_id_and_from_tag() {
    let mut ids = BTreeSet::new();
    for life in 1..4 {
        let mut bench = Bench::life(life, trunk());
        for _ in 0..3 {
            let invite = bench.call();
            assert!(invite.own_tag().len() >= 8, "32 bits and more");
            assert_eq!(invite.to_tag(), None);
            assert_eq!(invite.header("CSeq"), "1 INVITE");
            ids.extend([invite.header("Call-ID"), invite.own_tag(), invite.branch()]);
        }
    }
    assert_eq!(ids.len(), 27);
}

#[test]
fn tx_15_the_ids_of_a_call_are_the_same_in_all_its_requests() {
    let mut bench = Bench::new();
    let (invite, _) = bench.cancelled();
    bench.at(1650).say(&invite.answer("a"));
    for sent in &bench.sent {
        assert_eq!(sent.header("Call-ID"), invite.header("Call-ID"), "{}", sent.what);
        assert_eq!(sent.header("From"), invite.header("From"), "{}", sent.what);
    }
    let wire = &bench.ua;
    let id = crate::base::id::AttemptId { shard: 3, epoch: 1, slot: 0, generation: 0 };
    let identity = wire.wire_identity(id).unwrap();
    assert_eq!(identity.call_id, *invite.header("Call-ID").as_bytes());
    assert_eq!(identity.from_tag, *invite.own_tag().as_bytes());
}

#[test]
fn tx_16_a_482_says_that_a_copy_is_alive_and_not_that_the_phone_is_busy() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(40).say(&invite.reply(482, "Merged Request").tag("a"));
    bench.only("ACK");
    assert_eq!(bench.outcome(), Outcome::RoutingLoop);
}

#[test]
fn tx_17_what_cannot_be_delivered_ends_at_once_if_nothing_was_heard() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(3).undelivered(&invite);
    assert_eq!(bench.outcome(), Outcome::TrunkUnreachable);
    assert_eq!(bench.report().facts.times.end.micros(), Some(3000));
    bench.at(40_000).nothing();
    bench.rests();
}

#[test]
fn tx_17_after_any_response_an_icmp_error_is_no_news() {
    for status in [100, 180] {
        let mut bench = Bench::new();
        let invite = bench.call();
        bench.at(20).say(&invite.reply(status, "").tag("a"));
        bench.at(25).undelivered(&invite);
        assert!(bench.ended.is_empty(), "after a {status}");
        bench.at(26).say(&invite.reply(486, "Busy Here").tag("a"));
        assert_eq!(bench.outcome(), Outcome::Busy);
    }
}

#[test]
fn tx_17_only_a_datagram_of_ours_can_have_been_undeliverable() {
    let mut bench = Bench::new();
    let mut invite = bench.call();
    let whole = invite.text.clone();
    for text in [
        whole.replace(";branch=z9hG4bK0", ";branch=z9hG4bK1"),
        whole.chars().take(60).collect(),
        String::new(),
        "INVITE".into(),
        whole.replace("INVITE sip", "OPTIONS sip"),
    ] {
        invite.text = text;
        bench.at(3).undelivered(&invite);
    }
    assert!(bench.ended.is_empty());
    // An ICMP message may hold no more than the first 500 bytes or so of what it is about.
    invite.text = whole.chars().take(300).collect();
    bench.at(4).undelivered(&invite);
    assert_eq!(bench.outcome(), Outcome::TrunkUnreachable);
}

#[test]
fn tx_18_an_icmp_error_after_the_final_disturbs_nothing() {
    let mut bench = Bench::new();
    let invite = bench.call();
    let busy = invite.reply(486, "Busy Here").tag("a");
    bench.at(20).say(&busy);
    let ack = bench.only("ACK");
    bench.at(25).undelivered(&ack).undelivered(&invite);
    bench.at(520).say(&busy);
    assert_eq!(bench.only("ACK").text, ack.text);
    assert_eq!(bench.ended.len(), 1);
    assert_eq!(bench.outcome(), Outcome::Busy);
}

#[test]
fn tx_18_an_icmp_error_while_we_hang_up_disturbs_nothing() {
    let mut bench = Bench::new();
    let (invite, bye) = bench.answered();
    bench.at(2010).undelivered(&invite).undelivered(&bye);
    assert!(bench.ended.is_empty());
    bench.at(2500);
    assert_eq!(bench.only("BYE").text, bye.text);
}

#[test]
fn tx_19_nothing_is_left_of_a_refused_call() {
    let mut bench = Bench::new();
    bench.over();
    assert_eq!(bench.ua.held(), 1, "for repeated finals");
    bench.rests();
    assert_eq!(bench.ended.len(), 1);
}

#[test]
fn tx_19_nothing_is_left_of_an_answered_call() {
    let mut bench = Bench::new();
    let (_, bye) = bench.answered();
    bench.at(2100).say(&bye.reply(200, "OK"));
    assert_eq!(bench.ended.len(), 1);
    bench.at(33_000);
    assert_eq!(bench.ua.in_flight(), 1, "for repeated answers");
    bench.rests();
}

#[test]
fn tx_19_nothing_is_left_of_calls_that_nobody_ended_for_us() {
    for heard in [None, Some(100), Some(180)] {
        let mut bench = Bench::new();
        let invite = bench.call();
        if let Some(status) = heard {
            bench.at(20).say(&invite.reply(status, "").tag("a"));
        }
        bench.rests();
        assert_eq!(bench.ended.len(), 1, "{heard:?}");
    }
    let mut bench = Bench::new();
    bench.answered();
    bench.rests();
    assert_eq!(bench.ended.len(), 1, "a BYE that nobody answered");
}

#[test]
fn tx_19_a_full_table_refuses_and_never_drops_a_call() {
    let mut bench = Bench::new();
    let calls = [bench.call(), bench.call(), bench.call(), bench.call()];
    assert_eq!(bench.try_call(Pace::default()), Err(Refused::Full));
    let refused = calls[0].reply(486, "Busy Here").tag("a");
    bench.at(30).say(&refused).only("ACK");
    assert_eq!(bench.try_call(Pace::default()), Err(Refused::Full), "an ended call counts");
    for invite in &calls[1..] {
        bench.at(40).say(&invite.reply(180, "Ringing").tag("a"));
    }
    bench.at(640).exactly(["CANCEL", "CANCEL", "CANCEL"]);
    bench.at(32_031);
    assert!(bench.try_call(Pace::default()).is_ok(), "timer D is over");
}
