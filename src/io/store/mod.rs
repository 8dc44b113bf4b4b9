//! Where records are kept. The engine decides what; a store only does it, in order.

pub mod memory;

use crate::base::id::Seq;
use crate::verify::record::Record;

/// What a store says of the records that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything up to here is kept.
    Kept(Seq),
    /// Nothing from here on is kept, whatever was appended before this was said; it must be given again.
    Failed(Seq),
}

/// A store of records.
pub trait Store {
    /// Takes a record; it is kept only once [`commit`](Self::commit) says so.
    fn append(&mut self, seq: Seq, record: Record);

    /// Asks for what was appended to be kept, all at once.
    fn commit(&mut self);

    /// What became of it; `None` when there is no news.
    fn poll_verdict(&mut self) -> Option<Verdict>;
}
