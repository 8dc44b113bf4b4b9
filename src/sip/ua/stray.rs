//! Answers that belong to no call any more: after a restart, or long after we gave up.
//!
//! Their branch says that the INVITE was ours, so somebody is off the hook because of us: ACK and BYE are built
//! from the 2xx itself (RFC 3261 §18.1.2 leaves what matches no transaction to the core). The table is bounded;
//! what does not fit is answered when the 2xx comes again.

use super::auth::Auth;
use super::context::Context;
use super::fork::Fork;
use super::lines::LineId;
use crate::base::clock::Instant;
use crate::sip::message::{Key, Message};
use crate::sip::txn::branch::Branch;
use std::net::SocketAddr;

/// One such answer.
pub(super) struct Stray {
    pub(super) slot: u32,
    pub(super) line: LineId,
    pub(super) target: SocketAddr,
    /// The branch that was answered; copies of the 2xx are known by it and by the tag.
    branch: Box<[u8]>,
    fork: Fork,
    /// Copies of the 2xx come for 64*T1 at most (§13.3.1.4).
    until: Instant,
}

impl Stray {
    pub(super) fn open(
        message: &Message,
        key: &Key<'_>,
        (slot, generation, line): (u32, u32, LineId),
        fallback: &[u8],
        cx: &mut Context<'_>,
    ) -> Self {
        let branches = (cx.branch(slot, generation, 1), cx.branch(slot, generation, 2));
        let fork = Fork::open(message, key, fallback, (2, branches, key.cseq), (None, &[]), cx);
        let until = cx.now + cx.line.trunk.timers.m();
        Self { slot, line, target: cx.target, branch: key.branch.into(), fork, until }
    }

    pub(super) fn answers(&self, key: &Key<'_>) -> bool {
        *self.branch == *key.branch && self.fork.has_tag(key.to_tag.unwrap_or_default())
    }

    pub(super) fn acknowledge_again(&mut self, cx: &mut Context<'_>) {
        self.fork.acknowledge_again(cx);
    }

    pub(super) fn bye_response(
        &mut self,
        branch: &Branch,
        message: &Message,
        status: u16,
        cx: &mut Context<'_>,
    ) {
        if self.fork.is_bye(branch.n) {
            let next = branch.n.saturating_add(1);
            let text = cx.branch(branch.slot, branch.generation, next);
            let mut auth = Auth::new(self.until.as_micros());
            self.fork.response(message, status, &mut auth, (next, &text), cx);
        }
    }

    pub(super) fn time_passed(&mut self, cx: &mut Context<'_>) {
        self.fork.time_passed(cx);
    }

    /// When to act: for the BYE, or when copies of the 2xx come no more.
    pub(super) fn deadline(&self, now: Instant) -> Instant {
        let until = if self.until > now { self.until } else { Instant::NEVER };
        self.fork.deadline().min(until)
    }

    pub(super) fn is_finished(&self, now: Instant) -> bool {
        self.fork.is_done() && self.until <= now
    }
}
