//! Provisional responses, reliable ones too: RFC 3261 §21.1, RFC 3262.

use std::time::Duration;

use super::bench::{Bench, trunk};
use crate::call::outcome::Outcome;
use crate::call::{AlertSource, Pace, Trigger};
use crate::sip::ua::Rel100;

#[test]
fn prv_01_a_100_is_no_alert_and_makes_no_dialog() {
    let mut bench = Bench::new();
    let invite = bench.call_holding(0);
    let trying = invite.reply(100, "Trying").tag("a");
    bench.at(20).say(&trying.line("Require: 100rel").line("RSeq: 1")).nothing();
    bench.at(19_999).nothing();
    bench.at(20_000).only("CANCEL");
    bench.say(&invite.reply(487, "Request Terminated").tag("b"));
    let facts = &bench.report().facts;
    assert_eq!(facts.times.trying.micros(), Some(20_000));
    assert_eq!((facts.times.ringing.micros(), facts.alert), (None, None));
    assert_eq!(facts.tags.len(), 1, "the 487's alone");
}

#[test]
fn prv_01_each_to_tag_of_a_provisional_is_a_dialog() {
    let mut bench = Bench::new();
    let invite = bench.call();
    for (ms, status, tag) in [(100, 183, "a"), (200, 180, "b"), (300, 183, "a")] {
        bench.at(ms).say(&invite.reply(status, "").tag(tag));
    }
    bench.at(800).only("CANCEL");
    bench.say(&invite.reply(487, "").tag("a"));
    let facts = &bench.report().facts;
    let tags: Vec<&[u8]> = facts.tags.iter().map(|tag| tag.as_slice()).collect();
    assert_eq!(tags, [b"a", b"b"]);
    let seen: Vec<_> = facts.provisionals.iter().map(|seen| (seen.status, seen.tag)).collect();
    assert_eq!(seen, [(183, Some(0)), (180, Some(1)), (183, Some(0))]);
}

#[test]
fn prv_02_the_first_180_of_any_fork_starts_the_hold_and_one_cancel_ends_them_all() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(100).say(&invite.reply(183, "").tag("a"));
    bench.at(400).say(&invite.reply(180, "").tag("b"));
    bench.at(700).say(&invite.reply(180, "").tag("c"));
    bench.at(999).nothing();
    bench.at(1000).only("CANCEL");
    bench.at(1100).say(&invite.reply(180, "").tag("d")).nothing();
    bench.say(&invite.reply(487, "").tag("a"));
    assert_eq!(bench.report().facts.times.alert.micros(), Some(400_000));
    assert_eq!(bench.times("CANCEL"), [1000]);
}

#[test]
fn prv_05_a_180_after_a_183_is_the_alert() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(300).say(&invite.reply(183, "").tag("a"));
    bench.at(1300).say(&invite.reply(180, "").tag("a"));
    bench.at(1900).only("CANCEL");
    bench.say(&invite.reply(487, "").tag("a"));
    let times = bench.report().facts.times;
    assert_eq!(times.early_media.micros(), Some(300_000));
    assert_eq!(times.ringing.micros(), Some(1_300_000));
    assert_eq!(times.alert.micros(), Some(1_300_000));
    assert_eq!(bench.outcome(), Outcome::Rang);
}

#[test]
fn prv_05_a_183_after_a_180_changes_nothing() {
    let mut bench = Bench::new();
    let invite = bench.ringing();
    bench.at(1300).say(&invite.reply(183, "").tag("a")).nothing();
    bench.at(1600).only("CANCEL");
}

#[test]
fn prv_06_a_180_with_a_body_is_a_180_and_a_183_without_one_no_alert() {
    let sdp = "v=0\r\no=- 1 1 IN IP4 192.0.2.70\r\ns=-\r\nc=IN IP4 192.0.2.70\r\nt=0 0\r\n\
               m=audio 4000 RTP/AVP 0\r\n";
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(100).say(&invite.reply(183, "").tag("a"));
    bench.at(5000).nothing();
    bench.say(&invite.reply(183, "").tag("a").body("application/sdp", sdp));
    bench.at(10_000).nothing();
    bench.say(&invite.reply(180, "").tag("a").body("application/sdp", sdp));
    bench.at(10_600).only("CANCEL");
}

#[test]
fn prv_06_a_trunk_may_say_that_183_alerts() {
    let pace = Pace { trigger: Trigger::Progress, ..Pace::default() };
    let mut bench = Bench::new();
    let invite = bench.call_at_pace(pace);
    bench.at(400).say(&invite.reply(183, "").tag("a"));
    bench.at(1000).only("CANCEL");
    bench.say(&invite.reply(487, "").tag("a"));
    assert_eq!(bench.outcome(), Outcome::RangEarlyMedia);
    assert_eq!(bench.report().facts.alert, Some(AlertSource::Progress));
}

#[test]
fn prv_07_a_181_says_that_the_call_was_forwarded_and_alerts_nobody() {
    for (status, line) in [
        (181, "X: y"),
        (183, "Diversion: <sip:+491511@carrier.example>;reason=no-answer"),
        (183, "History-Info: <sip:+491511@carrier.example>;index=1"),
    ] {
        let mut bench = Bench::new();
        let invite = bench.call_holding(0);
        bench.at(300).say(&invite.reply(status, "").tag("a").line(line)).nothing();
        bench.at(900).say(&invite.reply(180, "").tag("a"));
        bench.only("CANCEL");
        bench.say(&invite.reply(487, "").tag("a"));
        assert!(bench.report().facts.forwarded, "{status} {line}");
        assert_eq!(bench.outcome(), Outcome::Forwarded);
    }
}

#[test]
fn prv_07_a_diversion_in_the_answer_counts_too() {
    let mut bench = Bench::new();
    let invite = bench.ringing();
    let diversion = "Diversion: <sip:+491511@carrier.example>;reason=unconditional";
    bench.at(1500).say(&invite.answer("a").line(diversion));
    let [_, bye] = bench.exactly(["ACK", "BYE"]);
    bench.say(&bye.reply(200, "OK"));
    assert_eq!(bench.outcome(), Outcome::Forwarded);
}

#[test]
fn prv_07_a_182_is_queued_and_nothing_more() {
    let mut bench = Bench::new();
    let invite = bench.call_holding(0);
    bench.at(300).say(&invite.reply(182, "Queued").tag("a")).nothing();
    bench.at(900).say(&invite.reply(486, "").tag("a")).only("ACK");
    assert!(!bench.report().facts.forwarded);
    assert_eq!(bench.outcome(), Outcome::Busy);
}

#[test]
fn prv_08_a_199_is_no_alert_never_reliable_and_no_final() {
    let pace = Pace { trigger: Trigger::Any18x, hold: Duration::ZERO, ..Pace::default() };
    let mut bench = Bench::new();
    let invite = bench.call_at_pace(pace);
    bench.at(300).say(&invite.reliable(199, "a", 1)).nothing();
    assert!(bench.ended.is_empty(), "the other forks go on");
    bench.at(900).say(&invite.reply(180, "").tag("b"));
    bench.only("CANCEL");
}

#[test]
fn prv_09_a_reliable_180_gets_its_prack_in_its_early_dialog() {
    let mut bench = Bench::new();
    let invite = bench.call();
    let ringing = invite.reliable(180, "a", 776).line("Record-Route: <sip:192.0.2.31:5071;lr>");
    bench.at(400).say(&ringing);
    let prack = bench.only("PRACK");
    assert_eq!(prack.header("RAck"), "776 1 INVITE");
    assert_eq!(prack.header("CSeq"), "2 PRACK");
    assert_eq!(prack.uri(), "sip:a@192.0.2.77:5077");
    assert_eq!(prack.headers("Route"), ["<sip:192.0.2.31:5071;lr>"]);
    assert_eq!(prack.to, "192.0.2.31:5071".parse().unwrap());
    assert_eq!(prack.to_tag().as_deref(), Some("a"));
    assert_ne!(prack.branch(), invite.branch());
    assert_eq!(prack.body(), "");
    bench.at(450).say(&prack.reply(200, "OK")).nothing();
    bench.at(1000).only("CANCEL");
}

#[test]
fn prv_09_an_unanswered_prack_is_sent_again() {
    let mut bench = Bench::new();
    let invite = bench.call_holding(5000);
    bench.at(400).say(&invite.reliable(180, "a", 1));
    bench.at(4500);
    let pracks: Vec<_> = bench.left();
    assert_eq!(bench.times("PRACK"), [400, 900, 1900, 3900]);
    assert!(pracks.iter().all(|prack| prack.text == pracks[0].text));
}

#[test]
fn prv_09_a_repeated_18x_gets_its_prack_again_and_starts_no_second_hold() {
    let mut bench = Bench::new();
    let invite = bench.call();
    let ringing = invite.reliable(180, "a", 1);
    bench.at(400).say(&ringing);
    let prack = bench.only("PRACK");
    bench.say(&prack.reply(200, "OK"));
    bench.at(800).say(&ringing);
    assert_eq!(bench.only("PRACK").text, prack.text);
    bench.at(1000).only("CANCEL");
}

#[test]
fn prv_09_the_next_rseq_is_one_higher_and_no_other_is_heeded() {
    let mut bench = Bench::new();
    let invite = bench.call_holding(0);
    bench.at(100).say(&invite.reliable(183, "a", 5)).only("PRACK");
    for rseq in [7, 4, 1, 100] {
        bench.at(200).say(&invite.reliable(180, "a", rseq)).nothing();
    }
    bench.at(300).say(&invite.reliable(183, "a", 6));
    let prack = bench.only("PRACK");
    assert_eq!(prack.header("RAck"), "6 1 INVITE");
    assert_eq!(prack.header("CSeq"), "3 PRACK");
    bench.at(400).say(&invite.reliable(180, "a", 7)).exactly(["PRACK", "CANCEL"]);
}

#[test]
fn prv_09_each_early_dialog_has_its_own_rseq_and_cseq() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(100).say(&invite.reliable(183, "a", 5)).only("PRACK");
    bench.at(200).say(&invite.reliable(183, "b", 900));
    let prack = bench.only("PRACK");
    assert_eq!(prack.header("RAck"), "900 1 INVITE");
    assert_eq!(prack.header("CSeq"), "2 PRACK");
    assert_eq!(prack.to_tag().as_deref(), Some("b"));
}

#[test]
fn prv_09_without_rseq_require_or_tag_a_provisional_is_not_reliable() {
    let mut bench = Bench::new();
    let invite = bench.call();
    let plain = invite.reply(183, "").tag("a");
    bench.at(100).say(&plain.clone().line("Require: 100rel")).nothing();
    bench.at(110).say(&plain.clone().line("RSeq: 1")).nothing();
    bench.at(120).say(&plain.clone().line("RSeq: 1").line("Supported: 100rel")).nothing();
    bench.at(130).say(&plain.clone().line("RSeq: x").line("Require: 100rel")).nothing();
    let untagged = invite.reply(183, "").line("RSeq: 1").line("Require: 100rel");
    bench.at(140).say(&untagged).nothing();
    let listed = plain.line("RSeq: 1").line("Require: foo, 100REL");
    bench.at(150).say(&listed).only("PRACK");
}

#[test]
fn prv_09_where_prack_and_cancel_are_both_due_they_leave_together_prack_first() {
    let mut bench = Bench::new();
    let invite = bench.call_holding(0);
    bench.at(400).say(&invite.reliable(180, "a", 1));
    let [prack, cancel] = bench.exactly(["PRACK", "CANCEL"]);
    assert_eq!((prack.at, cancel.at), (400, 400));
    bench.at(450).say(&invite.reply(487, "").tag("a"));
    assert_eq!(bench.outcome(), Outcome::Rang, "a 487 is taken without the PRACK's 200");
    bench.rests();
}

#[test]
fn prv_09_once_the_cancel_is_out_there_is_no_new_prack() {
    let mut bench = Bench::new();
    let (invite, _) = bench.cancelled();
    for rseq in [1, 2] {
        bench.at(1650).say(&invite.reliable(180, "a", rseq)).nothing();
    }
}

#[test]
fn prv_09_100rel_is_offered_only_where_the_trunk_wants_it() {
    for (rel100, supported, required) in
        [(Rel100::Off, 0, 0), (Rel100::Supported, 1, 0), (Rel100::Required, 0, 1)]
    {
        let mut option = trunk();
        option.rel100 = rel100;
        let invite = Bench::on(option).call();
        assert_eq!(invite.headers("Supported").len(), supported, "{rel100:?}");
        assert_eq!(invite.headers("Require").len(), required, "{rel100:?}");
    }
}
