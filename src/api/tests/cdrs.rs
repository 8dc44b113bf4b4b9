//! Records of calls: pages, one, and exports.

use super::support::{
    CALLED_DIGITS, CALLER_DIGITS, Running, attempt, ended, get, records, ringing,
};
use crate::api::Scope;
use crate::verify::status::Status;

async fn with_records(count: u32) -> Running {
    let mut running = Running::idle();
    for n in 1..=count {
        let mut snapshot = ended(ringing(u64::from(n)), Status::Approved, None);
        snapshot.attempts[0].id = attempt(n);
        running.bench.keep(records(&snapshot)).await;
    }
    running
}

#[tokio::test]
async fn pages_of_records_follow_each_other() {
    let running = with_records(5).await;
    let key = running.bench.key("shop", &[Scope::Read]);
    let (mut seen, mut path) = (Vec::new(), "/v1/cdrs?limit=2&trunk=west".to_owned());
    loop {
        let json = running.ask(get(&path).by(&key)).await.json();
        let data = json["data"].as_array().unwrap();
        seen.extend(data.iter().map(|one| one["cdr_id"].as_str().unwrap().to_owned()));
        let Some(cursor) = json["next_cursor"].as_str() else { break };
        path = format!("/v1/cdrs?limit=2&trunk=west&cursor={cursor}");
    }
    assert_eq!(seen, [5, 4, 3, 2, 1].map(|slot| attempt(slot).to_string()));
    let none = running.ask(get("/v1/cdrs?outcome=busy&since=2026-11-01").by(&key)).await.json();
    assert_eq!(none["data"].as_array().unwrap().len(), 0);
    running.stop().await;
}

#[tokio::test]
async fn numbers_are_in_plain_only_for_who_may_see_them() {
    let running = with_records(1).await;
    let path = format!("/v1/cdrs/{}", attempt(1));
    let masked = running.bench.key("shop", &[Scope::Read]);
    let plain = running.bench.key("shop", &[Scope::Read, Scope::Reveal]);
    for path in [path.as_str(), "/v1/cdrs", "/v1/cdrs/export", "/v1/cdrs/export?format=csv"] {
        let text = running.ask(get(path).by(&masked)).await.text().to_owned();
        assert!(!text.contains(CALLER_DIGITS) && !text.contains(CALLED_DIGITS), "{text}");
        let text = running.ask(get(path).by(&plain)).await.text().to_owned();
        assert!(text.contains(CALLER_DIGITS) && text.contains(CALLED_DIGITS), "{text}");
    }
    running.stop().await;
}

#[tokio::test]
async fn an_export_is_complete_and_in_order() {
    const COUNT: u32 = 520;
    let running = with_records(COUNT).await;
    let key = running.bench.key("shop", &[Scope::Read]);
    let told = running.ask(get("/v1/cdrs/export").by(&key)).await;
    assert_eq!(told.headers["content-type"], "application/x-ndjson");
    let ids: Vec<String> = told
        .text()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|record| record["cdr_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, (1..=COUNT).map(|slot| attempt(slot).to_string()).collect::<Vec<_>>());
    let told = running.ask(get("/v1/cdrs/export?format=csv&profile=asterisk").by(&key)).await;
    assert_eq!(told.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(told.text().lines().count(), COUNT as usize);
    let told = running.ask(get("/v1/cdrs/export?format=csv").by(&key)).await;
    assert!(told.text().starts_with("cdr_id,"));
    running.stop().await;
}
