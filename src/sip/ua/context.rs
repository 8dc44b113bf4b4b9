//! What a call needs from the user agent while it handles one event.

use super::line::Line;
use super::outbox::Outbox;
use crate::base::clock::Instant;
use crate::sip::txn::branch::{Branch, BranchKey};
use std::net::SocketAddr;

/// Which engine this is, for the branches it makes.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) shard: u16,
    pub(super) epoch: u32,
    pub(super) key: BranchKey,
}

/// A branch as text.
pub(super) struct BranchText([u8; Branch::LEN]);

impl BranchText {
    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// One event's surroundings.
pub(super) struct Context<'a> {
    pub(super) identity: &'a Identity,
    pub(super) line: &'a Line,
    pub(super) out: &'a mut Outbox,
    /// Where the call's INVITE went, and everything goes that no dialog has another way for.
    pub(super) target: SocketAddr,
    /// When the event is handled; what leaves, leaves now.
    pub(super) now: Instant,
    /// When the datagram was received; what came, came then.
    pub(super) received: Instant,
}

impl Context<'_> {
    /// The branch of one transaction of one attempt.
    pub(super) fn branch(&self, slot: u32, generation: u32, n: u8) -> BranchText {
        let Identity { shard, epoch, ref key } = *self.identity;
        let mut text = [0; Branch::LEN];
        Branch { shard, epoch, slot, generation, n }.write(key, &mut text);
        BranchText(text)
    }

    /// Sends a message to the target.
    pub(super) fn send(&mut self, write: impl FnOnce(&mut Vec<u8>, &Line)) {
        self.send_to(self.target, write);
    }

    /// Sends a message elsewhere.
    pub(super) fn send_to(&mut self, to: SocketAddr, write: impl FnOnce(&mut Vec<u8>, &Line)) {
        let line = self.line;
        self.out.send(line.trunk.flow, to, |bytes| write(bytes, line));
    }
}
