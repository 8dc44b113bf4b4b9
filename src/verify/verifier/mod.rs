//! The verifier: every open verification, and what becomes of it.
//!
//! It is pure, and knows neither HTTP nor SIP nor the disk. It takes commands, the news of calls and of the store, and
//! time; it gives [`Deed`]s. The contract: after each call drain [`poll_deed`](Verifier::poll_deed) to `None`, and come
//! back at [`poll_timeout`](Verifier::poll_timeout).
//!
//! Nothing is told that is not on disk: answers and events of a verification wait until everything that was written of it
//! is stored. No call begins before its intent is stored, and a number has at most one call at a time, whoever asked.
//!
//! ```text
//!            start                 intent stored           call over
//!   (load) ────────► queued ────────────────────► dialing … flashed ────► awaiting_code
//!                      ▲   another call to the                 │ no phone reached,     │ next
//!                      │   number is under way                 │ another trunk left    │
//!                      └───────────────────────────────────────┴───────────────────────┘
//!   any of them ──► approved (right digits) · failed (no tries, no way) · expired · canceled
//! ```

mod check;
mod dial;
mod places;
mod restore;
mod session;
mod start;
mod store;
#[cfg(test)]
mod tests;

use super::command::{Answer, Command, Refusal};
use super::event::{Event, What};
use super::matcher::ClaimKey;
use super::record::{Found, Intent, Part, Past, Record};
use super::rules::Rules;
use super::status::{Phase, Reason, Status};
use crate::base::chunks::Chunks;
use crate::base::clock::{Instant, Now};
use crate::base::id::{AttemptId, SessionId, Ticket};
use crate::base::number::{CallerId, Destination};
use crate::base::rng::Rng;
use crate::base::wheel::Wheel;
use crate::call::Pace;
use crate::call::outcome::Outcome;
use places::Destinations;
use session::{Owed, Saying, Session};
use smallvec::SmallVec;
use start::Starts;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Verifications that expire in one turn; the rest in the next.
const DUE_MAX: usize = 256;

/// Which verifier this is, and its secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// The shard, part of every id.
    pub shard: u16,
    /// Life of that shard.
    pub epoch: u32,
    /// What claims are hashed with.
    pub claim_key: ClaimKey,
}

/// The calls, as the verifier uses them.
pub trait Calls {
    /// Makes the ids of a call. Nothing is sent before [`Deed::Begin`].
    ///
    /// # Errors
    /// The call cannot be made.
    fn prepare(&mut self, wish: &Wish, now: Now) -> Result<Arc<Intent>, NoCall>;

    /// Gives a call up that was prepared and whose intent could not be stored.
    fn forget(&mut self, id: AttemptId);
}

/// A call to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// For which verification.
    pub part: Part,
    /// Number to ring.
    pub to: Destination,
    /// Number to show.
    pub from: CallerId,
    /// Place of the trunk in the configuration.
    pub trunk: u16,
    /// How long to ring.
    pub pace: Pace,
}

/// A call that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// Whose it was.
    pub part: Part,
    /// Which.
    pub id: AttemptId,
    /// What it came to.
    pub outcome: Outcome,
    /// Whether the phone was alerted, whatever came of it then.
    pub alerted: bool,
}

/// Why a call cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCall {
    /// Not over this trunk: it is gone, or has no target.
    Trunk,
    /// As many calls as are allowed are under way.
    Full,
}

/// What is to be done.
#[derive(Debug)]
pub enum Deed {
    /// Look up the past; answer with [`Verifier::loaded`].
    Load {
        /// Comes back with the answer.
        ticket: Ticket,
        /// What to look up.
        past: Past,
    },
    /// Keep these, together; answer with [`Verifier::stored`] or [`Verifier::lost`].
    Write {
        /// In order.
        records: SmallVec<[Record; 2]>,
        /// Comes back with the answer.
        token: Token,
    },
    /// Send the INVITE of a prepared call.
    Begin(AttemptId),
    /// Record a prepared call as not attempted.
    GiveUp(AttemptId),
    /// End a call as soon as the protocol allows.
    Cancel(AttemptId),
    /// The answer to a command.
    Reply(Ticket, Result<Answer, Refusal>),
    /// Something that may be told.
    Event(Event),
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// A new verification, with or without its first call.
    Opened {
        /// Which.
        id: SessionId,
        /// Its first call.
        call: Option<AttemptId>,
    },
    /// A further call of one.
    Call {
        /// Which.
        id: SessionId,
        /// Its call.
        call: AttemptId,
        /// Whether somebody asked for it; or one trunk takes over from another, or its turn has come.
        asked: bool,
    },
    /// A change of one.
    Changed {
        /// Which.
        id: SessionId,
    },
}

/// What becomes of a write that the store refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It is as if it had never been asked for.
    Drop,
    /// It is true all the same: it must be offered again.
    Keep,
}

/// Every open verification.
pub struct Verifier {
    config: Config,
    rng: Rng,
    rules: Arc<Rules>,
    sessions: Chunks<Session>,
    by_id: HashMap<SessionId, u32>,
    destinations: Destinations,
    starts: Starts,
    wheel: Wheel,
    draining: bool,
    deeds: VecDeque<Deed>,
}

impl Verifier {
    /// A verifier without rules: it takes nothing before [`configure`](Self::configure).
    #[must_use]
    pub fn new(config: Config, rng: Rng) -> Self {
        Self {
            config,
            rng,
            rules: Arc::default(),
            sessions: Chunks::default(),
            by_id: HashMap::new(),
            destinations: Destinations::default(),
            starts: Starts::default(),
            wheel: Wheel::with_capacity(0),
            draining: false,
            deeds: VecDeque::new(),
        }
    }

    /// Puts other rules in force. Open verifications keep their profile, their pool, and their trunks by name.
    pub fn configure(&mut self, rules: Arc<Rules>) {
        self.rules = rules;
    }

    /// Takes one command.
    pub fn handle(&mut self, ticket: Ticket, command: Command, now: Now, calls: &mut impl Calls) {
        match command {
            Command::Start(start) => self.start(ticket, *start, now, calls),
            Command::Check { tenant, id, claim } => match self.find(tenant.as_deref(), id) {
                Some(place) => self.check(place, ticket, &claim, now),
                None => self.refuse(ticket, Refusal::NotOpen),
            },
            Command::Next { tenant, id } => match self.find(tenant.as_deref(), id) {
                Some(place) => self.redial(place, ticket, now, calls),
                None => self.refuse(ticket, Refusal::NotOpen),
            },
            Command::Cancel { tenant, id } => match self.find(tenant.as_deref(), id) {
                Some(place) => self.cancel(place, ticket, now),
                None => self.refuse(ticket, Refusal::NotOpen),
            },
            Command::Look { tenant, id } => match self.find(tenant.as_deref(), id) {
                Some(place) => self.owe(place, Owed::Reply(ticket, Saying::Session)),
                None => self.refuse(ticket, Refusal::NotOpen),
            },
        }
    }

    /// What the store found of the past; none where it could not look.
    pub fn loaded(
        &mut self,
        ticket: Ticket,
        found: Option<Found>,
        now: Now,
        calls: &mut impl Calls,
    ) {
        let Some(start) = self.starts.take(ticket) else { return };
        let to = start.to;
        match found {
            Some(found) => {
                self.destinations.learn(to, &found.recent);
                self.start_loaded(ticket, &start, found.claimed, now, calls);
            }
            None => self.refuse(ticket, Refusal::StoreDown),
        }
        self.starts.done(&start);
        self.destinations.leave(to);
    }

    /// A call of a verification has come so far.
    pub fn phase(&mut self, part: Part, phase: Phase, now: Now) {
        let Some(place) = self.place(part.session) else { return };
        let Some(session) = self.sessions.get_mut(place) else { return };
        if session.is_open() && session.calls.last().is_some_and(|call| call.number == part.number)
        {
            session.phase = phase;
            let event = session.event(What::Phase { phase, attempt: part.number }, now.unix_us);
            self.owe(place, Owed::Event(event));
        }
    }

    /// No further call and verification is begun; calls that wait for the store are given up when it answers.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// Lets verifications expire.
    pub fn handle_time(&mut self, now: Now) {
        for _ in 0..DUE_MAX {
            let Some(place) = self.wheel.pop_due(now.instant) else { return };
            self.end(place, Status::Expired, Some(Reason::Expired), None, now);
            self.hang_up(place);
        }
    }

    /// What to do, in this order; call until it says `None`.
    pub fn poll_deed(&mut self) -> Option<Deed> {
        self.deeds.pop_front()
    }

    /// When to come back with [`handle_time`](Self::handle_time).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wheel.next()
    }

    /// Verifications that are held: open, or not stored to their end.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.sessions.len()
    }

    /// Whether caller-IDs of this verification must stay hidden.
    #[must_use]
    pub fn is_open(&self, id: SessionId) -> bool {
        let session = self.place(id).and_then(|place| self.sessions.get(place));
        session.is_some_and(Session::is_open)
    }

    fn place(&self, id: SessionId) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    /// The verification of this id, if whoever asks may see it.
    fn find(&self, tenant: Option<&str>, id: SessionId) -> Option<u32> {
        let place = self.place(id)?;
        let session = self.sessions.get(place)?;
        tenant.is_none_or(|tenant| tenant == &*session.opened.tenant).then_some(place)
    }

    fn refuse(&mut self, ticket: Ticket, refusal: Refusal) {
        self.deeds.push_back(Deed::Reply(ticket, Err(refusal)));
    }

    /// Ends a verification on somebody's wish.
    fn cancel(&mut self, place: u32, ticket: Ticket, now: Now) {
        let Some(session) = self.sessions.get(place) else { return };
        let saying = match session.is_open() {
            true => {
                let (status, reason) = (Status::Canceled, Some(Reason::CanceledByApi));
                self.end(place, status, reason, None, now);
                self.hang_up(place);
                Saying::Session
            }
            false => Saying::Refused(Refusal::Ended(session.status, session.reason)),
        };
        self.owe(place, Owed::Reply(ticket, saying));
        self.forget_if_done(place);
    }

    /// Ends a verification, if it is open, and writes that down. `told` goes before the news of the end.
    fn end(
        &mut self,
        place: u32,
        status: Status,
        reason: Option<Reason>,
        told: Option<Owed>,
        now: Now,
    ) {
        let Some(session) = self.sessions.get_mut(place).filter(|session| session.is_open()) else {
            return;
        };
        session.end(status, reason, now.unix_us);
        let snapshot = Box::new(session.snapshot());
        let event = session.event(What::Ended(snapshot), now.unix_us);
        let to = session.opened.to;
        self.wheel.disarm(place);
        self.destinations.unqueue(to, place);
        self.write_change(place);
        if let Some(told) = told {
            self.owe(place, told);
        }
        self.owe(place, Owed::Event(event));
    }

    /// Ends the call that is under way, if there is one.
    fn hang_up(&mut self, place: u32) {
        use super::matcher::Stand;
        let Some(session) = self.sessions.get(place) else { return };
        let on_wire = session.calls.iter().filter(|call| matches!(call.stand, Stand::OnWire));
        let ids: SmallVec<[AttemptId; 1]> = on_wire.map(|call| call.id).collect();
        self.deeds.extend(ids.into_iter().map(Deed::Cancel));
    }
}
