//! Reason (RFC 3326, `location` of RFC 8606).

use nom::combinator::map;
use nom::{IResult, Parser};

use super::grammar::{Text, token};
use super::params::{Params, params};

/// Why something happened, in the words of one protocol. A message may hold several (RFC 9366).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason<'a> {
    /// `SIP`, `Q.850`, `STIR`, …; compared in any case.
    pub protocol: &'a [u8],
    /// All its parameters.
    pub params: Params<'a>,
}

impl<'a> Reason<'a> {
    /// The cause, where it is a number below 65536: a status code, a Q.850 cause.
    #[must_use]
    pub fn cause(&self) -> Option<u16> {
        str::from_utf8(&self.params.value("cause")?.plain()).ok()?.parse().ok()
    }

    /// What it says.
    #[must_use]
    pub fn text(&self) -> Option<Text<'a>> {
        self.params.value("text")
    }

    /// Where the call was released: `U`, `LN`, `TN`, …
    #[must_use]
    pub fn location(&self) -> Option<&'a [u8]> {
        self.params.value("location").map(|text| text.raw)
    }
}

/// `reason-value = protocol *( SEMI reason-params )`
pub(super) fn reason(input: &[u8]) -> IResult<&[u8], Reason<'_>> {
    map((token, params), |(protocol, params)| Reason { protocol, params }).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cause_text_and_location() {
        let (rest, read) =
            reason(b"Q.850 ;cause=16 ;text=\"Terminated, by \\\"you\\\"; or not\";location=LN")
                .unwrap();
        assert_eq!(rest, b"");
        assert_eq!(read.protocol, b"Q.850");
        assert_eq!(read.cause(), Some(16));
        assert_eq!(read.text().unwrap().plain(), &b"Terminated, by \"you\"; or not"[..]);
        assert_eq!(read.location(), Some(&b"LN"[..]));
    }

    #[test]
    fn without_or_with_a_strange_cause() {
        let cause = |text: &'static str| reason(text.as_bytes()).unwrap().1.cause();
        assert_eq!(cause("SIP"), None);
        assert_eq!(cause("SIP;cause"), None);
        assert_eq!(cause("SIP;cause=abc"), None);
        assert_eq!(cause("SIP;cause=99999"), None);
        assert_eq!(cause("SIP;cause=\"200\""), Some(200));
        assert!(reason(b";cause=1").is_err());
    }
}
