//! One message for each fault, and messages without any.

use super::super::problem::{Kind, Verdict};
use super::*;

const HEADERS: [&str; 8] = [
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKab1;rport",
    "Max-Forwards: 70",
    "From: \"A\" <sip:a@example.com>;tag=1",
    "To: <sip:b@example.com>",
    "Call-ID: x@192.0.2.1",
    "CSeq: 1 INVITE",
    "Contact: <sip:a@192.0.2.1>",
    "Content-Length: 0",
];

/// The base request with other lines: one of the same name replaces it, `-Name` takes it away, `+Name: …` is added.
fn request(start: &str, changes: &[&str]) -> Vec<u8> {
    let mut lines: Vec<String> = HEADERS.map(str::to_owned).to_vec();
    for change in changes {
        let name = change.trim_start_matches(['+', '-']).split(':').next().unwrap();
        let place = lines.iter().position(|line| line.split(':').next() == Some(name));
        match (place, change.strip_prefix('+'), change.strip_prefix('-')) {
            (_, Some(added), _) => lines.push(added.to_owned()),
            (Some(place), None, Some(_)) => drop(lines.remove(place)),
            (Some(place), None, None) => lines[place] = (*change).to_owned(),
            (None, ..) => lines.push((*change).to_owned()),
        }
    }
    format!("{start}\r\n{}\r\n\r\n", lines.join("\r\n")).into_bytes()
}

const START: &str = "INVITE sip:b@example.com SIP/2.0";

fn problems(bytes: &[u8]) -> Vec<(&'static str, Option<u16>)> {
    let message = Message::parse(bytes.to_vec().into()).unwrap();
    validate(&message).iter().map(|problem| (problem.code(), problem.owed)).collect()
}

fn finds(start: &str, changes: &[&str], meant: &[(&'static str, u16)]) {
    let meant: Vec<_> =
        meant.iter().map(|(code, owed)| (*code, Some(*owed).filter(|owed| *owed > 0))).collect();
    assert_eq!(problems(&request(start, changes)), meant, "{start} {changes:?}");
}

#[test]
fn a_good_request_has_none() {
    finds(START, &[], &[]);
    for change in [
        "To: sip:b@example.com;tag=2",
        "Contact: \"x\" <sip:+1@[2001:db8::1];lr>;q=0.7;expires=60",
        "Via: SIP/2.0/TLS h;received=[2001:db8::9:255];branch=z9hG4bKx, SIP/2.0/X i",
        "Supported:",
        "Allow: INVITE, ACK",
        "Require: 100rel",
        "Accept: text/plain, application/*",
        "Date: Sat, 13 Nov 2010 23:29:00 GMT",
        "X-Anything: ;;,,\"<",
        "Subject:",
        "Authorization: Digest username=\"a\", realm=\"b\", nonce=\"c\", uri=\"sip:d\", response=\"0\", nc=00000001",
        "Alert-Info: <http://example.com/ring.wav>",
        "Identity: abc.def.ghi;info=<https://example.com/c.pem>;alg=ES256;ppt=shaken",
        "P-Asserted-Identity: \"A\" <sip:a@b>, <tel:+1>",
        "Retry-After: 5 (a)",
        "Privacy: id;header",
        "Timestamp: 54",
        "Replaces: 7@x;to-tag=1;from-tag=2",
        "Call-Info: <http://a/b>;purpose=icon, <http://c>",
    ] {
        finds(START, &[change], &[]);
    }
    finds("INVITE tel:+12025550142 SIP/2.0", &[], &[]);
    finds("INVITE sip:b@example.com sip/2.0", &[], &[]);
}

#[test]
fn start_lines() {
    let cases = [
        ("INVITE  sip:b@example.com SIP/2.0", "start-line-space", 400),
        ("INVITE sip:b@example.com; lr SIP/2.0", "start-line-space", 400),
        ("INVITE sip:b@example.com SIP/2.0 ", "start-line-space", 400),
        ("INVITE <sip:b@example.com> SIP/2.0", "request-uri", 400),
        ("INVITE sip:2001:db8::1 SIP/2.0", "request-uri", 400),
        ("INVITE sip:b@example.com?Route=%3Csip:x%3E SIP/2.0", "request-uri-headers", 400),
        ("INVITE sip:b@example.com SIP/7.0", "version", 505),
        ("INVITE sip:b@example.com SIP/2", "version-syntax", 400),
        ("INVITE sip:b@example.com SIP/2.x", "version-syntax", 400),
        ("INVITE http://example.com/ SIP/2.0", "uri-scheme", 416),
        ("INVITE nobody-knows:x SIP/2.0", "uri-scheme", 416),
    ];
    for (start, code, owed) in cases {
        finds(start, &[], &[(code, owed)]);
    }
    finds("IN(VITE sip:b SIP/2.0", &["CSeq: 1 IN(VITE"], &[("method", 400), ("cseq", 400)]);
}

#[test]
fn values_outside_their_grammar() {
    let cases = [
        ("Via: SIP/2.0/UDP 192.0.2.1;;,;,,", "via"),
        ("From: \"open <sip:a@b>;tag=1", "address"),
        ("To: \"Mr. J. User <sip:b@example.com>", "address"),
        ("To: \"W, T\" < sip:b@example.com >", "address"),
        ("From: Bell, A <sip:a@b>;tag=1", "address"),
        ("To:", "address"),
        ("Contact: sip:a@b?Route=%3Csip:c%3E", "address"),
        ("Contact: \"J\" <sip:a@b>;;;", "address"),
        ("Contact: <sip:a@b>;q=2", "value"),
        ("Route: <sip:a;lr>,", "address"),
        ("Route: sip:a;lr", "address"),
        ("From: <sip:a@b>;tag=1;Tag=2", "repeated-parameter"),
        ("Call-ID: a b", "call-id"),
        ("CSeq: 36893488147419103232 INVITE", "cseq"),
        ("CSeq: INVITE", "cseq"),
        ("Max-Forwards: 300", "number"),
        ("Max-Forwards: seventy", "number"),
        ("Expires: 4294967296", "number"),
        ("Content-Length: -999", "content-length"),
        ("Content-Length: 0 0", "content-length"),
        ("Content-Length: 9999", "body-short"),
        ("Date: Fri, 01 Jan 2010 16:00:00 EST", "date"),
        ("Warning: 1812 overture \"x\"", "value"),
        ("Retry-After: 949302838503028349304023988", "value"),
        ("Allow: INVITE,,ACK", "value"),
        ("Require:", "value"),
        ("Content-Type: application", "value"),
        ("Reason: ;cause=1", "value"),
        ("RSeq: 0", "number"),
        ("RAck: 1 INVITE", "value"),
        ("Timestamp: now", "value"),
        ("Proxy-Authenticate: Digest realm=\"open", "challenge"),
        ("Proxy-Authorization: \"x\"", "challenge"),
        ("Accept-Language: da, en;q", "ok"),
        ("Subject: a\0b", "control-character"),
        ("Subject: a\rb", "control-character"),
        ("Sub ject: a", "header-name"),
        ("no colon", "no-colon"),
        (": nameless", "header-name"),
    ];
    for (change, code) in cases {
        let meant: &[_] = if code == "ok" { &[] } else { &[(code, 400)] };
        finds(START, &[change], meant);
        let message = Message::parse(request(START, &[change]).into()).unwrap();
        assert_eq!(Verdict::of(&validate(&message)) == Verdict::Reject, code != "ok", "{change}");
    }
}

#[test]
fn well_formed_and_refused() {
    let cases: [(&[&str], &str, u16); 20] = [
        (&["-Call-ID"], "missing-header", 400),
        (&["-Via"], "missing-header", 400),
        (&["+To: <sip:c@d>"], "repeated-header", 400),
        (&["+Content-Length: 5"], "repeated-header", 400),
        (&["Contact: *", "+Contact: <sip:a@b>"], "contact-star", 400),
        (&["Via: SIP/2.0/UDP h;branch=z9hG4bK"], "branch-empty", 400),
        (&["Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1"], "via-broadcast", 0),
        (&["Require: nothing, else"], "extension", 420),
        (&["Accept: text/nobody-knows"], "accept", 406),
        (&["Accept:"], "accept", 406),
        (&["Authorization: NoOneKnows data=here"], "credentials-scheme", 401),
        (&["Contact: *"], "contact-star", 400),
        (&["CSeq: 1 ACK"], "cseq-method", 400),
        (&["Subject: caf\u{e9}\\"], "ok", 0),
        (&["-Max-Forwards"], "no-max-forwards", 0),
        (&["-Contact"], "no-contact", 0),
        (&["Contact: <sip:a@b>;expires=280297596632815"], "contact-expires", 0),
        (&["Max-Forwards: 0"], "ok", 0),
        (&["Proxy-Require: nothing"], "ok", 0),
        (&["To: <isbn:2983792873>"], "ok", 0),
    ];
    for (changes, code, owed) in cases {
        let meant: &[_] = if code == "ok" { &[] } else { &[(code, owed)] };
        finds(START, changes, meant);
        if code != "cseq-method" {
            let message = Message::parse(request(START, changes).into()).unwrap();
            assert_eq!(Verdict::of(&validate(&message)), Verdict::Accept, "{changes:?}");
        }
    }
    let star = [("address", 400), ("contact-star", 400)];
    finds(
        "REGISTER sip:b SIP/2.0",
        &["CSeq: 1 REGISTER", "Contact: *, <sip:a@b>", "Expires: 0"],
        &star,
    );
    finds("NEWMETHOD sip:b SIP/2.0", &[], &[("cseq-method", 501)]);
    finds("REGISTER sip:b SIP/2.0", &["CSeq: 1 REGISTER", "Contact: *", "Expires: 0"], &[]);
    finds("ACK sip:b SIP/2.0", &["CSeq: 1 ACK", "Require: nothing"], &[]);
}

#[test]
fn bodies() {
    let with = |changes: &[&str]| {
        let mut bytes = request(START, &[&["Content-Length: 4"], changes].concat());
        bytes.extend_from_slice(b"abcd");
        problems(&bytes)
    };
    assert_eq!(with(&["Content-Type: application/sdp"]), []);
    assert_eq!(with(&["Content-Type: multipart/mixed;boundary=x"]), []);
    assert_eq!(with(&["Content-Type: application/unknownformat"]), [("media-type", Some(415))]);
    assert_eq!(
        with(&["Content-Type: text/plain", "Content-Encoding: gzip"]),
        [("media-type", Some(415))]
    );
    assert_eq!(with(&["Content-Type: x/y", "Content-Disposition: icon;handling=optional"]), []);
    assert_eq!(with(&[]), [("no-content-type", None)]);
}

#[test]
fn nothing_is_owed_for_a_response() {
    let bytes = request("SIP/2.0 999 No", &["CSeq: 99999999999999999 INVITE", "-To"]);
    assert_eq!(
        problems(&bytes),
        [("missing-header", None), ("status-range", None), ("cseq", None)]
    );
}

#[test]
fn tolerated_oddities_are_named_and_accepted() {
    let mut bytes = request(START, &["Subject: x"]);
    let at = bytes.iter().rposition(|byte| *byte == b'x').unwrap();
    bytes[at] = 0xe9;
    assert_eq!(problems(&bytes), [("not-utf8", None)]);
    let text = String::from_utf8(request(START, &[])).unwrap().replace("\r\n", "\n");
    assert_eq!(problems(text.as_bytes()), [("bare-line-feed", None)]);
    let message = Message::parse(text.into()).unwrap();
    let found = validate(&message);
    assert_eq!((found[0].kind(), Verdict::of(&found)), (Kind::Tolerated, Verdict::Accept));
}

#[test]
fn too_many_hops() {
    let vias = "SIP/2.0/UDP h,".repeat(70);
    finds(START, &[&format!("Via: {vias}SIP/2.0/UDP i")], &[("via-count", 483)]);
    let vias = "SIP/2.0/UDP h,".repeat(69);
    finds(START, &[&format!("Via: {vias}SIP/2.0/UDP i")], &[]);
}

#[test]
fn a_problem_has_its_place() {
    let bytes = [b"\r\n".to_vec(), request(START, &["Date: never"])].concat();
    let message = Message::parse(bytes.clone().into()).unwrap();
    let found = validate(&message);
    assert_eq!(found.len(), 1);
    assert!(bytes[found[0].at..].starts_with(b"never"));
    assert_eq!(found[0].to_string(), "Date: not a date in GMT");
}
