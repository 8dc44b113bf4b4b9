//! A message as received: start line, index, body.

use bytes::{Buf, Bytes};
use memchr::{memchr, memrchr};

use super::index::{self, Index, Slot};
use super::malformed::Malformed;
use super::method::Method;
use super::name::Name;
use super::value::Value;
use crate::base::limits::{BODY_MAX, LINE_MAX};

/// One message, as it came in one datagram. Cloning it copies the index, not the bytes.
#[derive(Clone)]
pub struct Message {
    /// Begins with the start line.
    bytes: Bytes,
    /// Bytes of line ends that stood before the start line.
    skipped: usize,
    line: Line,
    index: Index,
}

/// The start line (RFC 3261 §7.1, §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// `INVITE sip:user@host SIP/2.0`.
    Request {
        /// What is asked for.
        method: Method,
        /// The method as received.
        name: &'a [u8],
        /// The Request-URI as received. White space round it is kept, so that the validator can name it.
        uri: &'a [u8],
        /// `SIP/2.0`, or whatever stands there.
        version: &'a [u8],
    },
    /// `SIP/2.0 180 Ringing`.
    Response {
        /// The version as received.
        version: &'a [u8],
        /// Three digits, so 0 to 999. [`Message::key`] and the validator refuse what is not within 100 to 699.
        status: u16,
        /// What follows it; may be empty, and need not be UTF-8.
        reason: &'a [u8],
    },
}

/// One header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Which header it is.
    pub name: Name,
    /// The name as received, long or compact, in its case.
    pub text: &'a [u8],
    /// What stands behind the colon.
    pub value: Value<'a>,
    /// Whether there is a colon; where not, `text` is the whole line.
    pub colon: bool,
}

/// Offsets within the start line.
#[derive(Clone, Copy)]
enum Line {
    Request { method: Method, name: u16, uri: (u16, u16), version: (u16, u16) },
    Response { version: u16, status: u16, reason: (u16, u16) },
}

impl Message {
    /// Reads one datagram. Line ends before the start line are skipped (RFC 3261 §7.5).
    ///
    /// # Errors
    /// Only what cannot be represented is refused; whether the message is a good one is another question, see
    /// [`Message::key`] and the validator.
    #[inline]
    pub fn parse(bytes: Bytes) -> Result<Self, Malformed> {
        let line = Line::Response { version: 0, status: 0, reason: (0, 0) };
        let mut message = Self { bytes, skipped: 0, line, index: Index::new() };
        // Read in place: a message is some 350 bytes that are better not moved.
        match message.read() {
            Ok(()) => Ok(message),
            Err(malformed) => Err(malformed.moved(message.skipped)),
        }
    }

    fn read(&mut self) -> Result<(), Malformed> {
        if self.bytes.len() > BODY_MAX {
            return Err(Malformed::TooLong { bytes: self.bytes.len() });
        }
        if matches!(self.bytes.first(), Some(b'\r' | b'\n')) {
            self.skipped =
                self.bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.bytes.advance(self.skipped);
        }
        let bytes: &[u8] = &self.bytes;
        if bytes.is_empty() {
            return Err(Malformed::Empty);
        }
        let end = memchr(b'\n', bytes).ok_or(Malformed::Truncated { at: 0 })?;
        if end >= LINE_MAX {
            return Err(Malformed::LineTooLong { at: 0 });
        }
        let line = bytes.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.line = if is_version(line) { status_line(line) } else { request_line(line) }?;
        self.index.read(bytes, end + 1)
    }

    /// The start line.
    #[must_use]
    pub fn start(&self) -> Start<'_> {
        match self.line {
            Line::Request { method, name, uri, version } => Start::Request {
                method,
                name: self.slice(0, name),
                uri: self.slice(uri.0, uri.1),
                version: self.slice(version.0, version.1),
            },
            Line::Response { version, status, reason } => Start::Response {
                version: self.slice(0, version),
                status,
                reason: self.slice(reason.0, reason.1),
            },
        }
    }

    /// The status code, where this is a response.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self.line {
            Line::Request { .. } => None,
            Line::Response { status, .. } => Some(status),
        }
    }

    /// The method, where this is a request.
    #[must_use]
    pub const fn method(&self) -> Option<Method> {
        match self.line {
            Line::Request { method, .. } => Some(method),
            Line::Response { .. } => None,
        }
    }

    /// The value of the first header line of this name. For [`Name::Other`] see [`Message::find`].
    #[must_use]
    pub fn value(&self, name: Name) -> Option<Value<'_>> {
        self.index.first(name).map(|slot| self.slot_value(slot))
    }

    /// The values of all header lines of this name, topmost first. A line may hold several by itself, with commas.
    pub fn values(&self, name: Name) -> impl Iterator<Item = Value<'_>> {
        let of_name = move |slot: &&Slot| slot.name == name;
        self.index.slots.iter().filter(of_name).map(|slot| self.slot_value(slot))
    }

    /// The first header line whose name as received is this one, in any case: for headers that [`Name`] does not list.
    #[must_use]
    pub fn find(&self, text: &[u8]) -> Option<Value<'_>> {
        self.headers()
            .find(|header| header.text.eq_ignore_ascii_case(text))
            .map(|header| header.value)
    }

    /// All header lines, topmost first.
    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.index.slots.iter().map(|slot| self.header(slot))
    }

    /// The body: as many bytes as Content-Length says, or all there are where it is absent, not a number or greater.
    /// What a datagram holds beyond is ignored (RFC 3261 §18.3).
    #[must_use]
    pub fn body(&self) -> &[u8] {
        let body = self.bytes.get(self.index.body..).unwrap_or_default();
        let length = self.content_length().unwrap_or(usize::MAX);
        body.get(..length).unwrap_or(body)
    }

    /// The whole datagram from its start line on.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Start line and header lines, each with its line end; without the empty line.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        let head = self.block();
        head.strip_suffix(b"\r\n").or_else(|| head.strip_suffix(b"\n")).unwrap_or(head)
    }

    /// Everything before the body: start line, header lines, the empty line.
    pub(super) fn block(&self) -> &[u8] {
        self.bytes.get(..self.index.body).unwrap_or_default()
    }

    /// Bytes behind the empty line, whatever Content-Length says.
    pub(super) fn rest_length(&self) -> usize {
        self.bytes.len() - self.index.body
    }

    /// Content-Length, where it is a number.
    pub(super) fn content_length(&self) -> Option<usize> {
        let value = self.index.first(Name::ContentLength)?;
        number(self.slice(value.value, value.end))
    }

    pub(super) const fn index(&self) -> &Index {
        &self.index
    }

    /// How far offsets within [`bytes`](Self::bytes) are from those of the datagram.
    pub(super) const fn skipped(&self) -> usize {
        self.skipped
    }

    pub(super) fn slice(&self, from: u16, to: u16) -> &[u8] {
        self.bytes.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }

    pub(super) fn slot_value(&self, slot: &Slot) -> Value<'_> {
        Value {
            bytes: self.slice(slot.value, slot.end),
            folded: slot.marks & index::FOLDED != 0,
            at: self.skipped + usize::from(slot.value),
        }
    }

    fn header(&self, slot: &Slot) -> Header<'_> {
        let line = self.slice(slot.start, slot.end.max(slot.value));
        let colon = slot.marks & index::NO_COLON == 0;
        let text =
            if colon { memchr(b':', line).and_then(|at| line.get(..at)) } else { Some(line) };
        let text = text.unwrap_or_default().trim_ascii_end();
        Header { name: slot.name, text, value: self.slot_value(slot), colon }
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message(\"{}\")", self.bytes.escape_ascii())
    }
}

/// Digits and nothing else. A number that does not fit is the greatest one.
pub(super) fn number(text: &[u8]) -> Option<usize> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let add =
        |sum: usize, digit: &u8| sum.saturating_mul(10).saturating_add(usize::from(digit - b'0'));
    digits.then(|| text.iter().fold(0, add))
}

/// Whether a line begins like a status line. A method cannot: `/` is no token character.
fn is_version(line: &[u8]) -> bool {
    line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
}

/// `SIP-Version SP Status-Code SP Reason-Phrase`; the second space may be missing with the reason.
fn status_line(line: &[u8]) -> Result<Line, Malformed> {
    let version = memchr(b' ', line).ok_or(Malformed::StartLine { at: 0 })?;
    let code = version + 1;
    let rest = line.get(code..).unwrap_or_default();
    let (digits, reason) = match rest {
        [a, b, c] => ([*a, *b, *c], line.len()),
        [a, b, c, b' ', ..] => ([*a, *b, *c], code + 4),
        _ => return Err(Malformed::Status { at: code }),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed::Status { at: code });
    }
    let status = digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    Ok(Line::Response {
        version: version as u16,
        status,
        reason: (reason as u16, line.len() as u16),
    })
}

/// `Method SP Request-URI SP SIP-Version`. The first word is the method, the last the version, all between them the URI.
fn request_line(line: &[u8]) -> Result<Line, Malformed> {
    let bad = Malformed::StartLine { at: 0 };
    let name = memchr(b' ', line).filter(|length| *length > 0).ok_or(bad)?;
    let trimmed = line.trim_ascii_end();
    let last = memrchr(b' ', trimmed).filter(|at| *at > name).ok_or(bad)?;
    let version = trimmed.get(last + 1..).unwrap_or_default();
    if !is_version(version) {
        return Err(bad);
    }
    Ok(Line::Request {
        method: Method::from_bytes(line.get(..name).unwrap_or_default()),
        name: name as u16,
        uri: ((name + 1) as u16, last as u16),
        // With what stands behind it, for the validator to name.
        version: ((last + 1) as u16, line.len() as u16),
    })
}

#[cfg(test)]
mod tests;
