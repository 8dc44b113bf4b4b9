//! Bodies that are wrong, each told where and how.

use super::support::{Running, get, post, session};
use crate::api::Scope;
use crate::verify::command::{Command, Refusal};
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn what_is_wrong_with_a_body_is_told_with_its_place() {
    let running = Running::idle();
    let key = running.bench.key("shop", &Scope::ALL);
    let long = format!(r#"{{"to":"+15550000001","client_reference":"{}"}}"#, "x".repeat(256));
    let big = format!(r#"{{"to":"+15550000001","metadata":{{"a":"{}"}}}}"#, "x".repeat(4096));
    let cases = [
        ("", "invalid_json", "the body is empty", ""),
        (" \n", "invalid_json", "the body is empty", ""),
        ("{", "invalid_json", "line 1, column 1: EOF", ""),
        ("{\n  \"to\": +1}", "invalid_json", "line 2, column 9", ""),
        (r#"{"to":"+15550000001"} x"#, "invalid_json", "line 1, column 23: trailing", ""),
        ("\u{feff}{}", "invalid_json", "line 1, column 1", ""),
        ("[]", "invalid_request", "the body is a JSON object", ""),
        ("{}", "invalid_request", "/to: it is needed", "/to"),
        (r#"{"to":null}"#, "invalid_request", "/to: it is needed", "/to"),
        (r#"{"to":12025550142}"#, "invalid_request", "/to: it is a string", "/to"),
        (r#"{"to":"+1","to":"+2"}"#, "invalid_request", "a field is there twice", ""),
        (
            r#"{"to":"+15550000001","metadata":[]}"#,
            "invalid_request",
            "/metadata: it is an object",
            "/metadata",
        ),
        (
            r#"{"to":"+15550000001","profil":"x"}"#,
            "unknown_field",
            "did you mean profile?",
            "/profil",
        ),
        (r#"{"to":"+15550000001","a/b~c":1}"#, "unknown_field", "there are to, region", "/a~1b~0c"),
        (r#"{"to":7,"x":1}"#, "unknown_field", "/x", "/x /to"),
        (r#"{"to":"+15550000001","region":"USA"}"#, "invalid_request", "two letters", "/region"),
        (&long, "invalid_request", "at most 255 characters", "/client_reference"),
        (&big, "invalid_request", "at most 4096 bytes", "/metadata"),
        (r#"{"to":"02025550142"}"#, "number_missing_plus", "begins with +", "/to"),
        (r#"{"to":"02025550142","region":"XX"}"#, "invalid_request", "no region XX", "/region"),
        (r#"{"to":"+1"}"#, "invalid_number", "digits", "/to"),
        (r#"{"to":"+12025550"}"#, "invalid_number", "US has no such number", "/to"),
        (r#"{"to":"+1202555014x"}"#, "invalid_number", "not a digit", "/to"),
    ];
    for (body, code, detail, pointers) in cases {
        let told = running.ask(post("/v1/verifications", body).by(&key)).await;
        let json = told.json();
        assert_eq!(told.code(), code, "{body}: {json}");
        assert!(json["detail"].as_str().unwrap().contains(detail), "{body}: {json}");
        let errors = json["errors"].as_array().cloned().unwrap_or_default();
        let given: Vec<&str> =
            errors.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
        assert_eq!(given.join(" "), pointers, "{body}");
    }
    running.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_code_is_told_without_it() {
    let running = Running::idle();
    let key = running.bench.key("shop", &Scope::ALL);
    let path = format!("/v1/verifications/{}/check", session(1));
    for (body, code, pointer) in [
        ("{}", "invalid_request", "/code"),
        (r#"{"code":"1234","caller_id":"+12025550142"}"#, "invalid_request", "/code"),
        (r#"{"code":1234}"#, "invalid_request", "/code"),
        (r#"{"code":"12x4987"}"#, "invalid_code", "/code"),
        (r#"{"code":"1"}"#, "invalid_code", "/code"),
        (r#"{"caller_id":"9876 phone"}"#, "invalid_code", "/caller_id"),
    ] {
        let told = running.ask(post(&path, body).by(&key)).await;
        assert_eq!(told.code(), code, "{body}");
        assert_eq!(told.json()["errors"][0]["pointer"], pointer, "{body}");
        for digits in ["12x4", "4987", "9876"] {
            assert!(!told.text().contains(digits), "{}", told.text());
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn who_may_not_is_told_so_before_the_body_is_read() {
    let running = Running::idle();
    let key = running.bench.key("shop", &[Scope::Read]);
    assert_eq!(running.ask(post("/v1/verifications", "{").by(&key)).await.code(), "scope_missing");
    assert_eq!(running.ask(post("/v1/verifications", "{")).await.code(), "unauthenticated");
    running.stop().await;
}

#[tokio::test]
async fn another_kind_of_body_is_not_read() {
    let running = Running::idle();
    let key = running.bench.key("shop", &Scope::ALL);
    let start = || post("/v1/verifications", r#"{"to":"+15550000001"}"#).by(&key);
    let form = start().header("content-type", "application/x-www-form-urlencoded");
    let told = running.ask(form).await;
    assert_eq!((told.code().as_str(), told.status.as_u16()), ("unsupported_media_type", 415));
    let json = start().header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(running.ask(json).await.code(), "not_found");
    running.stop().await;
}

#[tokio::test]
async fn an_idempotency_key_is_one_visible_text() {
    let running = Running::idle();
    let key = running.bench.key("shop", &Scope::ALL);
    let long = "x".repeat(256);
    for wrong in ["", "a b", long.as_str()] {
        let start = post("/v1/verifications", r#"{"to":"+15550000001"}"#).by(&key);
        let told = running.ask(start.header("idempotency-key", wrong)).await;
        assert_eq!(told.code(), "invalid_request", "{wrong:?}");
        assert!(told.text().contains("Idempotency-Key"));
    }
    running.stop().await;
}

#[tokio::test]
async fn the_same_request_has_the_same_hash_however_it_is_written() {
    let hashes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&hashes);
    let running = Running::with(move |command| {
        let Command::Start(start) = command else { return Err(Refusal::NotOpen) };
        seen.lock().unwrap().push(start.idempotency.unwrap());
        Err(Refusal::IdempotencyInFlight)
    });
    let (shop, bank) =
        (running.bench.key("shop", &Scope::ALL), running.bench.key("bank", &Scope::ALL));
    for (key, body) in [
        (&shop, r#"{"to":"+15550000001","metadata":{"a":1,"b":2}}"#),
        (&shop, "{ \"metadata\": {\"b\": 2, \"a\": 1},\n \"to\": \"+15550000001\" }"),
        (&shop, r#"{"to":"+15550000002","metadata":{"a":1,"b":2}}"#),
        (&bank, r#"{"to":"+15550000001","metadata":{"a":1,"b":2}}"#),
    ] {
        let start = post("/v1/verifications", body).by(key).header("idempotency-key", "k-1");
        assert_eq!(running.ask(start).await.code(), "idempotency_in_flight");
    }
    let hashes = hashes.lock().unwrap().clone();
    assert_eq!(hashes[0], hashes[1]);
    assert_eq!((hashes[0].key, hashes[0].body == hashes[2].body), (hashes[2].key, false));
    assert_ne!(hashes[0].key, hashes[3].key, "a key belongs to its tenant");
    running.stop().await;
}

#[tokio::test]
async fn queries_are_read_as_strictly_as_bodies() {
    let running = Running::idle();
    let key = running.bench.key("shop", &Scope::ALL);
    for (path, said) in [
        ("/v1/verifications?state=pending", "unknown field `state`"),
        ("/v1/verifications?status=open", "status is pending"),
        ("/v1/verifications?limit=0", "limit is 1 to 200"),
        ("/v1/verifications?limit=201", "limit is 1 to 200"),
        ("/v1/verifications?limit=x", "invalid digit"),
        ("/v1/verifications?cursor=7", "next_cursor"),
        ("/v1/verifications?to=202", "begins with +"),
        ("/v1/cdrs?outcome=fine", "OUTCOMES.md"),
        ("/v1/cdrs?since=yesterday", "since: "),
        ("/v1/cdrs?verification=7", "verification: "),
        ("/v1/cdrs?cursor=v1", "next_cursor"),
        ("/v1/cdrs/export?format=xml", "format is jsonl or csv"),
        ("/v1/cdrs/export?profile=asterisk", "only CSV has one"),
        ("/v1/cdrs/export?format=csv&profile=x", "there are default, asterisk"),
    ] {
        let told = running.ask(get(path).by(&key)).await;
        assert_eq!(told.code(), "invalid_request", "{path}");
        assert!(told.text().contains(said), "{path}: {}", told.text());
    }
    // A plus that was not escaped has become a blank, and is one again.
    let told = running.ask(get("/v1/verifications?to=+12025550142").by(&key)).await;
    assert_eq!(told.status.as_u16(), 200);
    running.stop().await;
}
