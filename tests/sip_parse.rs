//! `onering sip parse`: exit codes, standard input, and both forms of its answer.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

fn parse(args: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
    command.args(["sip", "parse"]).args(args).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

const GOOD: &[u8] = b"OPTIONS sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n\
    From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\
    Max-Forwards: 70\r\n\r\n";

#[test]
fn a_good_message_ends_with_0() {
    let output = parse(&["-"], GOOD);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("request   OPTIONS sip:b@example.com SIP/2.0\n  Via: SIP/2.0/UDP h"),
        "{text}"
    );
    assert!(text.ends_with("body      0 bytes\nverdict   accept\n"), "{text}");
}

#[test]
fn an_invalid_one_ends_with_1_and_says_where() {
    let bad =
        String::from_utf8(GOOD.to_vec()).unwrap().replace("Max-Forwards: 70", "Max-Forwards: 300");
    let output = parse(&["--json", "-"], bad.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["verdict"], "reject");
    assert_eq!(json["problems"][0]["code"], "number");
    assert_eq!(json["problems"][0]["owed"], 400);
    assert_eq!(json["problems"][0]["at"], bad.find("300").unwrap());
}

#[test]
fn whatever_the_bytes_it_ends_with_0_or_1() {
    let long = vec![b'a'; 70_000];
    for bytes in [&b""[..], b"\r\n", b"\0", b"INVITE", b"SIP/2.0 ", b"a b SIP/2.0\r\n\r\n", &long] {
        let output = parse(&["-", "--json"], bytes);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{bytes:?}");
        assert_eq!(output.stderr, b"");
    }
}

#[test]
fn a_file_that_cannot_be_read_ends_with_2_and_names_it() {
    for file in ["/nowhere/at/all.sip", "/"] {
        let output = parse(&[file], b"");
        assert_eq!(output.status.code(), Some(2), "{file}");
        assert!(String::from_utf8(output.stderr).unwrap().contains(file), "{file}");
    }
}
