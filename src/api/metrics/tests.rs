//! What is counted, and that Prometheus' own checker is content with how it is told.

use super::Metrics;
use crate::api::tests::support::{attempt, cdr, ended, ringing};
use crate::base::clock::Instant;
use crate::call::facts::{At, Said};
use crate::driver::Inflow;
use crate::engine::Event;
use crate::verify::cdr::Cdr;
use crate::verify::command::Verdict;
use crate::verify::event::{self, What};
use crate::verify::record::{Intent, Part};
use crate::verify::status::{Reason, Status};
use axum::http::Method;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

fn tell(metrics: &Metrics, what: What) {
    let id = ringing(1).id;
    let event = event::Event { id, tenant: "shop".into(), sequence: 1, at_unix_us: 7, what };
    metrics.observe(&Event::Verify(event));
}

/// It rang after two seconds, our CANCEL followed, and somebody answered all the same.
fn record() -> Cdr {
    let at = |us| At::of(Instant::from_micros(us), Instant::START);
    let snapshot = ended(ringing(1), Status::Approved, None);
    let part = Part { session: snapshot.id, number: 1 };
    let mut record = cdr(&snapshot.attempts[0], &snapshot, part);
    let times = &mut record.facts.times;
    (times.ringing, times.alert, times.cancel) = (at(2_000_000), at(2_000_000), at(2_600_040));
    record.facts.said = Some(Box::new(Said { status: 200, ..Said::default() }));
    record
}

fn intent() -> Intent {
    let record = record();
    Intent {
        id: record.id,
        part: record.part,
        to: record.to,
        from: record.from,
        call_id: record.call_id,
        from_tag: record.from_tag,
        way: record.way,
        target: record.target,
        at_unix_us: 0,
    }
}

/// Something in each of them.
fn busy() -> Metrics {
    let metrics = Metrics::default();
    tell(&metrics, What::Started(Box::new(ringing(1))));
    tell(&metrics, What::CheckFailed { verdict: Verdict::NoAttemptYet, tries_left: 2 });
    tell(&metrics, What::Alarm { attempt: 1, outcome: crate::call::outcome::Outcome::Unallocated });
    tell(&metrics, What::Ended(Box::new(ended(ringing(1), Status::Approved, None))));
    metrics.begun(&intent());
    metrics.observe(&Event::Recorded(Arc::new(record())));
    metrics.observe(&Event::StoreFailed);
    metrics.inflow(Inflow { datagrams: 7, strangers: 2, overflowed: 1 });
    metrics.configured("abc", 1_795_406_400_000_000);
    metrics.reloaded(Err(()), 0);
    metrics.sink_lag("archive", 3, Duration::from_secs(9));
    metrics.answered("/healthz", &Method::GET, 200, Duration::from_millis(1));
    metrics
}

#[test]
fn promtool_is_content() {
    let mut tool = match Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    {
        Ok(tool) => tool,
        Err(error) => return println!("SKIPPED: promtool cannot be run ({error})"),
    };
    tool.stdin.take().unwrap().write_all(busy().text(false).as_bytes()).unwrap();
    let said = tool.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&said.stderr) + String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success() && text.trim().is_empty(), "{text}");
}

#[test]
fn events_are_counted_under_their_names() {
    let text = busy().text(false);
    for line in [
        "onering_verifications_created_total{app=\"shop\",country=\"US\"} 1",
        "onering_verifications_finished_total{app=\"shop\",country=\"US\",channel=\"flash\",status=\"approved\"} 1",
        "onering_verifications_active{app=\"shop\"} 0",
        "onering_checks_total{result=\"no_attempt_yet\"} 1",
        "onering_checks_total{result=\"approved\"} 1",
        "onering_alarms_total 1",
        "onering_calls_started_total{trunk=\"west\"} 1",
        "onering_calls_finished_total{trunk=\"west\",outcome=\"rang\"} 1",
        "onering_calls_active{trunk=\"west\"} 0",
        "onering_call_pdd_seconds_bucket{le=\"1.5\",trunk=\"west\"} 0",
        "onering_call_pdd_seconds_bucket{le=\"2.0\",trunk=\"west\"} 1",
        "onering_ring_to_cancel_seconds_bucket{le=\"0.6\",trunk=\"west\"} 0",
        "onering_ring_to_cancel_seconds_bucket{le=\"0.61\",trunk=\"west\"} 1",
        "onering_answered_leaks_total{trunk=\"west\"} 1",
        "onering_store_errors_total 1",
        "onering_sip_datagrams_total 7",
        "onering_sip_messages_dropped_total{reason=\"stranger\"} 2",
        "onering_config_info{hash=\"abc\"} 1",
        "onering_config_reloads_total{result=\"failure\"} 1",
        "onering_cdr_sink_lag_seconds{sink=\"archive\"} 9",
        "onering_http_requests_total{route=\"/healthz\",method=\"GET\",code=\"200\"} 1",
        "onering_verification_duration_seconds_bucket{le=\"5.0\",channel=\"flash\",status=\"approved\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(busy().text(true).ends_with("# EOF\n"));
}

/// The names of `docs/METRICS.md`, and those that are there.
#[test]
fn each_metric_is_explained_and_none_that_is_not_there() {
    let document = include_str!("../../../docs/METRICS.md");
    let explained = document.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut explained: Vec<&str> = explained.collect();
    let text = busy().text(false);
    let there = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let mut there: Vec<&str> = there.collect();
    explained.sort_unstable();
    there.sort_unstable();
    assert_eq!(explained, there);
}

#[test]
fn the_check_that_used_up_the_tries_is_counted() {
    let metrics = Metrics::default();
    let over = ended(ringing(1), Status::Failed, Some(Reason::AttemptsExhausted));
    tell(&metrics, What::Ended(Box::new(over)));
    assert!(metrics.text(false).contains("onering_checks_total{result=\"invalid\"} 1"));
}

#[test]
fn what_an_earlier_life_began_is_not_taken_off_what_is_active() {
    let metrics = Metrics::default();
    metrics.begun(&intent());
    let mut old = record();
    old.id = crate::base::id::AttemptId { epoch: 0, ..attempt(9) };
    metrics.observe(&Event::Recorded(Arc::new(old)));
    assert!(metrics.text(false).contains("onering_calls_active{trunk=\"west\"} 1"));
}
