//! The codes of one length that a pool has, and which of its numbers have each. Sorted arrays: at most 12 bytes a number.

use crate::base::number::CallerId;

/// Codes of one length.
pub(super) struct Suffixes {
    code_length: u8,
    /// The codes as numbers, in order, each once.
    codes: Vec<u32>,
    /// Where the numbers of each code begin in `numbers`, and where the last ones end.
    starts: Vec<u32>,
    /// Places of numbers in the pool, those of one code beside each other.
    numbers: Vec<u32>,
}

impl Suffixes {
    /// Of the pool's numbers. A code has at most 8 digits, and a pool at most [`NUMBERS_MAX`](super::NUMBERS_MAX) numbers.
    pub(super) fn new(code_length: u8, numbers: &[CallerId]) -> Self {
        let coded = numbers.iter().zip(0_u32..);
        let mut pairs: Vec<(u32, u32)> = Vec::with_capacity(numbers.len());
        pairs
            .extend(coded.filter_map(|(number, place)| Some((code(*number, code_length)?, place))));
        pairs.sort_unstable();
        let distinct = pairs.chunk_by(|one, next| one.0 == next.0).count();
        let mut codes = Vec::with_capacity(distinct);
        let mut starts = Vec::with_capacity(distinct + 1);
        for (&(code, _), at) in pairs.iter().zip(0_u32..) {
            if codes.last() != Some(&code) {
                codes.push(code);
                starts.push(at);
            }
        }
        starts.push(pairs.len() as u32);
        // Collected in place, it would keep the memory of the pairs.
        let mut numbers = Vec::with_capacity(pairs.len());
        numbers.extend(pairs.iter().map(|(_, place)| *place));
        Self { code_length, codes, starts, numbers }
    }

    pub(super) const fn code_length(&self) -> u8 {
        self.code_length
    }

    pub(super) const fn distinct(&self) -> u32 {
        self.codes.len() as u32
    }

    /// The place of the number's code, if the pool has that.
    pub(super) fn find(&self, number: CallerId) -> Option<u32> {
        let code = code(number, self.code_length)?;
        self.codes.binary_search(&code).ok().map(|place| place as u32)
    }

    /// Places of the numbers with the code at this place.
    pub(super) fn numbers(&self, place: u32) -> &[u32] {
        let place = place as usize;
        let range = self.starts.get(place).zip(self.starts.get(place + 1));
        range
            .and_then(|(start, end)| self.numbers.get(*start as usize..*end as usize))
            .unwrap_or_default()
    }

    pub(super) fn largest_share(&self) -> u32 {
        let shares = self.starts.iter().zip(self.starts.iter().skip(1));
        shares.map(|(start, end)| end - start).max().unwrap_or(0)
    }
}

/// The last digits as a number; none where there are fewer.
fn code(number: CallerId, code_length: u8) -> Option<u32> {
    let code = number.value() % 10_u64.checked_pow(u32::from(code_length))?;
    (number.len() >= usize::from(code_length)).then(|| u32::try_from(code).ok())?
}
