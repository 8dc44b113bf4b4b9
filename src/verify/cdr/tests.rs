//! The record as JSON, compared with `tests/golden/cdr_*.json`; its times and numbers.

use super::{Amendment, Cdr, Kept, Show, View};
use crate::base::clock::Instant;
use crate::base::id::{AttemptId, SessionId};
use crate::base::number::{CallerId, Destination};
use crate::base::tests::golden::same_as_kept;
use crate::call::facts::{At, Cause, End, Facts, Fork, Provisional, Said, Tag, Times};
use crate::call::outcome::{Outcome, classify};
use crate::call::way::Way;
use crate::call::{AlertSource, CancelCause};
use crate::verify::record::Part;
use std::sync::Arc;

fn us(micros: u64) -> At {
    At::of(Instant::from_micros(micros), Instant::START)
}

pub(super) fn cdr(facts: Facts) -> Cdr {
    Cdr {
        id: AttemptId { shard: 1, epoch: 2, slot: 3, generation: 4 },
        part: None,
        open: false,
        way: Arc::new(Way {
            trunk: "west".into(),
            sent_by: "203.0.113.5:5062".into(),
            domain: "192.0.2.10:5060".into(),
            from_domain: "203.0.113.5:5062".into(),
            route: None,
        }),
        target: "192.0.2.10:5060".parse().unwrap(),
        from: CallerId::parse("+12025550142").unwrap(),
        to: Destination::parse("+4915112345678").unwrap(),
        call_id: *b"0123456789abcdef0123456789abcdef",
        from_tag: *b"00000003fedcba9876543210",
        cseq: 1,
        start_unix_us: 1_795_406_706_123_456,
        outcome: classify(&facts),
        facts,
    }
}

fn said(status: u16, phrase: &str) -> Option<Box<Said>> {
    Some(Box::new(Said { status, phrase: phrase.into(), ..Said::default() }))
}

fn provisional(at: u64, status: u16, tag: Option<u8>) -> Provisional {
    Provisional { at: us(at), status, tag }
}

/// 100, 180, CANCEL, 200, 487, ACK.
pub(super) fn flash() -> Facts {
    let mut facts = Facts {
        times: Times {
            first_1xx: us(12_345),
            trying: us(12_345),
            ringing: us(2_000_001),
            alert: us(2_000_001),
            cancel: us(2_600_400),
            cancel_final: us(2_640_000),
            answer_or_refusal: us(2_650_000),
            ack: us(2_650_100),
            end: us(2_650_100),
            ..Times::default()
        },
        alert: Some(AlertSource::Ringing),
        cancel: Some(CancelCause::Alerted),
        cancel_status: Some(200),
        end: End::Refused,
        said: said(487, "Request Terminated"),
        invites: 1,
        ..Facts::default()
    };
    let tag = facts.tag(b"a6c85cf");
    facts.provisionals.push(provisional(12_345, 100, None));
    facts.provisionals.push(provisional(2_000_001, 180, tag));
    facts
}

fn json(cdr: &Cdr) -> String {
    let mut text = serde_json::to_string_pretty(&cdr.reveal()).unwrap();
    text.push('\n');
    text
}

#[test]
fn the_record_of_a_flash_call_is_as_before() {
    let cdr = cdr(flash());
    assert_eq!(cdr.outcome, Outcome::Rang);
    same_as_kept("cdr_rang.json", &json(&cdr));
}

/// Two forks that answered when our CANCEL was out.
pub(super) fn answered() -> Facts {
    let mut facts = flash();
    facts.end = End::Answered;
    facts.said = said(200, "OK");
    facts.times.bye = us(2_650_100);
    let tags = [b"a6c85cf".as_slice(), b"other.fork".as_slice()];
    for (tag, bye_status) in tags.into_iter().zip([Some(200), None]) {
        facts.tag(tag);
        facts.forks.push(Fork { tag: Tag::from_slice(tag), acks: 2, bye_status });
    }
    facts.retransmissions = 3;
    facts
}

#[test]
fn the_record_of_a_call_that_two_forks_answered_is_as_before() {
    let cdr = cdr(answered());
    assert_eq!(cdr.outcome, Outcome::AnsweredRace);
    same_as_kept("cdr_answered_race.json", &json(&cdr));
}

/// A gateway without a free line, and all that it says of it.
pub(super) fn refused() -> Facts {
    let mut facts = Facts {
        times: Times {
            first_1xx: us(10_000),
            early_media: us(800_000),
            answer_or_refusal: us(3_000_000),
            ack: us(3_000_050),
            end: us(3_000_050),
            ..Times::default()
        },
        forwarded: true,
        end: End::Refused,
        said: said(503, "Service \"Un\u{fffd}available\""),
        invites: 2,
        auth_rounds: 1,
        ..Facts::default()
    };
    facts.provisionals.push(provisional(800_000, 183, None));
    let words = facts.said.as_mut().unwrap();
    words.retry_after = Some(30);
    words.server = Some("gateway/7".into());
    words.notes.push("come back later".into());
    words.causes.push(Cause {
        protocol: "Q.850".into(),
        cause: Some(34),
        text: Some("No circuit/channel available".into()),
        location: Some("LN".into()),
    });
    words.causes.push(Cause { protocol: "SIP".into(), ..Cause::default() });
    facts
}

#[test]
fn the_record_of_a_refused_call_is_as_before() {
    let mut cdr = cdr(refused());
    cdr.cseq = 2;
    assert_eq!(cdr.outcome, Outcome::Overloaded);
    same_as_kept("cdr_overloaded.json", &json(&cdr));
}

#[test]
fn the_record_of_a_call_that_was_not_made_is_as_before() {
    let cdr = cdr(Facts { end: End::NotSent, ..Facts::default() });
    assert_eq!(cdr.outcome, Outcome::NotAttempted);
    same_as_kept("cdr_not_attempted.json", &json(&cdr));
}

#[test]
fn every_record_names_its_version_and_its_outcome() {
    let value = serde_json::to_value(cdr(flash()).reveal()).unwrap();
    assert_eq!(value["cdr_id"], "0001-00000002-00000003-00000004");
    assert_eq!(value["cdr_version"], 1);
    assert_eq!(value["outcome"], "rang");
    assert_eq!(value["alerted"], true);
    assert_eq!(value["answered"], false);
}

#[test]
fn can_21_there_is_no_hold_where_the_cancel_was_out_first() {
    let mut facts = flash();
    facts.times.cancel = us(1_000_000);
    facts.alert_late = true;
    let cdr = cdr(facts);
    assert_eq!(cdr.hold_us(), None);
    assert_eq!(cdr.pdd_us(), Some(2_000_001));
    assert_eq!(cdr.outcome, Outcome::RangUnconfirmed);
}

#[test]
fn the_pdd_of_an_alerting_183_is_its_own_unless_a_180_came() {
    let mut facts = flash();
    facts.alert = Some(AlertSource::Progress);
    facts.times.alert = us(900_000);
    assert_eq!(cdr(facts.clone()).pdd_us(), Some(2_000_001));
    facts.times.ringing = At::NEVER;
    assert_eq!(cdr(facts).pdd_us(), Some(900_000));
}

#[test]
fn a_records_debug_form_hides_the_numbers() {
    let shown = format!("{:?}", cdr(flash()));
    assert!(!shown.contains("12025550142") && !shown.contains("4915112345678"), "{shown}");
}

/// The record as a store has it, of the second call of a verification.
pub(super) fn kept(cdr: &Cdr, open: bool) -> Kept {
    let session = SessionId { unix_ms: 1_795_406_700_000, shard: 1, epoch: 2, random: 7 };
    Kept {
        row: 1,
        id: cdr.id,
        part: Some(Part { session, number: 2 }),
        tenant: Some("acme".into()),
        to: cdr.to,
        from: cdr.from,
        open,
        detail: cdr.detail(),
        amendments: Vec::new(),
    }
}

/// A refusal that repeats both numbers in every place that has room for them.
fn talkative() -> Facts {
    let mut facts = flash();
    facts.said = said(403, "Caller 2025550142 may not call 4915112345678");
    let words = facts.said.as_mut().unwrap();
    words.server = Some("gw (12025550142)".into());
    words.notes.push("CLI +1 202-555-0142".into());
    words.causes.push(Cause {
        protocol: "SIP".into(),
        cause: Some(403),
        text: Some("0142 is unknown".into()),
        location: Some("550142".into()),
    });
    let tag = facts.tag(b"12025550142.1");
    facts.provisionals.push(provisional(2_100_000, 180, tag));
    facts.forks.push(Fork { tag: Tag::from_slice(b"15112345678"), acks: 1, bye_status: None });
    facts
}

#[test]
fn the_details_hold_neither_number_also_where_the_network_said_them() {
    let detail = cdr(talkative()).detail();
    let digits: String = detail.chars().filter(char::is_ascii_digit).collect();
    for part in ["550142", "2025550142", "5112345678"] {
        assert!(!detail.contains(part) && !digits.contains(part), "{part} in {detail}");
    }
    assert!(
        !detail.contains("\"0142") && !detail.contains("\"from\"") && !detail.contains("\"to\"")
    );
    let value: serde_json::Value = serde_json::from_str(&detail).unwrap();
    assert_eq!(value["final"]["reason"], "Caller ********** may not call *************");
    assert_eq!(value["reasons"][0]["text"], "**** is unknown");
    assert_eq!(value["to_tag"], "***********.1");
}

#[test]
fn a_kept_record_is_the_revealed_one_with_its_verification() {
    let cdr = cdr(flash());
    let kept = kept(&cdr, false);
    let shown = kept.view(Show::Plain).unwrap();
    assert_eq!((shown.attempt, shown.tenant.as_deref()), (Some(2), Some("acme")));
    assert_eq!(shown.verification, kept.part.map(|part| part.session.to_string()));
    let bare = View { verification: None, attempt: None, tenant: None, ..shown };
    assert_eq!(bare, cdr.reveal());
}

#[test]
fn a_caller_id_is_plain_only_when_its_verification_has_ended() {
    let cdr = cdr(flash());
    for (open, show, from, to) in [
        (true, Show::Masked, "+120********", "+4915*****5678"),
        (true, Show::Plain, "+120********", "+4915112345678"),
        (false, Show::Masked, "+120********", "+4915*****5678"),
        (false, Show::Plain, "+12025550142", "+4915112345678"),
    ] {
        let text = kept(&cdr, open).json(show).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["from"], &value["to"]), (&from.into(), &to.into()), "{open} {show:?}");
        assert!(!text.contains('\n'));
    }
}

#[test]
fn amendments_stand_at_the_end_of_their_record() {
    let cdr = cdr(flash());
    let amendment =
        Amendment { id: cdr.id, at_unix_us: 1_795_406_710_000_000, status: 200, alerted: true };
    let amended = Kept { amendments: vec![amendment], ..kept(&cdr, false) };
    let text = amended.json(Show::Masked).unwrap();
    let late =
        r#","amendments":[{"at":"2026-11-23T04:05:10.000000Z","status":200,"alerted":true}]}"#;
    assert!(text.ends_with(late), "{text}");
    assert!(!kept(&cdr, false).json(Show::Masked).unwrap().contains("amendments"));
}

#[test]
fn of_an_interrupted_call_nothing_is_claimed() {
    let mut cdr = cdr(Facts::default());
    cdr.outcome = Outcome::Interrupted;
    same_as_kept("cdr_interrupted.json", &json(&cdr));
    assert!(kept(&cdr, false).view(Show::Plain).is_ok());
}

#[test]
fn details_that_nobody_here_wrote_are_named() {
    let cdr = cdr(flash());
    let broken = Kept { detail: "{\"cdr_id\":7}".into(), ..kept(&cdr, false) };
    let said = broken.json(Show::Masked).unwrap_err().to_string();
    assert!(said.contains("0001-00000002-00000003-00000004"), "{said}");
    let empty = Kept { detail: "{}".into(), ..kept(&cdr, false) };
    assert!(empty.view(Show::Masked).is_ok(), "a field that is not there is none");
}

mod documents;
