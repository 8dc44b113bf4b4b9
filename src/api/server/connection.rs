//! One connection: HTTP/1.1 by hyper, and a watch over how long it takes for what.

use super::pace::{Paced, Phase, Pulse, Told};
use super::{Limits, Shared};
use crate::api::auth::Origin;
use crate::api::problem::{Code, Problem};
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::MissedTickBehavior;
use tower_service::Service as _;

/// Header fields of a request; a client of ours sends a dozen.
const HEADERS_MAX: usize = 64;
/// Bytes of the head of a request. It is also the least that hyper takes for its buffer.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Between two looks at a connection: what it costs to find out a little later is less than a timer for each request.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A connection to be answered.
pub(super) struct Connection<'a> {
    shared: &'a Shared,
    origin: Origin,
    pulse: Arc<Pulse>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(shared: &'a Shared, origin: Origin) -> Self {
        Self { shared, origin, pulse: Pulse::new() }
    }

    /// Answers until it ends.
    pub(super) async fn run<I: AsyncRead + AsyncWrite + Unpin>(self, stream: I) {
        let io = TokioIo::new(Paced { inner: stream, pulse: Arc::clone(&self.pulse) });
        let service = service_fn(|request| self.answer(request));
        let mut builder = http1::Builder::new();
        builder.max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX).header_read_timeout(None);
        let mut connection = builder.serve_connection(io, service);
        let mut stopping = self.shared.stopping.clone();
        let mut watch = Watch::new(&self.pulse, &self.shared.limits);
        if *stopping.borrow() {
            Pin::new(&mut connection).graceful_shutdown();
        }
        loop {
            tokio::select! {
                biased;
                ended = Pin::new(&mut connection) => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection broke");
                    }
                    return;
                }
                () = watch.too_long() => break,
                Ok(()) = stopping.changed() => Pin::new(&mut connection).graceful_shutdown(),
            }
        }
        // Whoever has begun a request is told; whoever has sent nothing is left.
        if self.pulse.phase() == Phase::Head {
            let stream = connection.into_parts().io.into_inner().inner;
            self.say_too_slow(stream).await;
        }
    }

    async fn say_too_slow<I: AsyncWrite + Unpin>(&self, mut stream: I) {
        let secs = self.shared.limits.head_within.as_secs();
        let detail = format!("the head of a request arrives within {secs} s");
        let problem = Problem::new(Code::TooSlow, detail);
        let text = raw(&problem, &self.shared.service.ids.draw());
        tokio::time::timeout(LOOK_EVERY, async {
            stream.write_all(&text).await?;
            stream.shutdown().await
        })
        .await
        .ok();
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
    ) -> Result<Response<Told<Body>>, Infallible> {
        self.pulse.enter(Phase::Busy);
        request.extensions_mut().insert(self.origin);
        let mut router = self.shared.router.clone();
        let response = router.call(request).await?;
        let pulse = Arc::clone(&self.pulse);
        Ok(response.map(|body| Told { body, pulse }))
    }
}

/// Looks at a pulse now and then.
struct Watch<'a> {
    pulse: &'a Pulse,
    limits: &'a Limits,
    looks: tokio::time::Interval,
    beats: u32,
    unchanged: Duration,
}

impl<'a> Watch<'a> {
    fn new(pulse: &'a Pulse, limits: &'a Limits) -> Self {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.reset();
        // After a pause of the machine a connection gets its time again.
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { pulse, limits, looks, beats: pulse.beats(), unchanged: Duration::ZERO }
    }

    /// Comes back when the connection has been as it is for too long.
    async fn too_long(&mut self) {
        loop {
            self.looks.tick().await;
            let beats = self.pulse.beats();
            if beats == self.beats {
                self.unchanged += LOOK_EVERY;
            } else {
                (self.beats, self.unchanged) = (beats, Duration::ZERO);
            }
            let patience = self.pulse.patience(self.limits);
            if patience.is_some_and(|patience| self.unchanged >= patience) {
                return;
            }
        }
    }
}

/// A problem as bytes, for where no request was read.
pub(super) fn raw(problem: &Problem, request_id: &str) -> Vec<u8> {
    let status = problem.code.status();
    let retry = problem.retry_after().map(|secs| format!("retry-after: {secs}\r\n"));
    let body = problem.json(request_id);
    let mut text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n{}\
         x-request-id: {request_id}\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n\
         connection: close\r\n\r\n",
        body.len(),
        retry.unwrap_or_default(),
    )
    .into_bytes();
    text.extend(body);
    text
}
