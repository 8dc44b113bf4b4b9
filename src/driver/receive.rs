//! The receive thread, and the bounded ring between it and the loop.

use crate::io::net::clock::Clock;
use crate::io::net::udp::{Counters, Receiver, UdpSocket, Waker};
use crate::sip::ua;
use bytes::Bytes;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Batches that may wait for the loop; at 64 datagrams each, more than the kernel's own buffer holds.
const RING: usize = 512;

/// What the thread hands over.
pub(super) enum Arrival {
    Datagrams(Vec<ua::Datagram>),
    Undeliverable(Bytes),
}

/// What came in, all told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inflow {
    /// Datagrams from trunks.
    pub datagrams: u64,
    /// Datagrams from elsewhere, dropped unseen.
    pub strangers: u64,
    /// Datagrams that the kernel dropped, because its buffer was full.
    pub overflowed: u64,
    /// Datagrams that found the ring full.
    pub ring_full: u64,
}

/// What loop and thread share.
struct Shared {
    peers: RwLock<Vec<IpAddr>>,
    stop: AtomicBool,
}

/// The loop's end of the ring.
pub(super) struct Intake {
    ring: mpsc::Receiver<Arrival>,
    shared: Arc<Shared>,
    waker: Waker,
    thread: Option<JoinHandle<Inflow>>,
}

impl Intake {
    pub(super) fn start(socket: Arc<UdpSocket>, clock: Clock) -> io::Result<Self> {
        let (give, ring) = mpsc::channel(RING);
        let shared =
            Arc::new(Shared { peers: RwLock::new(Vec::new()), stop: AtomicBool::new(false) });
        let (tell_waker, waker) = std::sync::mpsc::sync_channel(1);
        let with = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("receive".to_owned()).spawn(move || {
            // A receiver stays in the thread that made it.
            match Receiver::new(Arc::clone(&socket)) {
                Ok(receiver) => {
                    tell_waker.send(Ok(receiver.waker())).ok();
                    receive(&socket, receiver, clock, &give, &with)
                }
                Err(error) => {
                    tell_waker.send(Err(error)).ok();
                    Inflow::default()
                }
            }
        })?;
        let waker = waker.recv().map_err(io::Error::other)??;
        Ok(Self { ring, shared, waker, thread: Some(thread) })
    }

    /// Replaces the addresses that datagrams may come from.
    pub(super) fn admit(&self, peers: Vec<IpAddr>) {
        *self.shared.peers.write().unwrap_or_else(PoisonError::into_inner) = peers;
    }

    pub(super) async fn next(&mut self) -> Option<Arrival> {
        self.ring.recv().await
    }

    pub(super) fn try_next(&mut self) -> Option<Arrival> {
        self.ring.try_recv().ok()
    }

    /// Ends the thread.
    pub(super) fn stop(&mut self) -> Inflow {
        self.shared.stop.store(true, Ordering::Release);
        self.waker.wake();
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.stop();
    }
}

fn receive(
    socket: &UdpSocket,
    mut receiver: Receiver,
    clock: Clock,
    give: &mpsc::Sender<Arrival>,
    shared: &Shared,
) -> Inflow {
    let mut ring_full = 0;
    let mut batch = Vec::new();
    while !shared.stop.load(Ordering::Acquire) {
        let known = |from: SocketAddr| {
            let peers = shared.peers.read().unwrap_or_else(PoisonError::into_inner);
            peers.contains(&from.ip().to_canonical())
        };
        let received = match receiver.receive(None, known, &mut batch) {
            Ok(received) => received,
            Err(error) => {
                tracing::error!(%error, "receiving failed");
                break;
            }
        };
        if !batch.is_empty() {
            let received = clock.instant();
            let stamped = batch.drain(..).map(|datagram| ua::Datagram {
                from: datagram.from,
                received,
                bytes: datagram.bytes,
            });
            let datagrams: Vec<ua::Datagram> = stamped.collect();
            let count = datagrams.len() as u64;
            match give.try_send(Arrival::Datagrams(datagrams)) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => ring_full += count,
                Err(TrySendError::Closed(_)) => break,
            }
        }
        if received.errors {
            let told = socket.errors(|error| {
                tracing::debug!(peer = %error.to, cause = %error.cause, "undeliverable");
                let payload = Bytes::copy_from_slice(error.payload);
                give.try_send(Arrival::Undeliverable(payload)).ok();
            });
            if let Err(error) = told {
                tracing::warn!(%error, "reading the error queue failed");
            }
        }
    }
    let Counters { datagrams, strangers, overflowed, .. } = receiver.counters();
    Inflow { datagrams, strangers, overflowed, ring_full }
}
