//! The write side's small change: header lines, numbers and bodies into a reused `Vec<u8>`.
//!
//! Nothing that is written can end its line before its time: CR, LF and NUL from outside become spaces.

use super::name::Name;
use super::value::Value;

/// Writes `Name: value` and its line end.
pub fn header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    text(out, value);
    out.extend_from_slice(b"\r\n");
}

/// Writes `Name: number` and its line end.
pub fn number_header(out: &mut Vec<u8>, name: &str, value: u64) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    decimal(out, value);
    out.extend_from_slice(b"\r\n");
}

/// Writes a header line with a received value, byte for byte; only folds become spaces, since we never send any
/// (RFC 3261 §7.3.1 makes the two forms equal), and a CR that stands alone, since it has no meaning.
pub fn copied(out: &mut Vec<u8>, name: Name, value: Value<'_>) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(&value.unfolded());
    out.extend_from_slice(b"\r\n");
}

/// Writes text with CR, LF and NUL turned into spaces.
pub fn text(out: &mut Vec<u8>, text: &[u8]) {
    let from = out.len();
    out.extend_from_slice(text);
    for byte in out.iter_mut().skip(from) {
        if matches!(byte, b'\r' | b'\n' | 0) {
            *byte = b' ';
        }
    }
}

/// Writes a number in decimal.
pub fn decimal(out: &mut Vec<u8>, number: u64) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    let mut used = 1;
    for (place, digit) in digits.iter_mut().rev().enumerate() {
        *digit = b'0' + (rest % 10) as u8;
        if rest > 0 {
            used = place + 1;
        }
        rest /= 10;
    }
    out.extend_from_slice(digits.get(20 - used..).unwrap_or_default());
}

/// A body with its media type.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    /// Content-Type.
    pub media_type: &'a str,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// Ends a message: Content-Type where there is a body, Content-Length always, the empty line, the body.
pub fn end(out: &mut Vec<u8>, body: Option<Body<'_>>) {
    let bytes = body.map_or(&[][..], |body| body.bytes);
    if let Some(body) = body {
        header(out, "Content-Type", body.media_type.as_bytes());
    }
    number_header(out, "Content-Length", bytes.len() as u64);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_decimal() {
        for number in [0, 7, 10, 99, 100, 4_294_967_295, u64::MAX] {
            let mut out = Vec::new();
            decimal(&mut out, number);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }

    #[test]
    fn no_value_can_end_its_line() {
        let mut out = Vec::new();
        header(&mut out, "X", b"a\r\nVia: b\0");
        assert_eq!(out, b"X: a  Via: b \r\n");
    }

    #[test]
    fn a_message_ends_with_its_length_and_body() {
        let mut out = Vec::new();
        end(&mut out, Some(Body { media_type: "text/plain", bytes: b"abc" }));
        assert_eq!(out, b"Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc");
        out.clear();
        end(&mut out, None);
        assert_eq!(out, b"Content-Length: 0\r\n\r\n");
    }
}
