//! The REST API: what comes in is made a command of the verifier or a question to the store, and what they say is shown.
//!
//! It decides nothing about verifications. What it does decide: who may ask ([`Keys`]), what of a number may be seen
//! (`view`), how much a client may make us hold ([`Limits`]), and how a problem is told ([`Code`]).
//!
//! [`bind`] takes the sockets, so that a port in use is known before anything is begun; [`serve`] answers on them.

mod auth;
mod cdrs;
pub mod client;
mod events;
mod health;
mod hub;
mod keys;
mod look;
pub mod metrics;
mod problem;
mod read;
mod router;
mod server;
mod verifications;
mod view;

#[cfg(test)]
pub(crate) mod tests;

pub use auth::{Keys, NewKey, Scope, Scopes};
pub use health::{Ears, Health, TrunkWay};
pub use hub::Hub;
pub use keys::{is_name, key_json};
pub use problem::Code;
pub use router::openapi;
pub use server::{
    BindError, Bound, Certificates, Config, Limits, SOCKET, TlsError, TlsFiles, bind, serve,
};

use crate::driver::Handle;
use crate::io::net::clock::Clock;
use crate::io::store::sqlite::{Admin, ReadError, Reader};
use crate::verify::rules::Rules;
use metrics::Metrics;
use problem::{Code as ProblemCode, Problem};
use read::BodyLimits;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Questions to the store that are answered at a time; the others wait.
const READS_MAX: usize = 8;

/// What the API has of the rest of the service.
pub struct Parts {
    /// The engine.
    pub handle: Handle,
    /// What is stored, to look at.
    pub reader: Reader,
    /// What of the store may be changed from here: keys.
    pub admin: Admin,
    /// The keys, as the store has them.
    pub keys: Keys,
    /// Events for those who follow.
    pub hub: Arc<Hub>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How it is with the service.
    pub health: Arc<Health>,
    /// What verifications are judged by, as configured now.
    pub rules: watch::Receiver<Arc<Rules>>,
    /// The time.
    pub clock: Clock,
}

/// What the handlers share.
pub struct Service {
    handle: Handle,
    reader: Reader,
    admin: Admin,
    keys: Keys,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    rules: watch::Receiver<Arc<Rules>>,
    clock: Clock,
    limits: BodyLimits,
    reads: Semaphore,
    requests: Semaphore,
    streams: Arc<Semaphore>,
    ids: router::RequestIds,
    openapi: bytes::Bytes,
}

impl Service {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts, limits: &Limits) -> Self {
        let Parts { handle, reader, admin, keys, hub, metrics, health, rules, clock } = parts;
        Self {
            handle,
            reader,
            admin,
            keys,
            hub,
            metrics,
            health,
            rules,
            clock,
            limits: BodyLimits { bytes: limits.body_bytes_max, within: limits.body_within },
            reads: Semaphore::new(READS_MAX),
            requests: Semaphore::new(limits.requests_max),
            streams: Arc::new(Semaphore::new(limits.streams_max)),
            ids: router::RequestIds::default(),
            openapi: openapi().into(),
        }
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.borrow())
    }

    /// Asks the store, on a thread that may wait for the disk.
    async fn stored<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Problem> {
        let _turn = self.reads.acquire().await.map_err(|_| unreadable())?;
        let reader = self.reader.clone();
        match tokio::task::spawn_blocking(move || ask(&reader)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                tracing::error!(%error, "the store cannot be read");
                Err(unreadable())
            }
            Err(_) => Err(unreadable()),
        }
    }
}

fn unreadable() -> Problem {
    Problem::new(ProblemCode::StoreUnavailable, "records cannot be read")
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the API over {:?}", self.hub)
    }
}
