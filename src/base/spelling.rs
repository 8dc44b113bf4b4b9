//! How people write telephone numbers: digits of several scripts, and what they put between them.
//!
//! Letters are no digits here (`1-800-FLOWERS`), and no extension is known.

/// The zeros of those ten digits in a row that phones show numbers in: Latin, Arabic, Persian, Devanagari, Bengali, and
/// full width.
const ZEROS: [char; 6] = ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{ff10}'];

/// What one character of a written number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A digit, as ASCII.
    Digit(u8),
    /// A `+`.
    Plus,
    /// A blank, dash, dot, slash or bracket, or a mark of the direction of writing, which comes with a number that is
    /// copied from a phone.
    Between,
}

/// What a character of a written number is; none where it does not belong there.
#[must_use]
pub fn mark(character: char) -> Option<Mark> {
    match character {
        '+' | '\u{ff0b}' => Some(Mark::Plus),
        // Blanks.
        ' ' | '\t' | '\u{a0}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{2060}' | '\u{3000}' => {
            Some(Mark::Between)
        }
        // Dashes; the last but one is the long vowel of kana, which stands for one.
        '-' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' | '\u{ff0d}' => {
            Some(Mark::Between)
        }
        // Dots and slashes.
        '.' | '\u{b7}' | '\u{ff0e}' | '/' | '\u{2044}' | '\u{ff0f}' => Some(Mark::Between),
        // Brackets.
        '(' | ')' | '[' | ']' | '\u{ff08}' | '\u{ff09}' | '\u{ff3b}' | '\u{ff3d}' => {
            Some(Mark::Between)
        }
        // Directions.
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some(Mark::Between)
        }
        _ => digit(character).map(Mark::Digit),
    }
}

fn digit(character: char) -> Option<u8> {
    ZEROS.into_iter().find_map(|zero| {
        let value = u32::from(character).checked_sub(u32::from(zero))?;
        u8::try_from(value).ok().filter(|value| *value <= 9).map(|value| b'0' + value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_several_scripts_are_read() {
        for digits in [
            "0123456789",
            "٠١٢٣٤٥٦٧٨٩",
            "۰۱۲۳۴۵۶۷۸۹",
            "०१२३४५६७८९",
            "০১২৩৪৫৬৭৮৯",
            "０１２３４５６７８９",
        ] {
            let read = digits.chars().map(mark);
            assert!(read.eq((b'0'..=b'9').map(|digit| Some(Mark::Digit(digit)))), "{digits}");
        }
    }

    #[test]
    fn what_stands_between_is_known_and_all_else_is_not() {
        for between in " \t-./()[]\u{a0}\u{2011}\u{2013}\u{202a}\u{202c}（）．／－\u{3000}".chars()
        {
            assert_eq!(mark(between), Some(Mark::Between), "{between:?}");
        }
        for plus in "+＋".chars() {
            assert_eq!(mark(plus), Some(Mark::Plus));
        }
        for other in "abcXYZ;,:#*~\r\n\0\u{7f}\u{85}²½Ⅳ零é\u{10ffff}".chars() {
            assert_eq!(mark(other), None, "{other:?}");
        }
    }
}
