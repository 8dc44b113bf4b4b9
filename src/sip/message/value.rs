//! The raw value of one header line.

use std::borrow::Cow;
use std::fmt;

/// A header value as received: trimmed, comma lists and quotes untouched, folds still in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) folded: bool,
    pub(super) at: usize,
}

impl<'a> Value<'a> {
    /// The bytes as received. Where [`is_folded`](Self::is_folded), line ends with white space after them stand in it;
    /// the typed readers take them for white space.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Whether the value goes over several lines (RFC 3261 §7.3.1).
    #[must_use]
    pub const fn is_folded(self) -> bool {
        self.folded
    }

    /// Where the value begins, counted from the first byte of the datagram.
    #[must_use]
    pub const fn at(self) -> usize {
        self.at
    }

    /// The value on one line: every fold, with the white space round it, becomes one space, and so does a CR that
    /// stands alone, which another reader might take for a line end. Copies only values that have one of them.
    #[must_use]
    pub fn unfolded(self) -> Cow<'a, [u8]> {
        if self.folded || memchr::memchr(b'\r', self.bytes).is_some() {
            Cow::Owned(unfold(self.bytes))
        } else {
            Cow::Borrowed(self.bytes)
        }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.bytes.escape_ascii())
    }
}

fn unfold(bytes: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (before, after) = rest.split_at(end);
        line.extend_from_slice(before.trim_ascii_end());
        line.push(b' ');
        rest = after.trim_ascii_start();
    }
    line.extend_from_slice(rest);
    for byte in line.iter_mut().filter(|byte| **byte == b'\r') {
        *byte = b' ';
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_become_one_space() {
        let value = Value { bytes: b"a \r\n\t b\n c", folded: true, at: 0 };
        assert_eq!(value.unfolded(), &b"a b c"[..]);
        let bare = Value { bytes: b"a\rb", folded: false, at: 0 };
        assert_eq!(bare.unfolded(), &b"a b"[..]);
        let plain = Value { bytes: b"a  b", folded: false, at: 0 };
        assert!(matches!(plain.unfolded(), Cow::Borrowed(b"a  b")));
    }
}
