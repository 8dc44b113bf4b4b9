//! One attempt on the wire: the INVITE, its CANCEL, and whatever answers bring.
//!
//! The call machine says when to cancel; the transaction machines say when to send again; here the two meet, and
//! facts are written down. An attempt is reported once, when its outcome is known; what comes later amends it.

use super::auth::Auth;
use super::context::{BranchText, Context};
use super::early::{Early, Turn};
use super::fork::Fork;
use super::legs::Leg;
use super::lines::LineId;
use super::request::{self, Wire};
use super::said;
use super::{CallPhase, FORKS_MAX, Late, PRACKS_MAX};
use crate::base::clock::Instant;
use crate::call::facts::{At, End, Facts, PROVISIONALS_MAX, Provisional};
use crate::call::outbound::{self, Outbound};
use crate::call::{CancelCause, Pace};
use crate::sip::message::{Key, Message, Method, Name};
use crate::sip::txn::client_invite::{self, ClientInvite};
use crate::sip::txn::client_other::{self, ClientOther};
use crate::sip::txn::{Actions, Transport};
use std::time::Duration;

/// All of ours go over UDP.
pub(super) const UDP: Transport = Transport::Unreliable;

/// A call that is on the wire, or just off it.
pub(super) struct Attempt {
    pub(super) slot: u32,
    pub(super) generation: u32,
    pub(super) line: LineId,
    pub(super) wire: Wire,
    pub(super) pace: Pace,
    pub(super) started: Instant,
    /// Counts the transactions of this attempt; the last one given out.
    pub(super) n: u8,
    /// The INVITE that is on the wire now.
    pub(super) invite_n: u8,
    pub(super) cseq: u32,
    /// Which of the trunk's targets it went to.
    pub(super) target: u8,
    pub(super) invite: Option<ClientInvite>,
    pub(super) cancel: Option<ClientOther>,
    pub(super) call: Outbound,
    pub(super) facts: Facts,
    pub(super) reported: bool,
    /// A call that was given up is watched on until then: its first late provisional is cancelled, its late final
    /// amends the record.
    pub(super) linger_until: Instant,
    pub(super) more: Option<Box<More>>,
}

/// What few calls need.
#[derive(Default)]
pub(super) struct More {
    pub(super) forks: Vec<Fork>,
    pub(super) early: Vec<Early>,
    /// INVITEs that another one took the place of.
    pub(super) legs: Vec<Leg>,
    /// What challenges of this call have led to.
    pub(super) auth: Option<Auth>,
    /// Whole credential lines of the INVITE on the wire.
    pub(super) authorization: Vec<u8>,
}

impl Attempt {
    pub(super) fn new(
        (slot, generation): (u32, u32),
        line: LineId,
        wire: Wire,
        pace: Pace,
    ) -> Self {
        Self {
            slot,
            generation,
            line,
            wire,
            pace,
            started: Instant::START,
            n: 0,
            invite_n: 0,
            cseq: 1,
            target: 0,
            invite: None,
            cancel: None,
            call: Outbound::start(Instant::NEVER, &pace),
            facts: Facts::default(),
            reported: false,
            linger_until: Instant::NEVER,
            more: None,
        }
    }

    /// How far it has come; nothing before the first response, and nothing new once it is reported.
    pub(super) fn phase(&self) -> Option<CallPhase> {
        let times = &self.facts.times;
        if self.facts.alert.is_some() && times.cancel != At::NEVER {
            Some(CallPhase::Flashed)
        } else if self.facts.alert.is_some() {
            Some(CallPhase::Ringing)
        } else {
            (times.first_1xx != At::NEVER).then_some(CallPhase::Progress)
        }
    }

    /// Sends the first INVITE.
    pub(super) fn start(&mut self, cx: &mut Context<'_>) {
        self.started = cx.now;
        self.call = Outbound::start(cx.now, &self.pace);
        self.begin_invite(cx);
    }

    /// Sends an INVITE as a new transaction.
    pub(super) fn begin_invite(&mut self, cx: &mut Context<'_>) {
        self.n = self.n.saturating_add(1);
        self.invite_n = self.n;
        self.facts.invites = self.facts.invites.saturating_add(1);
        self.invite = Some(ClientInvite::start(cx.now, &cx.line.trunk.timers, UDP));
        self.send_invite(cx);
    }

    fn send_invite(&self, cx: &mut Context<'_>) {
        let branch = cx.branch(self.slot, self.generation, self.invite_n);
        let turn = self.turn(&branch);
        cx.send(|out, line| request::invite(out, line, &self.wire, turn));
    }

    fn turn<'a>(&'a self, branch: &'a BranchText) -> request::Turn<'a> {
        request::Turn { branch, cseq: self.cseq, authorization: self.authorization() }
    }

    fn authorization(&self) -> &[u8] {
        self.more.as_ref().map_or(&[], |more| &more.authorization)
    }

    /// A response to one of this attempt's transactions; `n` is from its branch.
    pub(super) fn response(
        &mut self,
        message: &Message,
        key: &Key<'_>,
        (status, n): (u16, u8),
        cx: &mut Context<'_>,
    ) -> Option<Late> {
        match key.method {
            Method::Invite => self.invite_response(message, key, (status, n), cx),
            Method::Cancel => {
                if n == self.invite_n && self.leg(n).is_none() {
                    self.cancel_response(status, cx);
                } else if let Some(event) = client_other::Event::of(status) {
                    self.step_legs(Some(n), event, cx);
                }
                None
            }
            Method::Bye => {
                let index = self.forks_mut().iter().position(|fork| fork.is_bye(n))?;
                self.bye_response(index, message, status, cx)
            }
            Method::Prack => {
                if let Some(more) = &mut self.more {
                    more.early.iter_mut().for_each(|early| early.response(n, status, cx));
                }
                None
            }
            Method::Ack
            | Method::Options
            | Method::Update
            | Method::Info
            | Method::Register
            | Method::Subscribe
            | Method::Notify
            | Method::Refer
            | Method::Message
            | Method::Publish
            | Method::Other => None,
        }
    }

    fn invite_response(
        &mut self,
        message: &Message,
        key: &Key<'_>,
        (status, n): (u16, u8),
        cx: &mut Context<'_>,
    ) -> Option<Late> {
        let event = client_invite::Event::of(status)?;
        if status >= 200 {
            self.final_came(n);
        }
        let current = n == self.invite_n && self.invite.is_some();
        if !current {
            return self.late_response(message, key, (status, n), cx);
        }
        let mut actions = Actions::new();
        if let Some(invite) = &mut self.invite {
            invite.step(event, cx.now, &cx.line.trunk.timers, UDP, &mut actions);
        }
        let mut late = None;
        for action in actions {
            match action {
                client_invite::Action::Ack => self.acknowledge_refusal(message, cx),
                client_invite::Action::Tell(client_invite::News::Provisional) => {
                    self.provisional(message, key, status, cx);
                }
                client_invite::Action::Tell(client_invite::News::Success) => {
                    late = self.answer(message, key, status, cx);
                }
                client_invite::Action::Tell(client_invite::News::Failure) => {
                    self.refusal(message, key, status, cx);
                }
                client_invite::Action::Send
                | client_invite::Action::Terminated
                | client_invite::Action::Tell(
                    client_invite::News::TimedOut | client_invite::News::TransportFailed,
                ) => {}
            }
        }
        late
    }

    fn acknowledge_refusal(&mut self, message: &Message, cx: &mut Context<'_>) {
        let branch = cx.branch(self.slot, self.generation, self.invite_n);
        let turn = self.turn(&branch);
        // A refusal without a to-tag (RFC 2543) is acknowledged with its To all the same.
        let to = message.value(Name::To).map(|value| value.unfolded()).unwrap_or_default();
        cx.send(|out, line| request::ack_refusal(out, line, &self.wire, turn, &to));
        self.facts.times.ack.first(At::of(cx.now, self.started));
    }

    /// Writes a provisional down.
    pub(super) fn note_provisional(
        &mut self,
        message: &Message,
        key: &Key<'_>,
        status: u16,
        cx: &Context<'_>,
    ) {
        let at = At::of(cx.received, self.started);
        let facts = &mut self.facts;
        // A 100 makes no dialog, whatever tag it has (§12.1).
        let dialog = key.to_tag.filter(|_| status != 100);
        let tag = dialog.and_then(|tag| facts.tag(tag));
        if facts.provisionals.len() < PROVISIONALS_MAX {
            facts.provisionals.push(Provisional { at, status, tag });
        }
        let times = &mut facts.times;
        times.first_1xx.first(at);
        match status {
            100 => times.trying.first(at),
            180 => times.ringing.first(at),
            181 => facts.forwarded = true,
            183 => times.early_media.first(at),
            _ => {}
        }
        if said::diverted(message) {
            self.facts.forwarded = true;
        }
        if let Some(source) = self.pace.trigger.alert(status)
            && self.facts.alert.is_none()
        {
            self.facts.alert = Some(source);
            self.facts.alert_late = self.facts.cancel.is_some();
            self.facts.times.alert.first(at);
        }
    }

    fn provisional(&mut self, message: &Message, key: &Key<'_>, status: u16, cx: &mut Context<'_>) {
        // Where PRACK and CANCEL are both due they leave together, PRACK first; once the CANCEL is out there is
        // no new PRACK (RFC 3262 §3 lets the far end refuse without one).
        if self.facts.cancel.is_none() && !self.acknowledge_provisional(message, key, status, cx) {
            return;
        }
        self.note_provisional(message, key, status, cx);
        let alert = self.pace.trigger.alert(status);
        let pace = Pace { hold: self.hold_left(cx), ..self.pace };
        self.drive_at(&pace, outbound::Event::Provisional(alert), cx);
    }

    /// What is left of the hold when the response was received a while ago: the phone has been ringing since. It is
    /// zero only for a hold of zero; a response behind this one may make the CANCEL needless.
    fn hold_left(&self, cx: &Context<'_>) -> Duration {
        let least = Duration::from_micros(1).min(self.pace.hold);
        self.pace.hold.saturating_sub(cx.now.since(cx.received)).max(least)
    }

    /// Sends the PRACK of a reliable provisional. Says whether the response is to be heeded: one that is out of
    /// order is not (RFC 3262 §4).
    fn acknowledge_provisional(
        &mut self,
        message: &Message,
        key: &Key<'_>,
        status: u16,
        cx: &mut Context<'_>,
    ) -> bool {
        let Some((rseq, tag)) = Early::reliable(message, key, status) else { return true };
        let (slot, generation) = (self.slot, self.generation);
        let fallback = said::request_uri(self.wire.to, cx.line);
        let more = self.more.get_or_insert_with(Box::default);
        if !more.early.iter().any(|early| early.has_tag(tag)) && more.early.len() < FORKS_MAX {
            more.early.push(Early::new(tag));
        }
        let Some(early) = more.early.iter_mut().find(|early| early.has_tag(tag)) else {
            return true;
        };
        match early.turn(rseq) {
            Some(Turn::Next) if self.n < PRACKS_MAX => {
                self.n = self.n.saturating_add(1);
                let branch = cx.branch(slot, generation, self.n);
                early.acknowledge(message, key, &fallback, (rseq, self.n, &branch), cx);
            }
            Some(Turn::Repeated) => {
                early.acknowledge_again(cx);
                self.facts.retransmissions = self.facts.retransmissions.saturating_add(1);
            }
            Some(Turn::Next) => {}
            None => return false,
        }
        true
    }

    fn refusal(&mut self, message: &Message, key: &Key<'_>, status: u16, cx: &mut Context<'_>) {
        let again = match status {
            401 | 407 => self.answer_challenge(message, status, cx),
            503 => self.fail_over(true, cx),
            _ => false,
        };
        if again {
            return;
        }
        let challenged = matches!(status, 401 | 407) && cx.line.trunk.credentials.is_some();
        let withdrawn = challenged && self.call.is_unwanted();
        let facts = &mut self.facts;
        facts.withdrawn = withdrawn;
        key.to_tag.and_then(|tag| facts.tag(tag));
        facts.times.answer_or_refusal.first(At::of(cx.received, self.started));
        if facts.end == End::Open {
            facts.end = End::Refused;
            facts.said = Some(Box::new(said::read(message, status)));
        }
        self.drive(outbound::Event::Refused, cx);
    }

    fn cancel_response(&mut self, status: u16, cx: &mut Context<'_>) {
        let Some(event) = client_other::Event::of(status) else { return };
        if self.step_cancel(event, cx) {
            // Its status says nothing about the phone, and a challenge cannot be answered (§22.1): what counts is
            // the INVITE's own final.
            self.facts.cancel_status = Some(status);
            self.facts.times.cancel_final.first(At::of(cx.received, self.started));
        }
    }

    /// Somebody wants the call to end.
    pub(super) fn ask(&mut self, cx: &mut Context<'_>) {
        self.drive(outbound::Event::Asked, cx);
    }

    /// The network said that the INVITE, or what else was sent, did not arrive.
    pub(super) fn undeliverable(&mut self, n: u8, method: Method, cx: &mut Context<'_>) {
        if method == Method::Invite && n == self.invite_n {
            self.step_invite(client_invite::Event::TransportError, cx);
        }
    }

    fn step_invite(&mut self, event: client_invite::Event, cx: &mut Context<'_>) {
        let (n, mut terminated) = (self.invite_n, false);
        let Some(invite) = &mut self.invite else { return };
        let mut actions = Actions::new();
        invite.step(event, cx.now, &cx.line.trunk.timers, UDP, &mut actions);
        for action in actions {
            match action {
                client_invite::Action::Send => {
                    self.facts.retransmissions = self.facts.retransmissions.saturating_add(1);
                    self.send_invite(cx);
                }
                client_invite::Action::Tell(client_invite::News::TimedOut) => {
                    self.lost(End::Silence, cx);
                }
                client_invite::Action::Tell(client_invite::News::TransportFailed) => {
                    self.lost(End::Unreachable, cx);
                }
                client_invite::Action::Terminated => terminated = true,
                client_invite::Action::Ack
                | client_invite::Action::Tell(
                    client_invite::News::Provisional
                    | client_invite::News::Success
                    | client_invite::News::Failure,
                ) => {}
            }
        }
        // What timed out may have another INVITE in its place by now.
        if terminated && n == self.invite_n {
            self.invite = None;
        }
    }

    fn lost(&mut self, end: End, cx: &mut Context<'_>) {
        if self.fail_over(false, cx) {
            return;
        }
        if self.facts.end == End::Open {
            self.facts.end = end;
        }
        self.linger_until = cx.now + patience(cx);
        self.drive(outbound::Event::Lost, cx);
    }

    /// Lets every machine whose deadline has come act.
    pub(super) fn time_passed(&mut self, cx: &mut Context<'_>) {
        self.step_invite(client_invite::Event::TimePassed, cx);
        self.step_cancel(client_other::Event::TimePassed, cx);
        self.step_legs(None, client_other::Event::TimePassed, cx);
        if let Some(more) = &mut self.more {
            let mut again = 0_u16;
            for fork in &mut more.forks {
                again += fork.time_passed(cx);
            }
            for early in &mut more.early {
                again += early.time_passed(cx);
            }
            self.facts.retransmissions = self.facts.retransmissions.saturating_add(again);
            if !self.forks().is_empty() {
                self.settle_forks(cx);
            }
        }
        self.drive(outbound::Event::TimePassed, cx);
    }

    /// Steps the CANCEL's transaction; whether it has its final now, or was given up. A copy of that final needs
    /// nothing, so the machine goes then.
    fn step_cancel(&mut self, event: client_other::Event, cx: &mut Context<'_>) -> bool {
        let Some(cancel) = &mut self.cancel else { return false };
        let mut actions = Actions::new();
        cancel.step(event, cx.now, &cx.line.trunk.timers, UDP, &mut actions);
        let mut done = false;
        for action in actions {
            match action {
                client_other::Action::Send => {
                    self.facts.retransmissions = self.facts.retransmissions.saturating_add(1);
                    self.write_cancel(cx);
                }
                client_other::Action::Tell(client_other::News::Provisional) => {}
                client_other::Action::Tell(
                    client_other::News::Final
                    | client_other::News::TimedOut
                    | client_other::News::TransportFailed,
                )
                | client_other::Action::Terminated => done = true,
            }
        }
        if done {
            self.cancel = None;
        }
        done
    }

    pub(super) fn send_cancel(&mut self, cause: CancelCause, cx: &mut Context<'_>) {
        self.cancel = Some(ClientOther::start(cx.now, &cx.line.trunk.timers, UDP));
        self.facts.cancel = Some(cause);
        self.facts.times.cancel.first(At::of(cx.now, self.started));
        self.write_cancel(cx);
        if let Some(alert) = self.facts.times.alert.micros() {
            let after = Duration::from_micros(u64::from(alert));
            cx.out.answers_alert(self.started + after);
        }
    }

    fn write_cancel(&self, cx: &mut Context<'_>) {
        let branch = cx.branch(self.slot, self.generation, self.invite_n);
        let turn = self.turn(&branch);
        cx.send(|out, line| request::cancel(out, line, &self.wire, turn));
    }

    /// Steps the call machine and does what it says.
    pub(super) fn drive(&mut self, event: outbound::Event, cx: &mut Context<'_>) {
        let pace = self.pace;
        self.drive_at(&pace, event, cx);
    }

    fn drive_at(&mut self, pace: &Pace, event: outbound::Event, cx: &mut Context<'_>) {
        let patience = patience(cx);
        match self.call.step(event, cx.now, pace, patience) {
            outbound::Action::None | outbound::Action::HangUp => {}
            outbound::Action::Cancel(cause) => self.send_cancel(cause, cx),
            outbound::Action::GiveUp => {
                self.facts.end = End::NoFinal;
                self.linger_until = cx.now + patience;
                self.step_invite(client_invite::Event::Abandon, cx);
                self.invite = None;
                self.facts.times.end.first(At::of(cx.now, self.started));
            }
            outbound::Action::End => {
                self.facts.times.end.first(At::of(cx.now, self.started));
            }
        }
    }

    /// When something here is due.
    pub(super) fn deadline(&self, now: Instant) -> Instant {
        let invite = self.invite.as_ref().and_then(ClientInvite::deadline);
        let cancel = self.cancel.as_ref().and_then(ClientOther::deadline);
        // `linger_until` may be behind us while a late BYE still waits; then only the BYE's own deadline counts.
        let linger = if self.linger_until > now { self.linger_until } else { Instant::NEVER };
        let mut due = self.call.deadline().min(linger);
        due = due.min(invite.unwrap_or(Instant::NEVER)).min(cancel.unwrap_or(Instant::NEVER));
        if let Some(more) = &self.more {
            due = more.forks.iter().map(Fork::deadline).fold(due, Instant::min);
            due = more.early.iter().map(Early::deadline).fold(due, Instant::min);
            due = more.legs.iter().map(Leg::deadline).fold(due, Instant::min);
        }
        due
    }

    /// Takes the facts for the record. What machines still need stays.
    pub(super) fn take_facts(&mut self) -> Facts {
        let forks = self.forks().iter().map(Fork::facts).collect();
        let end = self.facts.end;
        let kept =
            Facts { end, cancel: self.facts.cancel, alert: self.facts.alert, ..Facts::default() };
        Facts { forks, ..std::mem::replace(&mut self.facts, kept) }
    }

    /// Whether nothing is left to be done but to acknowledge a repeated refusal.
    pub(super) fn is_settled(&self) -> bool {
        let plain = self.more.as_ref().is_none_or(|more| {
            more.authorization.is_empty()
                && more.forks.is_empty()
                && more.early.iter().all(Early::is_done)
                && more.legs.iter().all(Leg::is_settled)
        });
        self.reported
            && plain
            && self.cancel.is_none()
            && matches!(self.facts.end, End::Refused | End::NoFinal)
    }

    /// Whether nothing at all is left to be done.
    pub(super) fn is_finished(&self, now: Instant) -> bool {
        let done = self.more.as_ref().is_none_or(|more| {
            let pending = more.legs.iter().any(|leg| leg.deadline() != Instant::NEVER);
            !pending
                && more.forks.iter().all(Fork::is_done)
                && more.early.iter().all(Early::is_done)
        });
        let watched = self.linger_until != Instant::NEVER && now < self.linger_until;
        self.reported && self.invite.is_none() && self.cancel.is_none() && done && !watched
    }
}

/// How long a cancelled INVITE is waited for: 64*T1 (RFC 3261 §9.1).
pub(super) fn patience(cx: &Context<'_>) -> Duration {
    cx.line.trunk.timers.b()
}
