//! A request that is not INVITE or ACK, as a server transaction (RFC 3261 §17.2.2): its answer is kept for
//! those who did not hear it.

use std::net::SocketAddr;

use bytes::Bytes;

use super::judge::Request;
use super::turn::{Head, Turn};
use crate::base::clock::Instant;
use crate::sip::message::Method;
use crate::sip::txn::server_other::{Action, Event, ServerOther};
use crate::sip::txn::{Actions, Transport};

/// One CANCEL, BYE, PRACK and so on.
pub(super) struct Other {
    pub(super) method: Method,
    branch: Box<[u8]>,
    sent_by: Box<[u8]>,
    reply_to: SocketAddr,
    /// Empty while there is none, and for ever where the far end plays dead.
    answer: Bytes,
    machine: ServerOther,
    over: bool,
    pub(super) last_at: Instant,
}

impl Other {
    pub(super) fn start(
        request: Request<'_>,
        method: Method,
        reply_to: SocketAddr,
        turn: &Turn<'_>,
    ) -> Self {
        Self {
            method,
            branch: request.key.branch.into(),
            sent_by: request.key.sent_by.into(),
            reply_to,
            answer: Bytes::new(),
            machine: ServerOther::start(turn.now, &turn.config.timers),
            over: false,
            last_at: turn.now,
        }
    }

    /// Whether this request is a copy of that one (RFC 3261 §17.2.3).
    pub(super) fn is(&self, request: Request<'_>, method: Method) -> bool {
        self.method == method
            && *self.branch == *request.key.branch
            && *self.sent_by == *request.key.sent_by
    }

    /// The far end answers.
    pub(super) fn answer(&mut self, answer: Bytes, head: &Head, turn: &mut Turn<'_>) {
        self.answer = answer;
        self.step(Event::Final, head, turn);
    }

    /// It came again.
    pub(super) fn again(&mut self, head: &Head, turn: &mut Turn<'_>) {
        self.last_at = turn.now;
        self.step(Event::Request, head, turn);
    }

    pub(super) fn time_passed(&mut self, head: &Head, turn: &mut Turn<'_>) {
        if self.deadline() <= turn.now {
            self.step(Event::TimePassed, head, turn);
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.machine.deadline().unwrap_or(Instant::NEVER)
    }

    /// Nothing is to be expected of it. What is never answered is over at once.
    pub(super) const fn is_over(&self) -> bool {
        self.over || self.answer.is_empty()
    }

    fn step(&mut self, event: Event, head: &Head, turn: &mut Turn<'_>) {
        let mut actions = Actions::new();
        let timers = &turn.config.timers;
        self.machine.step(event, turn.now, timers, Transport::Unreliable, &mut actions);
        for action in actions {
            match action {
                // The only request left without an answer is one that is to be ignored: no 100 either.
                Action::SendTrying | Action::Tell(_) => {}
                Action::Send => {
                    if !self.answer.is_empty() {
                        head.send(self.reply_to, &self.answer, turn);
                    }
                }
                Action::Terminated => self.over = true,
            }
        }
    }
}
