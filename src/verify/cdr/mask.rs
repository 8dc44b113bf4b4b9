//! Our numbers in what a network said: a carrier may put the caller-ID into a reason phrase, and then the code would stand
//! in a record that the number itself is kept out of.

use crate::base::number::{CallerId, Destination};

/// Last digits of a caller-ID that a code may be made of: the longest has as many.
const TAIL: usize = 8;
/// So many digits of the caller-ID in a row, some of the tail among them, are no accident in a text. The shortest code has
/// as many.
const OF_CALLER_ID: usize = 4;
/// So many digits of the destination in a row: one more than its mask shows at either end.
const OF_DESTINATION: usize = 5;
/// So many in a token that is all letters and digits by chance.
const OF_TOKEN: usize = 6;

/// What of which numbers is to be hidden.
#[derive(Clone, Debug)]
pub(super) struct Mask {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Mask {
    pub(super) fn new(from: CallerId, to: Destination) -> Self {
        Self { from: from.reveal().as_bytes().to_vec(), to: to.reveal().as_bytes().to_vec() }
    }

    /// A text for people. Digits with blanks or punctuation between them are read as one number, since people write them so;
    /// where one holds part of ours, all its digits become `*`.
    pub(super) fn words(&self, text: &mut String) {
        hide(text, 2, |digits| self.shows(digits, OF_CALLER_ID, OF_DESTINATION));
    }

    /// A token that only machines read: digits in it mean nothing, so it takes more of them to be ours, unless all that
    /// stand together are a code.
    pub(super) fn token(&self, text: &mut String) {
        let ours = |digits: &[u8]| self.shows(digits, OF_TOKEN, OF_TOKEN) || self.is_code(digits);
        hide(text, 0, ours);
    }

    /// Whether a number is a code that the caller-ID may stand for; one that begins with zeros has lost them.
    pub(super) fn is_number(&self, number: u32) -> bool {
        (OF_CALLER_ID..=TAIL).any(|digits| self.is_code(format!("{number:0digits$}").as_bytes()))
    }

    fn is_code(&self, digits: &[u8]) -> bool {
        (OF_CALLER_ID..=TAIL).contains(&digits.len()) && self.from.ends_with(digits)
    }

    /// Whether so many digits in a row are those of one of our numbers.
    fn shows(&self, digits: &[u8], of_caller_id: usize, of_destination: usize) -> bool {
        let tail = self.from.len().saturating_sub(TAIL);
        shares(digits, &self.from, of_caller_id, tail)
            || shares(digits, &self.to, of_destination, 0)
    }
}

/// Numbers in a text that are ours become `*`, with at most so many other characters between two digits of one.
fn hide(text: &mut String, gap: usize, ours: impl Fn(&[u8]) -> bool) {
    let mut bytes = std::mem::take(text).into_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let run = run(&bytes, at, gap);
        at = run.last().map_or(at, |last| *last) + 1;
        let digits: Vec<u8> = run.iter().filter_map(|place| bytes.get(*place)).copied().collect();
        if ours(&digits) {
            for place in run {
                if let Some(digit) = bytes.get_mut(place) {
                    *digit = b'*';
                }
            }
        }
    }
    // Only ASCII was replaced, by ASCII.
    *text = String::from_utf8(bytes).unwrap_or_default();
}

/// Places of the digits of the number that begins at `at`, with at most so many other characters between two of them.
fn run(bytes: &[u8], at: usize, gap: usize) -> Vec<usize> {
    let mut places = Vec::new();
    for (place, byte) in bytes.iter().enumerate().skip(at) {
        let end = places.last().map_or(at, |last| last + 1);
        if byte.is_ascii_digit() {
            places.push(place);
        } else if places.is_empty() || place - end >= gap || !b" -./()".contains(byte) {
            break;
        }
    }
    places
}

/// Whether so many digits in a row stand in the number too, and reach behind its first `shown`.
fn shares(digits: &[u8], number: &[u8], least: usize, shown: usize) -> bool {
    let least = least.min(number.len());
    number.windows(least).enumerate().any(|(place, part)| {
        place + least > shown && digits.windows(least).any(|window| window == part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask() -> Mask {
        let from = CallerId::parse("+12025550142").unwrap();
        Mask::new(from, Destination::parse("+4915112345678").unwrap())
    }

    #[test]
    fn a_number_of_ours_is_hidden_however_it_is_written() {
        for (said, kept) in [
            ("no route to 4915112345678", "no route to *************"),
            ("caller +1 (202) 555-0142 refused", "caller +* (***) ***-**** refused"),
            ("0012025550142", "*************"),
            ("code 0142?", "code ****?"),
            ("cli 55014 cut off", "cli ***** cut off"),
            ("cli 2.5.5.5.0.1", "cli *.*.*.*.*.*"),
            ("ends in 45678", "ends in *****"),
            ("550142é", "******é"),
        ] {
            let mut text = said.to_owned();
            mask().words(&mut text);
            assert_eq!(text, kept, "{said}");
        }
    }

    #[test]
    fn other_digits_stay() {
        for said in [
            "",
            "Q.850;cause=34",
            "FreeSWITCH-mod_sofia/1.10.9-release",
            "area 1209 is open",
            "id 5678",
            "01:42",
            "014, 142",
            "retry in 3600 seconds",
        ] {
            let mut text = said.to_owned();
            mask().words(&mut text);
            assert_eq!(text, said);
        }
    }

    #[test]
    fn a_token_is_hidden_only_where_it_cannot_be_chance() {
        for (said, kept) in [
            ("as5a0142ff", "as5a****ff"),
            ("as5a50142", "as5a*****"),
            ("as5a0143ff-01420", "as5a0143ff-01420"),
            ("12025550142-77", "***********-77"),
            ("x550142", "x******"),
            ("a6c85cf", "a6c85cf"),
        ] {
            let mut text = said.to_owned();
            mask().token(&mut text);
            assert_eq!(text, kept);
        }
    }

    #[test]
    fn a_number_is_a_code_only_as_a_whole() {
        let mask = Mask::new(
            CallerId::parse("+12025552006").unwrap(),
            Destination::parse("+4915112345678").unwrap(),
        );
        for (number, code) in [(2006, true), (52_006, true), (200, false), (20_060, false)] {
            assert_eq!(mask.is_number(number), code, "{number}");
        }
        let zeros = self::mask();
        assert!(zeros.is_number(142) && !zeros.is_number(42) && !zeros.is_number(16));
    }

    #[test]
    fn a_number_shorter_than_a_tail_is_hidden_whole() {
        let mask =
            Mask::new(CallerId::parse("+1234").unwrap(), Destination::parse("+5678").unwrap());
        let mut text = "1234 and 5678 and 9999".to_owned();
        mask.words(&mut text);
        assert_eq!(text, "**** and **** and 9999");
    }
}
