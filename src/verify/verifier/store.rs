//! What was written is stored, or not; and what waits for that.

use super::session::Owed;
use super::{Calls, Deed, Loss, Token, Verifier};
use crate::base::clock::Now;
use crate::base::id::{AttemptId, SessionId};
use crate::verify::command::Refusal;
use crate::verify::event::What;
use crate::verify::matcher::Stand;
use crate::verify::record::Record;
use crate::verify::status::Phase;
use smallvec::SmallVec;

impl Verifier {
    /// Writes something of a verification down.
    pub(super) fn write(&mut self, place: u32, records: SmallVec<[Record; 2]>, token: Token) {
        if let Some(session) = self.sessions.get_mut(place) {
            session.unstored += 1;
            self.deeds.push_back(Deed::Write { records, token });
        }
    }

    /// Tells something once everything that was written of the verification is stored: now, if it is.
    pub(super) fn owe(&mut self, place: u32, owed: Owed) {
        if let Some(session) = self.sessions.get_mut(place) {
            session.owed.push(owed);
            if session.unstored == 0 {
                self.pay(place);
            }
        }
    }

    fn pay(&mut self, place: u32) {
        let Some(session) = self.sessions.get_mut(place) else { return };
        for owed in std::mem::take(&mut session.owed) {
            self.deeds.push_back(match owed {
                Owed::Reply(ticket, saying) => Deed::Reply(ticket, session.answer(saying)),
                Owed::Event(event) => Deed::Event(event),
            });
        }
    }

    /// Something that was written is stored.
    pub fn stored(&mut self, token: Token, now: Now) {
        let (Token::Opened { id, .. } | Token::Call { id, .. } | Token::Changed { id }) = token;
        let Some(place) = self.place(id) else {
            // Its verification was lost after this was written.
            if let Token::Call { call, .. } = token {
                self.deeds.push_back(Deed::GiveUp(call));
            }
            return;
        };
        if let Some(session) = self.sessions.get_mut(place) {
            session.unstored = session.unstored.saturating_sub(1);
        }
        match token {
            Token::Opened { call, .. } => {
                if let Some(session) = self.sessions.get(place) {
                    let opened = std::sync::Arc::clone(&session.opened);
                    self.starts.release(&opened);
                }
                if let Some(call) = call {
                    self.begin(place, call, now);
                }
            }
            Token::Call { call, .. } => self.begin(place, call, now),
            Token::Changed { .. } => {}
        }
        if self.sessions.get(place).is_some_and(|session| session.unstored == 0) {
            self.pay(place);
        }
        self.forget_if_done(place);
    }

    /// The intent of a call is stored: its INVITE may leave, if anybody still wants it.
    fn begin(&mut self, place: u32, call: AttemptId, now: Now) {
        let Some(session) = self.sessions.get_mut(place) else { return };
        if !session.is_open() || self.draining || session.expires_at <= now.instant {
            self.deeds.push_back(Deed::GiveUp(call));
            return;
        }
        let Some(found) = session.calls.iter_mut().find(|held| held.id == call) else { return };
        found.stand = Stand::OnWire;
        let attempt = found.number;
        session.phase = Phase::Dialing;
        let event = session.event(What::Phase { phase: Phase::Dialing, attempt }, now.unix_us);
        self.deeds.push_back(Deed::Begin(call));
        self.owe(place, Owed::Event(event));
    }

    /// Something that was written is not stored: whether it must be offered again.
    pub fn lost(&mut self, token: Token, now: Now, calls: &mut impl Calls) -> Loss {
        match token {
            Token::Opened { id, call } => {
                if let Some(call) = call {
                    calls.forget(call);
                }
                if let Some(place) = self.place(id) {
                    self.disown(place);
                    if let Some(session) = self.sessions.get(place) {
                        let (opened, to) =
                            (std::sync::Arc::clone(&session.opened), session.opened.to);
                        self.starts.release(&opened);
                        self.destinations.unqueue(to, place);
                        self.pass_turn(place, to, now, calls);
                    }
                    self.remove(place);
                }
                Loss::Drop
            }
            Token::Call { id, call, asked: true } => {
                calls.forget(call);
                if let Some(place) = self.place(id) {
                    self.unask(place, call, now, calls);
                }
                Loss::Drop
            }
            Token::Call { id, call, asked: false } => match self.place(id) {
                Some(place) => {
                    self.disown(place);
                    Loss::Keep
                }
                // Its verification was lost just before.
                None => {
                    calls.forget(call);
                    Loss::Drop
                }
            },
            Token::Changed { id } => match self.place(id) {
                Some(place) => {
                    self.disown(place);
                    Loss::Keep
                }
                None => Loss::Drop,
            },
        }
    }

    /// A call that somebody asked for is not made.
    fn unask(&mut self, place: u32, call: AttemptId, now: Now, calls: &mut impl Calls) {
        self.disown(place);
        let Some(session) = self.sessions.get_mut(place) else { return };
        session.unstored = session.unstored.saturating_sub(1);
        session.calls.retain(|held| held.id != call);
        session.redials_left += 1;
        session.phase = Phase::AwaitingCode;
        let to = session.opened.to;
        self.pass_turn(place, to, now, calls);
        self.forget_if_done(place);
    }

    /// Whoever waits for an answer is told that the store does not work; events go on waiting.
    fn disown(&mut self, place: u32) {
        let Some(session) = self.sessions.get_mut(place) else { return };
        for owed in std::mem::take(&mut session.owed) {
            match owed {
                Owed::Reply(ticket, _) => {
                    self.deeds.push_back(Deed::Reply(ticket, Err(Refusal::StoreDown)));
                }
                Owed::Event(event) => session.owed.push(Owed::Event(event)),
            }
        }
    }

    /// Forgets a verification that has ended, once all of it is stored and its last call is over. From then on the store
    /// knows it.
    pub(super) fn forget_if_done(&mut self, place: u32) {
        let done = self.sessions.get(place).is_some_and(|session| {
            let told = session.unstored == 0 && session.unrecorded == 0;
            told && !session.is_open() && !session.is_calling()
        });
        if done {
            self.remove(place);
        }
    }

    pub(super) fn remove(&mut self, place: u32) {
        if let Some(session) = self.sessions.remove(place) {
            let (id, to): (SessionId, _) = (session.id(), session.opened.to);
            self.by_id.remove(&id);
            self.wheel.disarm(place);
            self.destinations.part(to, place);
        }
    }
}
