//! What a user says he saw, read from what he typed or copied.

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
            match digit(character) {
                Some(digit) => digits.push(digit),
                None if matches!(character, '+' | '＋') => {
                    if !digits.is_empty() {
                        return Err(ClaimError::LatePlus { at });
                    }
                }
                None if stands_between(character) => {}
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

/// The zeros of those ten digits in a row that phones show numbers in: Latin, Arabic, Persian, Devanagari, Bengali, and
/// full width.
const ZEROS: [char; 6] = ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{ff10}'];

/// The digit as ASCII.
fn digit(character: char) -> Option<u8> {
    ZEROS.into_iter().find_map(|zero| {
        let value = u32::from(character).checked_sub(u32::from(zero))?;
        u8::try_from(value).ok().filter(|value| *value <= 9).map(|value| b'0' + value)
    })
}

/// What people, contact lists and call logs put between digits, and marks of the direction of writing, which come with
/// a number that is copied from a phone.
const fn stands_between(character: char) -> bool {
    matches!(
        character,
        ' ' | '\t' | '\u{a0}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{2060}' | '\u{3000}'
            | '-' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' | '\u{ff0d}'
            | '.' | '\u{b7}' | '\u{ff0e}'
            | '/' | '\u{2044}' | '\u{ff0f}'
            | '(' | ')' | '[' | ']' | '\u{ff08}' | '\u{ff09}' | '\u{ff3b}' | '\u{ff3d}'
            | '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}
