//! The pure whole: verifications over calls over the user agent, and the books between all of them and the store.
//!
//! The order of things (of one call): its intent is stored, then its INVITE leaves; its outcome is known, then its
//! CDR is stored, then whoever asked is told. CANCEL, ACK, BYE and PRACK wait for nothing.
//!
//! The contract: after each [`handle_input`](Engine::handle_input) or batch of them, send what is in
//! [`outbox`](Engine::outbox), drain [`poll_output`](Engine::poll_output) to `None`, and come back at
//! [`poll_timeout`](Engine::poll_timeout) at the latest.

mod books;
mod desk;
mod input;
mod output;
#[cfg(test)]
mod tests;

pub use input::{Command, Input};
pub use output::{Answer, Event, Output, Refusal};

use crate::base::clock::{Instant, Now};
use crate::base::id::{AttemptId, Seq, Ticket};
use crate::base::rng::Rng;
use crate::call::outcome::{Outcome, classify};
use crate::sip::ua::{self, CallPhase, News, Outbox, Report, UserAgent};
use crate::verify::cdr::Amendment;
use crate::verify::command as verify;
use crate::verify::matcher::ClaimKey;
use crate::verify::record::{Left, Record};
use crate::verify::status::Phase;
use crate::verify::verifier::{self, Deed, Loss, Over, Verifier};
use books::{Books, Entry, Owner, Starting};
use desk::{Desk, Purpose, cdr, interrupted};
use smallvec::{SmallVec, smallvec};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

/// Calls whose deadline is handled in one turn. The rest comes in the next, behind the responses that arrived
/// meanwhile: a final that is already here makes its CANCEL needless.
pub const DUE_MAX: usize = 256;

/// The engine.
pub struct Engine {
    desk: Desk,
    verifier: Verifier,
    books: Books,
    unreported: usize,
    /// No call is taken any more.
    draining: bool,
    /// Who asked for that, and is to be told when the last record is stored.
    awaiting_end: Vec<Ticket>,
    out: VecDeque<Output>,
}

impl Engine {
    /// An engine without trunks and rules. What claims are hashed with outlives a restart, as the branch key does.
    #[must_use]
    pub fn new(config: ua::Config, claim_key: ClaimKey, mut rng: Rng) -> Self {
        let ua::Config { shard, epoch, .. } = config;
        let own = verifier::Config { shard, epoch, claim_key };
        let verifier = Verifier::new(own, rng.fork());
        Self {
            desk: Desk::new(UserAgent::new(config, rng)),
            verifier,
            books: Books::default(),
            unreported: 0,
            draining: false,
            awaiting_end: Vec::new(),
            out: VecDeque::new(),
        }
    }

    /// Takes one input. See the contract above.
    pub fn handle_input(&mut self, input: Input, now: Now) {
        match input {
            Input::Datagram(datagram) => self.desk.ua.handle_datagram(datagram, now.instant),
            Input::Undeliverable { payload } => {
                self.desk.ua.handle_undeliverable(&payload, now.instant);
            }
            Input::Stored { up_to } => self.stored(up_to, now),
            Input::StoreFailed { from } => self.store_failed(from, now),
            Input::Loaded { ticket, found } => {
                self.verifier.loaded(ticket, found, now, &mut self.desk);
            }
            Input::Command { ticket, command } => self.command(ticket, command, now),
            Input::Configure { trunks, rules } => {
                self.desk.ua.configure(trunks);
                self.verifier.configure(rules);
            }
            Input::Restore(left) => self.restore(*left, now),
            Input::TimePassed => self.time_passed(now),
        }
        self.settle(now);
    }

    fn command(&mut self, ticket: Ticket, command: Command, now: Now) {
        match command {
            Command::Place { plan, not_after } => self.place(ticket, &plan, not_after, now),
            Command::Verify(command) => self.verify(ticket, command, now),
            Command::Cancel(id) => match self.books.starting().find(|starting| starting.id == id) {
                Some(starting) => starting.canceled = true,
                None => self.desk.ua.cancel(id, now.instant),
            },
            Command::Drain => {
                self.draining = true;
                self.verifier.drain();
                self.awaiting_end.push(ticket);
                for starting in self.books.starting() {
                    starting.canceled = true;
                }
                self.desk.ua.cancel_all(now.instant);
            }
        }
    }

    fn place(&mut self, ticket: Ticket, plan: &ua::Plan, not_after: Instant, now: Now) {
        let refusal = if self.draining {
            Some(Refusal::Draining)
        } else if self.books.is_down() {
            Some(Refusal::StoreDown)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return self.reply(ticket, Answer::Refused(refusal));
        }
        match self.desk.intend(plan, Purpose::Bare(ticket), now) {
            Ok(intent) => {
                let starting = Starting { id: intent.id, ticket, not_after, canceled: false };
                self.write(smallvec![Record::Intent(intent)], Owner::Start(starting));
            }
            Err(refused) => self.reply(ticket, Answer::Refused(refused.into())),
        }
    }

    fn verify(&mut self, ticket: Ticket, command: verify::Command, now: Now) {
        let changes = match command {
            verify::Command::Start(_)
            | verify::Command::Check { .. }
            | verify::Command::Next { .. }
            | verify::Command::Cancel { .. } => true,
            verify::Command::Look { .. } => false,
        };
        if changes && self.books.is_down() {
            let refusal = Err(verify::Refusal::StoreDown);
            return self.reply(ticket, Answer::Verify(refusal));
        }
        self.verifier.handle(ticket, command, now, &mut self.desk);
    }

    /// Hands records to the store, together.
    fn write(&mut self, records: SmallVec<[Record; 2]>, owner: Owner) {
        let intents = records.iter().filter(|record| matches!(record, Record::Intent(_)));
        self.unreported += intents.count();
        self.books.write(records, owner, &mut self.out);
    }

    fn record(&mut self, record: Record, ticket: Ticket) {
        self.write(smallvec![record], Owner::Record(ticket));
    }

    fn reply(&mut self, ticket: Ticket, answer: Answer) {
        self.out.push_back(Output::Reply { ticket, answer });
    }

    /// The store has kept everything up to here: calls may start, and outcomes may be told.
    fn stored(&mut self, up_to: Seq, now: Now) {
        self.books.works();
        while let Some(Entry { records, owner, .. }) = self.books.pop_kept(up_to) {
            match owner {
                Owner::Start(starting) => self.begin(&starting, now),
                Owner::Record(ticket) => {
                    for record in records {
                        self.recorded(record, ticket, now);
                    }
                }
                Owner::Verifier(token) => self.verifier.stored(token, now),
            }
        }
        self.finish_draining();
    }

    /// A second look at the deadline: a call that nobody waits for any more is not made.
    fn begin(&mut self, starting: &Starting, now: Now) {
        if starting.canceled || starting.not_after < now.instant {
            self.give_up(starting.id, now);
        } else {
            self.desk.ua.start(starting.id, now.instant);
            self.reply(starting.ticket, Answer::Started(starting.id));
        }
    }

    fn recorded(&mut self, record: Record, ticket: Ticket, now: Now) {
        match record {
            Record::Cdr(cdr) => {
                self.unreported = self.unreported.saturating_sub(1);
                self.out.push_back(Output::Event(Event::Recorded(Arc::clone(&cdr))));
                match cdr.part {
                    Some(part) => self.verifier.recorded(part, cdr.id, cdr.outcome, now),
                    None => self.reply(ticket, Answer::Ended(cdr)),
                }
            }
            Record::Amendment(amendment) => {
                self.out.push_back(Output::Event(Event::Amended(amendment)));
            }
            Record::Intent(_) | Record::Opened(_) | Record::Changed(_) => {}
        }
    }

    /// The store has kept nothing from here on. What was only to begin is refused; what is true is kept here and offered
    /// again; nothing new is begun until that works.
    fn store_failed(&mut self, from: Seq, now: Now) {
        self.out.push_back(Output::Event(Event::StoreFailed));
        let mut kept = Vec::new();
        for entry in self.books.lose(from, now.instant) {
            let loss = match entry.owner {
                Owner::Start(starting) => {
                    self.desk.ua.forget(starting.id);
                    self.reply(starting.ticket, Answer::Refused(Refusal::StoreDown));
                    Loss::Drop
                }
                Owner::Record(_) => Loss::Keep,
                Owner::Verifier(token) => self.verifier.lost(token, now, &mut self.desk),
            };
            match loss {
                Loss::Drop => {
                    let is_intent = |record: &&Record| matches!(record, Record::Intent(_));
                    let intents = entry.records.iter().filter(is_intent).count();
                    self.unreported = self.unreported.saturating_sub(intents);
                }
                Loss::Keep => kept.push(entry),
            }
        }
        self.books.keep(kept);
        self.finish_draining();
    }

    fn time_passed(&mut self, now: Now) {
        self.books.offer_again(now.instant, &mut self.out);
        self.verifier.handle_time(now);
        self.desk.ua.handle_time(now.instant, DUE_MAX);
    }

    /// What the last life left open: its calls are recorded as interrupted, its verifications go on.
    fn restore(&mut self, left: Left, now: Now) {
        let Left { sessions, intents } = left;
        self.verifier.restore(sessions, &intents, now, &mut self.desk);
        for intent in &intents {
            let open = intent.part.is_some_and(|part| self.verifier.is_open(part.session));
            self.unreported += 1;
            self.record(Record::Cdr(Arc::new(interrupted(intent, open))), Ticket::default());
        }
    }

    /// Does what the verifier wants and hears what the user agent tells, until there is nothing left of either.
    fn settle(&mut self, now: Now) {
        loop {
            if let Some(deed) = self.verifier.poll_deed() {
                self.obey(deed, now);
            } else if let Some(news) = self.desk.ua.poll_news() {
                self.hear(news, now);
            } else {
                return;
            }
        }
    }

    fn obey(&mut self, deed: Deed, now: Now) {
        match deed {
            Deed::Load { ticket, past } => self.out.push_back(Output::Load { ticket, past }),
            Deed::Write { records, token } => self.write(records, Owner::Verifier(token)),
            Deed::Begin(id) => self.desk.ua.start(id, now.instant),
            Deed::GiveUp(id) => self.give_up(id, now),
            Deed::Cancel(id) => self.desk.ua.cancel(id, now.instant),
            Deed::Reply(ticket, answer) => self.reply(ticket, Answer::Verify(answer)),
            Deed::Event(event) => self.out.push_back(Output::Event(Event::Verify(event))),
        }
    }

    /// Makes records of what the user agent tells.
    fn hear(&mut self, news: News, now: Now) {
        match news {
            News::Phase(id, phase) => {
                if let Purpose::Part(part) = self.desk.purpose(id) {
                    let phase = match phase {
                        CallPhase::Progress => Phase::Progress,
                        CallPhase::Ringing => Phase::Ringing,
                        CallPhase::Flashed => Phase::Flashed,
                    };
                    self.verifier.phase(part, phase, now);
                }
            }
            News::Ended(report) => {
                let outcome = classify(&report.facts);
                self.over(*report, outcome, now);
            }
            News::Amended(id, late) => {
                let at_unix_us = now.unix_us;
                let ua::Late { status, alerted } = late;
                let amendment = Amendment { id, at_unix_us, status, alerted };
                self.record(Record::Amendment(amendment), Ticket::default());
            }
        }
    }

    /// A call is over: its record is written before what follows from it.
    fn over(&mut self, report: Report, outcome: Outcome, now: Now) {
        let id = report.id;
        match self.desk.purpose(id) {
            Purpose::Bare(ticket) => {
                let cdr = cdr(report, outcome, None, false, now);
                self.record(Record::Cdr(Arc::new(cdr)), ticket);
            }
            Purpose::Part(part) => {
                let open = self.verifier.is_open(part.session);
                let cdr = cdr(report, outcome, Some(part), open, now);
                let alerted = cdr.facts.alert.is_some();
                self.record(Record::Cdr(Arc::new(cdr)), Ticket::default());
                let over = Over { part, id, outcome, alerted };
                self.verifier.ended(over, now, &mut self.desk);
            }
        }
    }

    /// An intent that was stored and never became a call still has its record.
    fn give_up(&mut self, id: AttemptId, now: Now) {
        if let Some(report) = self.desk.not_attempted(id, now) {
            self.over(report, Outcome::NotAttempted, now);
        }
    }

    fn finish_draining(&mut self) {
        if self.unreported == 0 && self.books.is_empty() {
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
        let all =
            [self.desk.ua.poll_timeout(), self.books.again_at(), self.verifier.poll_timeout()];
        all.into_iter().flatten().min()
    }

    /// The datagrams to be sent.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        self.desk.ua.outbox()
    }

    /// The datagrams to be sent; clear it when they were.
    pub const fn outbox_mut(&mut self) -> &mut Outbox {
        self.desk.ua.outbox_mut()
    }

    /// Every address that datagrams may come from.
    #[must_use]
    pub fn peers(&self) -> Vec<IpAddr> {
        self.desk.ua.peers()
    }

    /// Calls that were taken and whose record is not stored yet.
    #[must_use]
    pub const fn unreported(&self) -> usize {
        self.unreported
    }

    /// Verifications that are held: open, or not stored to their end.
    #[must_use]
    pub const fn verifications(&self) -> usize {
        self.verifier.held()
    }

    /// The user agent, for its counters.
    #[must_use]
    pub const fn user_agent(&self) -> &UserAgent {
        &self.desk.ua
    }
}
