//! What the engine refuses, as it is told: compared with `tests/golden/api_problems.txt`.

use super::support::{Running, ended, post, records, ringing, session};
use crate::api::Scope;
use crate::api::problem::{Code, Problem};
use crate::base::tests::golden::same_as_kept;
use crate::verify::command::Refusal;
use crate::verify::status::{Reason, Status};
use std::fmt::Write as _;

fn all() -> Vec<Refusal> {
    let mut all = vec![
        Refusal::UnknownTenant,
        Refusal::UnknownProfile,
        Refusal::DestinationDenied,
        Refusal::NoRoute,
        Refusal::NoEligibleNumber,
        Refusal::InProgress(session(1)),
        Refusal::IdempotencyConflict,
        Refusal::IdempotencyInFlight,
        Refusal::Capacity,
        Refusal::StoreDown,
        Refusal::Draining,
        Refusal::NotOpen,
        Refusal::NoStepsLeft,
        Refusal::CallUnderWay,
    ];
    all.extend(Status::ALL.map(|status| Refusal::Ended(status, None)));
    all.push(Refusal::Ended(Status::Failed, Some(Reason::AttemptsExhausted)));
    all.push(Refusal::Ended(Status::Failed, Some(Reason::Unreachable)));
    all
}

#[tokio::test]
async fn each_refusal_is_a_problem() {
    let mut text = String::new();
    for refusal in all() {
        let running = Running::with(move |_| Err(refusal));
        let key = running.bench.key("shop", &[Scope::Start]);
        let told =
            running.ask(post("/v1/verifications", r#"{"to":"+15550000001"}"#).by(&key)).await;
        let json = told.json();
        assert_eq!(told.code(), json["code"]);
        let retry = told.headers.get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(retry.is_some(), json["retryable"] == true);
        if matches!(told.status.as_u16(), 429 | 503) {
            assert!(retry.is_some(), "{refusal:?}");
        }
        writeln!(text, "{refusal:?}: {}", told.status.as_u16()).unwrap();
        for (name, value) in json.as_object().unwrap() {
            if !["status", "type", "request_id"].contains(&name.as_str()) {
                writeln!(text, "  {name}: {value}").unwrap();
            }
        }
        running.stop().await;
    }
    same_as_kept("api_problems.txt", &text);
}

#[test]
fn codes_have_one_name_each_and_the_program_may_depend_on_it() {
    let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::ALL.len());
    for code in Code::ALL {
        assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
        let retry = Problem::new(code, "").retry_after();
        assert!(retry.is_some() || !matches!(code.status().as_u16(), 429 | 503), "{code:?}");
    }
}

#[tokio::test]
async fn the_store_knows_how_what_is_not_open_ended() {
    let mut running = Running::idle();
    let cases = [
        (Status::Approved, None, 409, "already_approved"),
        (Status::Failed, Some(Reason::AttemptsExhausted), 410, "attempts_exhausted"),
        (Status::Failed, Some(Reason::Unreachable), 410, "failed"),
        (Status::Expired, Some(Reason::Expired), 410, "expired"),
        (Status::Canceled, Some(Reason::CanceledByApi), 410, "canceled"),
    ];
    let key = running.bench.key("shop", &Scope::ALL);
    for (n, (status, reason, code, name)) in (2..).zip(cases) {
        let mut snapshot = ended(ringing(n), status, reason);
        snapshot.attempts.clear();
        running.bench.keep(records(&snapshot)).await;
        for (what, body) in [("check", r#"{"code":"12345678"}"#), ("next", ""), ("cancel", "")] {
            let path = format!("/v1/verifications/{}/{what}", snapshot.id);
            let told = running.ask(post(&path, body).by(&key)).await;
            assert_eq!((told.code().as_str(), told.status.as_u16()), (name, code), "{what}");
        }
    }
    running.stop().await;
}
