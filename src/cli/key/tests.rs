//! Keys over the socket of a service, and on the store of one that does not run.

use super::*;
use crate::api::SOCKET;
use crate::api::tests::support::{Dir, Running};
use std::path::PathBuf;

fn place(dir: &Path) -> Place {
    Place { dir: dir.to_owned(), socket: dir.join(SOCKET) }
}

fn create(tenant: &str) -> Create {
    let at = Where { place: DirArg::of(PathBuf::new()), json: false };
    let scopes = vec![Scope::Start, Scope::Check];
    Create { at, tenant: tenant.into(), scopes, name: Some("till".into()) }
}

async fn from_first_to_last(dir: &Path) {
    let place = &place(dir);
    let made = done(place, &Wish::Create(&create("shop"))).await.unwrap();
    let (key, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert!(key.starts_with(&format!("or_{id}_")));
    assert_eq!(made["scopes"], json!(["start", "check"]));
    let listed = done(place, &Wish::List).await.unwrap();
    let [listed] = listed["data"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!((listed["id"].as_str(), listed["name"].as_str()), (Some(id), Some("till")));
    assert!(listed.get("key").is_none() && listed["revoked_at"].is_null());
    done(place, &Wish::Revoke(id)).await.unwrap();
    let listed = done(place, &Wish::List).await.unwrap();
    assert!(listed["data"][0]["revoked_at"].is_string());
    let error = done(place, &Wish::Revoke("0000")).await.unwrap_err().to_string();
    assert!(error.contains("there is no key 0000"), "{error}");
}

#[tokio::test]
async fn on_the_store_of_a_service_that_does_not_run() {
    let dir = Dir::new();
    let data = dir.0.join("data");
    let error = done(&place(&data), &Wish::List).await.unwrap_err().to_string();
    assert!(error.contains("there is no store there"), "{error}");
    assert!(!data.exists());
    from_first_to_last(&data).await;
}

#[tokio::test]
async fn over_the_socket_of_one_that_does() {
    let running = Running::idle();
    let dir = running.socket.parent().unwrap().to_owned();
    from_first_to_last(&dir).await;
    let error = done(&place(&dir), &Wish::Create(&create("nobody"))).await.unwrap_err().to_string();
    assert_eq!(error, "there is no such tenant");
    running.stop().await;
}

#[tokio::test]
async fn a_socket_that_outlived_its_service_is_no_service() {
    let dir = Dir::new();
    drop(std::os::unix::net::UnixListener::bind(dir.0.join(SOCKET)).unwrap());
    let error = done(&place(&dir.0), &Wish::List).await.unwrap_err().to_string();
    assert!(error.contains("there is no store there"), "{error}");
    assert!(!dir.0.join("onering.db").exists());
    from_first_to_last(&dir.0).await;
}
