//! Names of things, each a type of its own.

use std::fmt;

/// One attempt: the place of its call in one life of one shard. Names its CDR, and is inside each of its branches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId {
    /// Shard that placed it.
    pub shard: u16,
    /// Life of that shard.
    pub epoch: u32,
    /// Slot in that life.
    pub slot: u32,
    /// Use of that slot.
    pub generation: u32,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shard, epoch, slot, generation } = self;
        write!(f, "{shard:04x}-{epoch:08x}-{slot:08x}-{generation:08x}")
    }
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The place of a record in the order of the store; the first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// The one behind it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Who asked, and for what: chosen by whoever asks, and given back with each answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);
