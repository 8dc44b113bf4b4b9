//! What the parser takes, what it refuses, and its limits.

use super::*;
use crate::base::limits::{HEADER_BLOCK_MAX, HEADERS_MAX};

fn parse(text: impl AsRef<[u8]>) -> Result<Message, Malformed> {
    Message::parse(Bytes::copy_from_slice(text.as_ref()))
}

fn value(message: &Message, name: Name) -> &[u8] {
    message.value(name).unwrap().bytes()
}

#[test]
fn a_request_and_a_response() {
    let request = parse("INVITE sip:bob@example.com SIP/2.0\r\nTo: x\r\n\r\nbody").unwrap();
    let start = Start::Request {
        method: Method::Invite,
        name: b"INVITE",
        uri: b"sip:bob@example.com",
        version: b"SIP/2.0",
    };
    assert_eq!(request.start(), start);
    assert_eq!(request.body(), b"body");
    let response = parse("SIP/2.0 486 Busy here\r\n\r\n").unwrap();
    let start = Start::Response { version: b"SIP/2.0", status: 486, reason: b"Busy here" };
    assert_eq!(response.start(), start);
}

#[test]
fn status_lines_with_and_without_reason() {
    for line in ["SIP/2.0 180 \r\n\r\n", "SIP/2.0 180\r\n\r\n", "sip/2.0 180 \n\n"] {
        assert_eq!(parse(line).unwrap().status(), Some(180), "{line}");
    }
    for line in
        ["SIP/2.0 4294967301 x", "SIP/2.0 18 x", "SIP/2.0  180 x", "SIP/2.0 1 80", "SIP/2.0 18O x"]
    {
        let refused = parse(format!("{line}\r\n\r\n")).unwrap_err();
        assert_eq!(refused.code(), "status-code", "{line}");
    }
}

#[test]
fn what_is_no_start_line_is_refused() {
    for line in [
        "hello",
        "GET / HTTP/1.1",
        "INVITE sip:a@b",
        "INVITE SIP/2.0",
        " INVITE a SIP/2.0",
        "SIP/2.0",
    ] {
        let refused = parse(format!("{line}\r\n\r\n")).unwrap_err();
        assert_eq!(refused, Malformed::StartLine { at: 0 }, "{line}");
    }
}

#[test]
fn a_request_uri_with_spaces_is_kept_for_the_validator() {
    let message = parse("INVITE  sip:a@b; lr  SIP/2.0 \r\n\r\n").unwrap();
    let Start::Request { uri, version, .. } = message.start() else { panic!("a request") };
    assert_eq!((uri, version), (&b" sip:a@b; lr "[..], &b"SIP/2.0 "[..]));
}

#[test]
fn line_ends_before_the_start_line_are_skipped() {
    let message = parse("\r\n\r\n\nSIP/2.0 200 OK\r\nX: y\r\n\r\n").unwrap();
    assert_eq!(message.status(), Some(200));
    assert_eq!(message.headers().next().unwrap().value.at(), 5 + 19);
    assert_eq!(parse("\r\n\r\n").unwrap_err(), Malformed::Empty);
    assert_eq!(parse("").unwrap_err(), Malformed::Empty);
    assert_eq!(parse("\r\nnonsense\r\n\r\n").unwrap_err(), Malformed::StartLine { at: 2 });
}

#[test]
fn odd_header_lines() {
    let text = "SIP/2.0 200 OK\nt :a\nFROM\t: b \r\nCall-ID:\r\n c\r\nX-Long-Name-Of-Somebody: d\r\n\
                P-Asserted-Identity:e\r\nSubject: \r\n folded\r\n\tmore \r\nno colon here\r\n nor here\r\nm:\n\r\nbody";
    let message = parse(text).unwrap();
    assert_eq!(value(&message, Name::To), b"a");
    assert_eq!(value(&message, Name::From), b"b");
    assert_eq!(value(&message, Name::CallId), b"c");
    assert_eq!(message.find(b"x-long-name-of-somebody").unwrap().bytes(), b"d");
    assert_eq!(value(&message, Name::PAssertedIdentity), b"e");
    assert_eq!(message.value(Name::Subject).unwrap().unfolded(), &b"folded more"[..]);
    assert_eq!(value(&message, Name::Contact), b"");
    let odd = message.headers().find(|header| !header.colon).unwrap();
    assert_eq!((odd.name, odd.text), (Name::Other, &b"no colon here\r\n nor here"[..]));
    assert_eq!(odd.value.bytes(), b"");
    let names: Vec<_> = message.headers().map(|header| header.text).collect();
    assert_eq!(names[1], b"FROM");
    assert_eq!(message.body(), b"body");
}

#[test]
fn bytes_are_kept_as_they_are() {
    let message = parse(b"SIP/2.0 200 \xe9\r\nSubject: a\0b\xff\r\n\r\n\0\r\xff").unwrap();
    assert_eq!(value(&message, Name::Subject), b"a\0b\xff");
    assert_eq!(message.body(), b"\0\r\xff");
}

#[test]
fn the_body_is_as_long_as_content_length_says() {
    let body = |length: &str| {
        parse(format!("SIP/2.0 200 OK\r\nl: {length}\r\n\r\nabcd")).unwrap().body().to_vec()
    };
    assert_eq!(body("2"), b"ab");
    assert_eq!(body("0002"), b"ab");
    assert_eq!(body("0"), b"");
    for all in ["9", "-1", "x", "99999999999999999999999999"] {
        assert_eq!(body(all), b"abcd", "{all}");
    }
}

#[test]
fn a_datagram_cut_off_anywhere_before_the_empty_line_is_refused() {
    let whole = "SIP/2.0 200 OK\r\nTo: a\r\nSubject: b\r\n c\r\nno colon\r\nX-Unknown: d\r\n\r\n";
    for end in 1..whole.len() - 1 {
        let cut = parse(&whole.as_bytes()[..end]);
        // One byte short of the end the last line feed alone is missing.
        assert!(matches!(cut, Err(Malformed::Truncated { .. })), "{end}");
    }
    assert!(parse(whole).is_ok());
}

#[test]
fn each_limit_has_its_refusal() {
    let message = |headers: &str| parse(format!("SIP/2.0 200 OK\r\n{headers}\r\n"));
    let line = |bytes: usize| format!("X: {}\r\n", "a".repeat(bytes - 5));
    assert!(message(&line(LINE_MAX)).is_ok());
    assert_eq!(message(&line(LINE_MAX + 1)).unwrap_err(), Malformed::LineTooLong { at: 16 });
    assert!(message(&"X: a\r\n".repeat(HEADERS_MAX)).is_ok());
    let many = message(&"X: a\r\n".repeat(HEADERS_MAX + 1)).unwrap_err();
    assert_eq!(many, Malformed::TooManyHeaders { at: 16 + 6 * HEADERS_MAX });
    let block = line(LINE_MAX).repeat(HEADER_BLOCK_MAX / LINE_MAX);
    assert_eq!(message(&block).unwrap_err(), Malformed::BlockTooLong { at: 16 + 3 * LINE_MAX });
    assert_eq!(parse(vec![b'a'; LINE_MAX + 1]).unwrap_err(), Malformed::Truncated { at: 0 });
    let mut long = vec![b'a'; LINE_MAX];
    long.push(b'\n');
    assert_eq!(parse(long).unwrap_err(), Malformed::LineTooLong { at: 0 });
    let whole = vec![b'a'; BODY_MAX + 1];
    assert_eq!(parse(whole).unwrap_err(), Malformed::TooLong { bytes: BODY_MAX + 1 });
}

#[test]
fn more_than_32_headers_spill_to_the_heap_and_are_found() {
    let message =
        parse(format!("SIP/2.0 200 OK\r\n{}Via: v\r\n\r\n", "X: a\r\n".repeat(200))).unwrap();
    assert_eq!(value(&message, Name::Via), b"v");
    assert_eq!(message.headers().count(), 201);
}
