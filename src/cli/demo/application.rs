//! The application of the demo: it knows a URL and a key, and speaks nothing but HTTP.

use std::net::SocketAddr;
use std::path::Path;

use axum::http::Method;
use serde_json::{Value, json};

use crate::api::client::Service;
use crate::cli::Failure;

/// It.
pub(super) struct Application {
    address: SocketAddr,
    key: String,
    service: Service,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    /// A text of the body; empty where there is none.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number of the body; 0 where there is none.
    pub(super) fn number(&self, pointer: &str) -> u64 {
        self.body.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
    }

    /// The body, if the status is as it should be.
    pub(super) fn expect(self, status: u16, what: &str) -> Result<Self, Failure> {
        if self.status == status {
            return Ok(self);
        }
        Err(Failure::Failed(format!("{what}: {} instead of {status}: {}", self.status, self.body)))
    }
}

impl Application {
    /// With a key of its own, made over the service's Unix socket as an operator would.
    pub(super) async fn new(address: SocketAddr, socket: &Path) -> Result<Self, Failure> {
        let operator = Service::Socket(socket.to_owned());
        let wish = json!({
            "tenant": "default",
            "scopes": ["start", "check", "read", "reveal"],
            "name": "demo",
        });
        let made = ask(&operator, Method::POST, "/v1/keys", Some(wish)).await?;
        let made = made.expect(201, "making a key")?;
        let key = made.text("/key").to_owned();
        let service = Service::Network(address.to_string(), key.clone());
        Ok(Self { address, key, service })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, Failure> {
        ask(&self.service, Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Result<Answer, Failure> {
        ask(&self.service, Method::POST, path, Some(body)).await
    }

    /// The Call-ID of every record that is stored.
    pub(super) async fn call_ids(&self) -> Result<Vec<String>, Failure> {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/v1/cdrs?limit=100{cursor}")).await?;
            let page = page.expect(200, "listing records")?;
            let records = page.body.pointer("/data").and_then(Value::as_array);
            for record in records.into_iter().flatten() {
                let call_id = record.pointer("/call_id").and_then(Value::as_str);
                found.extend(call_id.map(str::to_owned));
            }
            match page.body.pointer("/next_cursor").and_then(Value::as_str) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(found),
            }
        }
    }
}

async fn ask(
    service: &Service,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Result<Answer, Failure> {
    let body = body.map(|body| body.to_string().into_bytes());
    let answer = service.request(method, path, body).await;
    let (status, body) = answer.map_err(|error| Failure::Failed(format!("{path}: {error}")))?;
    let body = serde_json::from_slice(&body)
        .map_err(|error| Failure::Failed(format!("{path}: the answer is no JSON: {error}")))?;
    Ok(Answer { status: status.as_u16(), body })
}
