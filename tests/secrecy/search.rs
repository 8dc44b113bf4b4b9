//! The search for codes in whatever the service shows, writes or keeps.
//!
//! Every code of the test is `0ab00cd0`: eight digits that no number in a program's output is by chance. Integers and the
//! parts of times have no zero in front, fractions none at the end. So what is found was put there. What counts as found:
//!
//! - all eight digits in a row, wherever and between whatever, however people would put punctuation between them;
//! - the last four or five of them as a word, and the last six or seven behind a mask or a `+`;
//! - both halves as words of one line;
//! - a mask, or the beginning of a number, that shows more than the digits before the code, and a mask that hides in another
//!   way than masks do.

use std::collections::BTreeSet;

/// Digits of a code, and of its half.
const CODE: usize = 8;
const HALF: usize = 4;
/// What people put between the digits of a number.
const BETWEEN: &[u8] = b" -./()";

/// What is searched for.
#[derive(Default)]
pub(crate) struct Secrets {
    codes: BTreeSet<Vec<u8>>,
    halves: BTreeSet<Vec<u8>>,
    /// The whole numbers.
    callers: BTreeSet<Vec<u8>>,
    /// `+1202***1180` of each number that is called: what a mask may show.
    masks: BTreeSet<String>,
    /// In plain, where even these may not be.
    destinations: BTreeSet<Vec<u8>>,
}

/// How strict a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// For people and programs who may see destinations.
    Text,
    /// Logs and metrics: no destination in plain either.
    Log,
    /// Bytes: only whole codes are told from chance.
    Bytes,
    /// A document with examples of masks.
    Examples,
}

impl Secrets {
    /// A call: who was called, and from where.
    pub(crate) fn add(&mut self, to: &str, from: &str) {
        let code = &from.as_bytes()[from.len() - CODE..];
        assert!(is_sentinel(code), "{from}");
        self.codes.insert(code.to_vec());
        self.callers.insert(from.as_bytes()[1..].to_vec());
        self.halves.insert(code[..HALF].to_vec());
        self.halves.insert(code[HALF..].to_vec());
        self.masks.insert(format!("{}***{}", &to[..5], &to[8..]));
        self.destinations.insert(to.as_bytes()[2..].to_vec());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// What of the secrets is in there, with what stands around it.
    pub(crate) fn found(&self, bytes: &[u8], kind: Kind) -> Option<String> {
        bytes.split(|byte| *byte == b'\n').find_map(|line| {
            let what = self.in_line(line, kind)?;
            Some(format!("{what} in {}", line.escape_ascii()))
        })
    }

    fn in_line(&self, line: &[u8], kind: Kind) -> Option<&'static str> {
        let runs = runs(line);
        let whole = |digits: &[u8]| digits.windows(CODE).any(|part| self.codes.contains(part));
        if runs.iter().any(|run| whole(&run.digits))
            || joined(line, &runs).iter().any(|run| whole(run))
        {
            return Some("a code");
        }
        if kind == Kind::Bytes {
            return None;
        }
        if runs.iter().any(|run| self.is_tail(run)) {
            return Some("the end of a code");
        }
        if runs.iter().any(|run| run.is_number && self.is_head(&run.digits)) {
            return Some("the beginning of a code");
        }
        let halves: BTreeSet<_> = runs
            .iter()
            .filter(|run| run.is_word && self.halves.contains(&run.digits))
            .map(|run| &run.digits)
            .collect();
        if self.codes.iter().any(|code| {
            halves.contains(&code[..HALF].to_vec()) && halves.contains(&code[HALF..].to_vec())
        }) {
            return Some("a code in two pieces");
        }
        if kind == Kind::Log
            && runs
                .iter()
                .any(|run| run.digits.windows(10).any(|part| self.destinations.contains(part)))
        {
            return Some("a destination");
        }
        (kind != Kind::Examples && masks(line).any(|mask| !self.may_show(&mask)))
            .then_some("a mask that shows too much")
    }

    /// Whether a run is the last four or more digits of a code. Four and five begin with a zero, so no integer is like them;
    /// more may be a time in microseconds, unless they stand as part of a number.
    fn is_tail(&self, run: &Run) -> bool {
        let digits = &run.digits;
        let is_tail = (HALF..CODE).contains(&digits.len())
            && self.codes.iter().any(|code| code.ends_with(digits));
        is_tail && run.is_word && (digits.starts_with(b"0") || run.is_number)
    }

    /// Whether digits are a number's first ones, and some of its code among them.
    fn is_head(&self, digits: &[u8]) -> bool {
        self.callers
            .iter()
            .any(|caller| digits.len() > caller.len() - CODE && caller.starts_with(digits))
    }

    /// `+120********`, or the mask of a number that is called.
    fn may_show(&self, mask: &str) -> bool {
        mask == "+120********" || self.masks.contains(mask)
    }
}

pub(crate) fn is_sentinel(code: &[u8]) -> bool {
    let zeros = [0, 3, 4, 7].iter().all(|place| code[*place] == b'0');
    zeros && [1, 2, 5, 6].iter().all(|place| (b'1'..=b'9').contains(&code[*place]))
}

/// Digits in a row.
struct Run {
    at: usize,
    digits: Vec<u8>,
    /// No letter stands beside it.
    is_word: bool,
    /// A plus or a mask stands before it.
    is_number: bool,
}

fn runs(line: &[u8]) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut at = 0;
    while at < line.len() {
        let digits: Vec<u8> = line[at..].iter().copied().take_while(u8::is_ascii_digit).collect();
        if digits.is_empty() {
            at += 1;
            continue;
        }
        let before = at.checked_sub(1).map_or(b' ', |place| line[place]);
        let after = line.get(at + digits.len()).copied().unwrap_or(b' ');
        let length = digits.len();
        let beside = [before, after];
        let is_word = !beside.iter().any(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        let is_number = b"+*".contains(&before);
        runs.push(Run { at, digits, is_word, is_number });
        at += length;
    }
    runs
}

/// Runs with at most two marks between them, read as one number. The seconds of a time and their fraction are none.
fn joined(line: &[u8], runs: &[Run]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut end = None;
    for run in runs {
        let near = end.is_some_and(|end: usize| {
            let between = &line[end..run.at];
            let seconds = between == b"." && end >= 3 && line[end - 3] == b':';
            between.len() <= 2 && between.iter().all(|byte| BETWEEN.contains(byte)) && !seconds
        });
        match all.last_mut() {
            Some(last) if near => last.extend(&run.digits),
            _ => all.push(run.digits.clone()),
        }
        end = Some(run.at + run.digits.len());
    }
    all
}

/// Numbers with stars in them, as they stand.
fn masks(line: &[u8]) -> impl Iterator<Item = String> {
    let parts = line.split(|byte| !(byte.is_ascii_digit() || b"+*".contains(byte)));
    let parts = parts.filter(|part| part.contains(&b'*') && part.iter().any(u8::is_ascii_digit));
    parts.map(|part| String::from_utf8_lossy(part).into_owned())
}

#[test]
fn whatever_is_planted_is_found() {
    let mut secrets = Secrets::default();
    secrets.add("+12025551180", "+12006300810");
    for (text, kind) in [
        ("caller 12006300810", Kind::Text),
        ("id=a06300810f", Kind::Bytes),
        ("\u{1}\u{2}06300810\u{0}", Kind::Bytes),
        ("0630 0810", Kind::Bytes),
        ("+1 (200) 630-0810", Kind::Text),
        ("{\"code\":\"06300810\"}", Kind::Text),
        ("{\"tail\":\"0810\"}", Kind::Text),
        ("{\"tail\":\"*300810\"}", Kind::Text),
        ("****0810", Kind::Text),
        ("{\"tail\":\"00810\"}", Kind::Log),
        ("**6300810", Kind::Log),
        ("tail=0810 ", Kind::Log),
        ("first=0630 id=x last=0810", Kind::Log),
        ("{\"a\":\"0630\",\"b\":[\"x\"],\"c\":\"0810\"}", Kind::Examples),
        ("+12006******", Kind::Text),
        ("{\"display_prefix\":\"+12006\"}", Kind::Text),
        ("+1200******0", Kind::Text),
        ("+1202***1181", Kind::Text),
        ("to 2025551180", Kind::Log),
    ] {
        assert!(secrets.found(text.as_bytes(), kind).is_some(), "{text} as {kind:?}");
    }
    for (text, kind) in [
        ("2026-11-23T04:05:06.300810Z after_us=300810 count=630 \"10810\"", Kind::Log),
        ("+120******** +1202***1180 +120 +1", Kind::Log),
        ("to 2025551180", Kind::Text),
        ("id 0810f f0810 0000-00000001", Kind::Text),
        ("first 0630\nsecond 0811", Kind::Text),
        ("caller 12006300820", Kind::Text),
    ] {
        assert_eq!(secrets.found(text.as_bytes(), kind), None, "{text}");
    }
}
