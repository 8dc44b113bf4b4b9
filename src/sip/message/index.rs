//! The header index: one pass over the datagram, one slot a header line (RFC 3261 §7.3.1).
//!
//! A line is found by its line feed, its name by the first sixteen bytes at once. Values are trimmed and folds
//! marked; nothing is copied, nothing inside a value is looked at.

use memchr::memchr;
use smallvec::SmallVec;

use super::malformed::Malformed;
use super::name::{self, Name};
use super::scan;
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

impl Slot {
    const EMPTY: Self = Self { start: 0, value: 0, end: 0, name: Name::Other, marks: 0 };
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
    pub(super) slots: SmallVec<[Slot; INLINE]>,
    /// First and last slot of each hot name, plus one; 0 where there is none. The last place takes all other names.
    hot: [[u16; 2]; HOT + 1],
    /// First byte of the body.
    pub(super) body: usize,
}

/// Header lines that need no allocation.
const INLINE: usize = 32;

impl Index {
    /// An index of nothing.
    #[inline]
    pub(super) fn new() -> Self {
        Self { slots: SmallVec::new(), hot: [[0; 2]; HOT + 1], body: 0 }
    }

    /// Reads the header lines of `bytes` from `first`, the byte behind the start line.
    ///
    /// Offsets in the error count from `bytes`.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8], first: usize) -> Result<(), Malformed> {
        let mut lines = Lines { bytes, at: first, count: 0, hot: self.hot };
        self.slots.resize(INLINE, Slot::EMPTY);
        while !lines.fill(&mut self.slots)? {
            if lines.count == HEADERS_MAX {
                return Err(Malformed::TooManyHeaders { at: lines.at });
            }
            self.slots.resize(lines.count * 2, Slot::EMPTY);
        }
        self.slots.truncate(lines.count);
        self.hot = lines.hot;
        self.body = lines.at;
        if self.body > HEADER_BLOCK_MAX {
            return Err(self.beyond());
        }
        Ok(())
    }

    /// The first line of this name.
    #[inline]
    pub(super) fn first(&self, name: Name) -> Option<&Slot> {
        match self.hot.get(name as usize) {
            Some([first, _]) if (name as usize) < HOT => {
                self.slots.get(usize::from(*first).wrapping_sub(1))
            }
            _ => self.slots.iter().find(|slot| slot.name == name),
        }
    }

    /// Whether there is more than one line of a hot name.
    #[inline]
    pub(super) fn has_second(&self, name: Name) -> bool {
        self.hot.get(name as usize).is_some_and(|[first, last]| first != last)
    }

    /// The header block is too long: which line goes beyond.
    #[cold]
    fn beyond(&self) -> Malformed {
        let line = self.slots.iter().rfind(|slot| usize::from(slot.start) < HEADER_BLOCK_MAX);
        Malformed::BlockTooLong { at: line.map_or(0, |slot| usize::from(slot.start)) }
    }
}

/// The reading of header lines.
struct Lines<'a> {
    bytes: &'a [u8],
    /// Where the next line begins; in the end, where the body does.
    at: usize,
    count: usize,
    hot: [[u16; 2]; HOT + 1],
}

impl Lines<'_> {
    /// Reads lines into `slots` from the place of `count` on. `false` where there are more of them than places.
    #[inline]
    fn fill(&mut self, slots: &mut [Slot]) -> Result<bool, Malformed> {
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            match rest {
                [b'\n', ..] => {
                    self.at += 1;
                    return Ok(true);
                }
                [b'\r', b'\n', ..] => {
                    self.at += 2;
                    return Ok(true);
                }
                _ => {}
            }
            let Some(place) = slots.get_mut(self.count) else { return Ok(false) };
            let (slot, length) = read_line(rest, self.at)?;
            *place = slot;
            self.count += 1;
            self.at += length;
            if let Some([first, last]) = self.hot.get_mut((slot.name as usize).min(HOT)) {
                let count = self.count as u16;
                *first = if *first == 0 { count } else { *first };
                *last = count;
            }
        }
    }
}

/// Reads one header line, folds included, and says how long it is.
#[inline]
fn read_line(rest: &[u8], at: usize) -> Result<(Slot, usize), Malformed> {
    // The end of the line is looked for from its beginning, not from its value: so the next line need not wait for
    // this one's name.
    let mut end = scan::one(b'\n', rest).ok_or(Malformed::Truncated { at })?;
    let (name, from, mut marks) = read_name(rest, end);
    while let Some(b' ' | b'\t') = rest.get(end + 1) {
        let more = rest
            .get(end + 2..)
            .and_then(|rest| scan::one(b'\n', rest))
            .ok_or(Malformed::Truncated { at })?;
        end += 2 + more;
        marks |= FOLDED;
    }
    if end >= LINE_MAX {
        return Err(Malformed::LineTooLong { at });
    }
    // Without a colon all of the line is name.
    let from = if marks & NO_COLON == 0 { from } else { end };
    let (value, value_end) = trim(rest, from, end);
    // Offsets are below 64 KiB, since the datagram is.
    let offset = |place: usize| (at + place) as u16;
    let slot = Slot { start: at as u16, value: offset(value), end: offset(value_end), name, marks };
    Ok((slot, end + 1))
}

/// The name of the line that ends at `end`, where its value begins, and its marks.
#[inline]
fn read_name(rest: &[u8], end: usize) -> (Name, usize, u8) {
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
    match name::lookup(head, length) {
        Some(known) if length < 16 => return (known.name, length + 1, 0),
        Some(known) if known.ends(rest) => return (known.name, known.length() + 1, 0),
        _ => {}
    }
    // An unknown name that ends with its colon.
    let last = rest.get(length.wrapping_sub(1)).copied().unwrap_or_default();
    if length < end.min(16) && last > b' ' {
        return (Name::Other, length + 1, 0);
    }
    read_odd_name(rest, end)
}

/// The name of a line with a long unknown name, with white space before its colon, or without a colon.
#[cold]
fn read_odd_name(rest: &[u8], end: usize) -> (Name, usize, u8) {
    let line = rest.get(..end).unwrap_or_default();
    match memchr(b':', line) {
        Some(colon) => {
            let text = line.get(..colon).unwrap_or_default().trim_ascii_end();
            (Name::from_bytes(text), colon + 1, 0)
        }
        None => (Name::Other, end, NO_COLON),
    }
}

const ONES: u128 = u128::MAX / 255;
const COLONS: u128 = ONES * b':' as u128;

/// Takes white space, and the line ends of folds, from both ends.
#[inline]
fn trim(rest: &[u8], from: usize, end: usize) -> (usize, usize) {
    // Nearly always: one space before, CR behind.
    if let Some([b' ', first, ..]) = rest.get(from..end)
        && *first > b' '
        && let Some([.., last, b'\r']) = rest.get(from..end)
        && *last > b' '
    {
        return (from + 1, end - 1);
    }
    trim_more(rest, from, end)
}

fn trim_more(rest: &[u8], from: usize, end: usize) -> (usize, usize) {
    let value = rest.get(from..end).unwrap_or_default();
    let blank = value.iter().take_while(|byte| is_blank(**byte)).count();
    let value = value.get(blank..).unwrap_or_default();
    let behind = value.iter().rev().take_while(|byte| is_blank(**byte)).count();
    (from + blank, end - behind)
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
