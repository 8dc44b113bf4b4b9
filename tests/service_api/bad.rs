//! Bad input: numbers with the place and what would be right, and requests that are huge, slow or broken while verifications
//! go on beside them.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::stage::{Stage, problem};
use crate::support::http::{Line, bearer, request};

#[test]
fn numbers_are_read_as_people_write_them_and_what_is_wrong_is_pointed_at() {
    let stage = Stage::open("numbers", "0ms", "");
    for (place, to) in ["(202) 555-0140", "202.555.0141", "1 202 555 0142", "011 1 202 555 0143"]
        .iter()
        .enumerate()
    {
        let id = stage.start(&json!({ "to": to, "region": "US" }));
        assert_eq!(stage.look(&id)["to"], format!("+1202***014{place}"), "{to}");
        stage.phones.call(&format!("+1202555014{place}"), 1);
    }
    let cases = [
        (json!({ "to": "12025550142" }), 422, "number_missing_plus", "/to", "+"),
        (json!({ "to": "2025550142" }), 422, "number_missing_plus", "/to", "region"),
        (json!({ "to": "+1202555014" }), 422, "invalid_number", "/to", ""),
        (json!({ "to": "+120255501423456" }), 422, "invalid_number", "/to", ""),
        (json!({ "to": "+1202555o142" }), 422, "invalid_number", "/to", ""),
        (json!({ "to": "+999123456789" }), 422, "invalid_number", "/to", ""),
        (json!({ "to": "" }), 422, "", "/to", ""),
        (json!({ "to": "+442071838750" }), 403, "destination_denied", "/to", "country"),
        (json!({ "to": "020 7183 8750", "region": "GB" }), 403, "destination_denied", "/to", ""),
        (json!({ "to": "2025550142", "region": "USA" }), 400, "invalid_request", "/region", "US"),
        (json!({ "to": "2025550142", "region": "ZZ" }), 400, "invalid_request", "/region", ""),
        (json!({ "to": 12025550142_u64 }), 400, "invalid_request", "/to", ""),
        (json!({}), 400, "invalid_request", "/to", ""),
        (json!({ "to": "+12025550142", "colour": "red" }), 400, "unknown_field", "/colour", ""),
        (
            json!({ "to": "+12025550142", "profile": "none" }),
            422,
            "unknown_profile",
            "/profile",
            "",
        ),
        (json!({ "to": "+12025550142", "metadata": [1] }), 400, "invalid_request", "/metadata", ""),
    ];
    for (body, status, code, pointer, hint) in cases {
        let answer = stage.post("/v1/verifications", &body);
        let said = answer.json();
        assert_eq!(answer.status, status, "{body}: {said}");
        let name = problem(&answer);
        assert!(code.is_empty() || name == code, "{body}: {said}");
        let fault = said["errors"].as_array().and_then(|faults| faults.first());
        let fault = fault.unwrap_or_else(|| panic!("{body}: {said}"));
        assert_eq!(fault["pointer"], pointer, "{body}: {said}");
        assert!(fault["detail"].as_str().unwrap().contains(hint), "{body}: {said}");
    }
    let id = stage.start_to("+12025550144");
    for (body, status, code) in [
        (json!({ "code": "12" }), 422, "invalid_code"),
        (json!({ "code": "12e4" }), 422, "invalid_code"),
        (json!({ "code": 1234 }), 400, "invalid_request"),
        (json!({}), 400, "invalid_request"),
        (json!({ "code": "1234", "caller_id": "1234" }), 400, "invalid_request"),
    ] {
        let answer = stage.post(&format!("/v1/verifications/{id}/check"), &body);
        assert_eq!((answer.status, problem(&answer).as_str()), (status, code), "{body}");
    }
    assert_eq!(stage.look(&id)["attempts_remaining"], 3, "what is no code costs no try");
    assert_eq!(stage.end()["calls"], 5, "nothing that was refused rang a phone");
}

/// A request, what is wrong with it, and the statuses that it may get; whatever it is, the connection may just be closed.
type Hostile = (&'static str, Vec<u8>, &'static [u16]);

/// Requests that no client should send.
fn hostile(key: &str) -> Vec<Hostile> {
    let mut all = sizes(key);
    all.extend(forms(key));
    all
}

fn head(key: &str, more: &str) -> String {
    format!(
        "POST /v1/verifications HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n{more}\r\n",
        bearer(key)
    )
}

fn post(key: &str, body: &str) -> String {
    request("POST", "/v1/verifications", &[("Authorization", &bearer(key))], body)
}

/// Too large, too many, too slow.
fn sizes(key: &str) -> Vec<Hostile> {
    let head = |more: &str| head(key, more);
    let long = "x".repeat(1 << 20);
    let many: String = (0..2_000).map(|n| format!("X-{n}: y\r\n")).collect();
    let chunk = format!("10000\r\n{}\r\n", &long[..0x10000]);
    let chunks = head("Transfer-Encoding: chunked\r\n") + &chunk.repeat(8);
    let huge = post(key, &format!("{{\"to\":\"{long}\"}}"));
    let endless = head("Content-Length: 18446744073709551615\r\n");
    vec![
        ("a huge body", huge.into(), &[413]),
        ("a body said to be endless", endless.into(), &[400, 413, 431]),
        ("chunks without end", chunks.into(), &[413]),
        ("a huge header", format!("GET /v1/cdrs HTTP/1.1\r\nX: {long}\r\n\r\n").into(), &[431]),
        ("many headers", format!("GET /v1/cdrs HTTP/1.1\r\n{many}\r\n").into(), &[400, 431]),
        ("a huge path", format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n").into(), &[414, 431]),
        ("a slow head", "POST /v1/verifications HTTP/1.1\r\nHost:".into(), &[408]),
        ("a slow body", head("Content-Length: 40\r\n").into(), &[408]),
        ("nothing", Vec::new(), &[]),
    ]
}

/// Broken, or something else.
fn forms(key: &str) -> Vec<Hostile> {
    let (head, post) = (|more: &str| head(key, more), |body: &str| post(key, body));
    let both = head("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n");
    let xml = head("Content-Type: text/xml\r\nContent-Length: 0\r\n");
    let deep = [&"[".repeat(1000), "]".repeat(1000).as_str()].concat();
    let deep = format!("{{\"to\":\"+12025550142\",\"metadata\":{{\"a\":{deep}}}}}");
    let twice = post("{\"to\":\"+12025550142\",\"to\":\"+12025550143\"}");
    let mut bytes = post("xxxxxxxx").into_bytes();
    let end = bytes.len() - 8;
    bytes[end..].copy_from_slice(b"\xff\xfe\x00\x80\xff\xff\xff\xff");
    let sip = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n\r\n";
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n";
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes();
    vec![
        ("a length that is none", head("Content-Length: -1\r\n").into(), &[400]),
        ("two lengths", head("Content-Length: 2\r\nContent-Length: 3\r\n").into(), &[400]),
        ("a broken chunk", (head("Transfer-Encoding: chunked\r\n") + "zz\r\n").into(), &[400]),
        ("a length and chunks", both.into(), &[400, 408]),
        ("TLS", tls.to_vec(), &[400]),
        ("SIP", sip.into(), &[400]),
        ("another version", "GET /v1/cdrs HTTP/9.9\r\n\r\n".into(), &[400, 505]),
        ("no JSON", post("{\"to\": \"+12025550142\"").into(), &[400]),
        ("deep JSON", post(&"[".repeat(60_000)).into(), &[400]),
        ("deep JSON in a field", post(&deep).into(), &[400]),
        ("bytes that are no JSON", bytes, &[400]),
        ("a field twice", twice.into(), &[400]),
        ("another kind of body", xml.into(), &[415]),
        ("a way out of the tree", get("/v1/../../etc/passwd"), &[404]),
        ("half a character", get("/v1/verifications/%ff%00"), &[400, 401, 404]),
        ("another method", "BREW /v1/verifications HTTP/1.1\r\nHost: x\r\n\r\n".into(), &[405]),
    ]
}

/// Verifications one after the other until there is nothing to be disturbed by any more; how many.
fn go_on(stage: &Stage, over: &AtomicBool) -> usize {
    let mut count = 0;
    while !over.load(Ordering::Acquire) || count < 20 {
        let to = format!("+1202{}", 5_551_000 + count);
        // Every number rings, whatever it ends in: numbers that the carrier treats in another way are left out.
        count += 1;
        if onering::carrier::Behaviour::of_number(&to) != onering::carrier::Behaviour::RINGS {
            continue;
        }
        let id = stage.start_to(&to);
        let said = stage.check(&id, stage.phones.call(&to, 1).code(4)).json();
        assert_eq!(said["result"], "approved", "{to}: {said}");
    }
    count
}

#[test]
fn broken_huge_and_slow_requests_disturb_nobody() {
    let stage = Stage::open("hostile", "0ms", "");
    let over = AtomicBool::new(false);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let working = scope.spawn(|| go_on(&stage, &over));
        let one = |(what, bytes, allowed): Hostile| {
            let api = stage.served.api;
            scope.spawn(move || {
                let mut line = Line::open(api);
                // Who is refused early may find the way closed.
                line.send(&bytes);
                (what, allowed, line.answer())
            })
        };
        let all: Vec<_> = hostile(&stage.key).into_iter().map(one).collect();
        let answers: Vec<_> = all.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Release);
        assert!(working.join().unwrap() >= 20);
        answers.into_iter().map(Result::unwrap).collect()
    });
    let mut answered = 0;
    for (what, allowed, answer) in &answers {
        let Some(answer) = answer else { continue };
        answered += 1;
        assert!(allowed.contains(&answer.status), "{what}: {answer:?}");
        // Where HTTP itself could be read, the answer is a problem document.
        if what.contains("JSON") || what.contains("field") || what.starts_with("another m") {
            problem(answer);
        }
    }
    assert!(answered >= 15, "only {answered} of {} were answered", answers.len());
    let ready: Value = stage.get("/readyz").json();
    assert_eq!(ready["ready"], true, "{ready}");
    stage.end();
}
