//! A pool: the numbers that we own and may present. The last digits of the one that is drawn are the code.
//!
//! Everybody may know the pool. What nobody can know is the draw: uniform over the distinct codes that may be drawn, by
//! the secret generator, and among the numbers with that code uniform again. No rotation and no exclusion but for the
//! same destination: both would tell something about the next draw.

use crate::base::number::{CallerId, Span};
use crate::base::rng::Rng;
use std::fmt;
use std::sync::Arc;

mod suffixes;

use suffixes::Suffixes;

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
    /// Codes of a length outside [`CODE_DIGITS`] were asked for.
    CodeLength {
        /// That length.
        digits: u8,
    },
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a pool has at least one number"),
            Self::TooMany { count } => {
                write!(f, "{count} numbers; a pool has at most {NUMBERS_MAX}")
            }
            Self::CodeLength { digits } => {
                let (least, most) = (CODE_DIGITS.start(), CODE_DIGITS.end());
                write!(f, "codes of {digits} digits; a code has {least} to {most}")
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
    /// One for each length of code that was asked for.
    suffixes: Vec<Suffixes>,
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

impl Pool {
    /// All numbers of the spans, each once, ready to draw codes of these lengths.
    ///
    /// # Errors
    /// Why they make no pool. Found out before memory is taken for the numbers.
    pub fn new(name: Arc<str>, spans: &[Span], code_lengths: &[u8]) -> Result<Self, PoolError> {
        if let Some(&digits) = code_lengths.iter().find(|length| !CODE_DIGITS.contains(length)) {
            return Err(PoolError::CodeLength { digits });
        }
        let spans = Span::union(spans);
        let count = spans.iter().fold(0_u64, |sum, span| sum.saturating_add(span.count()));
        if count == 0 {
            return Err(PoolError::Empty);
        }
        if count > NUMBERS_MAX {
            return Err(PoolError::TooMany { count });
        }
        let mut numbers = Vec::with_capacity(count as usize);
        numbers.extend(spans.into_iter().flat_map(Span::caller_ids));
        let mut code_lengths = code_lengths.to_vec();
        code_lengths.sort_unstable();
        code_lengths.dedup();
        let suffixes = code_lengths.into_iter().map(|length| Suffixes::new(length, &numbers));
        Ok(Self { name, suffixes: suffixes.collect(), numbers })
    }

    /// How many numbers it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Never: a pool has numbers.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Whether the number is one of them.
    #[must_use]
    pub fn contains(&self, number: CallerId) -> bool {
        self.numbers.binary_search(&number).is_ok()
    }

    /// Its numbers, in order: shorter ones first.
    pub fn numbers(&self) -> impl Iterator<Item = CallerId> {
        self.numbers.iter().copied()
    }

    /// How many codes of this length it has; 0 where the length was not asked for. A number that is shorter has none.
    #[must_use]
    pub fn distinct(&self, code_length: u8) -> u32 {
        self.of_length(code_length).map_or(0, Suffixes::distinct)
    }

    /// How many numbers have the commonest code of this length; 0 where the length was not asked for.
    #[must_use]
    pub fn largest_share(&self, code_length: u8) -> u32 {
        self.of_length(code_length).map_or(0, Suffixes::largest_share)
    }

    /// Draws a number: its code is none that is held, and none of the recent ones if that leaves one and costs no more
    /// than a tenth of all. None where every code is held, and where the length was not asked for.
    pub fn draw(&self, code_length: u8, taken: Taken<'_>, rng: &mut Rng) -> Option<CallerId> {
        let suffixes = self.of_length(code_length)?;
        let held = Excluded::of(taken.held.iter().filter_map(|number| suffixes.find(*number)));
        let tenth = suffixes.distinct() as usize / 10;
        let avoided =
            held.and(taken.recent.iter().filter_map(|number| suffixes.find(*number)), tenth);
        let place = avoided
            .draw(suffixes.distinct(), rng)
            .or_else(|| held.draw(suffixes.distinct(), rng))?;
        let same = suffixes.numbers(place);
        let number = same.get(rng.secret_below(same.len() as u64) as usize)?;
        self.numbers.get(*number as usize).copied()
    }

    fn of_length(&self, code_length: u8) -> Option<&Suffixes> {
        self.suffixes.iter().find(|suffixes| suffixes.code_length() == code_length)
    }
}

/// Places of codes that are not drawn: in order, each once.
struct Excluded(Vec<u32>);

impl Excluded {
    fn of(places: impl Iterator<Item = u32>) -> Self {
        let mut places: Vec<u32> = places.collect();
        places.sort_unstable();
        places.dedup();
        Self(places)
    }

    /// With the first few others.
    fn and(&self, others: impl Iterator<Item = u32>, few: usize) -> Self {
        let mut more = Vec::new();
        for place in others {
            if more.len() == few {
                break;
            }
            if self.0.binary_search(&place).is_err() && !more.contains(&place) {
                more.push(place);
            }
        }
        Self::of(self.0.iter().copied().chain(more))
    }

    /// One of the places below a bound that are not excluded, each as likely as any other. As many steps as there are
    /// excluded ones, however few are left.
    fn draw(&self, bound: u32, rng: &mut Rng) -> Option<u32> {
        let free = bound.checked_sub(u32::try_from(self.0.len()).ok()?).filter(|free| *free > 0)?;
        let mut place = rng.secret_below(u64::from(free)) as u32;
        // So far it counts only the free ones; each excluded one before it moves it on by one.
        for excluded in &self.0 {
            if *excluded > place {
                break;
            }
            place += 1;
        }
        Some(place)
    }
}

#[cfg(test)]
mod tests;
