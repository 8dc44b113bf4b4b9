//! What comes after the CANCEL: RFC 3261 §9.1, §13.2.2.4.

use super::bench::Bench;
use crate::call::facts::End;
use crate::call::outcome::Outcome;

#[test]
fn can_13_without_a_final_the_call_ends_64_t1_after_its_cancel() {
    let mut bench = Bench::new();
    let (_, cancel) = bench.cancelled();
    bench.at(1620).say(&cancel.reply(200, "OK").tag("x"));
    bench.at(33_599);
    assert!(bench.ended.is_empty());
    bench.at(33_600).nothing();
    assert_eq!(bench.outcome(), Outcome::RangNoFinal);
    assert_eq!(bench.report().facts.end, End::NoFinal);
    bench.rests();
}

#[test]
fn can_13_without_an_alert_and_a_final_it_is_a_cancelled_call() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(20).say(&invite.reply(100, "Trying"));
    bench.at(52_000);
    assert_eq!(bench.outcome(), Outcome::CancelledNoFinal);
    assert_eq!(bench.times("CANCEL").first(), Some(&20_000));
}

#[test]
fn can_13_a_final_after_we_gave_up_is_acknowledged_and_amends_the_record_once() {
    let mut bench = Bench::new();
    let (invite, _) = bench.cancelled();
    bench.at(40_000).left();
    assert_eq!(bench.outcome(), Outcome::RangNoFinal);
    let last = invite.reply(487, "Request Terminated").tag("a");
    for ms in [40_000, 40_500, 41_500] {
        bench.at(ms).say(&last);
        let ack = bench.only("ACK");
        assert_eq!(ack.branch(), invite.branch());
        assert_eq!(ack.to_tag().as_deref(), Some("a"));
    }
    assert_eq!(bench.late(), [(487, false)]);
    bench.rests();
}

#[test]
fn can_13_an_answer_after_we_gave_up_is_hung_up_and_amends_the_record() {
    for ms in [34_000, 66_000, 120_000] {
        let mut bench = Bench::new();
        let (invite, _) = bench.cancelled();
        bench.at(ms).left();
        bench.say(&invite.answer("a"));
        let [ack, bye] = bench.exactly(["ACK", "BYE"]);
        assert_eq!(ack.header("CSeq"), "1 ACK");
        assert_eq!(bye.header("CSeq"), "2 BYE");
        assert_eq!(bench.late(), [(200, true)], "at {ms} ms");
        bench.at(ms + 500).say(&invite.answer("a"));
        let left = bench.left();
        assert!(left.iter().any(|sent| sent.text == ack.text), "the same ACK for a copy");
        bench.at(ms + 600).say(&bye.reply(200, "OK"));
        bench.rests();
        assert_eq!(bench.late().len(), 1);
    }
}

#[test]
fn can_14_a_cancelled_call_is_never_placed_again() {
    for status in [None, Some(408), Some(480), Some(500), Some(503)] {
        let mut bench = Bench::new();
        let (invite, _) = bench.cancelled();
        if let Some(status) = status {
            bench.at(1700).say(&invite.reply(status, "").tag("a").line("Retry-After: 1"));
        }
        bench.rests();
        assert_eq!(bench.times("INVITE"), [0], "{status:?}");
        assert_eq!(bench.ended.len(), 1);
        assert!(bench.outcome().alerted());
    }
}

#[test]
fn can_15_an_answer_after_the_cancel_is_acknowledged_and_hung_up() {
    let mut bench = Bench::new();
    let (invite, cancel) = bench.cancelled();
    bench.at(1620).say(&cancel.reply(200, "OK").tag("x"));
    bench.at(1650).say(&invite.answer("a"));
    let [ack, bye] = bench.exactly(["ACK", "BYE"]);
    assert_eq!((ack.at, bye.at), (1650, 1650), "at once");
    assert_eq!(ack.header("CSeq"), "1 ACK");
    assert_eq!(bye.header("CSeq"), "2 BYE");
    for sent in [&ack, &bye] {
        assert_eq!(sent.uri(), "sip:a@192.0.2.77:5077");
        assert_eq!(sent.to_tag().as_deref(), Some("a"));
    }
    assert!(bench.ended.is_empty(), "its record waits for the BYE");
    bench.at(1700).say(&bye.reply(200, "OK"));
    assert_eq!(bench.outcome(), Outcome::AnsweredRace);
    let facts = &bench.report().facts;
    assert_eq!(facts.times.bye.micros(), Some(1_650_000));
    assert_eq!((facts.forks.len(), facts.forks[0].acks), (1, 1));
    assert_eq!(facts.forks[0].bye_status, Some(200));
    bench.rests();
}

#[test]
fn can_15_the_bye_of_the_race_takes_the_dialogs_route() {
    let mut bench = Bench::new();
    let (invite, _) = bench.cancelled();
    let answer = invite.answer("a").line("Record-Route: <sip:192.0.2.31:5071;lr>");
    bench.at(1650).say(&answer);
    for sent in bench.exactly(["ACK", "BYE"]) {
        assert_eq!(sent.headers("Route"), ["<sip:192.0.2.31:5071;lr>"]);
        assert_eq!(sent.to, "192.0.2.31:5071".parse().unwrap());
    }
}

#[test]
fn can_16_another_final_than_487_is_acknowledged_and_kept_and_the_call_rang() {
    for (status, phrase) in [(486, "Busy Here"), (480, "Gone Out"), (603, "Decline"), (503, "No")] {
        let mut bench = Bench::new();
        let (invite, _) = bench.cancelled();
        bench.at(1650).say(&invite.reply(status, phrase).tag("a"));
        bench.only("ACK");
        assert_eq!(bench.outcome(), Outcome::Rang);
        let said = bench.report().facts.said.as_ref().unwrap();
        assert_eq!((said.status, said.phrase.as_str()), (status, phrase));
    }
}

#[test]
fn can_18_the_report_is_not_the_end_of_the_transaction() {
    let mut bench = Bench::new();
    let (invite, cancel) = bench.cancelled();
    bench.at(1610).say(&cancel.reply(200, "OK").tag("x"));
    assert_eq!(bench.ua.in_flight(), 1, "the CANCEL alone ends nothing");
    let last = invite.reply(487, "Request Terminated").tag("a");
    bench.at(1650).say(&last);
    bench.only("ACK");
    assert_eq!(bench.ended.len(), 1, "told at once");
    bench.at(20_000).say(&last);
    bench.only("ACK");
    assert_eq!(bench.ua.held(), 1, "and kept on");
}

#[test]
fn can_18_a_fork_may_answer_after_another_one_refused() {
    let mut bench = Bench::new();
    let (invite, _) = bench.cancelled();
    bench.at(1650).say(&invite.reply(487, "Request Terminated").tag("a"));
    bench.only("ACK");
    bench.at(1660).say(&invite.answer("b"));
    let [_, bye] = bench.exactly(["ACK", "BYE"]);
    assert_eq!(bench.late(), [(200, true)]);
    bench.at(1700).say(&bye.reply(200, "OK"));
    bench.rests();
}

#[test]
fn can_20_ending_all_calls_cancels_those_heard_of_and_the_silent_ones_on_their_first_response() {
    let mut bench = Bench::new();
    let silent = bench.call();
    let trying = bench.call();
    let ringing = bench.call();
    bench.at(20).say(&trying.reply(100, "Trying"));
    bench.at(100).say(&ringing.reply(180, "Ringing").tag("a")).nothing();
    bench.at(200).ask();
    let cancels = bench.exactly(["CANCEL", "CANCEL"]);
    assert_eq!(cancels[0].branch(), trying.branch());
    assert_eq!(cancels[1].branch(), ringing.branch());
    bench.at(300).say(&silent.reply(100, "Trying"));
    assert_eq!(bench.only("CANCEL").branch(), silent.branch());
    for invite in [&silent, &trying, &ringing] {
        bench.at(310).say(&invite.reply(487, "Request Terminated").tag("a"));
        bench.only("ACK");
    }
    assert_eq!(bench.ended.len(), 3);
}

#[test]
fn can_21_an_alert_after_the_cancel_is_recorded_and_nothing_is_sent_for_it() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(20).say(&invite.reply(100, "Trying"));
    bench.at(20_000);
    let cancel = bench.only("CANCEL");
    bench.at(20_020).say(&cancel.reply(200, "OK").tag("x"));
    bench.at(20_030).say(&invite.reply(180, "Ringing").tag("a")).nothing();
    bench.at(20_040).say(&invite.reliable(180, "b", 1)).nothing();
    bench.at(20_050).say(&invite.reply(487, "Request Terminated").tag("a"));
    bench.only("ACK");
    assert_eq!(bench.outcome(), Outcome::RangUnconfirmed);
    let facts = &bench.report().facts;
    let statuses: Vec<u16> = facts.provisionals.iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [100, 180, 180]);
    assert_eq!(facts.times.ringing.micros(), Some(20_030_000));
}
