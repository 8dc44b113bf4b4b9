//! Who may do what: every route without a key, with a key that has every scope but the right ones, and with a right one.

use super::support::{Asking, Running, ended, get, post, records, ringing, session};
use crate::api::Scope;
use crate::verify::command::{Answer, Command, Fresh, Refusal, Verdict};
use crate::verify::status::Status;
use axum::http::{Method, StatusCode};

const START: &str = r#"{"to":"+15550000001"}"#;

fn engine(command: Command) -> Result<Answer, Refusal> {
    let snapshot = Box::new(ringing(1));
    match command {
        Command::Start(_) => Ok(Answer::Started(snapshot, Fresh::New)),
        Command::Check { .. } => Ok(Answer::Checked(Verdict::Invalid, snapshot)),
        Command::Look { id, .. } if id != session(1) => Err(Refusal::NotOpen),
        Command::Next { .. } | Command::Cancel { .. } | Command::Look { .. } => {
            Ok(Answer::Session(snapshot))
        }
    }
}

#[tokio::test]
async fn each_route_asks_for_its_scopes() {
    let mut running = Running::with(engine);
    let kept = ended(ringing(2), Status::Approved, None);
    running.bench.keep(records(&kept)).await;
    let of = |what: &str| format!("/v1/verifications/{}{what}", session(1));
    let (itself, check, next) = (of(""), of("/check"), of("/next"));
    let (cancel, attempts, events) =
        (of("/cancel"), of("/attempts"), format!("/v1/verifications/{}/events", session(2)));
    let cdr = format!("/v1/cdrs/{}", kept.attempts[0].id);
    use Scope::{Admin, Check, Read, Start};
    let any = [Read, Start, Check];
    let delete = Asking { method: Method::DELETE, ..get("/v1/keys/none") };
    let key = r#"{"tenant":"shop","scopes":["read"]}"#;
    let routes: Vec<(Asking<'_>, &[Scope], u16)> = vec![
        (post("/v1/verifications", START), &[Start], 201),
        (get("/v1/verifications"), &[Read], 200),
        (get(&itself), &any, 200),
        (post(&check, r#"{"code":"12345678"}"#), &[Check], 200),
        (post(&next, ""), &[Start], 200),
        (post(&cancel, ""), &[Start], 200),
        (get(&attempts), &[Read], 200),
        (get(&events), &any, 200),
        (get("/v1/cdrs"), &[Read], 200),
        (get("/v1/cdrs/export"), &[Read], 200),
        (get(&cdr), &[Read], 200),
        (get("/v1/pools"), &[Read], 200),
        (get("/v1/routes/explain?to=%2B12025550142"), &[Read], 200),
        (get("/v1/trunks"), &[Read], 200),
        (post("/v1/keys", key), &[Admin], 201),
        (get("/v1/keys"), &[Admin], 200),
        (delete, &[Admin], 404),
    ];
    for (asking, scopes, status) in routes {
        let named = format!("{} {}", asking.method, asking.path);
        let none = running.ask(asking.clone()).await;
        assert_eq!(
            (none.code().as_str(), none.status),
            ("unauthenticated", StatusCode::UNAUTHORIZED),
            "{named}"
        );
        assert_eq!(none.headers["www-authenticate"], "Bearer");
        let others: Vec<Scope> =
            Scope::ALL.into_iter().filter(|scope| !scopes.contains(scope)).collect();
        let wrong = running.bench.key("shop", &others);
        let wrong = running.ask(asking.clone().by(&wrong)).await;
        assert_eq!(
            (wrong.code().as_str(), wrong.status),
            ("scope_missing", StatusCode::FORBIDDEN),
            "{named}"
        );
        for scope in scopes {
            let right = running.bench.key("shop", &[*scope]);
            let right = running.ask(asking.clone().by(&right)).await;
            assert_eq!(right.status.as_u16(), status, "{named}: {}", right.text());
            assert_eq!(right.headers["cache-control"], "no-store");
            assert_eq!(right.headers["x-content-type-options"], "nosniff");
            assert!(right.headers["x-request-id"].to_str().unwrap().starts_with("req_"));
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn what_needs_no_key_is_answered_without() {
    let running = Running::idle();
    for (path, kind) in [
        ("/healthz", "application/json"),
        ("/readyz", "application/json"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ("/openapi.json", "application/json"),
    ] {
        let told = running.ask(get(path)).await;
        assert_eq!(
            (told.status, &told.headers["content-type"]),
            (StatusCode::OK, &kind.parse().unwrap()),
            "{path}"
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn an_unknown_key_a_wrong_secret_and_a_revoked_key_are_told_the_same() {
    let running = Running::idle();
    let key = running.bench.key("shop", &[Scope::Read]);
    let id = key.split('_').nth(1).unwrap();
    let unknown = format!("or_0000000000000000_{}", "0".repeat(64));
    let wrong = format!("or_{id}_{}", "0".repeat(64));
    let mut told = Vec::new();
    for key in [unknown.as_str(), &wrong, "nonsense"] {
        let answer = running.ask(get("/v1/trunks").by(key)).await;
        let mut json = answer.json();
        json["request_id"] = "".into();
        told.push((answer.status, json));
    }
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    assert_eq!(told[0].0, StatusCode::UNAUTHORIZED);
    running.stop().await;
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_problems() {
    let running = Running::idle();
    for path in ["/", "/v1", "/v1/verifications/", "/v2/verifications", "/v1/cdrs/export/x"] {
        assert_eq!(running.ask(get(path)).await.code(), "not_found", "{path}");
    }
    let told = running.ask(Asking { method: Method::PUT, ..get("/v1/verifications") }).await;
    assert_eq!(
        (told.code().as_str(), told.status),
        ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED)
    );
    let mut allowed: Vec<&str> = told.headers["allow"].to_str().unwrap().split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    running.stop().await;
}

#[tokio::test]
async fn who_takes_another_kind_of_answer_is_told_so() {
    let running = Running::with(engine);
    let key = running.bench.key("shop", &[Scope::Read]);
    for (accept, status) in [
        ("*/*", 200),
        ("application/*;q=0.5", 200),
        ("text/html, application/json", 200),
        ("text/html", 406),
        ("application/json;q=0", 406),
    ] {
        let told = running.ask(get("/v1/trunks").by(&key).header("accept", accept)).await;
        assert_eq!(told.status.as_u16(), status, "{accept}");
    }
    running.stop().await;
}

#[tokio::test]
async fn what_is_another_tenants_is_not_there() {
    let mut running = Running::with(|command| match command {
        Command::Check { tenant, .. }
        | Command::Next { tenant, .. }
        | Command::Cancel { tenant, .. } => {
            assert_eq!(tenant.as_deref(), Some("bank"));
            Err(Refusal::NotOpen)
        }
        Command::Look { .. } | Command::Start(_) => Err(Refusal::NotOpen),
    });
    let kept = ended(ringing(2), Status::Approved, None);
    running.bench.keep(records(&kept)).await;
    let own = running.bench.key("shop", &Scope::ALL);
    let other = running.bench.key("bank", &Scope::ALL);
    let of = |id: &str, what: &str| format!("/v1/verifications/{id}{what}");
    let (there, nowhere) = (kept.id.to_string(), session(9).to_string());
    for what in ["", "/attempts", "/events"] {
        assert_eq!(running.ask(get(&of(&there, what)).by(&own)).await.status, StatusCode::OK);
    }
    for (what, body) in [
        ("", None),
        ("/attempts", None),
        ("/events", None),
        ("/check", Some(r#"{"code":"1234"}"#)),
        ("/next", Some("")),
        ("/cancel", Some("")),
    ] {
        let mut told = Vec::new();
        for id in [there.as_str(), &nowhere, "ver_nonsense"] {
            let path = of(id, what);
            let asking = body.map_or_else(|| get(&path), |body| post(&path, body));
            let answer = running.ask(asking.by(&other)).await;
            let mut json = answer.json();
            json["request_id"] = "".into();
            told.push(json);
        }
        assert_eq!(told[0]["code"], "not_found");
        assert!(told.iter().all(|one| *one == told[0]), "{what}: {told:?}");
    }
    let cdr = format!("/v1/cdrs/{}", kept.attempts[0].id);
    assert_eq!(running.ask(get(&cdr).by(&own)).await.status, StatusCode::OK);
    assert_eq!(running.ask(get(&cdr).by(&other)).await.code(), "not_found");
    for path in ["/v1/verifications", "/v1/cdrs"] {
        let data = |json: serde_json::Value| json["data"].as_array().unwrap().len();
        assert_eq!(data(running.ask(get(path).by(&own)).await.json()), 1);
        assert_eq!(data(running.ask(get(path).by(&other)).await.json()), 0);
    }
    assert_eq!(running.ask(get("/v1/cdrs/export").by(&other)).await.text(), "");
    running.stop().await;
}
