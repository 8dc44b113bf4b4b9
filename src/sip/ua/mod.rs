//! The user agent: flash calls over transactions over datagrams. RFC 3261 §8.1, §9.1, §12, §13.2, §15.
//!
//! [`UserAgent`] is pure. It takes datagrams, errors and time, writes what is to be sent into an [`Outbox`], and
//! tells of calls that ended. A response is matched by its branch alone, which names a slot under a keyed check;
//! then by method, Call-ID and tag, and by where it came from.
//!
//! It does not follow redirects, takes no calls, and changes no session.

mod answers;
mod attempt;
mod auth;
mod context;
mod dialog;
mod early;
mod fork;
mod inbound;
mod late;
mod legs;
mod line;
mod lines;
mod outbox;
mod receive;
mod request;
mod said;
mod slots;
mod stray;
#[cfg(test)]
mod tests;

pub use line::{HeaderError, Rel100, Trunk, check_header};
pub use lines::TrunkId;
pub use outbox::{Outbox, Sending};

use crate::base::chunks::Chunks;
use crate::base::clock::Instant;
use crate::base::id::AttemptId;
use crate::base::number::{CallerId, Destination};
use crate::base::rng::Rng;
use crate::base::wheel::Wheel;
use crate::call::Pace;
use crate::call::facts::{End, Facts};
use crate::call::way::Way;
use crate::sip::message::{Message, Method, Start};
use crate::sip::txn::branch::{Branch, BranchKey};
use attempt::Attempt;
use bytes::Bytes;
use context::{Context, Identity};
use lines::{LineId, Lines};
use request::{FromTag, Wire};
use slots::{Slots, Tenant};
use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use stray::Stray;

/// Most forks of one call that are acknowledged; more answers than that are an attack.
pub(crate) const FORKS_MAX: usize = 16;
/// Most transactions of one attempt that PRACKs may take; the rest is for what ends the call.
const PRACKS_MAX: u8 = 128;
/// Most answers without a call at one time, besides the calls.
const STRAYS_MAX: usize = 4096;

/// Which engine this is, and how much it may hold.
#[derive(Clone, Debug)]
pub struct Config {
    /// The shard, part of every branch and id.
    pub shard: u16,
    /// Counts the starts of this shard, so that no two lives share a branch.
    pub epoch: u32,
    /// The key of the check in every branch; it outlives a restart.
    pub branch_key: BranchKey,
    /// Calls in flight and just ended, together. Each is under 1 KiB in flight and under 100 bytes after.
    pub calls_max: usize,
}

/// One call to be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Number to ring.
    pub to: Destination,
    /// Number to show.
    pub from: CallerId,
    /// Trunk to take.
    pub trunk: TrunkId,
    /// How long to ring, and to wait for it.
    pub pace: Pace,
}

/// Why a call cannot be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No such trunk.
    NoTrunk,
    /// The trunk has no target.
    NoTarget,
    /// [`Config::calls_max`] calls are in flight or just ended.
    Full,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTrunk => "there is no such trunk",
            Self::NoTarget => "the trunk has no target",
            Self::Full => "as many calls as are allowed are in flight or just ended",
        })
    }
}

impl std::error::Error for Refused {}

/// What a call looks like from outside: what must be known to find it in a capture, or to end it after a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireIdentity {
    /// Called number.
    pub to: Destination,
    /// Presented number.
    pub from: CallerId,
    /// Call-ID.
    pub call_id: [u8; request::CALL_ID_LEN],
    /// Our tag.
    pub from_tag: [u8; request::TAG_LEN],
    /// What its requests have from their trunk.
    pub way: Arc<Way>,
    /// Where the INVITE goes.
    pub target: SocketAddr,
}

/// A call that is over.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which one.
    pub id: AttemptId,
    /// How it looked on the wire.
    pub wire: WireIdentity,
    /// CSeq number of its last INVITE.
    pub cseq: u32,
    /// When its first INVITE left.
    pub started: Instant,
    /// What was seen of it.
    pub facts: Facts,
}

/// Something that came after a call was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// Status of the response.
    pub status: u16,
    /// Whether it says that the phone was alerted after all.
    pub alerted: bool,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallPhase {
    /// The network has it.
    Progress,
    /// The phone is being alerted.
    Ringing,
    /// The phone was alerted, and our CANCEL is out.
    Flashed,
}

/// What the user agent tells.
#[derive(Debug)]
pub enum News {
    /// A call that is under way has come further.
    Phase(AttemptId, CallPhase),
    /// A call is over. Once for each call that was started.
    Ended(Box<Report>),
    /// What came later; the call's record is to be amended.
    Amended(AttemptId, Late),
}

/// Datagrams that had no effect, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// No SIP message, or without the fields that matching needs.
    pub malformed: u64,
    /// A response with more than one Via, or another sent-by than ours (RFC 3261 §8.1.3.3, §18.1.2).
    pub misrouted: u64,
    /// A response whose branch is not of our making, or whose ids are not those of its call.
    pub forged: u64,
    /// From an address of no trunk, or not of the call's own.
    pub strangers: u64,
    /// A response to a call that is gone, with nothing to be done about it.
    pub late: u64,
    /// An answer without a call when the table for them was full.
    pub overflow: u64,
}

/// A datagram that came in.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// Where it came from.
    pub from: SocketAddr,
    /// When it was received.
    pub received: Instant,
    /// The message.
    pub bytes: Bytes,
}

/// The user agent.
pub struct UserAgent {
    identity: Identity,
    rng: Rng,
    lines: Lines,
    slots: Slots,
    calls_max: usize,
    attempts: Chunks<Attempt>,
    strays: Chunks<Stray>,
    wheel: Wheel,
    out: Outbox,
    news: VecDeque<News>,
    dropped: Dropped,
}

impl UserAgent {
    /// A user agent without trunks and calls.
    #[must_use]
    pub fn new(config: Config, rng: Rng) -> Self {
        let Config { shard, epoch, branch_key, calls_max } = config;
        Self {
            identity: Identity { shard, epoch, key: branch_key },
            rng,
            lines: Lines::default(),
            slots: Slots::new(),
            calls_max,
            attempts: Chunks::default(),
            strays: Chunks::default(),
            wheel: Wheel::with_capacity(0),
            out: Outbox::default(),
            news: VecDeque::new(),
            dropped: Dropped::default(),
        }
    }

    /// Takes one datagram.
    pub fn handle_datagram(&mut self, datagram: Datagram, now: Instant) {
        let Datagram { from, received, bytes } = datagram;
        let Ok(message) = Message::parse(bytes) else {
            self.dropped.malformed += 1;
            return;
        };
        match message.start() {
            Start::Response { status, .. } => {
                self.handle_response(&message, status, (from, received), now);
            }
            Start::Request { .. } => self.handle_request(&message, from),
        }
    }

    /// Takes the news that a datagram did not arrive: where it went, and as much of it as came back.
    pub fn handle_undeliverable(&mut self, payload: &[u8], now: Instant) {
        let Some((branch, method)) = sent_before(payload, &self.identity) else { return };
        if let Some((place, id)) = self.live(&branch) {
            let when = (now, now);
            self.with_attempt(place, id.slot, when, |attempt, cx| {
                attempt.undeliverable(branch.n, method, cx);
                None
            });
        }
    }

    /// Lets at most `limit` calls act whose deadline has come; whether there are more.
    pub fn handle_time(&mut self, now: Instant, limit: usize) -> bool {
        for _ in 0..limit {
            let Some(slot) = self.wheel.pop_due(now) else { return false };
            let when = (now, now);
            match self.slots.tenant(slot) {
                Some((Tenant::Live(place), _)) => {
                    self.with_attempt(place, slot, when, |attempt, cx| {
                        attempt.time_passed(cx);
                        None
                    })
                }
                Some((Tenant::Ended { line, .. }, _)) => {
                    self.slots.free(slot);
                    self.lines.release(line);
                }
                Some((Tenant::Stray(place), _)) => {
                    self.with_stray(place, when, |stray, cx| stray.time_passed(cx));
                }
                Some((Tenant::Free(_), _)) | None => {}
            }
        }
        self.wheel.next().is_some_and(|at| at <= now)
    }

    /// Replaces all trunks. Calls in flight keep the trunk they were placed on.
    pub fn configure(&mut self, trunks: Vec<Trunk>) {
        self.lines.configure(trunks);
    }

    /// Makes the ids of a call. Nothing is sent before [`start`](Self::start).
    ///
    /// # Errors
    /// There is no such trunk, or no room.
    pub fn prepare(&mut self, plan: &Plan) -> Result<AttemptId, Refused> {
        let line = self.lines.of(plan.trunk).ok_or(Refused::NoTrunk)?;
        if self.lines.get(line).is_none_or(|line| line.trunk.targets.is_empty()) {
            return Err(Refused::NoTarget);
        }
        let taken = self.slots.take(Tenant::Live(u32::MAX), self.calls_max);
        let (slot, generation) = taken.ok_or(Refused::Full)?;
        let wire = Wire {
            to: plan.to,
            from: plan.from,
            call_id: [self.rng.wire(), self.rng.wire()],
            tag: FromTag { slot, random: self.rng.wire() },
        };
        let attempt = Attempt::new((slot, generation), line, wire, plan.pace);
        let Ok(place) = self.attempts.insert(attempt) else {
            self.slots.free(slot);
            return Err(Refused::Full);
        };
        self.slots.change(slot, Tenant::Live(place));
        self.lines.hold(line);
        Ok(self.id(slot, generation))
    }

    /// Sends the INVITE of a prepared call.
    pub fn start(&mut self, id: AttemptId, now: Instant) {
        self.command(id, now, Attempt::start);
    }

    /// Gives a prepared call up, before anything was sent.
    pub fn forget(&mut self, id: AttemptId) {
        if let Some(Tenant::Live(place)) = self.slots.get(id.slot, id.generation)
            && let Some(attempt) = self.attempts.remove(place)
        {
            self.lines.release(attempt.line);
            self.slots.free(id.slot);
        }
    }

    /// Ends a call: cancelled as soon as the protocol allows.
    pub fn cancel(&mut self, id: AttemptId, now: Instant) {
        self.command(id, now, Attempt::ask);
    }

    /// Ends all calls that ring or will ring.
    pub fn cancel_all(&mut self, now: Instant) {
        let all: Vec<AttemptId> = self
            .attempts
            .iter()
            .map(|(_, attempt)| self.id(attempt.slot, attempt.generation))
            .collect();
        for id in all {
            self.cancel(id, now);
        }
    }

    /// What happened; call until it says `None`.
    pub fn poll_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// When to come back with [`handle_time`](Self::handle_time).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wheel.next()
    }

    /// What is to be sent.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.out
    }

    /// What is to be sent, to be cleared when it was.
    pub const fn outbox_mut(&mut self) -> &mut Outbox {
        &mut self.out
    }

    /// How a call looks on the wire.
    #[must_use]
    pub fn wire_identity(&self, id: AttemptId) -> Option<WireIdentity> {
        match self.slots.get(id.slot, id.generation)? {
            Tenant::Live(place) => self.identity_of(self.attempts.get(place)?),
            Tenant::Free(_) | Tenant::Ended { .. } | Tenant::Stray(_) => None,
        }
    }

    /// Every address that datagrams may come from.
    #[must_use]
    pub fn peers(&self) -> Vec<IpAddr> {
        self.lines.peers()
    }

    /// Calls that are not over, and those that are watched on.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.attempts.len()
    }

    /// Everything that is held: calls in flight, ended calls until their timer D, answers without a call.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.slots.taken()
    }

    /// Datagrams that had no effect.
    #[must_use]
    pub const fn dropped(&self) -> Dropped {
        self.dropped
    }

    const fn id(&self, slot: u32, generation: u32) -> AttemptId {
        AttemptId { shard: self.identity.shard, epoch: self.identity.epoch, slot, generation }
    }

    fn identity_of(&self, attempt: &Attempt) -> Option<WireIdentity> {
        let line = self.lines.get(attempt.line)?;
        Some(WireIdentity {
            to: attempt.wire.to,
            from: attempt.wire.from,
            call_id: attempt.wire.call_id_text(),
            from_tag: attempt.wire.tag.text(),
            way: Arc::clone(&line.way),
            target: line.target(attempt.target),
        })
    }

    fn live(&self, branch: &Branch) -> Option<(u32, AttemptId)> {
        if (branch.shard, branch.epoch) != (self.identity.shard, self.identity.epoch) {
            return None;
        }
        match self.slots.get(branch.slot, branch.generation)? {
            Tenant::Live(place) => Some((place, self.id(branch.slot, branch.generation))),
            Tenant::Free(_) | Tenant::Ended { .. } | Tenant::Stray(_) => None,
        }
    }

    fn command(&mut self, id: AttemptId, now: Instant, act: fn(&mut Attempt, &mut Context<'_>)) {
        if let Some(Tenant::Live(place)) = self.slots.get(id.slot, id.generation) {
            self.with_attempt(place, id.slot, (now, now), |attempt, cx| {
                act(attempt, cx);
                None
            });
        }
    }

    /// Lets a call act, then reports it if it is over, and moves or frees it if it is done.
    fn with_attempt(
        &mut self,
        place: u32,
        slot: u32,
        (now, received): (Instant, Instant),
        act: impl FnOnce(&mut Attempt, &mut Context<'_>) -> Option<Late>,
    ) {
        let Some(attempt) = self.attempts.get_mut(place) else { return };
        let Some(line) = self.lines.get(attempt.line) else { return };
        let target = line.target(attempt.target);
        let mut cx =
            Context { identity: &self.identity, line, out: &mut self.out, target, now, received };
        let before = attempt.phase();
        let late = act(attempt, &mut cx);
        let due = attempt.deadline(now);
        let phase = attempt.phase().filter(|_| attempt.phase() > before);
        let reported = attempt.reported;
        let over = attempt.call.is_over() && !reported;
        let generation = attempt.generation;
        let id = self.id(slot, generation);
        if let Some(phase) = phase {
            self.news.push_back(News::Phase(id, phase));
        }
        if over {
            self.report(place, id);
        }
        if let Some(late) = late {
            self.news.push_back(News::Amended(id, late));
        }
        if over || reported {
            self.retire(place, slot, now);
        } else {
            self.wheel.arm(slot, due);
        }
    }

    fn report(&mut self, place: u32, id: AttemptId) {
        let Some(attempt) = self.attempts.get(place) else { return };
        let Some(wire) = self.identity_of(attempt) else { return };
        let Some(attempt) = self.attempts.get_mut(place) else { return };
        attempt.reported = true;
        let (cseq, started) = (attempt.cseq, attempt.started);
        let facts = attempt.take_facts();
        self.news.push_back(News::Ended(Box::new(Report { id, wire, cseq, started, facts })));
    }

    /// Shrinks a call to what its repeated final needs, or frees it, or leaves it where something is owed.
    fn retire(&mut self, place: u32, slot: u32, now: Instant) {
        let Some(attempt) = self.attempts.get(place) else { return };
        let line = attempt.line;
        if attempt.is_settled() {
            let wait = self.lines.get(line).map(|line| line.trunk.timers.d(attempt::UDP));
            let refused = attempt.facts.end == End::Refused;
            let (to, target) = (attempt.wire.to, attempt.target);
            let ended = Tenant::Ended { to, line, target, refused };
            self.attempts.remove(place);
            self.slots.change(slot, ended);
            self.wheel.arm(slot, now + wait.unwrap_or_default());
        } else if attempt.is_finished(now) {
            self.attempts.remove(place);
            self.wheel.disarm(slot);
            self.slots.free(slot);
            self.lines.release(line);
        } else {
            let due = attempt.deadline(now);
            self.wheel.arm(slot, due);
        }
    }
}

/// What our own datagram was, as far as it came back: its branch and method.
fn sent_before(payload: &[u8], identity: &Identity) -> Option<(Branch, Method)> {
    let end = payload.iter().position(|&byte| byte == b' ')?;
    let method = Method::from_bytes(payload.get(..end)?);
    let at = memchr::memmem::find(payload, b";branch=")? + b";branch=".len();
    let branch = payload.get(at..at + Branch::LEN)?;
    Some((Branch::read(&identity.key, branch)?, method))
}
