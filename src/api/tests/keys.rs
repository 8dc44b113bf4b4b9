//! Keys, from their making to their end.

use super::support::{Asking, Running, get, post};
use crate::api::Scope;
use axum::http::{Method, StatusCode};

#[tokio::test]
async fn a_key_works_from_its_making_until_it_is_revoked() {
    let running = Running::idle();
    let local = running.local();
    let body = br#"{"tenant":"shop","scopes":["read","check"],"name":"till"}"#.to_vec();
    let (status, text) = local.request(Method::POST, "/v1/keys", Some(body)).await.unwrap();
    let made: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let (key, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert!(key.starts_with(&format!("or_{id}_")));
    assert_eq!(
        (made["name"].as_str(), &made["scopes"]),
        (Some("till"), &serde_json::json!(["check", "read"]))
    );
    assert_eq!(running.ask(get("/v1/trunks").by(key)).await.status, StatusCode::OK);
    let (_, text) = local.request(Method::GET, "/v1/keys", None).await.unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(listed["data"][0]["id"], id);
    let secret = key.rsplit('_').next().unwrap();
    assert!(!String::from_utf8_lossy(&text).contains(secret), "a secret is shown once");
    let path = format!("/v1/keys/{id}");
    for _ in 0..2 {
        let (status, _) = local.request(Method::DELETE, &path, None).await.unwrap();
        assert_eq!(status, StatusCode::NO_CONTENT, "twice is once");
    }
    assert_eq!(running.ask(get("/v1/trunks").by(key)).await.code(), "unauthenticated");
    let (_, text) = local.request(Method::GET, "/v1/keys", None).await.unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert!(listed["data"][0]["revoked_at"].is_string());
    running.stop().await;
}

#[tokio::test]
async fn an_admin_of_one_tenant_has_the_keys_of_that_tenant_alone() {
    let running = Running::idle();
    let shop = running.bench.key("shop", &[Scope::Admin]);
    let bank = running.bench.key("bank", &[Scope::Admin]);
    let told =
        running.ask(post("/v1/keys", r#"{"tenant":"shop","scopes":["read"]}"#).by(&shop)).await;
    let id = told.json()["id"].as_str().unwrap().to_owned();
    let told =
        running.ask(post("/v1/keys", r#"{"tenant":"shop","scopes":["read"]}"#).by(&bank)).await;
    assert_eq!(told.code(), "unknown_tenant");
    let list = |json: serde_json::Value| json["data"].as_array().unwrap().len();
    assert_eq!(list(running.ask(get("/v1/keys").by(&shop)).await.json()), 1);
    assert_eq!(list(running.ask(get("/v1/keys").by(&bank)).await.json()), 0);
    let path = format!("/v1/keys/{id}");
    let delete = |key| Asking { method: Method::DELETE, ..get(&path) }.by(key);
    assert_eq!(running.ask(delete(&bank)).await.code(), "not_found");
    assert_eq!(running.ask(delete(&shop)).await.status, StatusCode::NO_CONTENT);
    running.stop().await;
}

#[tokio::test]
async fn a_key_that_makes_no_sense_is_not_made() {
    let running = Running::idle();
    let admin = running.bench.key("shop", &[Scope::Admin]);
    for (body, code, pointer) in [
        (r#"{"tenant":"nobody","scopes":["read"]}"#, "unknown_tenant", "/tenant"),
        (r#"{"tenant":"shop","scopes":[]}"#, "invalid_request", "/scopes"),
        (r#"{"tenant":"shop","scopes":["read","write"]}"#, "invalid_request", "/scopes/1"),
        (r#"{"tenant":"shop","scopes":"read"}"#, "invalid_request", "/scopes"),
        (r#"{"tenant":"shop"}"#, "invalid_request", "/scopes"),
    ] {
        let told = running.ask(post("/v1/keys", body).by(&admin)).await;
        assert_eq!(told.code(), code, "{body}");
        assert_eq!(told.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    running.stop().await;
}
