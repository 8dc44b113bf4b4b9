//! `onering load calls` and `onering call` against `onering carrier`, as programs.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use std::time::Duration;

/// A running far end. Killed when dropped, should a test fail in between.
struct FarEnd {
    child: Child,
    out: BufReader<ChildStdout>,
    address: String,
}

impl FarEnd {
    fn start(args: &[&str]) -> Self {
        let mut command = onering(&["carrier", "--listen", "127.0.0.1:0", "--json"]);
        let mut child = command.args(args).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let listening: Value = serde_json::from_str(&line).unwrap();
        let address = listening["address"].as_str().unwrap().to_owned();
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

fn load(far_end: &FarEnd, args: &[&str]) -> Output {
    let base = ["load", "calls", "--json", "--target", far_end.address.as_str()];
    onering(&base).args(args).output().unwrap()
}

#[test]
fn every_call_rings_and_is_counted_and_the_judge_finds_nothing() {
    let mut far_end = FarEnd::start(&["--behaviour", "rings"]);
    let output = load(&far_end, &["--count", "300", "--concurrency", "50"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(figures["calls"], 300);
    assert_eq!(figures["rang"], 300);
    assert_eq!(figures["outcomes"]["rang"], 300);
    let numbers = ["wall_s", "calls_per_s", "cpu_us_per_call", "retransmissions", "max_rss_kib"];
    for name in numbers {
        assert!(figures[name].is_number(), "{name} in {figures}");
    }
    for times in ["cancel_us", "pdd_us"] {
        for name in ["p50", "p90", "p99", "p999", "max"] {
            assert!(figures[times][name].is_u64(), "{times}.{name} in {figures}");
        }
    }
    let (code, summary) = far_end.stop();
    assert_eq!(code, 0, "{summary}");
    assert_eq!(summary["calls"], 300, "{summary}");
}

#[test]
fn calls_that_never_ring_are_counted_by_what_they_came_to_and_end_with_1() {
    let mut far_end = FarEnd::start(&["--behaviour", "busy"]);
    let output = load(&far_end, &["--count", "20", "--concurrency", "20"]);
    assert_eq!(output.status.code(), Some(1));
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(figures["outcomes"]["busy"], 20, "{figures}");
    assert_eq!(far_end.stop().0, 0);
}

/// A far end by hand, which knows when all phones ring.
struct Phones(UdpSocket);

impl Phones {
    /// The next request; its method and sender.
    fn next(&self) -> (String, String, SocketAddr) {
        let mut buffer = [0; 4096];
        let (length, from) = self.0.recv_from(&mut buffer).unwrap();
        let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
        (text.split(' ').next().unwrap().to_owned(), text, from)
    }

    fn answer(&self, request: &str, status: &str, method: &str, to: SocketAddr) {
        let header = |name: &str| request.lines().find(|line| line.starts_with(name)).unwrap();
        let [via, from, called, call_id] = ["Via:", "From:", "To:", "Call-ID:"].map(header);
        let text = format!(
            "SIP/2.0 {status}\r\n{via}\r\n{from}\r\n{called};tag=phone\r\n{call_id}\r\n\
             CSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
        );
        self.0.send_to(text.as_bytes(), to).unwrap();
    }
}

/// Whoever stops a load does not leave twenty phones ringing.
#[test]
fn can_20_a_load_that_is_told_to_end_cancels_what_rings() {
    let phones = Phones(UdpSocket::bind("127.0.0.1:0").unwrap());
    phones.0.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let target = phones.0.local_addr().unwrap().to_string();
    let args = ["load", "calls", "--json", "--count", "20", "--concurrency", "20"];
    let mut command = onering(&args);
    command.args(["--hold", "10m", "--target", &target]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut ringing, mut ended) = (BTreeSet::new(), BTreeSet::new());
    while ended.len() < 20 {
        let (method, request, from) = phones.next();
        let call = request.lines().find(|line| line.starts_with("Call-ID:")).unwrap().to_owned();
        match method.as_str() {
            "INVITE" => {
                phones.answer(&request, "180 Ringing", "INVITE", from);
                if ringing.insert(call) && ringing.len() == 20 {
                    signal(&child, "-TERM");
                }
            }
            "CANCEL" => {
                phones.answer(&request, "200 OK", "CANCEL", from);
                phones.answer(&request, "487 Request Terminated", "INVITE", from);
            }
            "ACK" => drop(ended.insert(call)),
            other => panic!("{other} has no place here"),
        }
    }
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    let figures: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(figures["outcomes"]["rang"], 20, "{figures}");
}

/// A terminal that is closed must not leave a phone ringing either; and a capture that cannot be written is a failure.
#[test]
fn can_20_a_call_whose_terminal_goes_away_is_cancelled() {
    let phones = Phones(UdpSocket::bind("127.0.0.1:0").unwrap());
    phones.0.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let target = phones.0.local_addr().unwrap().to_string();
    let mut command = onering(&["call", "+12025550142", "--from", "+12025550199", "--hold", "5s"]);
    command.args(["--target", &target, "--pcap", "/dev/full", "--linger", "0ms"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (_, invite, from) = phones.next();
    phones.answer(&invite, "180 Ringing", "INVITE", from);
    signal(&child, "-HUP");
    let (method, cancel, from) = phones.next();
    assert_eq!(method, "CANCEL");
    phones.answer(&cancel, "200 OK", "CANCEL", from);
    phones.answer(&cancel, "487 Request Terminated", "INVITE", from);
    assert_eq!(phones.next().0, "ACK");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("/dev/full"), "{said}");
}

#[test]
fn a_far_end_that_is_not_there_is_found_out_at_once() {
    // Bound and closed again: nobody answers there.
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let target = format!("127.0.0.1:{port}");
    let output = onering(&["call", "+12025550142", "--from", "+12025550199", "--json"])
        .args(["--target", &target])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let cdr: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(cdr["outcome"], "trunk_unreachable");
    assert_eq!(cdr["retransmissions"], 0);
}

/// The tail of a caller-ID is the code, and the middle of a destination is somebody's number.
#[test]
fn log_lines_have_masked_numbers() {
    let far_end = FarEnd::start(&["--behaviour", "busy"]);
    let output = onering(&["call", "+12025550142", "--from", "+12025550199"])
        .args(["--target", &far_end.address])
        .env("ONERING_LOG", "trace")
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("call ended"), "{log}");
    assert!(log.contains("from=+120******** ") && log.contains("to=+1202***0142 "), "{log}");
    assert!(!log.contains("0199") && !log.contains("5550142"), "{log}");
    let output = onering(&["man"]).env("ONERING_LOG", "=nonsense=").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("ONERING_LOG"));
}

#[test]
fn what_cannot_be_is_named_and_ends_with_2() {
    let good = ["--target", "127.0.0.1:5070", "--from", "+12025550199"];
    let cases: [(&[&str], &str); 10] = [
        (&["call", "+12025550142", "--target", "0.0.0.0:5070"], "nobody answers"),
        (&["call", "12025550142"], "begins with +"),
        (&["call", "+12"], "2 digits"),
        (&["call", "+12025550142", "--hold", "6s"], "at most 5s"),
        (&["call", "+12025550142", "--hold", "600"], "needs a unit"),
        (&["call", "+12025550142", "--header", "X: a\r\nVia: b"], "control character"),
        (&["call", "+12025550142", "--header", "Via: b"], "written by onering itself"),
        (
            &["call", "+12025550142", "--user", "u", "--password-env", "NO_SUCH_NAME_HERE"],
            "NO_SUCH",
        ),
        (&["call", "+12025550142", "--local", "[::1]:0"], "address families"),
        (&["call", "+12025550142", "--no-alert", "1ms"], "from 100ms"),
    ];
    for (args, says) in cases {
        let output = onering(args).args(good).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
    }
}

#[test]
fn a_load_on_one_number_rings_it_no_longer_than_a_call_may() {
    let args =
        ["load", "calls", "--target", "127.0.0.1:5070", "--count", "1", "--concurrency", "1"];
    let output = onering(&args).args(["--hold", "6s", "--to", "+12025550142"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("at most 5s"), "{said}");
}

#[test]
fn a_taken_port_and_a_name_without_address_are_named_and_end_with_1() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let local = taken.local_addr().unwrap().to_string();
    let base = ["call", "+12025550142", "--from", "+12025550199"];
    let output =
        onering(&base).args(["--target", "127.0.0.1:5070", "--local", &local]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&local) && said.contains("taken"), "{said}");
    let output = onering(&base).args(["--target", "no.such.name.invalid:5060"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no.such.name.invalid"), "{said}");
}
