//! `onering carrier` against SIPp callers that each break one rule: the judge names that rule and no other.
//!
//! Which offence is expected, and what the carrier is told, stands in the comment at the head of each scenario in
//! `sipp-scenarios/misbehaving/`; what both sides wrote stays in `target/tmp/sipp/`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test may fail the test")]

mod support {
    pub(crate) mod head;
    pub(crate) mod sipp;
    pub(crate) mod stage;
}

use std::collections::BTreeSet;
use std::fs;

use onering::carrier::Rule;
use serde_json::Value;

use support::head::{arguments, folder, values};
use support::sipp::Sipp;
use support::stage::{self, Program, ports, until_bound};

/// What the carrier told: the rules that were broken, in order, and its summary.
fn told(out: &str) -> (Vec<String>, Value) {
    let events: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &'static str| events.iter().filter(move |event| event["event"] == kind);
    let rules = of("offence").map(|offence| offence["rule"].as_str().unwrap().to_owned());
    (rules.collect(), of("summary").next().cloned().unwrap_or_default())
}

/// Plays `sipp-scenarios/misbehaving/NAME.xml` against a carrier of its own.
fn catch(name: &str) {
    const SECONDS: u32 = 20;
    let file = folder().join("misbehaving").join(format!("{name}.xml"));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
    let offence = values(&text, "offence").next().unwrap_or_else(|| panic!("{name}: no offence:"));
    let expected: Vec<&str> = [offence].into_iter().filter(|rule| *rule != "none").collect();

    let stage = stage::folder(&format!("misbehaving-{name}"));
    let port = ports();
    let address = format!("127.0.0.1:{port}");
    let mut carrier = vec!["carrier".to_owned(), "--listen".to_owned(), address.clone()];
    carrier.push("--json".to_owned());
    carrier.extend(values(&text, "carrier").flat_map(arguments));
    // One that says how long it lives has to see that something does not come.
    let waits = carrier.iter().any(|argument| argument == "--seconds");
    let onering = env!("CARGO_BIN_EXE_onering");
    let mut carrier = Program::start("carrier", onering, &carrier, &stage, SECONDS);
    until_bound(port);
    let scenario = ["-sf", file.to_str().unwrap()];
    let at = ("127.0.0.1", ports());
    let mut caller = Sipp::start("caller", scenario, at, Some(&address), &stage, SECONDS);
    let failure = caller.failure();
    if !waits {
        carrier.signal("INT");
    }
    let status = carrier.end();
    let (rules, summary) = told(&carrier.out());
    assert_eq!((failure, rules), (None, expected.iter().map(ToString::to_string).collect()));
    assert_eq!(status.code(), Some(i32::from(!expected.is_empty())), "{summary:#}");
    let ringing = summary.get("left_ringing").and_then(Value::as_u64);
    assert_eq!(ringing, Some(0), "{summary:#}");
}

#[test]
fn every_rule_has_its_offender() {
    let files = fs::read_dir(folder().join("misbehaving")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> =
        names.filter_map(|name| name.strip_suffix(".xml").map(str::to_owned)).collect();
    let caught = include_str!("misbehaving.rs").split("catch(\"").skip(1);
    let caught = caught.filter_map(|rest| rest.split('"').next()).filter(|name| name.len() > 1);
    assert_eq!(names, caught.map(str::to_owned).collect());
    let offenders = names.into_iter().filter(|name| !name.starts_with("honest-"));
    assert_eq!(
        offenders.collect::<BTreeSet<_>>(),
        Rule::all().map(|rule| rule.name().to_owned()).collect()
    );
}

#[test]
fn honest_answered() {
    catch("honest-answered");
}

#[test]
fn honest_busy() {
    catch("honest-busy");
}

#[test]
fn honest_prack() {
    catch("honest-prack");
}

#[test]
fn honest_rings() {
    catch("honest-rings");
}

#[test]
fn honest_routed() {
    catch("honest-routed");
}

#[test]
fn ack_branch() {
    catch("ack-branch");
}

#[test]
fn ack_cseq() {
    catch("ack-cseq");
}

#[test]
fn ack_from_tag() {
    catch("ack-from-tag");
}

#[test]
fn ack_missing() {
    catch("ack-missing");
}

#[test]
fn ack_not_repeated() {
    catch("ack-not-repeated");
}

#[test]
fn ack_route() {
    catch("ack-route");
}

#[test]
fn ack_to_tag() {
    catch("ack-to-tag");
}

#[test]
fn ack_unasked() {
    catch("ack-unasked");
}

#[test]
fn ack_uri() {
    catch("ack-uri");
}

#[test]
fn answer_not_acked() {
    catch("answer-not-acked");
}

#[test]
fn answer_not_ended() {
    catch("answer-not-ended");
}

#[test]
fn bye_branch() {
    catch("bye-branch");
}

#[test]
fn bye_cseq() {
    catch("bye-cseq");
}

#[test]
fn bye_dialog() {
    catch("bye-dialog");
}

#[test]
fn bye_route() {
    catch("bye-route");
}

#[test]
fn bye_uri() {
    catch("bye-uri");
}

#[test]
fn cancel_after_final() {
    catch("cancel-after-final");
}

#[test]
fn cancel_branch() {
    catch("cancel-branch");
}

#[test]
fn cancel_cseq() {
    catch("cancel-cseq");
}

#[test]
fn cancel_early() {
    catch("cancel-early");
}

#[test]
fn cancel_from() {
    catch("cancel-from");
}

#[test]
fn cancel_reason() {
    catch("cancel-reason");
}

#[test]
fn cancel_require() {
    catch("cancel-require");
}

#[test]
fn cancel_route() {
    catch("cancel-route");
}

#[test]
fn cancel_sent_by() {
    catch("cancel-sent-by");
}

#[test]
fn cancel_to() {
    catch("cancel-to");
}

#[test]
fn cancel_to_tag() {
    catch("cancel-to-tag");
}

#[test]
fn cancel_twice() {
    catch("cancel-twice");
}

#[test]
fn cancel_unknown() {
    catch("cancel-unknown");
}

#[test]
fn cancel_uri() {
    catch("cancel-uri");
}

#[test]
fn cancel_vias() {
    catch("cancel-vias");
}

#[test]
fn invite_after_cancel() {
    catch("invite-after-cancel");
}

#[test]
fn invite_changed() {
    catch("invite-changed");
}

#[test]
fn invite_cseq() {
    catch("invite-cseq");
}

#[test]
fn left_ringing() {
    catch("left-ringing");
}

#[test]
fn malformed() {
    catch("malformed");
}

#[test]
fn prack_cseq() {
    catch("prack-cseq");
}

#[test]
fn prack_missing() {
    catch("prack-missing");
}

#[test]
fn prack_rack() {
    catch("prack-rack");
}
