//! How far a connection is, seen by its bytes: so that nobody holds one for long who sends or takes nothing.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Limits;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Nothing has come yet.
    New,
    /// A request has begun to come.
    Head,
    /// A request is being answered.
    Busy,
    /// An answer is out, and nothing has come since.
    Idle,
}

/// The pulse of one connection.
#[derive(Debug)]
pub(super) struct Pulse {
    phase: AtomicU8,
    /// Grows with each change, and with each byte that is taken of an answer.
    beats: AtomicU32,
    stalled: AtomicBool,
}

impl Pulse {
    pub(super) fn new() -> Arc<Self> {
        let phase = AtomicU8::new(Phase::New as u8);
        Arc::new(Self { phase, beats: AtomicU32::new(0), stalled: AtomicBool::new(false) })
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::New,
            1 => Phase::Head,
            2 => Phase::Busy,
            _ => Phase::Idle,
        }
    }

    pub(super) fn beats(&self) -> u32 {
        self.beats.load(Ordering::Relaxed)
    }

    /// How long it may stay like this; for ever where it is our turn.
    pub(super) fn patience(&self, limits: &Limits) -> Option<Duration> {
        match self.phase() {
            _ if self.stalled.load(Ordering::Relaxed) => Some(limits.stalled_max),
            Phase::New | Phase::Head => Some(limits.head_within),
            Phase::Idle => Some(limits.idle_max),
            Phase::Busy => None,
        }
    }

    fn came(&self) {
        if matches!(self.phase(), Phase::New | Phase::Idle) {
            self.enter(Phase::Head);
        }
    }

    fn written(&self, taken: bool) {
        if self.stalled.swap(!taken, Ordering::Relaxed) == taken || taken {
            self.beats.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A stream whose bytes are felt.
pub(super) struct Paced<I> {
    pub(super) inner: I,
    pub(super) pulse: Arc<Pulse>,
}

impl<I: AsyncRead + Unpin> AsyncRead for Paced<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.pulse.came();
        }
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Paced<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.pulse.written(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, parts);
        self.pulse.written(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

/// An answer; when it is out, the connection is idle.
pub(super) struct Told<B> {
    pub(super) body: B,
    pub(super) pulse: Arc<Pulse>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Told<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Told<B> {
    fn drop(&mut self) {
        self.pulse.enter(Phase::Idle);
    }
}
