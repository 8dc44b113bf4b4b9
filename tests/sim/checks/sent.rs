//! The copies of one request of the engine: the same bytes each time, when their timer says so and not before.

use std::time::Duration;

use bytes::Bytes;
use onering::base::clock::Instant;

/// How the wait between copies grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    /// Timer A.
    Doubles,
    /// Timer E.
    UpTo(Duration),
}

/// A client transaction as it shows on the wire.
pub(crate) struct Sent {
    pub(crate) branch: String,
    pub(crate) bytes: Bytes,
    pub(crate) first: Instant,
    last: Instant,
    pub(crate) copies: u32,
    t1: Duration,
    growth: Growth,
    /// Its final response has come, or it must not be sent again for another reason.
    pub(crate) done: bool,
}

impl Sent {
    pub(crate) fn new(
        branch: &str,
        bytes: &Bytes,
        now: Instant,
        t1: Duration,
        growth: Growth,
    ) -> Self {
        let (branch, bytes) = (branch.to_owned(), bytes.clone());
        Self { branch, bytes, first: now, last: now, copies: 1, t1, growth, done: false }
    }

    /// When the next copy is due.
    pub(crate) fn due(&self) -> Instant {
        let doubled = self.t1 * 2_u32.pow(self.copies.min(16) - 1);
        let wait = match self.growth {
            Growth::Doubles => doubled,
            Growth::UpTo(longest) => doubled.min(longest),
        };
        self.last + wait
    }

    /// When nobody waits for it any more.
    pub(crate) fn given_up_at(&self) -> Instant {
        self.first + self.t1 * 64
    }

    /// Another copy left; what is wrong with that.
    pub(crate) fn again(&mut self, branch: &str, bytes: &Bytes, now: Instant) -> Option<String> {
        let wrong = if self.branch != branch {
            Some("another transaction where there may be one".to_owned())
        } else if self.bytes != *bytes {
            Some("a copy with other bytes".to_owned())
        } else if self.done {
            Some("a copy after it was settled".to_owned())
        } else if now < self.due() {
            Some(format!("copy {} too early, due at {:?}", self.copies + 1, self.due()))
        } else if now >= self.given_up_at() {
            Some("a copy after 64*T1".to_owned())
        } else {
            None
        };
        self.copies += 1;
        self.last = now;
        wrong
    }

    /// Whether a copy should have left before this moment.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        !self.done
            && self.due() <= now
            && self.due() < self.given_up_at()
            && now < self.given_up_at()
    }
}
