//! CANCEL and BYE as transactions: RFC 3261 §17.1.2.

use super::bench::Bench;
use crate::call::outcome::Outcome;

/// Timer E: when the copies of a request leave, after the first.
const COPIES: [u64; 11] =
    [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];

#[test]
fn nit_01_an_unanswered_cancel_is_sent_again_up_to_timer_f() {
    let mut bench = Bench::new();
    let (_, cancel) = bench.cancelled();
    bench.rests();
    assert_eq!(bench.times("CANCEL"), COPIES.map(|ms| 1600 + ms));
    assert!(bench.left().iter().all(|copy| copy.text == cancel.text && copy.to == cancel.to));
    assert_eq!(bench.report().facts.retransmissions, 10);
}

#[test]
fn nit_01_an_unanswered_bye_is_sent_again_up_to_timer_f() {
    let mut bench = Bench::new();
    let (_, bye) = bench.answered();
    bench.rests();
    assert_eq!(bench.times("BYE"), COPIES.map(|ms| 2000 + ms));
    assert!(bench.left().iter().all(|copy| copy.text == bye.text && copy.to == bye.to));
}

#[test]
fn nit_01_a_final_stops_the_copies() {
    let mut bench = Bench::new();
    let (_, cancel) = bench.cancelled();
    bench.at(2200).left();
    bench.say(&cancel.reply(200, "OK"));
    bench.rests();
    assert_eq!(bench.times("CANCEL"), [1600, 2100]);
}

#[test]
fn nit_01_a_1xx_does_not_stop_the_copies_but_sets_their_interval_to_t2() {
    let mut bench = Bench::new();
    let (_, bye) = bench.answered();
    bench.at(2100).say(&bye.reply(100, "Trying"));
    bench.rests();
    let after_100 = [0, 500, 4500, 8500, 12_500, 16_500, 20_500, 24_500, 28_500];
    assert_eq!(bench.times("BYE"), after_100.map(|ms| 2000 + ms));
    assert_eq!(bench.ended.len(), 1, "timer F runs all the same");
}

#[test]
fn nit_02_a_repeated_final_of_cancel_or_bye_is_absorbed() {
    let mut bench = Bench::new();
    let (invite, cancel) = bench.cancelled();
    for ms in [1620, 1630, 2000, 6000] {
        bench.at(ms).say(&cancel.reply(200, "OK").tag("x")).nothing();
    }
    bench.at(6010).say(&invite.answer("a"));
    let [_, bye] = bench.exactly(["ACK", "BYE"]);
    for ms in [6020, 6030, 9000, 12_000] {
        bench.at(ms).say(&bye.reply(200, "OK")).nothing();
        bench.say(&bye.reply(481, "Gone")).nothing();
    }
    let facts = &bench.report().facts;
    assert_eq!(facts.times.cancel_final.micros(), Some(1_620_000));
    assert_eq!(facts.forks[0].bye_status, Some(200), "the first counts");
    assert_eq!(bench.late(), []);
}

#[test]
fn nit_03_a_408_is_a_timeout() {
    let mut bench = Bench::new();
    let (_, bye) = bench.answered();
    bench.at(2050).say(&bye.reply(408, "Request Timeout"));
    assert_eq!(bench.ended.len(), 1);
    bench.rests();
    assert_eq!(bench.times("BYE"), [2000], "it is not sent again");
}

#[test]
fn nit_04_any_final_of_the_bye_and_its_timeout_end_the_dialog() {
    for status in [200, 481, 408, 500, 403] {
        let mut bench = Bench::new();
        let (_, bye) = bench.answered();
        bench.at(2050).say(&bye.reply(status, "")).nothing();
        assert_eq!(bench.report().facts.forks[0].bye_status, Some(status));
        assert_eq!(bench.outcome(), Outcome::FastAnswer);
        bench.rests();
    }
    let mut bench = Bench::new();
    bench.answered();
    bench.at(33_999);
    assert!(bench.ended.is_empty());
    bench.at(34_000);
    assert_eq!(bench.report().facts.forks[0].bye_status, None);
}

#[test]
fn nit_04_a_challenge_to_the_bye_without_credentials_ends_the_dialog() {
    let mut bench = Bench::new();
    let (_, bye) = bench.answered();
    let challenge = "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"";
    bench.at(2050).say(&bye.reply(407, "Proxy Authentication Required").line(challenge)).nothing();
    assert_eq!(bench.ended.len(), 1);
}
