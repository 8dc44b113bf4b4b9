//! Telephone numbers: `+` and 4 to 15 digits, packed in eight bytes.
//!
//! Two types, so that a caller-ID and a destination are never mixed up and each hides the right digits:
//! a caller-ID's tail is the code, a destination's middle is personal data. `Debug` and `Display` are
//! masked; the digits themselves need a call named `reveal`.

use std::fmt;

/// Why a text is not a telephone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// It does not begin with `+`.
    NoPlus,
    /// A character that is no digit, and its place (0 is the `+`).
    NotADigit {
        /// Byte offset of the offending character.
        at: usize,
    },
    /// Fewer than 4 or more than 15 digits.
    Length {
        /// How many digits there are.
        digits: usize,
    },
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlus => f.write_str("a number begins with +, like +12025550142"),
            Self::NotADigit { at } => {
                write!(f, "character {} is not a digit; a number is + and 4 to 15 digits", at + 1)
            }
            Self::Length { digits } => {
                write!(f, "{digits} digits; a number is + and 4 to 15 digits")
            }
        }
    }
}

impl std::error::Error for NumberError {}

/// Fewest digits of a number.
pub const DIGITS_MIN: usize = 4;
/// Most digits of a number (ITU-T E.164 §6.2.1).
pub const DIGITS_MAX: usize = 15;

/// Digits of a caller-ID that are hidden: as many as the longest code has.
const HIDDEN: usize = 8;

/// Digits in four-bit groups, most significant first, with their count in the top group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Packed(u64);

impl Packed {
    fn parse(text: &str) -> Result<Self, NumberError> {
        let digits = text.strip_prefix('+').ok_or(NumberError::NoPlus)?;
        if let Some(at) = digits.bytes().position(|b| !b.is_ascii_digit()) {
            return Err(NumberError::NotADigit { at: at + 1 });
        }
        if !(DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()) {
            return Err(NumberError::Length { digits: digits.len() });
        }
        let mut packed = digits.len() as u64;
        for digit in digits.bytes() {
            packed = (packed << 4) | u64::from(digit - b'0');
        }
        // The count sits above the digits, wherever they end; shift it to the top for a fixed place.
        Ok(Self(packed << (4 * (DIGITS_MAX - digits.len()))))
    }

    /// `+1555` and seven digits made of any bits.
    fn fictional(bits: u64) -> Self {
        let mut packed = 11 << 16 | 0x1555;
        let mut rest = bits % 10_000_000;
        for place in (0..7).rev() {
            let unit = 10_u64.pow(place);
            packed = (packed << 4) | (rest / unit);
            rest %= unit;
        }
        Self(packed << (4 * (DIGITS_MAX - 11)))
    }

    const fn len(self) -> usize {
        (self.0 >> 60) as usize
    }

    /// The digits as one number.
    fn value(self) -> u64 {
        let digits = self.digits();
        digits.as_bytes().iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'))
    }

    /// So many digits, with zeros in front.
    fn of_value(value: u64, digits: usize) -> Option<Self> {
        let fits = (DIGITS_MIN..=DIGITS_MAX).contains(&digits) && value < 10_u64.pow(digits as u32);
        if !fits {
            return None;
        }
        let (mut packed, mut rest) = (0_u64, value);
        for place in 0..digits {
            packed |= (rest % 10) << (4 * place);
            rest /= 10;
        }
        Some(Self((digits as u64) << 60 | packed << (4 * (DIGITS_MAX - digits))))
    }

    fn digits(self) -> Digits {
        let mut text = [0; DIGITS_MAX];
        let mut rest = self.0 << 4;
        for place in text.iter_mut().take(self.len()) {
            *place = b'0' + (rest >> 60) as u8;
            rest <<= 4;
        }
        Digits { text, len: self.len() }
    }
}

/// The digits of a number, without the `+`.
#[derive(Clone, Copy)]
pub struct Digits {
    text: [u8; DIGITS_MAX],
    len: usize,
}

impl Digits {
    /// ASCII digits.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }

    /// The digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// A number that we call. Shown with its middle hidden: `+1202***0142`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination(Packed);

/// A number that we call from; its last digits are the code. Shown with its tail hidden: `+120********`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerId(Packed);

impl Destination {
    /// A number that nobody has, `+1555` and seven digits made of `bits`; for loads and tests.
    #[must_use]
    pub fn fictional(bits: u64) -> Self {
        Self(Packed::fictional(bits))
    }

    /// Reads `+` and 4 to 15 digits.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        Packed::parse(text).map(Self)
    }

    /// The digits, plain. For the wire and for the person who typed them.
    #[must_use]
    pub fn reveal(self) -> Digits {
        self.0.digits()
    }

    /// How many digits it has.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// Never: a number has digits.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.len() == 0
    }

    /// Its digits as one number, plain; for ranges and tables.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0.value()
    }

    /// The number of so many digits with this value, zeros in front; none if it does not fit.
    #[must_use]
    pub fn of_value(value: u64, digits: usize) -> Option<Self> {
        Packed::of_value(value, digits).map(Self)
    }
}

impl CallerId {
    /// A number that nobody has, `+1555` and seven digits made of `bits`; for loads and tests.
    #[must_use]
    pub fn fictional(bits: u64) -> Self {
        Self(Packed::fictional(bits))
    }

    /// Reads `+` and 4 to 15 digits.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        Packed::parse(text).map(Self)
    }

    /// The digits, plain. For the wire and for the person who typed them.
    #[must_use]
    pub fn reveal(self) -> Digits {
        self.0.digits()
    }

    /// How many digits it has.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// Never: a number has digits.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.len() == 0
    }

    /// Its digits as one number, plain; for ranges and tables.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0.value()
    }

    /// The number of so many digits with this value, zeros in front; none if it does not fit.
    #[must_use]
    pub fn of_value(value: u64, digits: usize) -> Option<Self> {
        Packed::of_value(value, digits).map(Self)
    }
}

/// All numbers from one to another, of one length: `+12025550000-+12025559999`, or a single number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    digits: usize,
    first: u64,
    last: u64,
}

/// Why a text is no span of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanError {
    /// One of the two is no number.
    Number(NumberError),
    /// The two have not as many digits.
    Lengths,
    /// The second comes before the first.
    Backwards,
}

impl fmt::Display for SpanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(error) => write!(f, "{error}"),
            Self::Lengths => f.write_str("both ends of a range have the same number of digits"),
            Self::Backwards => f.write_str("the end of the range comes before its beginning"),
        }
    }
}

impl std::error::Error for SpanError {}

impl Span {
    /// Reads `+NUMBER` or `+NUMBER-+NUMBER`; blanks around the dash are allowed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, SpanError> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let read = |text: &str| Packed::parse(text.trim()).map_err(SpanError::Number);
        let (first, last) = (read(first)?, read(last)?);
        if first.len() != last.len() {
            return Err(SpanError::Lengths);
        }
        if last < first {
            return Err(SpanError::Backwards);
        }
        Ok(Self { digits: first.len(), first: first.value(), last: last.value() })
    }

    /// How many numbers it has.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.last - self.first + 1
    }

    /// Whether the number is one of them.
    #[must_use]
    pub fn has(&self, number: Destination) -> bool {
        number.len() == self.digits && (self.first..=self.last).contains(&number.value())
    }

    /// The same numbers in spans that do not overlap, in order: shorter numbers first.
    #[must_use]
    pub fn union(spans: &[Self]) -> Vec<Self> {
        let mut spans = spans.to_vec();
        spans.sort_unstable();
        spans.dedup_by(|next, span| {
            let joins = next.digits == span.digits && next.first <= span.last;
            if joins {
                span.last = span.last.max(next.last);
            }
            joins
        });
        spans
    }

    /// The number at this place; 0 is the first.
    #[must_use]
    pub fn at(&self, place: u64) -> Option<Destination> {
        let value = self.first.checked_add(place).filter(|value| *value <= self.last)?;
        Destination::of_value(value, self.digits)
    }

    /// All of them, in order.
    pub fn caller_ids(self) -> impl Iterator<Item = CallerId> {
        (self.first..=self.last).filter_map(move |value| CallerId::of_value(value, self.digits))
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} numbers of {} digits", self.count(), self.digits)
    }
}

/// A country or territory of the numbering plan, as ISO 3166-1 alpha-2: `US`, `DE`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// From two letters, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let &[first, second] = text.as_bytes() else { return None };
        let letters = first.is_ascii_alphabetic() && second.is_ascii_alphabetic();
        letters.then(|| Self([first.to_ascii_uppercase(), second.to_ascii_uppercase()]))
    }

    /// The two letters, in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.reveal();
        let text = digits.as_str();
        let (head, tail) = if text.len() > 8 { (4, 4) } else { (1, 2) };
        let hidden = text.len().saturating_sub(head + tail);
        write!(f, "+{}", text.get(..head).unwrap_or_default())?;
        for _ in 0..hidden {
            f.write_str("*")?;
        }
        f.write_str(text.get(text.len() - tail..).unwrap_or_default())
    }
}

impl fmt::Display for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.reveal();
        let text = digits.as_str();
        let shown = text.len().saturating_sub(HIDDEN).max(1);
        write!(f, "+{}", text.get(..shown).unwrap_or_default())?;
        for _ in shown..text.len() {
            f.write_str("*")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_round_trips() {
        for text in ["+1234", "+0001", "+12025550142", "+999999999999999", "+100000000000000"] {
            let number = Destination::parse(text).unwrap();
            assert_eq!(format!("+{}", number.reveal().as_str()), text);
        }
    }

    #[test]
    fn a_value_and_a_length_are_a_number() {
        for text in ["+0001", "+12025550142", "+999999999999999"] {
            let number = CallerId::parse(text).unwrap();
            assert_eq!(CallerId::of_value(number.value(), number.len()), Some(number), "{text}");
        }
        assert_eq!(CallerId::of_value(10_000, 4), None);
        assert_eq!(CallerId::of_value(1, 3), None);
    }

    #[test]
    fn a_span_has_both_its_ends() {
        let span = Span::parse("+12025550100 - +12025550199").unwrap();
        assert_eq!(span.count(), 100);
        assert!(span.has(Destination::parse("+12025550100").unwrap()));
        assert!(span.has(Destination::parse("+12025550199").unwrap()));
        assert!(!span.has(Destination::parse("+12025550200").unwrap()));
        assert!(!span.has(Destination::parse("+1202555010").unwrap()));
        assert_eq!(Span::parse("+1234").unwrap().caller_ids().count(), 1);
        assert_eq!(Span::parse("+1234-+12345"), Err(SpanError::Lengths));
        assert_eq!(Span::parse("+1235-+1234"), Err(SpanError::Backwards));
        assert_eq!(Span::parse("+1235-"), Err(SpanError::Number(NumberError::NoPlus)));
    }

    #[test]
    fn the_union_of_spans_has_each_number_once() {
        let spans = ["+1240-+1250", "+1234-+1242", "+00001234", "+1245", "+1260", "+1251-+1252"];
        let union = Span::union(&spans.map(|text| Span::parse(text).unwrap()));
        let wanted = ["+1234-+1250", "+1251-+1252", "+1260", "+00001234"];
        assert!(union == wanted.map(|text| Span::parse(text).unwrap()));
    }

    #[test]
    fn a_country_is_two_letters() {
        assert_eq!(Country::parse("de").unwrap().to_string(), "DE");
        for wrong in ["", "D", "DEU", "D1", "ß"] {
            assert_eq!(Country::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_fictional_number_has_eleven_digits() {
        let text = format!("+{}", Destination::fictional(12_340_000_567).reveal().as_str());
        assert_eq!(text, "+15550000567");
        assert_eq!(Destination::parse(&text), Ok(Destination::fictional(567)));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        assert_eq!(CallerId::parse("1202"), Err(NumberError::NoPlus));
        assert_eq!(CallerId::parse(""), Err(NumberError::NoPlus));
        assert_eq!(CallerId::parse("+12a4"), Err(NumberError::NotADigit { at: 3 }));
        assert_eq!(CallerId::parse("+123"), Err(NumberError::Length { digits: 3 }));
        assert_eq!(CallerId::parse("+1234567890123456"), Err(NumberError::Length { digits: 16 }));
        assert_eq!(CallerId::parse("+1234\r\nX: y"), Err(NumberError::NotADigit { at: 5 }));
    }

    #[test]
    fn a_caller_id_hides_its_tail_and_a_destination_its_middle() {
        let from = CallerId::parse("+12025550142").unwrap();
        let to = Destination::parse("+12025550142").unwrap();
        assert_eq!(format!("{from} {from:?}"), "+120******** +120********");
        assert_eq!(format!("{to} {to:?}"), "+1202***0142 +1202***0142");
        assert_eq!(CallerId::parse("+1234").unwrap().to_string(), "+1***");
        assert_eq!(Destination::parse("+1234").unwrap().to_string(), "+1*34");
    }
}
