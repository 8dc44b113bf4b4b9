//! `docs/CDR.md` names every field and every column, and no other.

use crate::verify::cdr::csv::Profile;
use crate::verify::cdr::{Final, Fork, Late, Moments, Provisional, Reason, View};
use serde_json::Value;
use std::collections::BTreeSet;

/// A record that lacks nothing. A new field does not compile until it is here.
fn full() -> View {
    let text = || Some(String::from("x"));
    View {
        cdr_id: "x".into(),
        cdr_version: 1,
        verification: text(),
        attempt: Some(1),
        tenant: text(),
        trunk: "x".into(),
        target: "x".into(),
        transport: "x".into(),
        local: "x".into(),
        from: text(),
        to: text(),
        call_id: "x".into(),
        from_tag: "x".into(),
        to_tag: text(),
        cseq: 1,
        invites: Some(1),
        retransmissions: Some(1),
        auth_rounds: Some(1),
        start_at: "x".into(),
        at_us: moments(),
        pdd_ms: Some(1),
        hold_us: Some(1),
        provisionals: vec![Provisional { status: 180, at_us: Some(1), to_tag: text() }],
        last: Some(Final { status: 200, reason: "x".into() }),
        cancel_status: Some(200),
        reasons: vec![Reason {
            protocol: "x".into(),
            cause: Some(1),
            text: text(),
            location: text(),
        }],
        notes: vec!["x".into()],
        retry_after: Some(1),
        server: text(),
        alerted: Some(true),
        alert_source: text(),
        forwarded: Some(true),
        answered: Some(true),
        forks: vec![Fork { to_tag: "x".into(), acks: 1, bye_status: Some(200) }],
        outcome: "x".into(),
        amendments: vec![Late { at: "x".into(), status: 200, alerted: true }],
    }
}

fn moments() -> Moments {
    Moments {
        first_1xx: Some(1),
        trying: Some(1),
        early_media: Some(1),
        ringing: Some(1),
        alert: Some(1),
        cancel: Some(1),
        cancel_final: Some(1),
        last: Some(1),
        ack: Some(1),
        answer: Some(1),
        bye: Some(1),
        end: Some(1),
    }
}

/// Every name in it with the names above it, in order.
fn paths(value: &Value, above: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
                found.push(path.clone());
                paths(value, &path, found);
            }
        }
        Value::Array(values) => {
            for value in values {
                paths(value, &format!("{above}[]"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What stands in the first cells of the table under a heading.
fn explained(heading: &str) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CDR.md");
    let page = std::fs::read_to_string(path).unwrap();
    let lines = page.lines().skip_while(|line| *line != heading).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('#'));
    let cells = lines.filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    cells.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_field_is_explained_and_no_other() {
    let mut written = Vec::new();
    paths(&serde_json::to_value(full()).unwrap(), "", &mut written);
    let written: BTreeSet<String> = written.into_iter().collect();
    let explained: BTreeSet<String> = explained("## Fields").into_iter().collect();
    assert_eq!(written, explained);
}

#[test]
fn what_is_always_there_is_all_that_the_emptiest_record_has() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CDR.md");
    let page = std::fs::read_to_string(path).unwrap();
    let always = page.lines().filter(|line| line.starts_with("| `") && line.contains("| always"));
    let always: BTreeSet<&str> =
        always.filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let empty = View { from: Some("x".into()), to: Some("x".into()), ..View::default() };
    let empty = serde_json::to_value(empty).unwrap();
    let written: BTreeSet<&str> = empty.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(written, always);
}

#[test]
fn every_column_is_explained_in_its_order() {
    for profile in Profile::ALL {
        assert_eq!(explained(&format!("### {profile}")), profile.columns(), "{profile}");
    }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let text = serde_json::to_string(&full()).unwrap();
    assert_eq!(serde_json::from_str::<View>(&text).unwrap(), full());
}
