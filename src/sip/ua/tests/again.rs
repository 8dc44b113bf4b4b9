//! The INVITE sent again: with credentials (RFC 3261 §22.2), and to the next target (RFC 3263 §4.3).

use super::bench::{Bench, TARGET, trunk};
use super::reader::Sent;
use super::reply::Reply;
use crate::call::outcome::Outcome;
use crate::sip::message::digest::{Credentials, Secret};
use crate::sip::ua::Trunk;

const SECOND: &str = "192.0.2.20:5060";

fn with_credentials() -> Trunk {
    let secret = Secret::new("secret");
    Trunk { credentials: Some(Credentials { username: "u".into(), secret }), ..trunk() }
}

fn with_two_targets() -> Trunk {
    Trunk { targets: vec![TARGET.parse().unwrap(), SECOND.parse().unwrap()], ..trunk() }
}

fn challenge(request: &Sent, nonce: &str) -> Reply {
    let line = format!("Proxy-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"");
    request.reply(407, "Proxy Authentication Required").tag("p").line(&line)
}

/// A call that answered a challenge at 40 ms; gives both INVITEs.
fn challenged(bench: &mut Bench) -> (Sent, Sent) {
    let first = bench.call();
    bench.at(20).say(&first.reply(100, "Trying"));
    bench.at(40).say(&challenge(&first, "n1"));
    let [_, second] = bench.exactly(["ACK", "INVITE"]);
    (first, second)
}

#[test]
fn tx_07_the_ack_of_a_challenge_leaves_before_the_next_invite() {
    let mut bench = Bench::on(with_credentials());
    let first = bench.call();
    bench.at(40).say(&challenge(&first, "n1"));
    let [ack, second] = bench.exactly(["ACK", "INVITE"]);
    assert_eq!((ack.at, second.at), (40, 40));
    assert_eq!(ack.branch(), first.branch());
    assert_eq!(ack.header("CSeq"), "1 ACK");
    assert_eq!(ack.headers("Proxy-Authorization"), [""; 0], "the credentials of its own INVITE");
    bench.at(540).say(&challenge(&first, "n1"));
    assert!(bench.left().iter().any(|sent| sent.text == ack.text), "again for a copy");
}

#[test]
fn tx_07_the_ack_of_a_503_leaves_before_the_invite_to_the_next_target() {
    let mut bench = Bench::on(with_two_targets());
    let first = bench.call();
    bench.at(40).say(&first.reply(503, "Service Unavailable").tag("a"));
    let [ack, second] = bench.exactly(["ACK", "INVITE"]);
    assert_eq!(ack.to, TARGET.parse().unwrap());
    assert_eq!(second.to, SECOND.parse().unwrap());
}

#[test]
fn tx_14_an_invite_sent_again_has_a_new_branch() {
    let (first, second) = challenged(&mut Bench::on(with_credentials()));
    assert_ne!(first.branch(), second.branch());
}

#[test]
fn tx_15_after_a_challenge_call_id_from_and_to_stay_and_cseq_rises() {
    let (first, second) = challenged(&mut Bench::on(with_credentials()));
    assert_eq!(second.uri(), first.uri());
    for name in ["Call-ID", "From", "To", "Contact"] {
        assert_eq!(second.headers(name), first.headers(name));
    }
    assert_eq!((first.cseq(), second.cseq()), (1, 2));
    assert_eq!(second.body(), first.body());
    assert!(second.header("Proxy-Authorization").starts_with("Digest "));
}

#[test]
fn tx_15_at_the_next_target_only_the_branch_is_new() {
    let mut bench = Bench::on(with_two_targets());
    let first = bench.call();
    bench.at(3).undelivered(&first);
    let second = bench.only("INVITE");
    assert_ne!(second.branch(), first.branch());
    assert_eq!(second.text.replace(&second.branch(), &first.branch()), first.text);
    assert!(bench.ended.is_empty(), "the attempt goes on");
    bench.at(40).say_from(SECOND, &second.reply(486, "Busy Here").tag("a"));
    let ack = bench.only("ACK");
    assert_eq!(ack.to, SECOND.parse().unwrap());
    assert_eq!(bench.outcome(), Outcome::Busy);
    assert_eq!(bench.report().facts.invites, 2);
    bench.rests();
}

#[test]
fn tx_17_after_the_last_target_what_cannot_be_delivered_ends_at_once() {
    let mut bench = Bench::on(with_two_targets());
    let first = bench.call();
    bench.at(3).undelivered(&first);
    let second = bench.only("INVITE");
    bench.at(6).undelivered(&second).nothing();
    assert_eq!(bench.outcome(), Outcome::TrunkUnreachable);
}

#[test]
fn tx_18_a_late_error_of_an_earlier_target_does_not_disturb_the_next() {
    let mut bench = Bench::on(with_two_targets());
    let first = bench.call();
    bench.at(40).say(&first.reply(503, "No").tag("a"));
    bench.exactly(["ACK", "INVITE"]);
    bench.at(50).undelivered(&first).nothing();
    assert!(bench.ended.is_empty());
}

#[test]
fn can_08_after_a_challenge_the_cancel_names_the_second_invite() {
    let mut bench = Bench::on(with_credentials());
    let (_, second) = challenged(&mut bench);
    bench.at(400).say(&second.reply(180, "Ringing").tag("a"));
    bench.at(1000);
    let cancel = bench.only("CANCEL");
    assert_eq!(cancel.header("Via"), second.header("Via"));
    assert_eq!(cancel.header("CSeq"), "2 CANCEL");
    assert_eq!(cancel.headers("Proxy-Authorization"), [""; 0]);
    bench.say(&cancel.reply(200, "OK"));
    bench.at(1050).say(&second.reply(487, "Request Terminated").tag("a"));
    let ack = bench.only("ACK");
    assert_eq!((ack.branch(), ack.cseq()), (second.branch(), 2));
    let given = second.headers("Proxy-Authorization");
    assert_eq!(ack.headers("Proxy-Authorization"), given, "RFC 3261 §22.1");
    assert_eq!(bench.outcome(), Outcome::Rang);
    let facts = &bench.report().facts;
    assert_eq!((bench.report().cseq, facts.invites, facts.auth_rounds), (2, 2, 1));
    bench.rests();
}

#[test]
fn can_08_a_wish_to_cancel_before_the_challenge_suppresses_the_second_invite() {
    for heard in [false, true] {
        let mut bench = Bench::on(with_credentials());
        let first = bench.call();
        if heard {
            bench.at(20).say(&first.reply(100, "Trying"));
        }
        bench.at(30).ask().left();
        bench.at(40).say(&challenge(&first, "n1")).only("ACK");
        bench.rests();
        assert_eq!(bench.times("INVITE"), [0]);
        assert_eq!(bench.ended.len(), 1);
    }
}

#[test]
fn can_06_after_a_challenge_the_wish_waits_for_a_response_to_the_second_invite() {
    let mut bench = Bench::on(with_credentials());
    let (_, second) = challenged(&mut bench);
    bench.at(100).ask().nothing();
    bench.at(200).say(&second.reply(100, "Trying")).only("CANCEL");
}

#[test]
fn can_06_a_late_response_of_an_earlier_target_is_cancelled_there_and_only_there() {
    let mut bench = Bench::on(with_two_targets());
    let first = bench.call();
    bench.at(3).undelivered(&first);
    let second = bench.only("INVITE");
    bench.at(20).say_from(SECOND, &second.reply(100, "Trying"));
    bench.at(300).say(&first.reply(180, "Ringing").tag("a"));
    let cancel = bench.only("CANCEL");
    assert_eq!(cancel.header("Via"), first.header("Via"));
    assert_eq!(cancel.to, TARGET.parse().unwrap());
    bench.at(310).say(&first.reply(180, "Ringing").tag("a")).nothing();
    bench.at(320).say(&cancel.reply(200, "OK"));
    bench.at(330).say(&first.reply(487, "Request Terminated").tag("a"));
    assert_eq!(bench.only("ACK").to, TARGET.parse().unwrap());
    assert!(bench.ended.is_empty(), "the second INVITE goes on");
    bench.at(400).say_from(SECOND, &second.reply(180, "Ringing").tag("b"));
    bench.at(1000);
    assert_eq!(bench.only("CANCEL").header("Via"), second.header("Via"));
}

/// A call that went to the second target, and then the first one answered; gives the second INVITE, and what left
/// when the first was answered.
fn answered_by_the_first(heard: Option<u16>, asked: bool) -> (Bench, Sent, Vec<String>) {
    let mut bench = Bench::on(with_two_targets());
    let first = bench.call();
    bench.at(3).undelivered(&first);
    let second = bench.only("INVITE");
    if let Some(status) = heard {
        bench.at(20).say_from(SECOND, &second.reply(status, "").tag("b"));
    }
    if asked {
        bench.at(25).ask();
    }
    bench.left();
    bench.at(30).say(&first.answer("a"));
    let left = bench.left();
    let bye = left.iter().find(|sent| sent.what == "BYE").unwrap();
    bench.at(40).say(&bye.reply(200, "OK"));
    let cancels = left.iter().filter(|sent| sent.what == "CANCEL");
    assert!(cancels.clone().all(|cancel| cancel.header("Via") == second.header("Via")));
    assert!(cancels.clone().all(|cancel| cancel.to == SECOND.parse().unwrap()));
    let left = left.iter().map(|sent| sent.what.clone()).collect();
    (bench, second, left)
}

#[test]
fn can_06_when_an_earlier_target_answers_the_later_invite_is_cancelled() {
    for status in [100, 180] {
        let (mut bench, second, left) = answered_by_the_first(Some(status), false);
        assert_eq!(left, ["ACK", "BYE", "CANCEL"], "at once: it was heard of");
        bench.at(50).say_from(SECOND, &second.reply(487, "Request Terminated").tag("b"));
        bench.only("ACK");
        bench.rests();
        assert_eq!(bench.ended.len(), 1);
    }
    let (mut bench, second, left) = answered_by_the_first(None, false);
    assert_eq!(left, ["ACK", "BYE"], "nothing was heard of it");
    bench.at(400).say_from(SECOND, &second.reply(180, "Ringing").tag("b")).only("CANCEL");
    bench.at(410).say_from(SECOND, &second.reply(180, "Ringing").tag("b")).nothing();
    bench.at(450).say_from(SECOND, &second.reply(487, "Request Terminated").tag("b")).only("ACK");
    bench.rests();
}

#[test]
fn can_07_when_an_earlier_target_answers_what_is_cancelled_already_is_not_again() {
    let (mut bench, second, left) = answered_by_the_first(Some(100), true);
    assert_eq!(left, ["ACK", "BYE"], "its CANCEL left before");
    assert_eq!(bench.times("CANCEL"), [25]);
    bench.at(500).say_from(SECOND, &second.reply(180, "Ringing").tag("b")).nothing();
    bench.at(525).only("CANCEL");
    assert_eq!(bench.times("CANCEL"), [25, 525], "its copy");
    bench.rests();
}

#[test]
fn can_13_a_final_after_we_gave_up_a_challenged_call_amends_its_record_once() {
    let mut bench = Bench::on(with_credentials());
    let (_, second) = challenged(&mut bench);
    bench.at(400).say(&second.reply(180, "Ringing").tag("a"));
    bench.at(40_000).left();
    assert_eq!(bench.outcome(), Outcome::RangNoFinal);
    for ms in [40_000, 40_500] {
        bench.at(ms).say(&second.reply(487, "Request Terminated").tag("a")).only("ACK");
    }
    assert_eq!(bench.late(), [(487, false)]);
    bench.rests();
}

#[test]
fn can_14_no_fail_over_after_an_alert_a_wish_or_our_cancel() {
    for (alerted, asked) in [(true, false), (false, true), (true, true)] {
        let mut bench = Bench::on(with_two_targets());
        let first = bench.call();
        let status = if alerted { 180 } else { 100 };
        bench.at(400).say(&first.reply(status, "").tag("a"));
        if asked {
            bench.at(450).ask().only("CANCEL");
        }
        bench.at(480).say(&first.reply(503, "No").tag("a"));
        bench.rests();
        assert_eq!(bench.times("INVITE"), [0], "{alerted} {asked}");
    }
    let mut bench = Bench::on(with_two_targets());
    bench.call();
    bench.at(100).ask();
    bench.rests();
    assert_eq!(bench.times("INVITE").len(), 7, "silence, and nobody wants the call any more");
}

#[test]
fn can_15_a_challenged_calls_answer_has_the_credentials_in_its_ack() {
    let mut bench = Bench::on(with_credentials());
    let (_, second) = challenged(&mut bench);
    bench.at(400).say(&second.answer("a"));
    let [ack, bye] = bench.exactly(["ACK", "BYE"]);
    assert_eq!(ack.headers("Proxy-Authorization"), second.headers("Proxy-Authorization"));
    assert_eq!((ack.cseq(), bye.cseq()), (2, 3));
    assert_eq!(bye.headers("Proxy-Authorization").len(), 1);
}

#[test]
fn nit_04_a_challenge_to_the_bye_is_answered_once() {
    let mut bench = Bench::on(with_credentials());
    let (_, bye) = bench.answered();
    bench.at(2020).say(&challenge(&bye, "n1"));
    let again = bench.only("BYE");
    assert_eq!((bye.cseq(), again.cseq()), (2, 3));
    assert_ne!(bye.branch(), again.branch());
    assert!(again.header("Proxy-Authorization").starts_with("Digest "));
    assert!(bench.ended.is_empty());
    bench.at(2040).say(&challenge(&again, "n2")).nothing();
    assert_eq!(bench.ended.len(), 1, "the second challenge ends it");
    bench.rests();
}

#[test]
fn a_wrong_password_ends_the_call() {
    let mut bench = Bench::on(with_credentials());
    let (_, second) = challenged(&mut bench);
    bench.at(60).say(&challenge(&second, "n1")).only("ACK");
    assert_eq!(bench.outcome(), Outcome::AuthFailed);
    bench.rests();
}

#[test]
fn a_server_that_never_has_enough_is_left_after_four_rounds() {
    let mut bench = Bench::on(with_credentials());
    let mut invite = bench.call();
    for round in 1..10 {
        bench.say(&challenge(&invite, &format!("n{round}")));
        let Some(next) = bench.left().into_iter().find(|sent| sent.what == "INVITE") else { break };
        invite = next;
    }
    assert_eq!(bench.times("INVITE").len(), 5);
    assert_eq!(bench.outcome(), Outcome::AuthFailed);
    bench.rests();
}

#[test]
fn tx_05_a_refusal_that_an_earlier_target_repeats_after_the_end_is_acknowledged_there() {
    let mut bench = Bench::on(with_two_targets());
    let first = bench.call();
    let refused = first.reply(503, "Service Unavailable").tag("a");
    bench.at(40).say(&refused);
    let second = bench.exactly(["ACK", "INVITE"]).into_iter().next_back().unwrap();
    bench.at(80).say_from(SECOND, &second.reply(486, "Busy Here").tag("b")).only("ACK");
    bench.at(540).say(&refused);
    assert_eq!(bench.only("ACK").to, TARGET.parse().unwrap());
    assert_eq!(bench.late(), [], "it is no news of the second");
    bench.rests();
}
