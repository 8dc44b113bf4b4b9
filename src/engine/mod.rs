//! The pure whole: calls over the user agent, each between two records.
//!
//! The order of things (of one call): its intent is stored, then its INVITE leaves; its outcome is known, then its
//! CDR is stored, then whoever asked is told. CANCEL, ACK, BYE and PRACK wait for nothing.
//!
//! The contract: after each [`handle_input`](Engine::handle_input) or batch of them, send what is in
//! [`outbox`](Engine::outbox), drain [`poll_output`](Engine::poll_output) to `None`, and come back at
//! [`poll_timeout`](Engine::poll_timeout) at the latest.

mod input;
mod output;
#[cfg(test)]
mod tests;

pub use input::{Command, Input};
pub use output::{Answer, Event, Output, Refusal};

use crate::base::clock::{Instant, Now};
use crate::base::id::{AttemptId, Seq, Ticket};
use crate::base::rng::Rng;
use crate::call::facts::{End, Facts};
use crate::call::outcome::{Outcome, classify};
use crate::sip::ua::{self, News, Outbox, Report, UserAgent};
use crate::verify::cdr::{Amendment, Cdr};
use crate::verify::record::{Intent, Record};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Calls whose deadline is handled in one turn. The rest comes in the next, behind the responses that arrived
/// meanwhile: a final that is already here makes its CANCEL needless.
pub const DUE_MAX: usize = 256;

/// How long the store is left alone after it failed.
const STORE_PAUSE: Duration = Duration::from_millis(250);

/// A call whose intent is being stored.
struct Starting {
    seq: Seq,
    id: AttemptId,
    ticket: Ticket,
    not_after: Instant,
    canceled: bool,
}

/// A record that is being stored.
struct Recording {
    seq: Seq,
    record: Record,
    ticket: Ticket,
}

/// The engine.
pub struct Engine {
    ua: UserAgent,
    seq: Seq,
    starting: VecDeque<Starting>,
    recording: VecDeque<Recording>,
    /// Records that the store refused, oldest first.
    unstored: VecDeque<Recording>,
    store_again_at: Instant,
    /// Who asked for the call in each slot.
    tickets: Vec<Ticket>,
    unreported: usize,
    /// No call is taken any more.
    draining: bool,
    /// Who asked for that, and is to be told when the last record is stored.
    awaiting_end: Vec<Ticket>,
    out: VecDeque<Output>,
}

impl Engine {
    /// An engine without trunks.
    #[must_use]
    pub fn new(config: ua::Config, rng: Rng) -> Self {
        Self {
            ua: UserAgent::new(config, rng),
            seq: Seq::default(),
            starting: VecDeque::new(),
            recording: VecDeque::new(),
            unstored: VecDeque::new(),
            store_again_at: Instant::NEVER,
            tickets: Vec::new(),
            unreported: 0,
            draining: false,
            awaiting_end: Vec::new(),
            out: VecDeque::new(),
        }
    }

    /// Takes one input. See the contract above.
    pub fn handle_input(&mut self, input: Input, now: Now) {
        match input {
            Input::Datagram(datagram) => self.ua.handle_datagram(datagram, now.instant),
            Input::Undeliverable { payload } => {
                self.ua.handle_undeliverable(&payload, now.instant);
            }
            Input::Stored { up_to } => self.stored(up_to, now),
            Input::StoreFailed { from } => self.store_failed(from, now),
            Input::Command { ticket, command } => self.command(ticket, command, now),
            Input::Configure { trunks, rules: _ } => self.ua.configure(trunks),
            Input::Loaded { .. } | Input::Restore(_) => {}
            Input::TimePassed => self.time_passed(now),
        }
        self.gather(now);
    }

    fn command(&mut self, ticket: Ticket, command: Command, now: Now) {
        match command {
            Command::Place { plan, not_after } => self.place(ticket, &plan, not_after, now),
            Command::Verify(_) => {
                let refusal = crate::verify::command::Refusal::Draining;
                self.reply(ticket, Answer::Verify(Err(refusal)));
            }
            Command::Cancel(id) => {
                match self.starting.iter_mut().find(|starting| starting.id == id) {
                    Some(starting) => starting.canceled = true,
                    None => self.ua.cancel(id, now.instant),
                }
            }
            Command::Drain => {
                self.draining = true;
                self.awaiting_end.push(ticket);
                for starting in &mut self.starting {
                    starting.canceled = true;
                }
                self.ua.cancel_all(now.instant);
            }
        }
    }

    fn place(&mut self, ticket: Ticket, plan: &ua::Plan, not_after: Instant, now: Now) {
        let refusal = if self.draining {
            Some(Refusal::Draining)
        } else if self.unstored.is_empty() && self.store_again_at == Instant::NEVER {
            None
        } else {
            Some(Refusal::StoreDown)
        };
        if let Some(refusal) = refusal {
            return self.reply(ticket, Answer::Refused(refusal));
        }
        let id = match self.ua.prepare(plan) {
            Ok(id) => id,
            Err(refused) => return self.reply(ticket, Answer::Refused(refused.into())),
        };
        let Some(wire) = self.ua.wire_identity(id) else { return };
        let slot = id.slot as usize;
        if self.tickets.len() <= slot {
            self.tickets.resize(slot + 1, Ticket::default());
        }
        if let Some(place) = self.tickets.get_mut(slot) {
            *place = ticket;
        }
        let intent = Intent {
            id,
            part: None,
            to: wire.to,
            from: wire.from,
            call_id: wire.call_id,
            from_tag: wire.from_tag,
            way: wire.way,
            target: wire.target,
            at_unix_us: now.unix_us,
        };
        let seq = self.store(Record::Intent(Arc::new(intent)));
        self.unreported += 1;
        self.starting.push_back(Starting { seq, id, ticket, not_after, canceled: false });
    }

    /// Hands a record to the store, and says its place.
    fn store(&mut self, record: Record) -> Seq {
        self.seq = self.seq.next();
        self.out.push_back(Output::Store { seq: self.seq, record });
        self.seq
    }

    fn reply(&mut self, ticket: Ticket, answer: Answer) {
        self.out.push_back(Output::Reply { ticket, answer });
    }

    /// The store has kept everything up to here: calls may start, and outcomes may be told.
    fn stored(&mut self, up_to: Seq, now: Now) {
        // It works again, unless this is the answer to what came before the failure.
        if self.unstored.is_empty() {
            self.store_again_at = Instant::NEVER;
        }
        while self.starting.front().is_some_and(|starting| starting.seq <= up_to) {
            let Some(starting) = self.starting.pop_front() else { break };
            // A second look at the deadline: a call that nobody waits for any more is not made.
            if starting.canceled || starting.not_after < now.instant {
                self.not_attempted(&starting, now);
            } else {
                self.ua.start(starting.id, now.instant);
                self.reply(starting.ticket, Answer::Started(starting.id));
            }
        }
        while self.recording.front().is_some_and(|recording| recording.seq <= up_to) {
            let Some(recording) = self.recording.pop_front() else { break };
            match recording.record {
                Record::Cdr(cdr) => {
                    self.unreported = self.unreported.saturating_sub(1);
                    self.out.push_back(Output::Event(Event::Recorded(Arc::clone(&cdr))));
                    self.reply(recording.ticket, Answer::Ended(cdr));
                }
                Record::Amendment(amendment) => {
                    self.out.push_back(Output::Event(Event::Amended(amendment)));
                }
                Record::Intent(_) | Record::Opened(_) | Record::Changed(_) => {}
            }
        }
        self.finish_draining();
    }

    /// The store has kept nothing from here on. Calls that were to start are refused; records are kept here and
    /// tried again; new calls are refused until that works.
    fn store_failed(&mut self, from: Seq, now: Now) {
        self.out.push_back(Output::Event(Event::StoreFailed));
        self.store_again_at = now.instant + STORE_PAUSE;
        while self.starting.back().is_some_and(|starting| starting.seq >= from) {
            let Some(starting) = self.starting.pop_back() else { break };
            self.ua.forget(starting.id);
            self.unreported = self.unreported.saturating_sub(1);
            self.reply(starting.ticket, Answer::Refused(Refusal::StoreDown));
        }
        let mut failed = VecDeque::new();
        while self.recording.back().is_some_and(|recording| recording.seq >= from) {
            failed.extend(self.recording.pop_back());
        }
        for recording in failed {
            self.unstored.push_front(recording);
        }
        self.finish_draining();
    }

    fn time_passed(&mut self, now: Now) {
        if self.store_again_at <= now.instant {
            self.store_again_at = Instant::NEVER;
            for recording in std::mem::take(&mut self.unstored) {
                self.record(recording.record, recording.ticket);
            }
        }
        self.ua.handle_time(now.instant, DUE_MAX);
    }

    /// Hands a record to the store, behind those that it still owes us: an amendment never overtakes its CDR.
    fn record(&mut self, record: Record, ticket: Ticket) {
        if !self.unstored.is_empty() {
            return self.unstored.push_back(Recording { seq: self.seq, record, ticket });
        }
        let seq = self.store(record.clone());
        self.recording.push_back(Recording { seq, record, ticket });
    }

    /// Makes records of what the user agent tells.
    fn gather(&mut self, now: Now) {
        while let Some(news) = self.ua.poll_news() {
            match news {
                News::Ended(report) => {
                    let ticket = self.ticket(report.id);
                    let outcome = classify(&report.facts);
                    self.record(Record::Cdr(Arc::new(cdr(*report, outcome, now))), ticket);
                }
                News::Amended(id, late) => {
                    let at_unix_us = now.unix_us;
                    let ua::Late { status, alerted } = late;
                    let amendment = Amendment { id, at_unix_us, status, alerted };
                    self.record(Record::Amendment(amendment), Ticket::default());
                }
            }
        }
    }

    fn ticket(&self, id: AttemptId) -> Ticket {
        self.tickets.get(id.slot as usize).copied().unwrap_or_default()
    }

    /// An intent that was stored and never became a call still has its record.
    fn not_attempted(&mut self, starting: &Starting, now: Now) {
        let Some(wire) = self.ua.wire_identity(starting.id) else { return };
        self.ua.forget(starting.id);
        let facts = Facts { end: End::NotSent, ..Facts::default() };
        let report = Report { id: starting.id, wire, cseq: 1, started: now.instant, facts };
        let cdr = cdr(report, Outcome::NotAttempted, now);
        self.record(Record::Cdr(Arc::new(cdr)), starting.ticket);
    }

    fn finish_draining(&mut self) {
        let told = self.recording.is_empty() && self.unstored.is_empty();
        if self.unreported == 0 && self.starting.is_empty() && told {
            for ticket in std::mem::take(&mut self.awaiting_end) {
                self.reply(ticket, Answer::Drained);
            }
        }
    }

    /// What to do, in this order; call until it says `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.out.is_empty() {
            self.finish_draining();
        }
        self.out.pop_front()
    }

    /// When to come back with [`Input::TimePassed`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let calls = self.ua.poll_timeout().unwrap_or(Instant::NEVER);
        let due = calls.min(self.store_again_at);
        (due != Instant::NEVER).then_some(due)
    }

    /// The datagrams to be sent.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        self.ua.outbox()
    }

    /// The datagrams to be sent; clear it when they were.
    pub const fn outbox_mut(&mut self) -> &mut Outbox {
        self.ua.outbox_mut()
    }

    /// Every address that datagrams may come from.
    #[must_use]
    pub fn peers(&self) -> Vec<IpAddr> {
        self.ua.peers()
    }

    /// Calls that were taken and whose record is not stored yet.
    #[must_use]
    pub const fn unreported(&self) -> usize {
        self.unreported
    }

    /// The user agent, for its counters.
    #[must_use]
    pub const fn user_agent(&self) -> &UserAgent {
        &self.ua
    }
}

fn cdr(report: Report, outcome: Outcome, now: Now) -> Cdr {
    let Report { id, wire, cseq, started, facts } = report;
    let ago = u64::try_from(now.instant.since(started).as_micros()).unwrap_or(u64::MAX);
    Cdr {
        id,
        part: None,
        open: false,
        way: wire.way,
        target: wire.target,
        from: wire.from,
        to: wire.to,
        call_id: wire.call_id,
        from_tag: wire.from_tag,
        cseq,
        start_unix_us: now.unix_us.saturating_sub(ago),
        facts,
        outcome,
    }
}
