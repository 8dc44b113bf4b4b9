//! What a user says he saw, read from what he typed or copied.

use crate::base::spelling::{Mark, mark};
use smallvec::SmallVec;
use std::fmt;
use std::ops::RangeInclusive;

/// Most characters of a claim, punctuation included.
pub const CHARACTERS_MAX: usize = 32;
/// Fewest and most digits of a claim.
pub const CLAIM_DIGITS: RangeInclusive<usize> = 3..=24;

/// What a user says he saw: digits. Punctuation is left out; zeros in front are kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    /// ASCII.
    digits: SmallVec<[u8; 24]>,
}

impl fmt::Debug for Claim {
    /// Without its digits: they may be the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a claim of {} digits", self.digits.len())
    }
}

/// Why a text is no claim. It repeats none of its digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// More than [`CHARACTERS_MAX`] characters.
    TooLong {
        /// How many.
        characters: usize,
    },
    /// Something that is no digit and not among what people put between digits.
    NotADigit {
        /// Its place; 0 is the first character.
        at: usize,
    },
    /// A `+` behind a digit.
    LatePlus {
        /// Its place; 0 is the first character.
        at: usize,
    },
    /// Fewer or more digits than [`CLAIM_DIGITS`].
    Length {
        /// How many.
        digits: usize,
    },
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (CLAIM_DIGITS.start(), CLAIM_DIGITS.end());
        match self {
            Self::TooLong { characters } => {
                write!(f, "{characters} characters; at most {CHARACTERS_MAX} are read")
            }
            Self::NotADigit { at } => write!(
                f,
                "character {} is not a digit; between digits may stand blanks, - . / ( ) and a + in front",
                at + 1
            ),
            Self::LatePlus { at } => {
                write!(f, "character {} is a +, which stands before all digits", at + 1)
            }
            Self::Length { digits } => {
                write!(
                    f,
                    "{digits} digits; the last digits or the whole number are {least} to {most}"
                )
            }
        }
    }
}

impl std::error::Error for ClaimError {}

impl Claim {
    /// Reads the last digits of a number, or all of it, as people write it.
    ///
    /// # Errors
    /// What is wrong with the text, without its digits.
    pub fn read(text: &str) -> Result<Self, ClaimError> {
        let characters = text.chars().count();
        if characters > CHARACTERS_MAX {
            return Err(ClaimError::TooLong { characters });
        }
        let mut digits: SmallVec<[u8; 24]> = SmallVec::new();
        for (at, character) in text.chars().enumerate() {
            match mark(character) {
                Some(Mark::Digit(digit)) => digits.push(digit),
                Some(Mark::Plus) if !digits.is_empty() => return Err(ClaimError::LatePlus { at }),
                Some(Mark::Plus | Mark::Between) => {}
                None => return Err(ClaimError::NotADigit { at }),
            }
        }
        if !CLAIM_DIGITS.contains(&digits.len()) {
            return Err(ClaimError::Length { digits: digits.len() });
        }
        Ok(Self { digits })
    }

    /// The digits, ASCII.
    pub(super) fn digits(&self) -> &[u8] {
        &self.digits
    }
}
