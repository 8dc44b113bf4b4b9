//! `onering load verifications` as a program, against a service that the test plays and a real `onering carrier`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod support {
    pub(crate) mod service;
}

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};

use support::service::{Fault, KEY, Service};

/// A running far end. Killed when dropped, should a test fail in between.
struct FarEnd {
    child: Child,
    out: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl FarEnd {
    fn start(args: &[&str]) -> Self {
        let mut command = onering(&["carrier", "--listen", "127.0.0.1:0", "--json"]);
        let mut child = command.args(args).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let listening: Value = serde_json::from_str(&line).unwrap();
        let address = listening["address"].as_str().unwrap().parse().unwrap();
        Self { child, out, address }
    }

    /// SIGTERM, then exit code and summary.
    fn stop(&mut self) -> (i32, Value) {
        signal(&self.child, "-TERM");
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        let summary = rest.lines().last().and_then(|line| serde_json::from_str(line).ok());
        (self.child.wait().unwrap().code().unwrap(), summary.unwrap_or_default())
    }
}

impl Drop for FarEnd {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn onering(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
    command.args(args);
    command
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
}

fn command(url: &str, carrier: SocketAddr, args: &[&str]) -> Command {
    let carrier = carrier.to_string();
    let mut command = onering(&["load", "verifications", "--json", "--url", url]);
    command.args(["--carrier", &carrier]).args(args);
    command
}

/// Exit code, figures, and what was said.
fn load(url: &str, carrier: SocketAddr, args: &[&str]) -> (i32, Value, String) {
    let Output { status, stdout, stderr } =
        command(url, carrier, args).args(["--key", KEY]).output().unwrap();
    let figures = serde_json::from_slice(&stdout).unwrap_or_default();
    (status.code().unwrap(), figures, String::from_utf8(stderr).unwrap())
}

const TWENTY: [&str; 4] = ["--count", "20", "--concurrency", "5"];

fn against(fault: Fault, args: &[&str]) -> (i32, Value) {
    let far_end = FarEnd::start(&["--fast"]);
    let service = Service::start(far_end.address, fault);
    let (code, figures, _) = load(&service.url(), far_end.address, args);
    (code, figures)
}

#[test]
fn every_verification_is_approved_and_recorded_with_either_carrier() {
    for mode in [&["--fast"][..], &[]] {
        let mut far_end = FarEnd::start(mode);
        let service = Service::start(far_end.address, Fault::None);
        let args = ["--count", "300", "--concurrency", "20", "--connections", "7"];
        let (code, figures, said) = load(&service.url(), far_end.address, &args);
        assert_eq!(code, 0, "{figures} {said}");
        for name in ["verifications", "approved", "started", "cdrs"] {
            assert_eq!(figures[name], 300, "{name} in {figures}");
        }
        assert_eq!(figures["results"], json!({"approved": 300}));
        assert_eq!((&figures["errors"], &figures["untold"]), (&json!({}), &json!(0)));
        for name in ["wall_s", "per_s", "cpu_us_per_verification"] {
            assert!(figures[name].as_f64().is_some_and(|number| number > 0.0), "{name}");
        }
        for times in ["post_us", "post_to_invite_us", "check_us", "whole_us"] {
            for name in ["p50", "p90", "p99", "p999", "max"] {
                assert!(figures[times][name].is_u64(), "{times}.{name} in {figures}");
            }
        }
        let (code, summary) = far_end.stop();
        assert_eq!((code, &summary["calls"]), (0, &json!(300)), "{summary}");
        if mode.is_empty() {
            assert_eq!(summary["offences"], json!({}), "{summary}");
        }
        assert_eq!(summary["strays"], 0, "{summary}");
        let mut called: Vec<_> = service.starts.try_iter().collect();
        called.sort();
        called.dedup();
        assert_eq!(called.len(), 300);
        assert!(called.iter().all(|to| to.starts_with("+1202") && to.len() == 12));
    }
}

#[test]
fn codes_that_nobody_tells_are_untold() {
    let args = [&TWENTY[..], &["--untold-after", "200ms"]].concat();
    let (code, figures) = against(Fault::NeverCalls, &args);
    assert_eq!((code, &figures["untold"]), (1, &json!(20)), "{figures}");
    assert_eq!(figures["results"], json!({"untold": 20}));
}

#[test]
fn what_is_refused_and_what_is_wrong_is_counted_by_name() {
    let (code, figures) = against(Fault::RefusesEverySecond, &TWENTY);
    assert_eq!(code, 1, "{figures}");
    assert_eq!(figures["results"], json!({"approved": 10, "not_started": 10}));
    assert_eq!(figures["errors"], json!({"capacity_exceeded": 10}));
    assert_eq!((&figures["started"], &figures["cdrs"]), (&json!(10), &json!(10)));
    let (code, figures) = against(Fault::ChecksWrong, &TWENTY);
    assert_eq!((code, &figures["results"]), (1, &json!({"invalid": 20})));
}

#[test]
fn a_service_that_does_not_say_what_is_stored_is_no_success() {
    let (code, figures) = against(Fault::MetricsOnce, &TWENTY);
    assert_eq!((code, &figures["approved"], &figures["cdrs"]), (1, &json!(20), &Value::Null));
}

#[test]
fn connections_that_the_service_closes_are_opened_again() {
    let (code, figures) = against(Fault::ClosesConnections, &TWENTY);
    assert_eq!((code, &figures["approved"]), (0, &json!(20)), "{figures}");
}

#[test]
fn a_key_that_is_not_known_ends_the_run_at_once() {
    let far_end = FarEnd::start(&["--fast"]);
    let service = Service::start(far_end.address, Fault::None);
    let args = ["--count", "1000000", "--concurrency", "3", "--key-env", "ONERING_TEST_KEY"];
    let mut command = command(&service.url(), far_end.address, &args);
    let output = command.env("ONERING_TEST_KEY", "or_wrong").output().unwrap();
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(figures["errors"]["unauthenticated"].as_u64().is_some_and(|errors| errors <= 3));
}

#[test]
fn who_is_interrupted_says_what_was_measured() {
    let far_end = FarEnd::start(&["--fast"]);
    let service = Service::start(far_end.address, Fault::None);
    let args = ["--count", "1000000", "--concurrency", "9", "--rate", "400", "--key", KEY];
    let mut command = command(&service.url(), far_end.address, &args);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    for _ in 0..20 {
        service.starts.recv().unwrap();
    }
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(figures["approved"].as_u64().is_some_and(|approved| approved >= 20), "{figures}");
    assert_eq!(figures["results"].as_object().unwrap().len(), 1, "{figures}");
    assert_eq!(figures["cdrs"], figures["started"], "{figures}");
}

#[test]
fn figures_are_printed_for_people_too() {
    let far_end = FarEnd::start(&["--fast"]);
    let service = Service::start(far_end.address, Fault::RefusesEverySecond);
    let carrier = far_end.address.to_string();
    let base = ["load", "verifications", "--url", &service.url(), "--carrier", &carrier];
    let output = onering(&base).args(["--key", KEY]).args(TWENTY).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "verifications              20",
        "  approved                  10",
        "  capacity_exceeded         10",
        "CDRs                       10 for 10 started",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line} in\n{text}");
    }
    assert!(text.contains("POST to INVITE us"), "{text}");
}

#[test]
fn who_is_not_there_is_named_and_ends_with_1() {
    // Bound and closed again: nobody answers there.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, _, said) = load(&format!("http://{closed}"), closed, &TWENTY);
    assert_eq!(code, 1);
    assert!(said.contains(&format!("service at {closed}: cannot be reached")), "{said}");
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let carrier = silent.local_addr().unwrap();
    let service = Service::start(carrier, Fault::None);
    let (code, _, said) = load(&service.url(), carrier, &TWENTY);
    assert_eq!(code, 1);
    assert!(said.contains(&format!("no onering carrier answers at {carrier}")), "{said}");
    let elsewhere = "192.0.2.1:5070".parse().unwrap();
    let (code, _, said) = load(&service.url(), elsewhere, &TWENTY);
    assert_eq!(code, 1);
    assert!(said.contains("192.0.2.1:5070 is no loopback address"), "{said}");
}

#[test]
fn what_cannot_be_is_named_and_ends_with_2() {
    let carrier = "127.0.0.1:5070".parse().unwrap();
    let good = "http://127.0.0.1:8080";
    let cases: [(&str, &[&str], &str); 6] = [
        ("https://127.0.0.1:8443", &[], "https is not for load"),
        ("127.0.0.1:8080", &[], "like http://127.0.0.1:8080"),
        (good, &["--numbers", "+12025550142"], "1 of them ring"),
        (good, &["--numbers", "+12025550486"], "0 of them ring"),
        (good, &["--numbers", "12025550142"], "begins with +"),
        (good, &["--untold-after", "10"], "needs a unit"),
    ];
    for (url, args, says) in cases {
        let (code, _, said) = load(url, carrier, &[&TWENTY[..], args].concat());
        assert_eq!(code, 2, "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
    }
    let output = command(good, carrier, &TWENTY).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
