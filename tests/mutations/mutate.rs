//! Mutations that know what a SIP message is made of, so that what comes out still reaches the readers of values.

use crate::dictionary::{BOUNDARIES, GLUE, METHODS, NAMES, PIECES, UNITS, VALUES};

/// SplitMix64: small, fast, and the same everywhere for the same seed.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub(crate) const fn below(&mut self, end: usize) -> usize {
        ((self.next() as u128 * end as u128) >> 64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Makes mutants of a set of messages.
pub(crate) struct Mutator {
    chance: Chance,
    seeds: Vec<Vec<u8>>,
    /// How many seeds, from the first, are of everyday length; the others are taken rarely.
    everyday: usize,
    /// Where the header lines of the mutant begin and end, the start line first.
    lines: Vec<(usize, usize)>,
    scratch: Vec<u8>,
}

/// Seeds longer than this are taken once in [`RARE`] times.
const EVERYDAY: usize = 4096;
const RARE: usize = 64;
/// No mutant grows beyond this by one mutation.
const GROWTH: usize = 70_000;

impl Mutator {
    pub(crate) fn new(mut seeds: Vec<Vec<u8>>, seed: u64) -> Self {
        seeds.sort_by_key(|message| message.len() > EVERYDAY);
        let everyday = seeds.iter().filter(|message| message.len() <= EVERYDAY).count();
        let chance = Chance::new(seed);
        Self { chance, seeds, everyday, lines: Vec::new(), scratch: Vec::new() }
    }

    /// The next mutant: one seed, changed one to six times.
    pub(crate) fn next(&mut self, out: &mut Vec<u8>) {
        let seed = self.seed();
        out.clear();
        out.extend_from_slice(&self.seeds[seed]);
        loop {
            self.mutate(out);
            if self.chance.below(5) < 3 {
                return;
            }
        }
    }

    fn seed(&mut self) -> usize {
        if self.chance.below(RARE) == 0 {
            self.chance.below(self.seeds.len())
        } else {
            self.chance.below(self.everyday)
        }
    }

    fn mutate(&mut self, out: &mut Vec<u8>) {
        find_lines(out, &mut self.lines);
        match self.chance.below(32) {
            0 => self.swap_lines(out),
            1 => self.repeat_line(out),
            2 => self.drop_line(out),
            3 | 4 => self.fold(out),
            5 => self.rename(out),
            6..=8 => self.nasty_value(out),
            9 => self.borrow_line(out),
            10 | 11 => self.borrow_value(out),
            12 | 13 => self.flip_in_token(out),
            14 => self.repeat_token(out),
            15..=17 => self.insert_glue(out),
            18 | 19 => self.insert_piece(out),
            20..=22 => self.boundary_number(out),
            23 => self.cut(out),
            24 => self.extend(out),
            25 => self.start_line(out),
            26 => self.drop_range(out),
            27 => self.bare_line_feeds(out),
            28 => self.grow_value(out),
            29 => self.change_case(out),
            30 => self.any_byte(out),
            _ => self.space_out(out),
        }
    }

    /// A header line, never the start line.
    fn line(&mut self) -> Option<(usize, usize)> {
        let at = 1 + self.chance.below(self.lines.len().checked_sub(1)?);
        self.lines.get(at).copied()
    }

    /// Where the value of a header line begins and ends, its line end left out.
    fn value(&mut self, out: &[u8]) -> Option<(usize, usize)> {
        let (start, end) = self.line()?;
        let line = &out[start..end];
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((start + colon + 1, end - line_end_length(line)))
    }

    fn swap_lines(&mut self, out: &mut [u8]) {
        let (Some(a), Some(b)) = (self.line(), self.line()) else { return };
        let (a, b) = if a.0 <= b.0 { (a, b) } else { (b, a) };
        if a == b {
            return;
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(&out[b.0..b.1]);
        self.scratch.extend_from_slice(&out[a.1..b.0]);
        self.scratch.extend_from_slice(&out[a.0..a.1]);
        out[a.0..b.1].copy_from_slice(&self.scratch);
    }

    fn repeat_line(&mut self, out: &mut Vec<u8>) {
        let (Some(line), Some(to)) = (self.line(), self.line()) else { return };
        let times = [1, 1, 1, 2, 80, 260][self.chance.below(6)];
        self.scratch.clear();
        for _ in 0..times {
            self.scratch.extend_from_slice(&out[line.0..line.1]);
        }
        self.put_scratch(out, to.0, to.0);
    }

    fn drop_line(&mut self, out: &mut Vec<u8>) {
        if let Some(line) = self.line() {
            out.drain(line.0..line.1);
        }
    }

    fn fold(&mut self, out: &mut Vec<u8>) {
        let Some((start, end)) = self.value(out) else { return };
        let at = start + self.chance.below(end.saturating_sub(start) + 1);
        let fold = self.chance.pick(&[&b"\r\n "[..], b"\r\n\t", b" \r\n  ", b"\n ", b"\r\n \r\n "]);
        splice(out, at, at, fold);
    }

    fn rename(&mut self, out: &mut Vec<u8>) {
        let Some((start, end)) = self.line() else { return };
        let Some(colon) = out[start..end].iter().position(|byte| *byte == b':') else { return };
        let name = self.chance.pick(NAMES);
        splice(out, start, start + colon, name.as_bytes());
    }

    fn nasty_value(&mut self, out: &mut Vec<u8>) {
        let Some((start, end)) = self.value(out) else { return };
        let value = self.chance.pick(VALUES);
        splice(out, start, end, value);
    }

    fn borrow_line(&mut self, out: &mut Vec<u8>) {
        let Some(to) = self.line() else { return };
        if let Some((seed, line)) = self.other_line() {
            self.scratch.clear();
            self.scratch.extend_from_slice(&self.seeds[seed][line.0..line.1]);
            self.put_scratch(out, to.0, to.0);
        }
    }

    /// Gives one header the value of some header of another message, mostly of one with the same name.
    fn borrow_value(&mut self, out: &mut Vec<u8>) {
        let Some((start, end)) = self.value(out) else { return };
        let Some((seed, line)) = self.other_line() else { return };
        let other = &self.seeds[seed][line.0..line.1];
        let Some(colon) = other.iter().position(|byte| *byte == b':') else { return };
        let text = &other[colon + 1..other.len() - line_end_length(other)];
        self.scratch.clear();
        self.scratch.extend_from_slice(text);
        self.put_scratch(out, start, end);
    }

    fn flip_in_token(&mut self, out: &mut [u8]) {
        let Some((start, end)) = self.token(out) else { return };
        for _ in 0..=self.chance.below(3) {
            let at = start + self.chance.below(end - start);
            out[at] ^= 1 << self.chance.below(8);
        }
    }

    fn repeat_token(&mut self, out: &mut Vec<u8>) {
        let Some((start, end)) = self.token(out) else { return };
        let times = [2, 3, 20, 300][self.chance.below(4)];
        self.scratch.clear();
        while self.scratch.len() < (end - start) * times && self.scratch.len() < GROWTH {
            self.scratch.extend_from_slice(&out[start..end]);
        }
        self.put_scratch(out, start, end);
    }

    fn insert_glue(&mut self, out: &mut Vec<u8>) {
        let Some((start, end)) = self.value(out) else { return };
        let at = start + self.chance.below(end.saturating_sub(start) + 1);
        splice(out, at, at, self.chance.pick(GLUE));
    }

    fn insert_piece(&mut self, out: &mut Vec<u8>) {
        let Some((start, end)) = self.value(out) else { return };
        let at = if self.chance.below(2) == 0 {
            end
        } else {
            start + self.chance.below(end.saturating_sub(start) + 1)
        };
        splice(out, at, at, self.chance.pick(PIECES));
    }

    fn boundary_number(&mut self, out: &mut Vec<u8>) {
        let from = self.chance.below(out.len());
        let digit = |byte: &u8| byte.is_ascii_digit();
        let Some(start) = out[from..].iter().position(digit).map(|at| from + at) else { return };
        let length = out[start..].iter().take_while(|byte| digit(byte)).count();
        splice(out, start, start + length, self.chance.pick(BOUNDARIES).as_bytes());
    }

    fn cut(&mut self, out: &mut Vec<u8>) {
        // Most cuts spare the empty line: a message without it is refused at once.
        let from = if self.chance.below(4) == 0 { 0 } else { self.lines.last().map_or(0, |l| l.1) };
        let length = from + self.chance.below(out.len().saturating_sub(from) + 1);
        out.truncate(length);
    }

    fn extend(&mut self, out: &mut Vec<u8>) {
        if self.chance.below(2) == 0 {
            let seed = self.seed();
            out.extend_from_slice(&self.seeds[seed]);
        } else {
            for _ in 0..self.chance.below(64) {
                out.push(self.chance.next() as u8);
            }
        }
    }

    fn start_line(&mut self, out: &mut Vec<u8>) {
        let Some((start, end)) = self.lines.first().copied() else { return };
        let line = &out[start..end];
        let mut spaces = line.iter().enumerate().filter(|(_, byte)| **byte == b' ');
        let first = spaces.next().map_or(0, |(at, _)| at);
        let second = spaces.next().map_or(line.len(), |(at, _)| at);
        if line.starts_with(b"SIP/") {
            let status = 50 + self.chance.below(700);
            splice(out, first + 1, second.max(first + 1), status.to_string().as_bytes());
        } else if self.chance.below(2) == 0 {
            splice(out, 0, first, self.chance.pick(METHODS).as_bytes());
        } else {
            splice(out, first + 1, second.max(first + 1), self.chance.pick(PIECES));
        }
    }

    fn drop_range(&mut self, out: &mut Vec<u8>) {
        let Some((start, end)) = self.value(out) else { return };
        let from = start + self.chance.below(end.saturating_sub(start) + 1);
        let few = from + self.chance.below(end.saturating_sub(from).min(12) + 1);
        let to = if self.chance.below(3) == 0 { end.max(from) } else { few };
        out.drain(from..to);
    }

    fn bare_line_feeds(&mut self, out: &mut Vec<u8>) {
        out.retain(|byte| *byte != b'\r');
    }

    /// One value with very many parameters, list elements, brackets, quotes or escapes.
    fn grow_value(&mut self, out: &mut Vec<u8>) {
        let Some((start, end)) = self.value(out) else { return };
        let at = start + self.chance.below(end.saturating_sub(start) + 1);
        let unit = self.chance.pick(UNITS);
        // The last fills the line nearly to its limit.
        let times = [5, 50, 600, 7800 / unit.len()][self.chance.below(4)];
        self.scratch.clear();
        for _ in 0..times {
            self.scratch.extend_from_slice(unit);
        }
        self.put_scratch(out, at, at);
    }

    fn change_case(&mut self, out: &mut [u8]) {
        let Some((start, end)) = self.line() else { return };
        let upper = self.chance.below(2) == 0;
        let line = &mut out[start..end];
        if upper { line.make_ascii_uppercase() } else { line.make_ascii_lowercase() }
    }

    fn any_byte(&mut self, out: &mut [u8]) {
        let at = self.chance.below(out.len());
        if let Some(byte) = out.get_mut(at) {
            *byte = self.chance.next() as u8;
        }
    }

    /// White space round one separator.
    fn space_out(&mut self, out: &mut Vec<u8>) {
        let Some((start, end)) = self.value(out) else { return };
        let from = start + self.chance.below(end.saturating_sub(start) + 1);
        let separator = |byte: &u8| b";=,:/<>@\"".contains(byte);
        let Some(at) = out[from..end].iter().position(separator).map(|at| from + at) else {
            return;
        };
        splice(out, at + 1, at + 1, b" ");
        splice(out, at, at, self.chance.pick(&[&b" "[..], b"\t", b"  ", b"\r\n "]));
    }

    /// A run of token characters within the header block.
    fn token(&mut self, out: &[u8]) -> Option<(usize, usize)> {
        let head = self.lines.last()?.1;
        let from = self.chance.below(head);
        let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(byte);
        let start = from + out[from..head].iter().position(inside)?;
        let length = out[start..head].iter().take_while(|byte| inside(byte)).count();
        Some((start, start + length))
    }

    /// A header line of some seed.
    fn other_line(&mut self) -> Option<(usize, (usize, usize))> {
        let seed = self.chance.below(self.everyday);
        let message = &self.seeds[seed];
        let from = self.chance.below(message.len());
        let start = from + message[from..].windows(2).position(|pair| pair == b"\r\n")? + 2;
        let length = message[start..].iter().position(|byte| *byte == b'\n')? + 1;
        (length > 2).then_some((seed, (start, start + length)))
    }

    fn put_scratch(&mut self, out: &mut Vec<u8>, start: usize, end: usize) {
        let scratch = std::mem::take(&mut self.scratch);
        splice(out, start, end, &scratch);
        self.scratch = scratch;
    }
}

/// Puts `with` in the place of `out[start..end]`.
fn splice(out: &mut Vec<u8>, start: usize, end: usize, with: &[u8]) {
    let start = start.min(out.len());
    let end = end.clamp(start, out.len());
    let tail = out.len() - end;
    if with.len() >= end - start {
        let more = with.len() - (end - start);
        out.resize(out.len() + more, 0);
        out.copy_within(end..end + tail, end + more);
    } else {
        let fewer = end - start - with.len();
        out.copy_within(end.., end - fewer);
        out.truncate(out.len() - fewer);
    }
    out[start..start + with.len()].copy_from_slice(with);
}

/// Start line and header lines up to the empty line; folds count as lines of their own.
fn find_lines(message: &[u8], lines: &mut Vec<(usize, usize)>) {
    lines.clear();
    let mut at = 0;
    while let Some(length) = memchr::memchr(b'\n', &message[at..]) {
        let end = at + length + 1;
        if length == 0 || (length == 1 && message[at] == b'\r') {
            return;
        }
        lines.push((at, end));
        at = end;
    }
}

fn line_end_length(line: &[u8]) -> usize {
    if line.ends_with(b"\r\n") { 2 } else { usize::from(line.ends_with(b"\n")) }
}
