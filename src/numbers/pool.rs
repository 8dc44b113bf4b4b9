//! A pool: the numbers that we own and may present. The last digits of the one that is drawn are the code.
//!
//! Everybody may know the pool. What nobody can know is the draw: uniform over the distinct codes that may be drawn, by
//! the secret generator, and among the numbers with that code uniform again. No rotation and no exclusion but for the
//! same destination: both would tell something about the next draw.

use crate::base::number::CallerId;
use std::fmt;
use std::sync::Arc;

/// Fewest and most digits of a code.
pub const CODE_DIGITS: std::ops::RangeInclusive<u8> = 4..=8;
/// Most numbers in one pool.
pub const NUMBERS_MAX: u64 = 4_000_000;

/// Why numbers make no pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolError {
    /// There are none.
    Empty,
    /// There are more than [`NUMBERS_MAX`].
    TooMany {
        /// How many.
        count: u64,
    },
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a pool has at least one number"),
            Self::TooMany { count } => {
                write!(f, "{count} numbers; a pool has at most {NUMBERS_MAX}")
            }
        }
    }
}

impl std::error::Error for PoolError {}

/// The numbers of a pool.
pub struct Pool {
    /// Its name.
    pub name: Arc<str>,
    /// In order, each once.
    numbers: Vec<CallerId>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} numbers", self.name, self.numbers.len())
    }
}

/// What must not or should not be drawn for a destination.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken<'a> {
    /// Held by open verifications of this destination: their codes are never drawn.
    pub held: &'a [CallerId],
    /// Drawn for it lately, newest first: avoided, but never at the cost of more than a tenth of the codes.
    pub recent: &'a [CallerId],
}
