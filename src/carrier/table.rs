//! All calls of a far end, found by Call-ID, and their deadlines in order.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

use bytes::Bytes;

use super::answer::Answer as Written;
use super::call::Call;
use super::judge::Request;
use super::rule::Rule;
use super::turn::{Counts, Head, Turn};
use super::{Behaviour, Config, Output};
use crate::base::clock::Instant;
use crate::base::rng::Rng;
use crate::sip::message::{Key, Malformed, Message, Method, Name, response_target};

/// A far end. Feed it with [`Carrier::handle`], come back with [`Carrier::handle_time`] at
/// [`Carrier::poll_timeout`], and do what it puts into `out`, in that order.
pub struct Carrier {
    config: Config,
    rng: Rng,
    counts: Counts,
    calls: Vec<Option<Call>>,
    /// Places in `calls` that are free.
    free: Vec<u32>,
    /// Looked up only, never walked: its order is not the same in two runs.
    by_call_id: HashMap<Box<[u8]>, u32>,
    deadlines: BTreeSet<(Instant, u32)>,
    /// The deadline of each call as it stands in `deadlines`.
    armed: Vec<Instant>,
}

impl Carrier {
    /// A far end without calls.
    #[must_use]
    pub fn new(config: Config, rng: Rng) -> Self {
        Self {
            config,
            rng,
            counts: Counts::default(),
            calls: Vec::new(),
            free: Vec::new(),
            by_call_id: HashMap::new(),
            deadlines: BTreeSet::new(),
            armed: Vec::new(),
        }
    }

    /// A datagram came.
    pub fn handle(&mut self, bytes: Bytes, from: SocketAddr, now: Instant, out: &mut Vec<Output>) {
        self.counts.received += 1;
        let message = match Message::parse(bytes) {
            Ok(message) => message,
            // A keep-alive.
            Err(Malformed::Empty) => return,
            Err(malformed) => {
                return self.complain(&[], format!("{malformed}"), now, out);
            }
        };
        let Some(method) = message.method() else {
            // The far end asks nothing, so nobody answers it.
            self.counts.strays += 1;
            return;
        };
        match message.key() {
            Ok(key) => self.request(Request { message: &message, key }, method, from, now, out),
            Err(problem) => {
                let call_id = message.value(Name::CallId).map(|value| value.bytes());
                self.complain(call_id.unwrap_or_default(), problem.to_string(), now, out);
                if let Some(status) = problem.owed.filter(|_| method != Method::Ack) {
                    self.reply(&message, status, from, now, out);
                }
            }
        }
    }

    /// [`Carrier::poll_timeout`] may have passed.
    pub fn handle_time(&mut self, now: Instant, out: &mut Vec<Output>) {
        while let Some((at, place)) = self.deadlines.first().copied()
            && at <= now
        {
            self.with_call(place, now, out, |call, turn| call.time_passed(turn));
        }
    }

    /// From now on the wire counts as one that loses packets: the kernel said that it dropped some.
    pub const fn wire_lost_packets(&mut self) {
        self.config.lossy_wire = true;
    }

    /// When to come back.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// What happened so far.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Phones that ring right now, and whose callers have not tried to cancel.
    #[must_use]
    pub fn ringing(&self) -> usize {
        self.calls.iter().flatten().map(Call::ringing).sum()
    }

    /// INVITEs without a final response right now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.calls.iter().flatten().map(Call::open).sum()
    }

    /// Calls that are remembered, ended ones included.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.by_call_id.len()
    }

    fn request(
        &mut self,
        request: Request<'_>,
        method: Method,
        from: SocketAddr,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let Key { call_id, .. } = request.key;
        let known = self.by_call_id.get(call_id).copied();
        let Some(place) = known.or_else(|| self.begin(request, method, now, out)) else {
            return self.stray(request, method, from, now, out);
        };
        self.with_call(place, now, out, |call, turn| {
            if turn.loses(call.head.loss_permille) {
                turn.counts.lost_in += 1;
                call.lose(request, method);
            } else {
                call.handle(request, method, from, turn);
            }
        });
    }

    /// A place for the call that this INVITE begins, if it is one and there is room.
    fn begin(
        &mut self,
        request: Request<'_>,
        method: Method,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Option<u32> {
        if method != Method::Invite || self.by_call_id.len() >= self.config.calls_max {
            return None;
        }
        let call = Call::new(request, &mut self.turn(now, out));
        self.counts.calls += 1;
        *self.counts.by_behaviour.entry(call.head.behaviour.name()).or_default() += 1;
        let place = self.free.pop().or_else(|| u32::try_from(self.calls.len()).ok())?;
        if place as usize == self.calls.len() {
            self.calls.push(None);
            self.armed.push(Instant::NEVER);
        }
        self.by_call_id.insert(call.head.call_id.clone(), place);
        *self.calls.get_mut(place as usize)? = Some(call);
        Some(place)
    }

    /// Runs `act` on a call, arms its next deadline, and forgets it once it is over.
    fn with_call(
        &mut self,
        place: u32,
        now: Instant,
        out: &mut Vec<Output>,
        act: impl FnOnce(&mut Call, &mut Turn<'_>),
    ) {
        let index = place as usize;
        let Some(mut call) = self.calls.get_mut(index).and_then(Option::take) else { return };
        act(&mut call, &mut self.turn(now, out));
        let next = call.deadline();
        let over = call.is_over(now);
        if let Some(armed) = self.armed.get_mut(index) {
            if *armed != next || over {
                self.deadlines.remove(&(*armed, place));
            }
            *armed = if over { Instant::NEVER } else { next };
            if *armed != Instant::NEVER {
                self.deadlines.insert((next, place));
            }
        }
        if over {
            self.by_call_id.remove(&call.head.call_id);
            self.free.push(place);
        } else if let Some(slot) = self.calls.get_mut(index) {
            *slot = Some(call);
        }
    }

    /// A request that belongs to no call.
    fn stray(
        &mut self,
        request: Request<'_>,
        method: Method,
        from: SocketAddr,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let (count, status) = match method {
            Method::Invite => (&mut self.counts.turned_away, 503),
            Method::Cancel | Method::Bye | Method::Prack => (&mut self.counts.strays, 481),
            Method::Ack => (&mut self.counts.strays, 0),
            Method::Options => (&mut self.counts.others, 200),
            Method::Update
            | Method::Info
            | Method::Register
            | Method::Subscribe
            | Method::Notify
            | Method::Refer
            | Method::Message
            | Method::Publish
            | Method::Other => (&mut self.counts.others, 405),
        };
        *count += 1;
        if method == Method::Cancel {
            let saw = "a CANCEL whose Call-ID is not known".into();
            self.offend(Rule::CancelUnknown, request.key.call_id, saw, now, out);
        }
        if method == Method::Ack {
            return;
        }
        self.reply(request.message, status, from, now, out);
    }

    /// A response without a transaction.
    fn reply(
        &mut self,
        request: &Message,
        status: u16,
        from: SocketAddr,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let Some(to) = response_target(request, from) else { return };
        let tag = format!("{:016x}", self.rng.wire());
        let written = Written { status, tag: &tag, ..Written::default() };
        let bytes = written.write(request, from, &self.config);
        let loss = self.config.loss_permille;
        let head = Head::new(Box::default(), None, None, Behaviour::RINGS, loss);
        head.send(to, &bytes, &mut self.turn(now, out));
    }

    fn complain(&mut self, call_id: &[u8], saw: String, now: Instant, out: &mut Vec<Output>) {
        self.offend(Rule::Malformed, call_id, saw, now, out);
    }

    fn offend(
        &mut self,
        rule: Rule,
        call_id: &[u8],
        saw: String,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let mut head = Head::new(call_id.into(), None, None, Behaviour::RINGS, 0);
        head.offend(rule, saw, &mut self.turn(now, out));
    }

    fn turn<'a>(&'a mut self, now: Instant, out: &'a mut Vec<Output>) -> Turn<'a> {
        Turn { now, config: &self.config, counts: &mut self.counts, rng: &mut self.rng, out }
    }
}
