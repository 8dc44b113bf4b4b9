//! What the engine gives to the store and says to the application.

use onering::base::clock::Instant;
use onering::base::id::Ticket;
use onering::engine::{Answer, Event, Output, Refusal};
use onering::verify::cdr::Cdr;
use onering::verify::record::Record;

use super::call::{Call, Intent};
use super::{Checks, outcome};

impl Checks {
    /// One output, as the engine gives it.
    pub(crate) fn output(&mut self, now: Instant, output: &Output) {
        match output {
            Output::Store { record, .. } => self.given(now, record),
            Output::Reply { ticket, answer } => self.answered(*ticket, answer),
            Output::Event(Event::Recorded(cdr)) => {
                self.needs_kept(cdr, "told of a call before its record was kept");
            }
            Output::Event(Event::StoreFailed) => self.store_failed = true,
            Output::Event(Event::Amended(_)) => {}
            Output::Load { .. } | Output::Event(Event::Verify(_)) => {
                self.broken.push("a verification that nobody asked for".to_owned());
            }
        }
    }

    fn given(&mut self, now: Instant, record: &Record) {
        match record {
            Record::Intent(intent) => {
                let waiting = self.wishes.iter_mut().rev().find(|(_, wish)| {
                    wish.call.is_none()
                        && wish.refused == 0
                        && (wish.plan.to, wish.plan.from) == (intent.to, intent.from)
                });
                let Some((_, wish)) = waiting else {
                    self.broken.push("an intent that nobody asked for".to_owned());
                    return;
                };
                let call_id = String::from_utf8_lossy(&intent.call_id).into_owned();
                let index = self.calls.len();
                wish.call = Some(index);
                let names = (intent.id, call_id.clone());
                self.calls.push(Call::new(names, wish.plan.pace, wish.not_after, self.t1));
                self.by_id.insert(intent.id, index);
                if self.by_call_id.insert(call_id, index).is_some() {
                    self.fail(index, "a Call-ID for the second time");
                }
            }
            Record::Cdr(cdr) => self.cdr(now, cdr),
            Record::Amendment(amendment) => {
                self.amendments += 1;
                let Some(&index) = self.by_id.get(&amendment.id) else {
                    self.broken.push("an amendment of nothing".to_owned());
                    return;
                };
                if !self.calls[index].recorded {
                    self.fail(index, "an amendment before the record");
                }
            }
            Record::Opened(_) | Record::Changed(_) => {
                self.broken.push("a verification that nobody asked for".to_owned());
            }
        }
    }

    fn cdr(&mut self, now: Instant, cdr: &Cdr) {
        let Some(&index) = self.by_id.get(&cdr.id) else {
            self.broken.push("a record of nothing".to_owned());
            return;
        };
        let call = &mut self.calls[index];
        if call.recorded && call.records_kept > 0 {
            return self.fail(index, "a second record");
        }
        if call.recorded {
            // Offered again: the store has refused it.
            return;
        }
        call.recorded = true;
        call.outcome = Some(cdr.outcome.name());
        if call.invite.is_none() {
            call.over = Some((now, outcome::truth(call)));
        }
        // To the microsecond: something else may have made the engine look.
        call.settle(|at| at <= now, now);
        let Some((_, truth)) = call.over.clone() else {
            return self.fail(index, "a record although the call is not over");
        };
        for ((what, said), (_, truth)) in outcome::said(cdr).into_iter().zip(truth) {
            if said != truth {
                self.fail(index, &format!("the record says {what} {said}, but it was {truth}"));
            }
        }
    }

    /// The store has kept this.
    pub(crate) fn kept(&mut self, record: &Record) {
        let id = match record {
            Record::Intent(intent) => intent.id,
            Record::Cdr(cdr) => cdr.id,
            Record::Amendment(amendment) => amendment.id,
            Record::Opened(_) | Record::Changed(_) => return,
        };
        let Some(&index) = self.by_id.get(&id) else { return };
        let call = &mut self.calls[index];
        match record {
            Record::Intent(_) => call.intent = Intent::Kept,
            Record::Cdr(_) => call.records_kept += 1,
            Record::Amendment(_) | Record::Opened(_) | Record::Changed(_) => {}
        }
        let (intent, records) = (call.intent, call.records_kept);
        if intent != Intent::Kept {
            self.fail(index, "a record kept without its intent");
        }
        if records > 1 {
            self.fail(index, "two records kept");
        }
    }

    fn needs_kept(&mut self, cdr: &Cdr, what: &str) {
        match self.by_id.get(&cdr.id) {
            Some(&index) if self.calls[index].records_kept == 1 => {}
            Some(&index) => self.fail(index, what),
            None => self.broken.push(what.to_owned()),
        }
    }

    fn answered(&mut self, ticket: Ticket, answer: &Answer) {
        if let Answer::Drained = answer {
            self.drained += 1;
            if self.drain_asked != Some(ticket) {
                self.broken.push("drained, but nobody asked".to_owned());
            }
            if self.calls.iter().any(|call| call.intent == Intent::Kept && call.records_kept == 0) {
                self.broken.push("drained, but a record is not kept".to_owned());
            }
            return;
        }
        let Some(wish) = self.wishes.get_mut(&ticket) else {
            self.broken.push(format!("an answer to nobody: {answer:?}"));
            return;
        };
        match answer {
            Answer::Refused(refusal) => {
                wish.refused += 1;
                let index = wish.call;
                if self.drain_asked.is_some() && index.is_none() && *refusal != Refusal::Draining {
                    self.broken.push(format!("{refusal:?} instead of Draining"));
                }
                if let Some(index) = index {
                    self.calls[index].intent = Intent::Lost;
                    if self.calls[index].invite.is_some() {
                        self.fail(index, "refused, but its INVITE is out");
                    }
                }
            }
            Answer::Started(id) => match self.by_id.get(id).copied() {
                Some(index) if wish.call == Some(index) => {
                    self.calls[index].started += 1;
                    if self.drain_asked.is_some() {
                        self.fail(index, "started while draining");
                    }
                }
                _ => self.broken.push("started, but another call".to_owned()),
            },
            Answer::Ended(cdr) => {
                let index = wish.call;
                self.needs_kept(cdr, "answered before the record was kept");
                if let Some(index) = index {
                    self.calls[index].ended += 1;
                }
            }
            Answer::Drained => {}
            Answer::Verify(_) => self.broken.push("an answer to no question".to_owned()),
        }
    }
}
