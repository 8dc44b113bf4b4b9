//! Whether the process lives, whether it can be used, what is counted, and what the API is.

use super::Service;
use super::hub::Hub;
use super::metrics::Metrics;
use super::problem::Problem;
use super::verifications::json;
use crate::base::clock::Instant;
use crate::base::id::SessionId;
use crate::driver::{Inflow, Observe};
use crate::engine::Event;
use crate::io::net::clock::Clock;
use crate::io::store::sqlite::Counters;
use crate::verify::command::{Command, Refusal};
use crate::verify::event::What;
use crate::verify::record::Intent;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, Response, StatusCode};
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use utoipa::ToSchema;

/// A store that refused is doubted for so long, unless it keeps something before.
const DOUBT: Duration = Duration::from_secs(1);
/// How long the engine may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where a trunk's calls go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkWay {
    /// Its name.
    pub name: Arc<str>,
    /// The addresses that were found for it; none where it cannot be called.
    pub targets: Vec<SocketAddr>,
    /// What keeps it from being called.
    pub problem: Option<String>,
}

/// How it is with the service.
#[derive(Debug, Default)]
pub struct Health {
    /// When the store refused last, microseconds of the process' clock; 0 if it has kept something since.
    refused_us: AtomicU64,
    draining: AtomicBool,
    /// What the store says of itself.
    store: Option<Arc<Counters>>,
    ways: Mutex<Vec<TrunkWay>>,
}

impl Health {
    /// Of a service over this store.
    #[must_use]
    pub fn of(store: Arc<Counters>) -> Self {
        Self { store: Some(store), ..Self::default() }
    }

    /// Trunks were looked up: all of them, in the order of configuration.
    pub fn looked_up(&self, ways: Vec<TrunkWay>) {
        *self.ways.lock().unwrap_or_else(PoisonError::into_inner) = ways;
    }

    /// Where the calls of this trunk go; none before that is known.
    pub(super) fn way(&self, trunk: &str) -> Option<TrunkWay> {
        let ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        ways.iter().find(|way| *way.name == *trunk).cloned()
    }

    /// From now on nothing new is taken.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// The store has refused records.
    pub fn store_refused(&self, at: Instant) {
        self.refused_us.store(at.as_micros().max(1), Ordering::Relaxed);
    }

    /// The store has kept records.
    pub fn store_kept(&self) {
        self.refused_us.store(0, Ordering::Relaxed);
    }

    fn doubts_store(&self, now: Instant) -> bool {
        if self.store.as_ref().is_some_and(|store| store.is_refusing()) {
            return true;
        }
        let refused = self.refused_us.load(Ordering::Relaxed);
        refused != 0 && now.since(Instant::from_micros(refused)) < DOUBT
    }
}

/// Passes what the loop tells on to streams, metrics and health.
#[derive(Clone, Debug)]
pub struct Ears {
    /// For those who follow a verification.
    pub hub: Arc<Hub>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How it is with the service.
    pub health: Arc<Health>,
    /// The time.
    pub clock: Clock,
}

impl Observe for Ears {
    fn event(&mut self, event: &Event) {
        self.metrics.observe(event);
        match event {
            Event::Verify(event) => {
                self.hub.tell(event);
                if matches!(event.what, What::Started(_) | What::Ended(_)) {
                    self.health.store_kept();
                }
            }
            Event::Recorded(_) | Event::Amended(_) => self.health.store_kept(),
            Event::StoreFailed => self.health.store_refused(self.clock.instant()),
        }
    }

    fn begun(&mut self, intent: &Intent) {
        self.metrics.begun(intent);
    }

    fn inflow(&mut self, inflow: Inflow) {
        self.metrics.inflow(inflow);
    }
}

/// That the process answers.
#[derive(Serialize, ToSchema)]
pub(super) struct Alive {
    #[schema(value_type = String, example = "alive")]
    status: &'static str,
    /// Version of the program.
    #[schema(value_type = String, example = "0.1.0")]
    version: &'static str,
}

/// Whether the process lives
#[utoipa::path(get, path = "/healthz", tag = "operation", operation_id = "healthz", security(()),
    responses((status = 200, description = "It does", body = Alive)))]
pub(super) async fn alive() -> Response<Body> {
    json(StatusCode::OK, &Alive { status: "alive", version: env!("CARGO_PKG_VERSION") })
}

/// Whether verifications can be begun.
#[derive(Serialize, ToSchema)]
pub(super) struct Ready {
    ready: bool,
    /// Why not: `draining`, `store_unavailable`, `no_trunk`, `no_pool`, `engine_busy`.
    #[schema(value_type = Vec<String>)]
    reasons: Vec<&'static str>,
}

/// Whether verifications can be begun
#[utoipa::path(get, path = "/readyz", tag = "operation", operation_id = "readyz", security(()),
    responses(
        (status = 200, description = "They can", body = Ready),
        (status = 503, description = "They cannot, and why", body = Ready)))]
pub(super) async fn ready(State(service): State<Arc<Service>>) -> Response<Body> {
    let reasons = reasons(&service).await;
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &Ready { ready, reasons })
}

async fn reasons(service: &Service) -> Vec<&'static str> {
    // Nobody's: whether the engine says so is what is asked.
    let nobody = SessionId { unix_ms: 0, shard: 0, epoch: 0, random: 0 };
    let look = service.handle.ask(Command::Look { tenant: None, id: nobody });
    let engine = match tokio::time::timeout(PATIENCE, look).await {
        Ok(Err(Refusal::Draining)) => Some("draining"),
        Ok(Err(Refusal::Capacity)) | Err(_) => Some("engine_busy"),
        Ok(_) => None,
    };
    let draining = service.health.draining.load(Ordering::Acquire) && engine != Some("draining");
    let store = service.health.doubts_store(service.clock.instant());
    let rules = service.rules.borrow();
    [
        engine,
        draining.then_some("draining"),
        store.then_some("store_unavailable"),
        rules.trunks.is_empty().then_some("no_trunk"),
        rules.pools.is_empty().then_some("no_pool"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What is counted, for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "operation", operation_id = "metrics", security(()),
    responses((status = 200, description = "Text for Prometheus; OpenMetrics where it is asked for", content_type = "text/plain", body = String)))]
pub(super) async fn metrics(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
) -> Response<Body> {
    let asked = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let open = asked.contains("application/openmetrics-text");
    let kind = if open {
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    } else {
        "text/plain; version=0.0.4; charset=utf-8"
    };
    let mut response = Response::new(Body::from(service.metrics.text(open)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "operation", operation_id = "openapi", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value)))]
pub(super) async fn openapi(State(service): State<Arc<Service>>) -> Response<Body> {
    let mut response = Response::new(Body::from(service.openapi.clone()));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Where there is nothing.
pub(super) async fn nothing() -> Problem {
    Problem::not_found()
}

/// Where something is, but not that.
pub(super) async fn wrong_method() -> Problem {
    Problem::new(
        super::problem::Code::MethodNotAllowed,
        "the header Allow says what can be done here",
    )
}
