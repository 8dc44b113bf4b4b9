//! INVITEs of an attempt that another one took the place of: sent with credentials, or to the trunk's next target.
//!
//! A request goes to the next target after a transport error, after 503, and after 64*T1 of silence if the call's guard
//! leaves time for that, which its default of 20 s does not (RFC 3263 §4.3); as long as
//! no phone was alerted and nobody wants the call to end; so a cancelled INVITE never begins another one. It keeps
//! Call-ID, From and CSeq, and has a branch of its own. The INVITE that was given up may have arrived after all: its
//! first late provisional is cancelled on its own branch, where it went.

use super::attempt::{Attempt, UDP};
use super::context::Context;
use super::request::{self, Turn};
use crate::base::clock::Instant;
use crate::call::outbound::Event;
use crate::sip::txn::Actions;
use crate::sip::txn::client_other::{self, ClientOther};

/// An INVITE that is no longer the attempt's own.
pub(super) struct Leg {
    pub(super) n: u8,
    pub(super) target: u8,
    cseq: u32,
    /// It had a final; nothing of it can ring.
    settled: bool,
    cancel: Option<ClientOther>,
    cancelled: bool,
}

impl Attempt {
    /// Sends the INVITE to the next target, if there is one and the call may still be made. `settled`: the last one
    /// had a final.
    pub(super) fn fail_over(&mut self, settled: bool, cx: &mut Context<'_>) -> bool {
        let next = self.target.saturating_add(1);
        if !self.call.may_retry() || usize::from(next) >= cx.line.trunk.targets.len() {
            return false;
        }
        self.supersede(settled, cx);
        self.target = next;
        cx.target = cx.line.target(next);
        self.begin_invite(cx);
        true
    }

    /// Puts the INVITE on the wire aside for another one.
    pub(super) fn supersede(&mut self, settled: bool, cx: &Context<'_>) {
        let leg = Leg {
            n: self.invite_n,
            target: self.target,
            cseq: self.cseq,
            settled,
            cancel: None,
            cancelled: false,
        };
        self.more.get_or_insert_with(Box::default).legs.push(leg);
        self.invite = None;
        if !settled {
            self.linger_until = cx.now + super::attempt::patience(cx);
        }
        let patience = super::attempt::patience(cx);
        self.call.step(Event::Retried, cx.now, &self.pace, patience);
    }

    /// An earlier INVITE was answered: the one on the wire is not wanted any more. It is cancelled at once if it was
    /// heard of, and otherwise on its first provisional, like every other that was given up.
    pub(super) fn give_up_invite(&mut self, heard: bool, cx: &mut Context<'_>) {
        if self.invite.is_none() {
            return;
        }
        let (n, cancel, cancelled) =
            (self.invite_n, self.cancel.take(), self.facts.cancel.is_some());
        self.supersede(false, cx);
        let legs = self.more.as_mut().map(|more| &mut more.legs);
        if let Some(leg) = legs.and_then(|legs| legs.last_mut()) {
            leg.cancel = cancel;
            leg.cancelled = cancelled;
        }
        if heard {
            self.cancel_leg(n, cx);
        }
    }

    pub(super) fn leg(&self, n: u8) -> Option<&Leg> {
        self.more.as_ref()?.legs.iter().find(|leg| leg.n == n)
    }

    /// A provisional for an INVITE that was given up: it arrived, so it is cancelled, once.
    pub(super) fn cancel_leg(&mut self, n: u8, cx: &mut Context<'_>) {
        let Some(more) = &mut self.more else { return };
        let Some(leg) = more.legs.iter_mut().find(|leg| leg.n == n) else { return };
        if !leg.settled && !leg.cancelled {
            leg.cancelled = true;
            leg.cancel = Some(ClientOther::start(cx.now, &cx.line.trunk.timers, UDP));
            self.linger_until = cx.now + super::attempt::patience(cx);
            self.write_leg_cancel(n, cx);
        }
    }

    /// An INVITE has its final: a CANCEL of it leaves no more, not even again (RFC 3261 §9.1), and nothing of it
    /// rings any more.
    pub(super) fn final_came(&mut self, n: u8) {
        let legs = self.more.as_mut().map(|more| &mut more.legs);
        if let Some(leg) = legs.and_then(|legs| legs.iter_mut().find(|leg| leg.n == n)) {
            leg.settled = true;
            leg.cancel = None;
        } else if n == self.invite_n {
            self.cancel = None;
        }
    }

    fn write_leg_cancel(&self, n: u8, cx: &mut Context<'_>) {
        let Some(leg) = self.leg(n) else { return };
        let branch = cx.branch(self.slot, self.generation, n);
        let turn = Turn { branch: &branch, cseq: leg.cseq, authorization: b"" };
        let to = cx.line.target(leg.target);
        cx.send_to(to, |out, line| request::cancel(out, line, &self.wire, turn));
    }

    /// Steps the CANCEL of one leg, or of all of them when time has passed.
    pub(super) fn step_legs(
        &mut self,
        only: Option<u8>,
        event: client_other::Event,
        cx: &mut Context<'_>,
    ) {
        let legs = self.more.as_mut().map_or(&mut [][..], |more| &mut more.legs);
        let mut again = Vec::new();
        for leg in legs.iter_mut().filter(|leg| only.is_none_or(|n| leg.n == n)) {
            let Some(cancel) = &mut leg.cancel else { continue };
            let mut actions = Actions::new();
            cancel.step(event, cx.now, &cx.line.trunk.timers, UDP, &mut actions);
            for action in actions {
                match action {
                    client_other::Action::Send => again.push(leg.n),
                    client_other::Action::Tell(client_other::News::Provisional) => {}
                    client_other::Action::Tell(
                        client_other::News::Final
                        | client_other::News::TimedOut
                        | client_other::News::TransportFailed,
                    )
                    | client_other::Action::Terminated => leg.cancel = None,
                }
            }
        }
        for n in again {
            self.facts.retransmissions = self.facts.retransmissions.saturating_add(1);
            self.write_leg_cancel(n, cx);
        }
    }
}

impl Leg {
    pub(super) fn deadline(&self) -> Instant {
        self.cancel.as_ref().and_then(ClientOther::deadline).unwrap_or(Instant::NEVER)
    }

    /// Whether nothing is left to be done but to acknowledge a repeated refusal.
    pub(super) const fn is_settled(&self) -> bool {
        self.settled && self.cancel.is_none()
    }
}
