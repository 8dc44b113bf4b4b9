//! Where records come from: the service's Unix socket, or the store that it left.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

use crate::api::client::Service;
use crate::base::calendar::rfc3339;
use crate::base::id::{AttemptId, SessionId};
use crate::base::number::{CallerId, Destination};
use crate::call::outcome::Outcome;
use crate::cli::Failure;
use crate::cli::trunk::runtime;
use crate::config::Place;
use crate::io::net::clock::Clock;
use crate::io::store::sqlite::{CdrQuery, DataDir, Direction, Reader};
use crate::verify::cdr::{Kept, Show, View};

/// Records that are asked for at a time; the service gives no more.
const PAGE: usize = 200;
/// The longest line of an export that is taken.
const LINE_MAX: usize = 1024 * 1024;

/// Which records.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub(super) since_unix_us: Option<u64>,
    pub(super) until_unix_us: Option<u64>,
    pub(super) to: Option<Destination>,
    pub(super) outcome: Option<Outcome>,
    pub(super) trunk: Option<String>,
    pub(super) verification: Option<SessionId>,
}

/// Records, and what may be seen of their numbers.
pub(super) struct Records {
    origin: Origin,
    show: Show,
}

enum Origin {
    Service { service: Service, runtime: Runtime },
    Store { dir: DataDir, reader: Reader },
}

/// A page of the service.
#[derive(Deserialize)]
struct Page {
    data: Vec<View>,
    next_cursor: Option<String>,
}

/// What a refusal says of itself.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

impl Records {
    /// Asks the service if it runs, and opens its store if it does not.
    pub(super) fn open(place: &Place, show: Show) -> Result<Self, Failure> {
        let Place { dir, socket } = place;
        if UnixStream::connect(socket).is_ok() {
            let (service, runtime) = (Service::Socket(socket.clone()), runtime()?);
            return Ok(Self { origin: Origin::Service { service, runtime }, show });
        }
        // Opening a store makes one where there is none, and a mistyped path should not.
        if !dir.join("onering.db").exists() {
            let shown = dir.display();
            let said = format!("{shown}: no service answers there, and there is no store");
            return Err(Failure::Failed(said));
        }
        let dir = DataDir::open(dir, Clock::start().now().unix_us).map_err(failed)?;
        let reader = Reader::open(&dir).map_err(failed)?;
        Ok(Self { origin: Origin::Store { dir, reader }, show })
    }

    /// The newest of them, at most so many.
    pub(super) fn list(&mut self, filter: &Filter, most: usize) -> Result<Vec<View>, Failure> {
        let mut found = Vec::new();
        match &self.origin {
            Origin::Service { service, runtime } => {
                let query = query(filter);
                let mut cursor = String::new();
                while found.len() < most {
                    let limit = PAGE.min(most - found.len());
                    let path = format!("/v1/cdrs?limit={limit}{query}{cursor}");
                    let page: Option<Page> = runtime.block_on(ask(service, &path))?;
                    let Some(page) = page else { break };
                    found.extend(page.data.into_iter().map(|view| self.hide(view)));
                    let Some(next) = page.next_cursor else { break };
                    cursor = format!("&cursor={}", escaped(&next));
                }
            }
            Origin::Store { reader, .. } => {
                let query = stored(filter, Direction::NewestFirst);
                pages(reader, query, Some(most), |kept| {
                    found.push(kept.view(self.show).map_err(failed)?);
                    Ok(())
                })?;
            }
        }
        Ok(found)
    }

    /// The one of this id.
    pub(super) fn one(&mut self, id: AttemptId) -> Result<Option<View>, Failure> {
        match &self.origin {
            Origin::Service { service, runtime } => {
                let found = runtime.block_on(ask(service, &format!("/v1/cdrs/{id}")))?;
                Ok(found.map(|view| self.hide(view)))
            }
            Origin::Store { reader, .. } => {
                let kept = reader.cdr(id).map_err(failed)?;
                kept.map(|kept| kept.view(self.show)).transpose().map_err(failed)
            }
        }
    }

    /// All of them, the oldest first; one after the other, so that there may be as many as there are.
    pub(super) fn all(
        &mut self,
        filter: &Filter,
        mut each: impl FnMut(View) -> io::Result<()>,
    ) -> Result<(), Failure> {
        match &self.origin {
            Origin::Service { service, runtime } => {
                let path = format!("/v1/cdrs/export?format=jsonl{}", query(filter));
                let mut lines = Lines::default();
                let mut taken = Ok(());
                let take = |bytes: &[u8]| {
                    taken = lines.take(bytes, |line| {
                        let view = serde_json::from_slice(line).map_err(io::Error::from)?;
                        each(self.hide(view))
                    });
                    taken.is_ok()
                };
                let answer = runtime.block_on(service.stream(&path, take)).map_err(failed)?;
                taken.map_err(Failure::Output)?;
                accepted(&answer)?;
                lines.end()
            }
            Origin::Store { reader, .. } => {
                let query = stored(filter, Direction::OldestFirst);
                pages(reader, query, None, |kept| {
                    each(kept.view(self.show).map_err(failed)?).map_err(Failure::Output)
                })
            }
        }
    }

    /// Leaves the store as it was found: the next service learns from it how the last one ended.
    pub(super) fn close(self) -> Result<(), Failure> {
        match self.origin {
            Origin::Store { dir, reader } if dir.was_clean() => {
                drop(reader);
                dir.close().map_err(failed)
            }
            Origin::Store { .. } | Origin::Service { .. } => Ok(()),
        }
    }

    /// The service shows us everything; not everybody looks at our screen.
    fn hide(&self, view: View) -> View {
        match self.show {
            Show::Plain => view,
            Show::Masked => View {
                from: view
                    .from
                    .map(|from| CallerId::parse(&from).map_or(from, |from| from.to_string())),
                to: view.to.map(|to| Destination::parse(&to).map_or(to, |to| to.to_string())),
                ..view
            },
        }
    }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}

/// Asks for JSON; none where there is no such thing.
async fn ask<T: DeserializeOwned>(service: &Service, path: &str) -> Result<Option<T>, Failure> {
    let answer = service.request(Method::GET, path, None).await.map_err(failed)?;
    if answer.0 == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    accepted(&answer)?;
    serde_json::from_slice(&answer.1).map(Some).map_err(|error| {
        Failure::Failed(format!("the service's answer is not understood: {error}"))
    })
}

/// Whether the service did what it was asked for.
fn accepted((status, body): &(StatusCode, Bytes)) -> Result<(), Failure> {
    if status.is_success() {
        return Ok(());
    }
    let detail = serde_json::from_slice(body).map(|Problem { detail }| detail);
    let detail = detail.unwrap_or_else(|_| status.to_string());
    Err(Failure::Failed(format!("the service refuses: {detail}")))
}

/// The filter as the end of a query.
fn query(filter: &Filter) -> String {
    let plain = |to: Destination| format!("+{}", to.reveal().as_str());
    let parts = [
        ("since", filter.since_unix_us.map(rfc3339)),
        ("until", filter.until_unix_us.map(rfc3339)),
        ("to", filter.to.map(plain)),
        ("outcome", filter.outcome.map(|outcome| outcome.name().to_owned())),
        ("trunk", filter.trunk.clone()),
        ("verification", filter.verification.map(|id| id.to_string())),
    ];
    let given = parts.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.map(|(name, value)| format!("&{name}={}", escaped(&value))).collect()
}

/// As it may stand in a query (RFC 3986 §2.3).
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The filter as the store has it.
fn stored(filter: &Filter, direction: Direction) -> CdrQuery {
    CdrQuery {
        session: filter.verification,
        to: filter.to,
        trunk: filter.trunk.as_deref().map(Arc::from),
        outcome: filter.outcome,
        since_unix_us: filter.since_unix_us,
        until_unix_us: filter.until_unix_us,
        direction,
        ..CdrQuery::default()
    }
}

/// Page after page, until there is nothing more or enough.
fn pages(
    reader: &Reader,
    mut query: CdrQuery,
    most: Option<usize>,
    mut each: impl FnMut(&Kept) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut left = most.unwrap_or(usize::MAX);
    while left > 0 {
        query.limit = PAGE.min(left);
        let page = reader.cdrs(&query).map_err(failed)?;
        // A page may be short where a row is damaged; only an empty one is the end.
        let Some(last) = page.last() else { return Ok(()) };
        query.after = Some(last.row);
        left -= page.len();
        page.iter().try_for_each(&mut each)?;
    }
    Ok(())
}

/// Lines out of pieces.
#[derive(Debug, Default)]
struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    fn take(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        while let Some(place) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(place);
            self.begun.extend_from_slice(line);
            each(&self.begun)?;
            self.begun.clear();
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.begun.extend_from_slice(bytes);
        if self.begun.len() > LINE_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a record without an end"));
        }
        Ok(())
    }

    fn end(self) -> Result<(), Failure> {
        if self.begun.is_empty() {
            return Ok(());
        }
        Err(Failure::Failed("the service's answer broke off".to_owned()))
    }
}

#[cfg(test)]
mod tests;
