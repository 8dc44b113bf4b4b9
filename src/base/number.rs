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

/// A number that we call from; its last digits are the code. Shown with its tail hidden: `+12025****`.
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
        let shown = text.len().saturating_sub(6).max(1);
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
        assert_eq!(format!("{from} {from:?}"), "+12025****** +12025******");
        assert_eq!(format!("{to} {to:?}"), "+1202***0142 +1202***0142");
        assert_eq!(CallerId::parse("+1234").unwrap().to_string(), "+1***");
        assert_eq!(Destination::parse("+1234").unwrap().to_string(), "+1*34");
    }
}
