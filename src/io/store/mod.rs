//! Where records are kept. The engine decides what; a store only does it, in order.

pub mod memory;
pub mod sqlite;

use crate::base::id::{Seq, Ticket};
use crate::verify::record::{Found, Past, Record};
use std::sync::Arc;
use tokio::sync::Notify;

/// What a store says of the records that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything up to here is kept.
    Kept(Seq),
    /// Nothing from here on is kept, whatever was appended before this was said; it must be given again.
    Failed(Seq),
}

/// A store of records. What is appended between two commits is kept whole or not at all.
pub trait Store {
    /// Takes a record; it is kept only once [`commit`](Self::commit) says so.
    fn append(&mut self, seq: Seq, record: Record);

    /// Asks for what was appended to be kept, all at once.
    fn commit(&mut self);

    /// What became of it; `None` when there is no news.
    fn poll_verdict(&mut self) -> Option<Verdict>;

    /// Asks for the past of a number.
    fn load(&mut self, ticket: Ticket, past: Past);

    /// What was found; `None` inside where the store could not look, `None` when there is no news.
    fn poll_loaded(&mut self) -> Option<(Ticket, Option<Found>)>;

    /// What is notified when there is news, for a store that works on its own.
    fn news(&self) -> Option<Arc<Notify>>;
}
