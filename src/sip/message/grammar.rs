//! The grammar's small words (RFC 3261 §25.1): one function a production, over the bytes of a value.
//!
//! Values still hold their folds, so line ends count as white space here. Bytes above 127 are taken wherever text is:
//! Latin-1 is no UTF-8, and both are met.

use std::borrow::Cow;

use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::char;
use nom::combinator::{map, map_opt, recognize, verify};
use nom::multi::many0_count;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

/// Text that may have stood in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// As received, without the quotes round it; escapes are still in it.
    pub raw: &'a [u8],
    /// Whether it stood in quotes.
    pub quoted: bool,
}

impl<'a> Text<'a> {
    /// What it means: `\x` is `x`, and a fold is a space, where it stood in quotes. Copies only if there is one of them.
    #[must_use]
    pub fn plain(self) -> Cow<'a, [u8]> {
        if self.quoted && memchr::memchr3(b'\\', b'\r', b'\n', self.raw).is_some() {
            Cow::Owned(unescape(self.raw))
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    /// Whether it means this, in any case.
    #[must_use]
    pub fn is(self, text: &str) -> bool {
        self.plain().eq_ignore_ascii_case(text.as_bytes())
    }
}

fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => plain.extend(bytes.next()),
            b'\r' | b'\n' => {
                plain.truncate(plain.trim_ascii_end().len());
                plain.push(b' ');
                let rest = bytes.as_slice().trim_ascii_start();
                bytes = rest.iter();
            }
            _ => plain.push(*byte),
        }
    }
    plain
}

/// `token` characters.
pub(super) const fn is_token(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9'
        | b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// White space between words, with the line ends of folds.
pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~")`
pub(super) fn token(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while1(is_token).parse(input)
}

/// `word`, the half of a Call-ID: a token and some signs more.
pub(super) fn word(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let is_word = |byte| {
        is_token(byte)
            || matches!(byte, b'(' | b')' | b'<' | b'>' | b':' | b'\\' | b'"' | b'/' | b'[' | b']')
            || matches!(byte, b'?' | b'{' | b'}')
    };
    take_while1(is_word).parse(input)
}

/// `LWS`
pub(super) fn lws(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while1(is_space).parse(input)
}

/// `SWS`
pub(super) fn sws(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while(is_space).parse(input)
}

/// A sign with white space round it: `EQUAL`, `SEMI`, `COMMA`, `SLASH`, `COLON`.
pub(super) fn sign<'a>(
    sign: char,
) -> impl Parser<&'a [u8], Output = char, Error = nom::error::Error<&'a [u8]>> {
    delimited(sws, char(sign), sws)
}

/// `quoted-string`, the white space before it included.
pub(super) fn quoted(input: &[u8]) -> IResult<&[u8], Text<'_>> {
    let text = take_while1(|byte| {
        !matches!(byte, b'"' | b'\\' | 0x7f) && (byte >= b' ' || is_space(byte))
    });
    // A byte, not nom's `satisfy`: that takes a byte above 127 for a character of two bytes.
    let escaped = verify(nom::number::complete::u8, |byte| !matches!(byte, b'\r' | b'\n'));
    let pair = recognize((char('\\'), escaped));
    let inside = recognize(many0_count(alt((text, pair))));
    let quoted = delimited(char('"'), inside, char('"'));
    preceded(sws, map(quoted, |raw| Text { raw, quoted: true })).parse(input)
}

/// Digits that make a number of at most `max`.
pub(super) fn number<'a>(
    max: u64,
) -> impl Parser<&'a [u8], Output = u64, Error = nom::error::Error<&'a [u8]>> {
    map_opt(take_while1(|byte: u8| byte.is_ascii_digit()), move |digits: &[u8]| {
        let add = |sum: u64, digit: &u8| {
            sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')).filter(|sum| *sum <= max)
        };
        digits.iter().try_fold(0, add)
    })
}

/// A number of 32 bits.
pub(super) fn number32(input: &[u8]) -> IResult<&[u8], u32> {
    map(number(u64::from(u32::MAX)), |number| number as u32).parse(input)
}

/// A number of 16 bits: a port.
pub(super) fn number16(input: &[u8]) -> IResult<&[u8], u16> {
    map(number(u64::from(u16::MAX)), |number| number as u16).parse(input)
}

/// `comment`, nested, parentheses included. The depth is bounded, for it is counted and not recursed.
pub(super) fn comment(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let fail = || nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Char));
    let mut depth = 0_usize;
    let mut bytes = input.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'(' => depth += 1,
            b')' if depth == 1 => {
                let (text, rest) = input.split_at_checked(at + 1).ok_or_else(fail)?;
                return Ok((rest, text));
            }
            b')' => depth = depth.checked_sub(1).ok_or_else(fail)?,
            _ if depth == 0 => break,
            _ => {}
        }
    }
    Err(fail())
}

/// `%` and two hexadecimal digits, or a character of the class.
pub(super) fn escaped_run<'a>(
    class: fn(u8) -> bool,
) -> impl Parser<&'a [u8], Output = &'a [u8], Error = nom::error::Error<&'a [u8]>> {
    let hex = || verify(nom::number::complete::u8, u8::is_ascii_hexdigit);
    let escape = (char('%'), hex(), hex());
    recognize(many0_count(alt((take_while1(class), recognize(escape)))))
}

#[cfg(test)]
mod tests;
