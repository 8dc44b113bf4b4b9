//! What a sink asks of a store.

use crate::verify::cdr::{Amendment, Kept};
use std::fmt;
use std::future::Future;

/// How far a sink has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// It has every record up to and with this row.
    pub row: u64,
    /// It has every amendment up to and with this place.
    pub amendment: u64,
}

/// Where records come from: a store that gives them in the order in which they were kept, and remembers for each sink how
/// far it has come.
pub trait Source {
    /// Why it cannot answer.
    type Error: fmt::Display;

    /// Records behind this row, in the order of their rows, at most so many. Those that were deleted are left out.
    ///
    /// # Errors
    /// The store cannot be read.
    fn records(&mut self, row: u64, most: usize) -> Result<Vec<Kept>, Self::Error>;

    /// Amendments behind this place, in the order in which they were kept, at most so many; the first place is 1.
    ///
    /// # Errors
    /// The store cannot be read.
    fn amendments(&mut self, place: u64, most: usize)
    -> Result<Vec<(u64, Amendment)>, Self::Error>;

    /// How far this sink has come; none where it was never remembered.
    ///
    /// # Errors
    /// The store cannot be read.
    fn reached(&mut self, sink: &str) -> Result<Option<Reached>, Self::Error>;

    /// Remembers how far the sink has come. What it has not had is kept longer for it, from the first time on.
    ///
    /// # Errors
    /// The store cannot be written.
    fn remember(
        &mut self,
        sink: &str,
        reached: Reached,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
