//! What a key that may read, and whoever reads logs, metrics, record files, the database and what commands print, learns of
//! the codes of open verifications: nothing. Codes have eight digits, and numbers to call from that cannot be anywhere by
//! chance. When a verification has ended, `reveal` shows the number that called, and `read` still does not.
//!
//! `ONERING_ROUNDS=20` looks everywhere twenty times before anything ends.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of a test may fail it"
)]

mod echo;
mod look;
mod search;
mod stage;
#[path = "../support"]
mod support {
    #[expect(dead_code, reason = "other tests need the rest")]
    pub(crate) mod http;
    #[expect(dead_code, reason = "other tests need the rest")]
    pub(crate) mod phones;
    #[expect(dead_code, reason = "other tests need the rest")]
    pub(crate) mod running;
}

use std::collections::BTreeSet;

use look::{Found, Who};
use search::Kind;
use stage::{Open, Stage};

/// Looks everywhere, and fails where something is found.
fn nothing_is_told(stage: &Stage, open: &[Open], when: &str, files_too: bool) {
    let mut all = Vec::new();
    for who in [Who::Reads, Who::Reveals] {
        // Whoever may see numbers sees those of verifications that ended.
        if files_too || who == Who::Reads {
            all.extend(look::answers(stage, who, open));
        }
    }
    all.extend(look::outside(stage, open, files_too));
    // Taken last: a call that came while we looked is searched for as well.
    let secrets = stage.secrets();
    assert!(!secrets.is_empty());
    for Found { place, bytes, kind } in &all {
        if let Some(leak) = secrets.found(bytes, *kind) {
            panic!("{when}: {place}: {leak}");
        }
    }
    assert!(all.len() > 100, "{when}: only {} places", all.len());
}

/// How often everything is looked at while nothing has ended; more for a long run.
fn rounds() -> usize {
    std::env::var("ONERING_ROUNDS").map_or(2, |text| text.parse().unwrap())
}

/// A whole run, with the log in this form.
fn tell_nothing(name: &str, format: &str, repeats: bool) {
    let mut stage = Stage::open(name, format, repeats);
    let open = stage.every_phase();
    let streams = stage.follow_all(&open);
    let mut phases = BTreeSet::new();
    for round in 0..rounds() {
        phases.extend(stage.phases(&open));
        nothing_is_told(&stage, &open, &format!("pending, round {round}"), true);
        stage.ring_once_more(round);
    }
    let all = ["awaiting_code", "dialing", "flashed", "progress", "queued", "ringing"];
    assert_eq!(phases.iter().map(String::as_str).collect::<Vec<_>>(), all);
    stage.claim_wrongly(&open);
    nothing_is_told(&stage, &open, "after wrong codes", true);

    let ended = stage.end_all(&open);
    nothing_is_told(&stage, &open, "ended", false);
    look::ended(&stage, &ended);
    let secrets = stage.secrets();
    for stream in streams {
        let text = stream.join().unwrap();
        assert!(text.contains("event: verification."), "{text}");
        assert_eq!(secrets.found(text.as_bytes(), Kind::Text), None);
    }
    // The proof that the log was searched: what is planted in it is found.
    let log = stage.log();
    assert!(log.lines().count() > 500, "a log at trace has {} lines", log.lines().count());
    let planted = format!("{log}\n{}", stage.phones.rings()[0].from);
    assert!(secrets.found(planted.as_bytes(), Kind::Log).is_some());
}

#[test]
fn with_a_pretty_log() {
    tell_nothing("pretty", "pretty", false);
}

#[test]
fn with_a_log_in_json() {
    tell_nothing("json", "json", false);
}

#[test]
fn with_a_network_that_repeats_our_number() {
    tell_nothing("repeats", "json", true);
}

#[test]
fn after_a_death() {
    let mut stage = Stage::open("death", "pretty", false);
    let open = stage.every_phase();
    stage.die_and_rise();
    let phases: BTreeSet<_> = stage.phases(&open).into_iter().collect();
    assert!(phases.contains("awaiting_code"), "{phases:?}");
    nothing_is_told(&stage, &open, "after a death", true);
    stage.claim_wrongly(&open);
    nothing_is_told(&stage, &open, "after a death and wrong codes", true);
    look::ended(&stage, &stage.end_all(&open));
    nothing_is_told(&stage, &open, "after a death and the end", false);
}
