//! Verifications as they are shown and listed.

use super::support::{CALLED, Running, ended, get, post, records, ringing, session};
use crate::api::Scope;
use crate::base::tests::golden::same_as_kept;
use crate::verify::command::{Answer, Command, Fresh, Refusal, Verdict};
use crate::verify::rules::Rules;
use crate::verify::status::{Phase, Status};
use axum::http::StatusCode;
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn a_verification_looks_as_it_is_documented() {
    let mut running = Running::with(|command| match command {
        Command::Start(_) => Ok(Answer::Started(Box::new(ringing(1)), Fresh::New)),
        Command::Check { .. } => {
            let mut snapshot = ended(ringing(1), Status::Approved, None);
            snapshot.late = true;
            Ok(Answer::Checked(Verdict::Approved { late: true }, Box::new(snapshot)))
        }
        Command::Next { .. } | Command::Cancel { .. } | Command::Look { .. } => {
            Err(Refusal::NotOpen)
        }
    });
    let key = running.bench.key("shop", &[Scope::Start, Scope::Check]);
    let told = running.ask(post("/v1/verifications", r#"{"to":"+15550000001"}"#).by(&key)).await;
    assert_eq!(told.headers["location"], format!("/v1/verifications/{}", session(1)));
    let path = format!("/v1/verifications/{}/check", session(1));
    let checked = running.ask(post(&path, r#"{"code":"29185736"}"#).by(&key)).await;
    let kept = ended(ringing(1), Status::Approved, None);
    running.bench.keep(records(&kept)).await;
    let reveal = running.bench.key("shop", &[Scope::Read, Scope::Reveal]);
    let path = format!("/v1/verifications/{}", session(1));
    let revealed = running.ask(get(&path).by(&reveal)).await;
    let shown = [&told, &checked, &revealed]
        .map(|told| serde_json::to_string_pretty(&told.json()).unwrap() + "\n")
        .concat();
    same_as_kept("api_verification.json", &shown);
    running.stop().await;
}

#[tokio::test]
async fn a_start_says_what_it_found() {
    let cases = [
        (Fresh::New, 201, None),
        (Fresh::Replayed, 201, Some("true")),
        (Fresh::Duplicate, 200, None),
    ];
    for (fresh, status, replayed) in cases {
        let running = Running::with(move |_| Ok(Answer::Started(Box::new(ringing(1)), fresh)));
        let key = running.bench.key("shop", &[Scope::Start]);
        let told =
            running.ask(post("/v1/verifications", r#"{"to":"+15550000001"}"#).by(&key)).await;
        assert_eq!(told.status.as_u16(), status);
        let header = told.headers.get("idempotent-replayed").map(|value| value.to_str().unwrap());
        assert_eq!(header, replayed);
        let deduplicated = told.json().get("deduplicated").cloned();
        assert_eq!(deduplicated, (fresh == Fresh::Duplicate).then_some(true.into()));
        running.stop().await;
    }
}

#[tokio::test]
async fn a_replayed_start_that_has_ended_is_shown_as_it_ended() {
    let mut running = Running::with(|_| Ok(Answer::Replayed(session(1))));
    running.bench.keep(records(&ended(ringing(1), Status::Approved, None))).await;
    let key = running.bench.key("shop", &[Scope::Start]);
    let told = running.ask(post("/v1/verifications", r#"{"to":"+15550000001"}"#).by(&key)).await;
    assert_eq!(told.headers["idempotent-replayed"], "true");
    assert_eq!(
        (told.status, told.json()["status"].as_str()),
        (StatusCode::CREATED, Some("approved"))
    );
    running.stop().await;
}

#[tokio::test]
async fn a_start_is_asked_for_as_it_was_written() {
    let starts = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&starts);
    let running = Running::with(move |command| {
        let Command::Start(start) = command else { return Err(Refusal::NotOpen) };
        seen.lock().unwrap().push(*start);
        Err(Refusal::Capacity)
    });
    let key = running.bench.key("shop", &[Scope::Start]);
    let body = r#"{"to":"+15550000001","profile":"login","client_reference":"order-1","metadata":{"a": 1}}"#;
    running.ask(post("/v1/verifications", body).by(&key)).await;
    let real = format!(r#"{{"to":"{CALLED}"}}"#);
    running.ask(post("/v1/verifications", &real).by(&key)).await;
    // On the socket there is no key that would say for whom.
    let local = running.local();
    let (status, text) = local
        .request(axum::http::Method::POST, "/v1/verifications", Some(real.clone().into()))
        .await
        .unwrap();
    assert_eq!(
        (status, String::from_utf8_lossy(&text).contains("?tenant=")),
        (StatusCode::BAD_REQUEST, true)
    );
    let path = "/v1/verifications?tenant=bank";
    local.request(axum::http::Method::POST, path, Some(real.into())).await.unwrap();
    let other = running.ask(post(path, r#"{"to":"+15550000001"}"#).by(&key)).await;
    assert_eq!(other.code(), "unknown_tenant");
    let starts = starts.lock().unwrap().clone();
    let [test, real, local] = starts.as_slice() else { panic!("{starts:?}") };
    assert_eq!((&*test.tenant, test.profile.as_deref(), test.test), ("shop", Some("login"), true));
    assert_eq!((test.country, test.client_reference.as_deref()), (None, Some("order-1")));
    assert_eq!(test.metadata.as_deref(), Some(r#"{"a":1}"#));
    assert!(test.idempotency.is_none() && real.metadata.is_none());
    assert_eq!((real.test, real.country.unwrap().as_str()), (false, "US"));
    assert_eq!(&*local.tenant, "bank");
    running.stop().await;
}

#[tokio::test]
async fn what_is_open_is_asked_of_the_engine_and_what_has_ended_of_the_store() {
    let mut running = Running::with(|command| match command {
        Command::Look { id, .. } if id == session(1) => Ok(Answer::Session(Box::new(ringing(1)))),
        Command::Look { .. } => Err(Refusal::NotOpen),
        Command::Start(_)
        | Command::Check { .. }
        | Command::Next { .. }
        | Command::Cancel { .. } => Err(Refusal::Draining),
    });
    running.bench.keep(records(&ended(ringing(2), Status::Canceled, None))).await;
    let key = running.bench.key("shop", &[Scope::Read]);
    for (random, status, poll) in
        [(1, "pending", 500.into()), (2, "canceled", serde_json::Value::Null)]
    {
        let path = format!("/v1/verifications/{}", session(random));
        let json = running.ask(get(&path).by(&key)).await.json();
        assert_eq!((json["status"].as_str(), &json["poll_after_ms"]), (Some(status), &poll));
    }
    running.stop().await;
}

#[tokio::test]
async fn who_only_waits_for_a_code_is_to_ask_less_often() {
    let running = Running::with(|_| {
        let phase = Some(Phase::AwaitingCode);
        Ok(Answer::Session(Box::new(crate::verify::snapshot::Snapshot { phase, ..ringing(1) })))
    });
    let key = running.bench.key("shop", &[Scope::Read]);
    let path = format!("/v1/verifications/{}", session(1));
    assert_eq!(running.ask(get(&path).by(&key)).await.json()["poll_after_ms"], 2000);
    running.stop().await;
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let mut running = Running::idle();
    for random in 1..=5 {
        let mut snapshot = ended(ringing(random), Status::Expired, None);
        snapshot.attempts.clear();
        running.bench.keep(records(&snapshot)).await;
    }
    let key = running.bench.key("shop", &[Scope::Read]);
    let (mut seen, mut path) = (Vec::new(), "/v1/verifications?limit=2&status=expired".to_owned());
    loop {
        let json = running.ask(get(&path).by(&key)).await.json();
        let data = json["data"].as_array().unwrap().clone();
        assert!(data.len() <= 2);
        seen.extend(data.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = json["next_cursor"].as_str() else { break };
        path = format!("/v1/verifications?limit=2&status=expired&cursor={cursor}");
    }
    assert_eq!(seen, [5, 4, 3, 2, 1].map(|random| session(random).to_string()));
    let found =
        running.ask(get("/v1/verifications?client_reference=order-2").by(&key)).await.json();
    assert_eq!(found["data"].as_array().unwrap().len(), 0);
    running.stop().await;
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let running = Running::idle();
    assert_eq!(
        running.ask(get("/readyz")).await.json(),
        serde_json::json!({"ready": true, "reasons": []})
    );
    running.bench.rules.send(Arc::new(Rules::default())).unwrap();
    let told = running.ask(get("/readyz")).await;
    let wanted = serde_json::json!({"ready": false, "reasons": ["no_trunk", "no_pool"]});
    assert_eq!((told.status, told.json()), (StatusCode::SERVICE_UNAVAILABLE, wanted));
    running.bench.ears.health.drain();
    let told = running.ask(get("/readyz")).await;
    assert_eq!(told.json()["reasons"], serde_json::json!(["draining", "no_trunk", "no_pool"]));
    running.stop().await;
}

#[tokio::test]
async fn a_store_that_refused_is_doubted_until_it_keeps_something() {
    use crate::driver::Observe as _;
    use crate::engine::Event;
    let mut running = Running::idle();
    running.bench.ears.event(&Event::StoreFailed);
    let told = running.ask(get("/readyz")).await;
    assert_eq!(told.json()["reasons"], serde_json::json!(["store_unavailable"]));
    running.bench.ears.health.store_kept();
    assert_eq!(running.ask(get("/readyz")).await.status, StatusCode::OK);
    running.stop().await;
}
