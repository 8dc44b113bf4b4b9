//! The sockets round a far end: one thread, one loop, until time is up or a signal comes.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::fast::Fast;
use super::tell::{Heard, Tells, is_ask};
use super::{Carrier, Offence, Outbox, Output};
use crate::base::clock::Instant;
use crate::io::net::clock::Clock;
use crate::io::net::signals::Signals;
use crate::io::net::udp::{BATCH, Counters, Datagram, Receiver, Sender, UdpSocket, Waker};

/// What the socket saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// How long it took.
    pub elapsed: Duration,
    /// Of the receiving side.
    pub received: Counters,
    /// Datagrams that the kernel did not take.
    pub unsent: u64,
    /// Responses that met a closed port or an unreachable host.
    pub unreachable: u64,
}

/// When a far end stops.
#[derive(Clone, Debug)]
pub enum Until {
    /// On SIGINT or SIGTERM, and after this time if there is one.
    Signal(Option<Duration>),
    /// When somebody in this process says so.
    Stopped(Stop),
}

/// Says to a far end in another thread that it is to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    waker: Arc<OnceLock<Waker>>,
}

impl Stop {
    /// Now.
    pub fn now(&self) {
        self.asked.store(true, Ordering::Release);
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
    }
}

/// What a judging far end saw.
#[derive(Clone, Copy, Debug)]
pub enum Saw<'a> {
    /// The caller did something wrong.
    Offence(&'a Offence),
    /// A new call, and its Call-ID.
    Call(Heard, &'a [u8]),
}

/// A socket with its two sides, and when to stop.
struct Wire {
    socket: Arc<UdpSocket>,
    receiver: Receiver,
    sender: Sender,
    stopper: Stopper,
    clock: Clock,
    ends_at: Instant,
    served: Served,
}

/// Who says that it is time.
enum Stopper {
    Signals(Signals),
    Asked(Stop),
}

impl Wire {
    fn open(socket: Arc<UdpSocket>, until: Until) -> io::Result<Self> {
        let receiver = Receiver::new(Arc::clone(&socket))?;
        let waker = receiver.waker();
        let (stopper, limit) = match until {
            Until::Signal(limit) => {
                (Stopper::Signals(Signals::listen(move || waker.wake())?), limit)
            }
            Until::Stopped(stop) => {
                // Whoever asked before there was anybody to wake is heard at the first look.
                stop.waker.set(waker).ok();
                (Stopper::Asked(stop), None)
            }
        };
        let sender = Sender::new(Arc::clone(&socket));
        let clock = Clock::start();
        let ends_at = limit.map_or(Instant::NEVER, |limit| clock.instant() + limit);
        let served = Served::default();
        Ok(Self { socket, receiver, sender, stopper, clock, ends_at, served })
    }

    /// How long to wait for the next datagram; `None` when it is time to stop.
    fn wait(&self, next: Instant, now: Instant) -> Option<Option<Duration>> {
        let asked = match &self.stopper {
            Stopper::Signals(signals) => signals.asked_to_stop(),
            Stopper::Asked(stop) => stop.asked.load(Ordering::Acquire),
        };
        if asked || now >= self.ends_at {
            return None;
        }
        let next = next.min(self.ends_at);
        Some((next != Instant::NEVER).then(|| next.since(now)))
    }

    fn send<'a>(&mut self, datagrams: impl Iterator<Item = (SocketAddr, &'a [u8])>) {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut batch = [(nowhere, &[][..]); BATCH];
        let mut filled = 0;
        for datagram in datagrams {
            if let Some(place) = batch.get_mut(filled) {
                *place = datagram;
                filled += 1;
            }
            if filled == BATCH {
                self.send_batch(&batch);
                filled = 0;
            }
        }
        self.send_batch(batch.get(..filled).unwrap_or_default());
    }

    fn send_batch(&mut self, batch: &[(SocketAddr, &[u8])]) {
        let sent = self.sender.send(batch, |_, _| {});
        self.served.unsent += sent.failed as u64;
        if sent.errors {
            self.read_errors();
        }
    }

    fn read_errors(&mut self) {
        let unreachable = &mut self.served.unreachable;
        // A socket that is broken shows it at the next receive.
        self.socket.errors(|_| *unreachable += 1).ok();
    }

    fn end(mut self) -> Served {
        self.served.elapsed = self.clock.instant().since(Instant::START);
        self.served.received = self.receiver.counters();
        self.served
    }
}

/// Runs a judging far end. `tell` hears of every offence and every new call as it happens.
///
/// # Errors
/// The socket is broken, or `tell` could not tell.
pub fn judging(
    carrier: &mut Carrier,
    socket: Arc<UdpSocket>,
    until: Until,
    mut tell: impl FnMut(Saw<'_>) -> io::Result<()>,
) -> io::Result<Served> {
    let mut wire = Wire::open(socket, until)?;
    let mut datagrams: Vec<Datagram> = Vec::with_capacity(BATCH);
    let mut out: Vec<Output> = Vec::new();
    let (mut tells, mut tellings) = (Tells::default(), Outbox::default());
    loop {
        let next = carrier.poll_timeout().unwrap_or(Instant::NEVER);
        let Some(wait) = wire.wait(next, wire.clock.instant()) else { break };
        let received = wire.receiver.receive(wait, |_| true, &mut datagrams)?;
        if wire.receiver.counters().overflowed > 0 {
            carrier.wire_lost_packets();
        }
        let now = wire.clock.instant();
        for Datagram { from, bytes } in datagrams.drain(..) {
            if is_ask(&bytes) {
                tells.ask(from, now);
            } else {
                carrier.handle(bytes, from, now, &mut out);
            }
        }
        carrier.handle_time(now, &mut out);
        wire.send(out.iter().filter_map(|output| match output {
            Output::Send { to, bytes } => Some((*to, &bytes[..])),
            Output::Offence(_) | Output::Heard(..) => None,
        }));
        for output in out.drain(..) {
            match output {
                Output::Send { .. } => {}
                Output::Offence(offence) => tell(Saw::Offence(&offence))?,
                Output::Heard(call, call_id) => {
                    tells.heard(call);
                    tell(Saw::Call(call, &call_id))?;
                }
            }
        }
        if tells.due() {
            tells.write(wire.clock.now(), &mut tellings);
            wire.send(tellings.iter());
            tellings.clear();
        }
        if received.errors {
            wire.read_errors();
        }
    }
    Ok(wire.end())
}

/// Runs a far end for load.
///
/// # Errors
/// The socket is broken.
pub fn fast(far_end: &mut Fast, socket: Arc<UdpSocket>, until: Until) -> io::Result<Served> {
    let mut wire = Wire::open(socket, until)?;
    let (mut tells, mut out) = (Tells::default(), Outbox::default());
    let clock = wire.clock;
    while let Some(wait) = wire.wait(Instant::NEVER, clock.instant()) {
        let answer = |from, datagram: &[u8]| {
            if is_ask(datagram) {
                tells.ask(from, clock.instant());
            } else {
                far_end.handle(datagram, from, &mut tells, &mut out);
            }
        };
        let received = wire.receiver.receive_in_place(wait, |_| true, answer)?;
        if tells.due() {
            tells.write(clock.now(), &mut out);
        }
        wire.send(out.iter());
        out.clear();
        if received.errors {
            wire.read_errors();
        }
    }
    Ok(wire.end())
}
