//! `onering carrier` as a program: what it prints, how it exits, what it says over a real socket.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::UdpSocket;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// A running far end. Killed when dropped, should a test fail in between.
struct FarEnd {
    child: Child,
    out: BufReader<ChildStdout>,
    address: String,
}

impl FarEnd {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
        command.args(["carrier", "--listen", "127.0.0.1:0"]).args(args).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        Self { child, out, address }
    }

    /// SIGTERM, then exit code and what else was printed.
    fn stop(mut self) -> (i32, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.end()
    }

    fn end(&mut self) -> (i32, String) {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code().unwrap(), rest)
    }
}

impl Drop for FarEnd {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A caller who speaks by hand.
struct Caller {
    socket: UdpSocket,
    number: &'static str,
    branch: &'static str,
}

impl Caller {
    fn new(far_end: &FarEnd, number: &'static str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(&far_end.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { socket, number, branch: "z9hG4bKone" }
    }

    fn send(&self, method: &str, tag: &str) {
        let (local, remote) = (self.socket.local_addr().unwrap(), self.socket.peer_addr().unwrap());
        let Self { number, branch, .. } = self;
        let text = format!(
            "{method} sip:{number}@{remote} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={branch};rport\r\n\
             From: <sip:+12025550100@{local}>;tag=a\r\nTo: <sip:{number}@{remote}>{tag}\r\n\
             Call-ID: {number}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n\
             Contact: <sip:onering@{local}>\r\nContent-Length: 0\r\n\r\n"
        );
        self.socket.send(text.as_bytes()).unwrap();
    }

    /// Status and CSeq method of the next response, and its To tag with the semicolon.
    fn hear(&self) -> (String, String) {
        let mut buffer = [0; 2048];
        let length = self.socket.recv(&mut buffer).unwrap();
        let text = std::str::from_utf8(buffer.get(..length).unwrap()).unwrap();
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let status = text.split(' ').nth(1).unwrap();
        let method = line("CSeq: ").split(' ').nth(1).unwrap();
        let tag = line("To: ").split_once(";tag=").map(|(_, tag)| format!(";tag={tag}"));
        (format!("{status} {method}"), tag.unwrap_or_default())
    }

    fn expect(&self, line: &str) -> String {
        let (heard, tag) = self.hear();
        assert_eq!(heard, line);
        tag
    }

    fn ring(&self) {
        self.send("INVITE", "");
        self.expect("100 INVITE");
        self.expect("180 INVITE");
    }

    fn cancel(&self) {
        self.send("CANCEL", "");
        self.expect("200 CANCEL");
        let tag = self.expect("487 INVITE");
        self.send("ACK", &tag);
        // Answered in order, so the ACK was taken before it.
        self.send("OPTIONS", "");
        self.expect("200 OPTIONS");
    }
}

#[test]
fn an_honest_caller_leaves_a_clean_far_end() {
    for args in [&[][..], &["--fast"]] {
        let far_end = FarEnd::start(args);
        let caller = Caller::new(&far_end, "+12025550142");
        caller.ring();
        caller.cancel();
        let (code, text) = far_end.stop();
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("calls 1"), "{text}");
        assert!(text.contains("left ringing 0"), "{text}");
    }
}

#[test]
fn a_phone_left_ringing_is_exit_1() {
    for args in [&[][..], &["--fast"]] {
        let far_end = FarEnd::start(args);
        Caller::new(&far_end, "+12025550142").ring();
        let (code, text) = far_end.stop();
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("left ringing 1"), "{text}");
    }
}

#[test]
fn the_called_number_and_the_option_choose_the_behaviour() {
    let far_end = FarEnd::start(&[]);
    let caller = Caller::new(&far_end, "+12025550486");
    caller.send("INVITE", "");
    caller.expect("100 INVITE");
    let tag = caller.expect("486 INVITE");
    caller.send("ACK", &tag);
    let caller = Caller { branch: "z9hG4bKtwo", number: "+12025550142", ..caller };
    caller.ring();
    caller.cancel();
    let (code, text) = far_end.stop();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("calls 2: busy 1, rings 1"), "{text}");

    let far_end = FarEnd::start(&["--behaviour", "603"]);
    let caller = Caller::new(&far_end, "+12025550142");
    caller.send("INVITE", "");
    caller.expect("100 INVITE");
    caller.expect("603 INVITE");
}

#[test]
fn an_offence_is_told_as_it_happens_with_masked_numbers() {
    let mut far_end = FarEnd::start(&[]);
    let caller = Caller::new(&far_end, "+12025550142");
    caller.ring();
    let caller = Caller { branch: "z9hG4bKwrong", ..caller };
    caller.send("CANCEL", "");
    caller.expect("481 CANCEL");
    let mut line = String::new();
    far_end.out.read_line(&mut line).unwrap();
    assert!(
        line.starts_with(
            "offence cancel-branch call=+12025550142 from=+120******** to=+1202***0142 at="
        ),
        "{line}"
    );
    let caller = Caller { branch: "z9hG4bKone", ..caller };
    caller.send("CANCEL", "");
    caller.expect("200 CANCEL");
    let (code, text) = far_end.stop();
    assert_eq!(code, 1);
    assert!(text.contains("offences 2: cancel-twice 1, cancel-branch 1"), "{text}");
}

#[test]
fn each_call_is_shown_with_the_number_that_its_phone_shows_where_that_is_asked_for() {
    let mut far_end = FarEnd::start(&["--calls"]);
    let caller = Caller::new(&far_end, "+12025550142");
    caller.ring();
    let mut line = String::new();
    far_end.out.read_line(&mut line).unwrap();
    assert!(line.starts_with("phone +12025550142 shows +1"), "{line}");
    assert!(line.ends_with(" call=+12025550142\n"), "{line}");
    caller.cancel();
    assert_eq!(far_end.stop().0, 0);
}

#[test]
fn it_ends_by_itself_and_speaks_json() {
    let mut far_end = FarEnd::start(&["--seconds", "0.2", "--json"]);
    let (code, text) = far_end.end();
    assert_eq!(code, 0);
    let summary: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(summary["event"], "summary");
    assert_eq!(summary["calls"], 0);
    assert_eq!(summary["offences"], serde_json::json!({}));
    assert!(summary["seconds"].as_f64().unwrap() >= 0.2);
}

#[test]
fn an_unacknowledged_final_is_noticed_after_64_times_t1() {
    let mut far_end = FarEnd::start(&["--behaviour", "busy", "--t1", "5ms", "--seconds", "5"]);
    let caller = Caller::new(&far_end, "+12025550142");
    caller.send("INVITE", "");
    let mut line = String::new();
    far_end.out.read_line(&mut line).unwrap();
    assert!(line.starts_with("offence ack-missing "), "{line}");
    assert!(line.contains("a 486 without ACK for 64*T1"), "{line}");
}

#[test]
fn wrong_usage_names_the_argument_and_is_exit_2() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let cases: &[(&[&str], &str)] = &[
        (&["--listen", &taken], "the port is taken by another program"),
        (&["--listen", "192.0.2.1:5070"], "this machine has no such address"),
        (&["--listen", "0.0.0.0:0"], "--advertise"),
        (&["--behaviour", "rigns"], "no such behaviour"),
        (&["--loss", "10"], "like 10%"),
        (&["--seconds", "0"], "--seconds"),
        (&["--ring-limit", "70"], "a duration needs a unit"),
        (&["--fast", "--loss", "10%"], "--loss"),
    ];
    for (args, text) in cases {
        let output = Command::new(env!("CARGO_BIN_EXE_onering"))
            .arg("carrier")
            .args(*args)
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(text), "{args:?}: {error}");
    }
}

#[test]
fn help_has_the_table_of_behaviours() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_onering")).args(["carrier", "--help"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for name in ["rings-reliably", "answers-in-race", "busy", "trying-only"] {
        assert!(text.contains(name), "{name}");
    }
}
