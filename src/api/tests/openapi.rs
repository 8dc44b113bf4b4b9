//! The description of the API: `docs/openapi.json` is what the code says.

use crate::api::{Scope, openapi};
use std::path::PathBuf;

#[test]
fn the_document_in_docs_is_the_one_that_is_served() {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "docs", "openapi.json"].iter().collect();
    let said = openapi() + "\n";
    if std::env::var_os("ONERING_BLESS").is_some() {
        std::fs::write(&path, said).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == said, "{} differs; `ONERING_BLESS=1 cargo test` rewrites it", path.display());
}

#[test]
fn it_is_openapi_3_1_and_each_operation_says_who_may() {
    let document: serde_json::Value = serde_json::from_str(&openapi()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["security"], serde_json::json!([{"key": []}]));
    let paths = document["paths"].as_object().unwrap();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let security = operation["security"].as_array().unwrap();
            let scope = |one: &serde_json::Value| one["key"][0].as_str().and_then(Scope::named);
            let keyed = security.iter().all(|one| scope(one).is_some());
            assert_eq!(keyed, path.starts_with("/v1/"), "{method} {path}");
            assert!(operation["operationId"].is_string() && operation["summary"].is_string());
        }
    }
    assert_eq!(paths.len(), 19);
}
