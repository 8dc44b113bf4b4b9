//! The loop's ear: waits for the socket, and takes what is there in batches.
//!
//! The kernel's receive buffer is the queue in front of the loop: it is bounded, what does not fit is dropped and counted
//! (`SO_RXQ_OVFL`), and retransmission makes up for it. What comes from no trunk is dropped here, before it is copied or
//! parsed.

use crate::io::net::udp::{BATCH, Counters, Datagram, Receiver, UdpSocket};
use bytes::Bytes;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;

/// What came in, all told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inflow {
    /// Datagrams from trunks.
    pub datagrams: u64,
    /// Datagrams from elsewhere, dropped unseen.
    pub strangers: u64,
    /// Datagrams that the kernel dropped, because its buffer was full.
    pub overflowed: u64,
}

/// The receiving end.
pub(super) struct Intake {
    socket: Arc<UdpSocket>,
    /// The same socket, as the event loop knows it.
    ready: tokio::net::UdpSocket,
    receiver: Receiver,
    peers: Vec<IpAddr>,
    batch: Vec<Datagram>,
}

/// What one look at the socket brought.
pub(super) struct Taken {
    /// Whether there may be more.
    pub(super) more: bool,
    /// Whether something is in the error queue.
    pub(super) errors: bool,
}

impl Intake {
    /// To be called within the event loop.
    pub(super) fn new(socket: Arc<UdpSocket>, peers: Vec<IpAddr>) -> io::Result<Self> {
        Ok(Self {
            ready: tokio::net::UdpSocket::from_std(socket.to_std()?)?,
            receiver: Receiver::new(Arc::clone(&socket))?,
            socket,
            peers,
            batch: Vec::with_capacity(BATCH),
        })
    }

    /// From now on these may send. Trunks that a configuration took away stay among them as long as calls are on them, and
    /// until the next configuration.
    pub(super) fn admit(&mut self, peers: Vec<IpAddr>) {
        self.peers = peers;
    }

    /// Waits until there is something to take.
    pub(super) async fn ready(&self) -> io::Result<()> {
        let either = Interest::READABLE | Interest::ERROR;
        self.ready.ready(either).await.map(drop)
    }

    /// Takes one batch, in place of the last one.
    pub(super) fn take(&mut self) -> io::Result<Taken> {
        self.batch.clear();
        let Self { ready, receiver, peers, batch, .. } = self;
        let known = |from: SocketAddr| peers.contains(&from.ip().to_canonical());
        let mut taken = Taken { more: false, errors: false };
        let looked = ready.try_io(Interest::READABLE, || {
            let strangers = receiver.counters().strangers;
            taken.errors = receiver.receive(Some(Duration::ZERO), known, batch)?.errors;
            let strangers = receiver.counters().strangers - strangers;
            // A batch that is not full has emptied the socket; what comes from now on is a new event.
            taken.more = batch.len() as u64 + strangers >= BATCH as u64 || taken.errors;
            if taken.more { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
        });
        // The error queue has an event of its own; a failed send may have taken the error, but not what is queued.
        let told = ready.try_io(Interest::ERROR, || {
            taken.errors = true;
            Err::<(), io::Error>(ErrorKind::WouldBlock.into())
        });
        debug_assert!(told.is_err(), "it always says that it would block");
        match looked {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            Ok(()) | Err(_) => Ok(taken),
        }
    }

    /// The last batch, in order.
    pub(super) fn batch(&self) -> &[Datagram] {
        &self.batch
    }

    /// Takes what the network said did not arrive: as much of each datagram as came back.
    pub(super) fn take_errors(&self, mut each: impl FnMut(Bytes)) {
        let told = self.socket.errors(|error| {
            tracing::debug!(peer = %error.to, cause = %error.cause, "undeliverable");
            each(Bytes::copy_from_slice(error.payload));
        });
        if let Err(error) = told {
            tracing::warn!(%error, "reading the error queue failed");
        }
    }

    pub(super) const fn inflow(&self) -> Inflow {
        let Counters { datagrams, strangers, overflowed, .. } = self.receiver.counters();
        Inflow { datagrams, strangers, overflowed }
    }
}
