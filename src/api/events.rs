//! A verification as it happens: server-sent events. They never hold a number in plain, nor anything of a code.

use super::Service;
use super::auth::{ANY, By};
use super::hub::{Following, Hub};
use super::problem::{Code, Document, Problem};
use super::read::accepts;
use super::verifications::{find, id};
use super::view::{Numbers, Shown, Verification, time};
use crate::base::calendar::Civil;
use crate::base::id::{AttemptId, SessionId};
use crate::verify::event::{Event, What};
use crate::verify::snapshot::Snapshot;
use crate::verify::status::Phase;
use axum::body::{Body, HttpBody};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, Response};
use bytes::Bytes;
use hyper::body::Frame;
use serde::Serialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::{self, Display};
use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Interval;
use utoipa::ToSchema;

/// A comment goes out so often, so that nobody on the way takes the stream for dead.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
const LAST_EVENT_ID: &str = "last-event-id";

/// What is told of an event.
#[derive(Serialize, ToSchema)]
pub(super) struct EventView<'a> {
    /// The verification.
    #[schema(value_type = String)]
    id: Shown<SessionId>,
    /// What happened: `verification.started`, `.queued`, `.dialing`, `.progress`, `.ringing`, `.flashed`, `.awaiting_code`,
    /// `.check_failed`, `.approved`, `.failed`, `.expired`, `.canceled`, or `call.completed`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "verification.ringing")]
    kind: Shown<Name>,
    /// Counts the events of the verification; there may be gaps.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sequence: Option<u64>,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    at: Shown<Civil>,
    /// Which call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attempt: Option<u8>,
    /// The record of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    cdr_id: Option<Shown<AttemptId>>,
    /// What the call came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    outcome: Option<&'static str>,
    /// What was said of a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    result: Option<&'static str>,
    /// Wrong codes that may still be given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attempts_remaining: Option<u8>,
    /// How it stands, at its beginning and its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    verification: Option<Verification<'a>>,
}

/// Follow a verification
///
/// Server-sent events: `id` counts, `event` names, `data` is JSON. What has happened before is told first, behind
/// `Last-Event-ID` if that is given. The stream ends after the event that ends the verification; of one that has ended
/// before there is only that event.
#[utoipa::path(get, path = "/v1/verifications/{id}/events", tag = "verifications", operation_id = "events", security(("key" = ["read"]), ("key" = ["start"]), ("key" = ["check"])),
    params(
        ("id" = String, Path, description = "The verification"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The last event that was seen"),
    ),
    responses(
        (status = 200, description = "Events", content_type = "text/event-stream", body = EventView<'static>),
        (status = "4XX", description = "Not found, or not allowed", body = Document<'static>, content_type = "application/problem+json")))]
pub(super) async fn follow(
    State(service): State<Arc<Service>>,
    By(caller): By<ANY>,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    accepts(&headers, "text/event-stream")?;
    let id = id(&text)?;
    let after = last_seen(&headers)?;
    let permit = Arc::clone(&service.streams).try_acquire_owned().map_err(|_| {
        Problem::new(Code::CapacityExceeded, "as many streams as are allowed are open")
    })?;
    // Before it is looked at, so that nothing is missed in between.
    let Following { past, live } = service.hub.follow(id, after);
    let mut live = Live { events: live, hub: Arc::clone(&service.hub), id };
    // Whether it is this caller's, and whether it is open, is said in the same way for all.
    let snapshot = find(&service, &caller, id).await?;
    let over = snapshot.status.is_final();
    let mut told: VecDeque<Bytes> = past.iter().map(|event| render(event)).collect();
    if told.is_empty() && (over || after == 0) {
        told.push_back(standing(&snapshot, service.clock.now().unix_us));
    }
    if over {
        live.events.close();
    }
    let mut comments = tokio::time::interval(COMMENT_EVERY);
    comments.reset();
    let stream = Stream { told, live, comments, _permit: permit };
    let mut response = Response::new(Body::new(stream));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

fn last_seen(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(0) };
    value.to_str().ok().and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
        let detail = "Last-Event-ID is the id of an event, a number";
        Problem::new(Code::InvalidRequest, detail)
    })
}

/// What an event is called.
#[derive(Clone, Copy)]
struct Name(&'static str, &'static str);

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

const VERIFICATION: &str = "verification";

impl EventView<'_> {
    fn new(id: SessionId, kind: Name, at_unix_us: u64) -> Self {
        Self {
            id: Shown(id),
            kind: Shown(kind),
            sequence: None,
            at: time(at_unix_us),
            attempt: None,
            cdr_id: None,
            outcome: None,
            result: None,
            attempts_remaining: None,
            verification: None,
        }
    }

    /// As it goes out.
    fn written(&self) -> Bytes {
        let mut out = Vec::with_capacity(256);
        // Writing to memory does not fail.
        if let Some(sequence) = self.sequence {
            writeln!(out, "id: {sequence}").ok();
        }
        write!(out, "event: {}\ndata: ", self.kind.0).ok();
        serde_json::to_writer(&mut out, self).ok();
        out.extend_from_slice(b"\n\n");
        out.into()
    }
}

/// An event as it goes out.
fn render(event: &Event) -> Bytes {
    let view = |kind| EventView {
        sequence: Some(event.sequence),
        ..EventView::new(event.id, kind, event.at_unix_us)
    };
    let view = match &event.what {
        What::Started(snapshot) => EventView {
            verification: Some(Verification::new(snapshot, Numbers::Masked)),
            ..view(Name(VERIFICATION, "started"))
        },
        What::Phase { phase, attempt } => {
            EventView { attempt: Some(*attempt), ..view(Name(VERIFICATION, phase.name())) }
        }
        What::CallEnded { cdr, attempt, outcome } => EventView {
            attempt: Some(*attempt),
            cdr_id: Some(Shown(*cdr)),
            outcome: Some(outcome.name()),
            ..view(Name("call", "completed"))
        },
        What::CheckFailed { verdict, tries_left } => EventView {
            result: Some(verdict.name()),
            attempts_remaining: Some(*tries_left),
            ..view(Name(VERIFICATION, "check_failed"))
        },
        // The hub keeps these to itself, and nothing is told of one here either.
        What::Alarm { .. } => return COMMENT,
        What::Ended(snapshot) => EventView {
            verification: Some(Verification::new(snapshot, Numbers::Masked)),
            ..view(Name(VERIFICATION, snapshot.status.name()))
        },
    };
    view.written()
}

/// How a verification stands, as an event: where none of its events is kept any more.
fn standing(snapshot: &Snapshot, now_unix_us: u64) -> Bytes {
    let name = snapshot.phase.map_or_else(|| snapshot.status.name(), Phase::name);
    let at = snapshot.ended_unix_us.unwrap_or(now_unix_us);
    let verification = Some(Verification::new(snapshot, Numbers::Masked));
    EventView { verification, ..EventView::new(snapshot.id, Name(VERIFICATION, name), at) }
        .written()
}

const COMMENT: Bytes = Bytes::from_static(b": \n\n");

/// What is still to come; whoever drops it follows no more.
struct Live {
    events: mpsc::Receiver<Arc<Event>>,
    hub: Arc<Hub>,
    id: SessionId,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.events.close();
        self.hub.left(self.id);
    }
}

/// A stream on its way.
struct Stream {
    told: VecDeque<Bytes>,
    live: Live,
    comments: Interval,
    _permit: OwnedSemaphorePermit,
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = |bytes| Poll::Ready(Some(Ok(Frame::data(bytes))));
        if let Some(told) = self.told.pop_front() {
            return data(told);
        }
        match self.live.events.poll_recv(cx) {
            Poll::Ready(Some(event)) => data(render(&event)),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => match self.comments.poll_tick(cx) {
                Poll::Ready(_) => data(COMMENT),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}
