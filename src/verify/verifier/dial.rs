//! The calls of a verification: which number rings, over which trunk, whose turn it is, and what follows their end.

use super::session::{Call, Owed, Saying, Session};
use super::{Calls, NoCall, Over, Token, Verifier, Wish};
use crate::base::clock::Now;
use crate::base::id::{AttemptId, Ticket};
use crate::base::number::{CallerId, Destination};
use crate::call::outcome::Outcome;
use crate::numbers::pool::Taken;
use crate::verify::command::Refusal;
use crate::verify::event::What;
use crate::verify::matcher::Stand;
use crate::verify::reach::{failure, tries_next_trunk};
use crate::verify::record::{Intent, Opened, Part, Record};
use crate::verify::rules::Rules;
use crate::verify::status::{Phase, Reason, Status};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

impl Verifier {
    /// Draws a caller-ID and makes the ids of a call over the first trunk that takes it. It is the verification's turn.
    pub(super) fn prepare(
        &mut self,
        place: u32,
        now: Now,
        calls: &mut impl Calls,
    ) -> Result<Arc<Intent>, Refusal> {
        let rules = Arc::clone(&self.rules);
        let session = self.sessions.get(place).ok_or(Refusal::NotOpen)?;
        still_allowed(&rules, &session.opened)?;
        let caller = self.draw(place).ok_or(Refusal::NoEligibleNumber)?;
        let Some(session) = self.sessions.get_mut(place) else { return Err(Refusal::NotOpen) };
        let number = u8::try_from(session.calls.len() + 1).map_err(|_| Refusal::NoStepsLeft)?;
        let (to, part) = (session.opened.to, Part { session: session.id(), number });
        let mut refusal = Refusal::NoRoute;
        while session.trunks_left > 0 {
            session.trunks_left -= 1;
            let name = session.trunks.get(session.next_trunk).cloned();
            session.next_trunk = (session.next_trunk + 1) % session.trunks.len().max(1);
            // A trunk that a later configuration took away takes no more calls.
            let named =
                (0_u16..).zip(&rules.trunks).find(|(_, trunk)| Some(&trunk.name) == name.as_ref());
            let Some((trunk, known)) = named else { continue };
            let wish = Wish { part, to, from: caller, trunk, pace: known.pace };
            match calls.prepare(&wish, now) {
                Ok(intent) => {
                    let trunk = Arc::clone(&known.name);
                    let stand = Stand::NotOnWire;
                    let alerted = false;
                    session.calls.push(Call {
                        id: intent.id,
                        number,
                        trunk,
                        caller,
                        stand,
                        alerted,
                    });
                    session.phase = Phase::Queued;
                    self.destinations.rang(to, caller);
                    return Ok(intent);
                }
                Err(NoCall::Full) => refusal = Refusal::Capacity,
                Err(NoCall::Trunk) => {}
            }
        }
        Err(refusal)
    }

    /// A number of its pool whose code no open verification of this destination has, and that did not ring it lately.
    fn draw(&mut self, place: u32) -> Option<CallerId> {
        let session = self.sessions.get(place)?;
        let (to, code_length) = (session.opened.to, session.opened.code_length);
        let pool = session.pool.as_ref().map(Arc::clone)?;
        let here = self.destinations.get(to)?;
        let sessions = here.sessions.iter().filter_map(|place| self.sessions.get(*place));
        let held = sessions
            .filter(|session| session.is_open())
            .flat_map(|session| session.calls.iter().map(|call| call.caller));
        // Nobody is rung from the own number: phones and networks take such a call for something else.
        let own = CallerId::of_value(to.value(), to.len()).filter(|own| pool.contains(*own));
        let held: SmallVec<[CallerId; 8]> = held.chain(own).collect();
        let recent: SmallVec<[CallerId; 8]> = here.recent.iter().copied().collect();
        pool.draw(code_length, Taken { held: &held, recent: &recent }, &mut self.rng)
    }

    /// Makes a call as soon as it is its turn: now, or when the call that is under way to the same number ends. Where it
    /// cannot be made the turn is still held: [`pass_turn`](Self::pass_turn) gives it on.
    pub(super) fn dial(
        &mut self,
        place: u32,
        asked: bool,
        before: Option<Record>,
        now: Now,
        calls: &mut impl Calls,
    ) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get_mut(place) else { return Err(Refusal::NotOpen) };
        let (id, to) = (session.id(), session.opened.to);
        session.phase = Phase::Queued;
        let mut records: SmallVec<[Record; 2]> = before.into_iter().collect();
        if self.destinations.take_turn(to, place) {
            match self.prepare(place, now, calls) {
                Ok(intent) => {
                    let call = intent.id;
                    records.push(Record::Intent(intent));
                    self.write(place, records, Token::Call { id, call, asked });
                    return Ok(());
                }
                Err(refusal) => return Err(refusal),
            }
        }
        if !records.is_empty() {
            self.write(place, records, Token::Changed { id });
        }
        Ok(())
    }

    /// Its call is over, or was never made: whoever waits for the number is next.
    pub(super) fn pass_turn(
        &mut self,
        place: u32,
        to: Destination,
        now: Now,
        calls: &mut impl Calls,
    ) {
        let mut done = place;
        while let Some(next) = self.destinations.end_turn(to, done) {
            if self.draining {
                return;
            }
            match self.dial(next, false, None, now, calls) {
                Ok(()) => return,
                Err(refusal) => {
                    self.fail(next, refusal, now);
                    done = next;
                }
            }
        }
    }

    /// No call can be made for a verification that is open.
    fn fail(&mut self, place: u32, refusal: Refusal, now: Now) {
        let hope = self.sessions.get(place).is_some_and(Session::has_hope);
        if hope {
            return self.await_code(place);
        }
        let reason = if refusal == Refusal::NoEligibleNumber {
            Reason::NoEligibleNumber
        } else if refusal == Refusal::Capacity {
            Reason::NotAttempted
        } else {
            Reason::NoRoute
        };
        self.end(place, Status::Failed, Some(reason), None, now);
        self.forget_if_done(place);
    }

    fn await_code(&mut self, place: u32) {
        if let Some(session) = self.sessions.get_mut(place) {
            session.phase = Phase::AwaitingCode;
        }
    }

    /// Somebody asks for another call.
    pub(super) fn redial(&mut self, place: u32, ticket: Ticket, now: Now, calls: &mut impl Calls) {
        let Some(session) = self.sessions.get_mut(place) else { return };
        let refusal = if !session.is_open() {
            Some(Refusal::Ended(session.status, session.reason))
        } else if self.draining {
            Some(Refusal::Draining)
        } else if session.is_calling() || session.phase == Phase::Queued {
            Some(Refusal::CallUnderWay)
        } else if session.redials_left == 0 {
            Some(Refusal::NoStepsLeft)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return self.owe(place, Owed::Reply(ticket, Saying::Refused(refusal)));
        }
        session.redials_left -= 1;
        session.trunks_left = session.trunks.len();
        let change = Record::Changed(Arc::new(session.change()));
        let to = session.opened.to;
        let saying = match self.dial(place, true, Some(change), now, calls) {
            Ok(()) => Saying::Session,
            Err(refusal) => {
                // Nothing was written, so nothing was used up.
                if let Some(session) = self.sessions.get_mut(place) {
                    session.redials_left += 1;
                    session.phase = Phase::AwaitingCode;
                }
                self.pass_turn(place, to, now, calls);
                Saying::Refused(refusal)
            }
        };
        self.owe(place, Owed::Reply(ticket, saying));
    }

    /// A call of a verification is over. Its record is written already, in the same turn.
    pub fn ended(&mut self, over: Over, now: Now, calls: &mut impl Calls) {
        let Over { part, id, outcome, alerted } = over;
        let Some(place) = self.place(part.session) else { return };
        let Some(session) = self.sessions.get_mut(place) else { return };
        let to = session.opened.to;
        if let Some(call) = session.call_mut(part.number).filter(|call| call.id == id) {
            call.stand = Stand::Over(outcome);
            call.alerted = alerted;
            session.unrecorded += 1;
        }
        if session.is_open() && !session.is_calling() {
            let hope = session.has_hope();
            // Whatever came behind an alert: somebody's phone has rung, and is not rung again unasked.
            let again = tries_next_trunk(outcome) && !alerted;
            let again = again && session.trunks_left > 0 && !self.draining;
            if again {
                match self.dial(place, false, None, now, calls) {
                    Ok(()) => return,
                    Err(refusal) => self.fail_after(place, outcome, refusal, now),
                }
            } else {
                session.phase = Phase::AwaitingCode;
                // While the service ends, a call that was not made says nothing about the verification.
                if !hope && !self.draining {
                    self.end(place, Status::Failed, Some(failure(outcome)), None, now);
                }
            }
        }
        self.pass_turn(place, to, now, calls);
        self.forget_if_done(place);
    }

    /// No other trunk could take over: what the last call came to says why it failed.
    fn fail_after(&mut self, place: u32, outcome: Outcome, refusal: Refusal, now: Now) {
        if self.sessions.get(place).is_some_and(Session::has_hope) {
            return self.await_code(place);
        }
        let none_left = refusal == Refusal::NoEligibleNumber;
        let reason = if none_left { Reason::NoEligibleNumber } else { failure(outcome) };
        self.end(place, Status::Failed, Some(reason), None, now);
    }

    /// The record of a call is stored.
    pub fn recorded(&mut self, part: Part, cdr: AttemptId, outcome: Outcome, now: Now) {
        let Some(place) = self.place(part.session) else { return };
        let Some(session) = self.sessions.get_mut(place) else { return };
        session.unrecorded = session.unrecorded.saturating_sub(1);
        let what = What::CallEnded { cdr, attempt: part.number, outcome };
        let event = session.event(what, now.unix_us);
        let phase = Phase::AwaitingCode;
        let waits = session.is_open() && session.phase == phase;
        self.owe(place, Owed::Event(event));
        if let Some(session) = self.sessions.get_mut(place).filter(|_| waits) {
            let what = What::Phase { phase, attempt: part.number };
            let event = session.event(what, now.unix_us);
            self.owe(place, Owed::Event(event));
        }
        self.forget_if_done(place);
    }

    pub(super) fn write_change(&mut self, place: u32) {
        let Some(session) = self.sessions.get(place) else { return };
        let (id, change) = (session.id(), session.change());
        let records = smallvec![Record::Changed(Arc::new(change))];
        self.write(place, records, Token::Changed { id });
    }
}

/// Whether a call may be made for a verification that began under other rules. A country or a tenant is taken away because
/// calls are to stop, so it stops those of open verifications too; codes that rang already stay good.
fn still_allowed(rules: &Rules, opened: &Opened) -> Result<(), Refusal> {
    if !rules.tenants.contains_key(&opened.tenant) {
        return Err(Refusal::UnknownTenant);
    }
    // Only test numbers begin without a country.
    let allowed = opened.country.is_none_or(|country| rules.countries.contains(&country));
    allowed.then_some(()).ok_or(Refusal::DestinationDenied)
}
