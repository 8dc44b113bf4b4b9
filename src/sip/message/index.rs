//! The header index: one pass over the datagram, one slot a header line (RFC 3261 §7.3.1).
//!
//! A line is found by its line feed, its name by the first sixteen bytes at once. Values are trimmed and folds
//! marked; nothing is copied, nothing inside a value is looked at.

use memchr::memchr;
use smallvec::SmallVec;

use super::malformed::Malformed;
use super::name::{self, Name};
use crate::base::limits::{HEADER_BLOCK_MAX, HEADERS_MAX, LINE_MAX};

/// One header line. Offsets count from the start line, and fit since a header block has at most 32 KiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// First byte of the name.
    pub(super) start: u16,
    /// First byte of the value, trimmed.
    pub(super) value: u16,
    /// Just behind the value, trimmed.
    pub(super) end: u16,
    pub(super) name: Name,
    pub(super) marks: u8,
}

/// The value goes over several lines.
pub(super) const FOLDED: u8 = 1;
/// The line has no colon: all of it is taken for the name.
pub(super) const NO_COLON: u8 = 2;

/// Headers that every message is asked for, so that finding them is no search: the first names of [`Name`].
pub(super) const HOT: usize = 6;

/// Where the header lines are.
#[derive(Clone)]
pub(super) struct Index {
    pub(super) slots: SmallVec<[Slot; 32]>,
    /// First slot of each hot name, plus one; 0 where there is none. The last place takes all other names.
    hot: [u16; HOT + 1],
    /// First byte of the body.
    pub(super) body: usize,
}

impl Index {
    /// Reads the header lines of `bytes` from `first`, the byte behind the start line.
    ///
    /// Offsets in the error count from `bytes`.
    pub(super) fn read(bytes: &[u8], first: usize) -> Result<Self, Malformed> {
        let mut index = Self { slots: SmallVec::new(), hot: [0; HOT + 1], body: 0 };
        let mut at = first;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match rest {
                [b'\r', b'\n', ..] => {
                    index.body = at + 2;
                    return Ok(index);
                }
                [b'\n', ..] => {
                    index.body = at + 1;
                    return Ok(index);
                }
                _ => at += index.line(rest, at)?,
            }
        }
    }

    /// Reads one header line, folds included, and says how long it is.
    #[inline]
    fn line(&mut self, rest: &[u8], at: usize) -> Result<usize, Malformed> {
        let (name, from, mut marks) = match read_name(rest) {
            Some((name, from)) => (name, from, 0),
            None => read_odd_name(rest).ok_or(Malformed::Truncated { at })?,
        };
        let mut end = line_end(rest, from).ok_or(Malformed::Truncated { at })?;
        while let Some(b' ' | b'\t') = rest.get(end + 1) {
            end = line_end(rest, end + 2).ok_or(Malformed::Truncated { at })?;
            marks |= FOLDED;
        }
        if end >= LINE_MAX {
            return Err(Malformed::LineTooLong { at });
        }
        if at + end >= HEADER_BLOCK_MAX {
            return Err(Malformed::BlockTooLong { at });
        }
        if self.slots.len() == HEADERS_MAX {
            return Err(Malformed::TooManyHeaders { at });
        }
        let (value, value_end) = trim(rest, from, end);
        self.slots.push(Slot {
            start: at as u16,
            value: (at + value) as u16,
            end: (at + value_end) as u16,
            name,
            marks,
        });
        if let Some(first) = self.hot.get_mut((name as usize).min(HOT))
            && *first == 0
        {
            *first = self.slots.len() as u16;
        }
        Ok(end + 1)
    }

    /// The first line of this name.
    #[inline]
    pub(super) fn first(&self, name: Name) -> Option<&Slot> {
        match self.hot.get(name as usize) {
            Some(first) if (name as usize) < HOT => {
                self.slots.get(usize::from(*first).wrapping_sub(1))
            }
            _ => self.slots.iter().find(|slot| slot.name == name),
        }
    }

    /// Whether there is another line of a hot name behind its first.
    #[inline]
    pub(super) fn has_second(&self, name: Name) -> bool {
        let from = self.hot.get(name as usize).map_or(0, |first| usize::from(*first));
        self.slots.get(from..).unwrap_or_default().iter().any(|slot| slot.name == name)
    }
}

/// Offset of the line feed at or behind `from`.
#[inline]
fn line_end(rest: &[u8], from: usize) -> Option<usize> {
    Some(from + memchr(b'\n', rest.get(from..)?)?)
}

/// A known name that ends with its colon, and where its value begins. `None` asks for a closer look.
#[inline]
fn read_name(rest: &[u8]) -> Option<(Name, usize)> {
    let word = match rest.first_chunk() {
        Some(chunk) => u128::from_le_bytes(*chunk),
        None => name::padded(rest),
    };
    // The lowest set bit marks the first colon: bit 7 of its byte. No colon leaves all sixteen bytes to the name.
    let apart = word ^ COLONS;
    let colons = apart.wrapping_sub(ONES) & !apart & (ONES << 7);
    let lowest = colons & colons.wrapping_neg();
    let length = (lowest.trailing_zeros() / 8) as usize;
    let head = name::lower(word) & (lowest >> 7).wrapping_sub(1);
    if length == 16 {
        return None;
    }
    let name = name::lookup_short(head, length)?;
    Some((name, length + 1))
}

/// The name of a line that [`read_name`] left: long, unknown, with white space before its colon, or without a colon.
#[cold]
fn read_odd_name(rest: &[u8]) -> Option<(Name, usize, u8)> {
    let end = memchr(b'\n', rest)?;
    let line = rest.get(..end)?;
    match memchr(b':', line) {
        Some(colon) => {
            let text = line.get(..colon)?.trim_ascii_end();
            Some((Name::from_bytes(text), colon + 1, 0))
        }
        None => Some((Name::Other, end, NO_COLON)),
    }
}

const ONES: u128 = u128::MAX / 255;
const COLONS: u128 = ONES * b':' as u128;

/// Takes white space, and the line ends of folds, from both ends.
#[inline]
fn trim(rest: &[u8], from: usize, end: usize) -> (usize, usize) {
    let (mut from, mut end) = (from, end);
    while from < end && rest.get(from).is_some_and(|byte| is_blank(*byte)) {
        from += 1;
    }
    while from < end && rest.get(end - 1).is_some_and(|byte| is_blank(*byte)) {
        end -= 1;
    }
    (from, end)
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
