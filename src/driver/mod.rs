//! The loop: one task owns the engine and does what it says.
//!
//! Each turn waits for one thing, then handles, in this order: datagrams, due deadlines, commands; in between it stores
//! and sends. So a final is seen before a CANCEL that it makes needless, and what ends calls leaves before what begins
//! them. Datagrams are taken in batches, and what comes from no trunk is dropped before it is parsed.

mod handle;
mod observe;
mod receive;
mod watch;

pub use handle::{Asked, Client, Handle};
pub use observe::Observe;
pub use receive::Inflow;
pub use watch::{Passing, Watch};

use crate::engine::{Engine, Input, Output};
use crate::io::net::clock::Clock;
use crate::io::net::udp::{Datagram, Sender, UdpSocket};
use crate::io::store::{Store, Verdict};
use crate::sip::ua::{self, Trunk};
use crate::verify::record::Left;
use crate::verify::rules::Rules;
use bytes::Bytes;
use handle::{Clients, Request};
use observe::Observer;
use receive::Intake;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// Batches of datagrams handled before anything else gets its turn.
const BATCHES_A_TURN: usize = 8;
/// Datagrams handled before what they lead to is sent.
const DATAGRAMS_A_SEND: usize = 16;
/// Commands handled before datagrams get their turn again.
const COMMANDS_A_TURN: usize = 64;
/// Commands that may wait.
const COMMANDS_MAX: usize = 1024;

/// The loop and all that it owns.
pub struct Driver<S> {
    engine: Engine,
    store: S,
    clock: Clock,
    sender: Sender,
    local: SocketAddr,
    socket: Arc<UdpSocket>,
    requests: mpsc::Receiver<Request>,
    clients: Clients,
    watch: Option<Box<dyn Watch>>,
    observer: Observer,
    commands: Vec<Request>,
    /// Others may send datagrams from now on.
    configured: bool,
}

/// Why a driver cannot go on.
#[derive(Debug)]
pub struct DriverError(io::Error);

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot receive from the socket: {}", self.0)
    }
}

impl std::error::Error for DriverError {}

impl<S: Store> Driver<S> {
    /// A driver of this engine over one socket.
    #[must_use]
    pub fn new(
        engine: Engine,
        store: S,
        clock: Clock,
        socket: &Arc<UdpSocket>,
        watch: Option<Box<dyn Watch>>,
    ) -> Self {
        let (give, requests) = mpsc::channel(COMMANDS_MAX);
        Self {
            engine,
            store,
            clock,
            sender: Sender::new(Arc::clone(socket)),
            local: socket.local_addr(),
            socket: Arc::clone(socket),
            requests,
            clients: Clients::new(give),
            watch,
            observer: Observer::default(),
            commands: Vec::with_capacity(COMMANDS_A_TURN),
            configured: false,
        }
    }

    /// Somebody who asks; at most `outstanding` calls of theirs are under way at a time.
    pub fn client(&mut self, outstanding: usize) -> Client {
        self.clients.add(outstanding)
    }

    /// Somebody who asks about verifications.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.clients.handle()
    }

    /// Tells all that happens to this observer, besides the log.
    pub fn observe(&mut self, observe: Box<dyn Observe>) {
        self.observer = Observer::new(observe);
    }

    /// Puts the first configuration in force. Bare calls need no rules.
    pub fn configure(&mut self, trunks: Vec<Trunk>, rules: Arc<Rules>) {
        self.engine.handle_input(Input::Configure { trunks, rules }, self.clock.now());
    }

    /// Takes up what the last life left open; after the first configuration.
    pub fn restore(&mut self, left: Left) {
        self.engine.handle_input(Input::Restore(Box::new(left)), self.clock.now());
    }

    /// Runs until every client is gone.
    ///
    /// # Errors
    /// The socket is broken.
    pub async fn run(mut self) -> Result<Ended<S>, DriverError> {
        self.clients.close();
        let socket = Arc::clone(&self.socket);
        let mut intake = Intake::new(socket, self.engine.peers()).map_err(DriverError)?;
        let news = self.store.news();
        // What the last life left is recorded now, and not only when somebody comes.
        self.settle();
        loop {
            let due = self.engine.poll_timeout().map(|at| at.since(self.clock.instant()));
            tokio::select! {
                biased;
                ready = intake.ready() => {
                    ready.map_err(DriverError)?;
                    self.take(&mut intake).map_err(DriverError)?;
                }
                () = told(news.as_deref()) => {}
                () = after(due) => {}
                request = self.requests.recv() => match request {
                    Some(request) => self.commands.push(request),
                    None => break,
                },
            }
            self.turn();
            if std::mem::take(&mut self.configured) {
                intake.admit(self.engine.peers());
            }
            self.observer.inflow(intake.inflow());
        }
        if let Some(watch) = &mut self.watch {
            watch.end();
        }
        Ok(Ended { store: self.store, inflow: intake.inflow(), engine: self.engine })
    }

    /// Takes what has come in, a few batches at most. What it leads to leaves after every few datagrams: a CANCEL does
    /// not wait for the rest of its batch.
    fn take(&mut self, intake: &mut Intake) -> io::Result<()> {
        for _ in 0..BATCHES_A_TURN {
            let now = self.clock.now();
            let taken = intake.take()?;
            for few in intake.batch().chunks(DATAGRAMS_A_SEND) {
                for Datagram { from, bytes } in few {
                    let (received, from, bytes) = (now.instant, *from, bytes.clone());
                    if let Some(watch) = &mut self.watch {
                        let (peer, local) = (from, self.local);
                        watch.received(&Passing { at: received, peer, local, bytes: &bytes }, now);
                    }
                    let datagram = ua::Datagram { from, received, bytes };
                    self.engine.handle_input(Input::Datagram(datagram), now);
                }
                self.send();
            }
            if taken.errors {
                intake.take_errors(|payload| {
                    self.engine.handle_input(Input::Undeliverable { payload }, now);
                });
            }
            if !taken.more {
                break;
            }
        }
        Ok(())
    }

    fn turn(&mut self) {
        let now = self.clock.now();
        if self.engine.poll_timeout().is_some_and(|at| at <= now.instant) {
            self.engine.handle_input(Input::TimePassed, now);
        }
        self.settle();
        while self.commands.len() < COMMANDS_A_TURN {
            let Ok(request) = self.requests.try_recv() else { break };
            self.commands.push(request);
        }
        if self.commands.is_empty() {
            return;
        }
        let now = self.clock.now();
        for request in std::mem::take(&mut self.commands) {
            let (ticket, command) = match request {
                Request::Of(ticket, command) => (ticket, command),
                Request::Once(tell, command) => (self.clients.await_one(tell), command),
                Request::Configure(tell, trunks, rules) => {
                    self.engine.handle_input(Input::Configure { trunks, rules }, now);
                    self.configured = true;
                    // Whoever asked may have gone away.
                    tell.send(()).ok();
                    continue;
                }
            };
            self.engine.handle_input(Input::Command { ticket, command }, now);
        }
        self.settle();
    }

    /// Sends, stores, and answers, until there is nothing left of it.
    fn settle(&mut self) {
        loop {
            self.send();
            while let Some(output) = self.engine.poll_output() {
                match output {
                    Output::Store { seq, record } => {
                        self.observer.storing(seq, &record);
                        self.store.append(seq, record);
                    }
                    Output::Reply { ticket, answer } => self.clients.tell(ticket, answer),
                    Output::Load { ticket, past } => self.store.load(ticket, past),
                    Output::Event(event) => self.observer.tell(&event),
                }
            }
            self.store.commit();
            if let Some((ticket, found)) = self.store.poll_loaded() {
                self.engine.handle_input(Input::Loaded { ticket, found }, self.clock.now());
                continue;
            }
            let Some(verdict) = self.store.poll_verdict() else {
                // What could not be sent may have led to something else that can.
                if self.engine.outbox().is_empty() {
                    break;
                }
                continue;
            };
            self.observer.stored(verdict);
            let input = match verdict {
                Verdict::Kept(up_to) => Input::Stored { up_to },
                Verdict::Failed(from) => Input::StoreFailed { from },
            };
            self.engine.handle_input(input, self.clock.now());
        }
    }

    /// Hands the outbox to the kernel.
    fn send(&mut self) {
        let outbox = self.engine.outbox();
        if outbox.is_empty() {
            return;
        }
        let batch: Vec<(SocketAddr, &[u8])> =
            outbox.iter().map(|sending| (sending.to, sending.bytes)).collect();
        let mut refused: Vec<usize> = Vec::new();
        let mut undeliverable: Vec<Bytes> = Vec::new();
        self.sender.send(&batch, |place, cause| {
            refused.push(place);
            if let Some((peer, bytes)) = batch.get(place) {
                tracing::debug!(%peer, %cause, "not sent");
                // A full buffer is no verdict on the target: retransmission makes up for it.
                if !is_full(&cause) {
                    undeliverable.push(Bytes::copy_from_slice(bytes));
                }
            }
        });
        if let Some(watch) = &mut self.watch {
            let now = self.clock.now();
            for (place, sending) in outbox.iter().enumerate() {
                if refused.contains(&place) {
                    continue;
                }
                let (peer, local, bytes) = (sending.to, self.local, sending.bytes);
                watch.sent(&Passing { at: now.instant, peer, local, bytes }, sending.alert_at, now);
            }
        }
        self.engine.outbox_mut().clear();
        for payload in undeliverable {
            self.engine.handle_input(Input::Undeliverable { payload }, self.clock.now());
        }
    }
}

/// Whether a datagram was refused for want of room, not for where it goes.
fn is_full(cause: &io::Error) -> bool {
    cause.kind() == io::ErrorKind::WouldBlock
        || cause.raw_os_error() == Some(nix::errno::Errno::ENOBUFS as i32)
}

/// What is left when a driver ends.
pub struct Ended<S> {
    /// The store.
    pub store: S,
    /// What came in.
    pub inflow: Inflow,
    /// The engine, for its counters.
    pub engine: Engine,
}

/// Waits for the store to have news; for ever if it has none but what is asked of it.
async fn told(news: Option<&Notify>) {
    match news {
        Some(news) => news.notified().await,
        None => std::future::pending().await,
    }
}

/// Waits for a deadline; for ever if there is none.
async fn after(due: Option<Duration>) {
    let never = std::future::pending::<()>();
    match due {
        Some(due) => {
            tokio::time::timeout(due, never).await.ok();
        }
        None => never.await,
    }
}
