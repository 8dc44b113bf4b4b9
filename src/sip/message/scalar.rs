//! Small values: CSeq, RAck, RSeq, Retry-After, Warning, media types, lists of tokens, bare numbers.
//! RFC 3261 §20, §25.1; RFC 3262 §7.

use std::time::Duration;

use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::character::complete::char;
use nom::combinator::{map, map_opt, opt, recognize, verify};
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

use super::grammar::{
    Text, comment, is_space, lws, number, number32, quoted, sign, sws, token, word,
};
use super::method::Method;
use super::params::{Params, params};

/// CSeq (RFC 3261 §20.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// The number, below 2^31 (§8.1.1.5).
    pub number: u32,
    /// The method.
    pub method: Method,
    /// The method as received.
    pub name: &'a [u8],
}

/// RAck (RFC 3262 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RAck<'a> {
    /// The RSeq that is acknowledged.
    pub rseq: u32,
    /// The CSeq of the request that was answered.
    pub cseq: CSeq<'a>,
}

/// Retry-After (RFC 3261 §20.33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter<'a> {
    /// How long to stay away.
    pub after: Duration,
    /// What stands in parentheses, without them.
    pub comment: Option<&'a [u8]>,
    /// How long it will then be there, where that is said.
    pub duration: Option<Duration>,
}

/// One value of Warning (RFC 3261 §20.43).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning<'a> {
    /// Three digits.
    pub code: u16,
    /// Who warns: a host with or without port, or a token.
    pub agent: &'a [u8],
    /// What it says.
    pub text: Text<'a>,
}

/// A media type (RFC 3261 §20.15) or range of them (§20.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType<'a> {
    /// `application`, or `*`.
    pub kind: &'a [u8],
    /// `sdp`, or `*`.
    pub subtype: &'a [u8],
    /// `charset`, `boundary`, `q`, …
    pub params: Params<'a>,
}

impl MediaType<'_> {
    /// Whether it is this type, or a range that holds it.
    #[must_use]
    pub fn covers(&self, kind: &str, subtype: &str) -> bool {
        let fits =
            |mine: &[u8], text: &str| mine == b"*" || mine.eq_ignore_ascii_case(text.as_bytes());
        fits(self.kind, kind) && fits(self.subtype, subtype)
    }
}

/// A word with parameters: Event, Content-Disposition, Subscription-State.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// The word.
    pub text: &'a [u8],
    /// What follows it.
    pub params: Params<'a>,
}

/// `CSeq = 1*DIGIT LWS Method`
pub(super) fn cseq(input: &[u8]) -> IResult<&[u8], CSeq<'_>> {
    let pair = (terminated(number((1 << 31) - 1), lws), token);
    map(pair, |(number, name)| CSeq {
        number: number as u32,
        method: Method::from_bytes(name),
        name,
    })
    .parse(input)
}

/// `RAck = response-num LWS CSeq-num LWS Method`
pub(super) fn rack(input: &[u8]) -> IResult<&[u8], RAck<'_>> {
    map((terminated(rseq, lws), cseq), |(rseq, cseq)| RAck { rseq, cseq }).parse(input)
}

/// `RSeq = response-num`, from 1 on.
pub(super) fn rseq(input: &[u8]) -> IResult<&[u8], u32> {
    verify(number32, |number| *number > 0).parse(input)
}

/// `Max-Forwards`: 0 to 255.
pub(super) fn max_forwards(input: &[u8]) -> IResult<&[u8], u8> {
    map(number(255), |number| number as u8).parse(input)
}

/// `callid = word [ "@" word ]`
pub(super) fn call_id(input: &[u8]) -> IResult<&[u8], &[u8]> {
    recognize((word, opt(preceded(char('@'), word)))).parse(input)
}

/// `Retry-After = delta-seconds [ comment ] *( SEMI retry-param )`
pub(super) fn retry_after(input: &[u8]) -> IResult<&[u8], RetryAfter<'_>> {
    let (rest, seconds) = number32(input)?;
    let (rest, comment) = opt(preceded(sws, comment)).parse(rest)?;
    let (rest, params) = params(rest)?;
    let duration = params.value("duration").and_then(|text| number32(text.raw).ok());
    Ok((
        rest,
        RetryAfter {
            after: Duration::from_secs(u64::from(seconds)),
            comment: comment.and_then(|text| text.strip_prefix(b"(")?.strip_suffix(b")")),
            duration: duration.map(|(_, seconds)| Duration::from_secs(u64::from(seconds))),
        },
    ))
}

/// `warning-value = warn-code SP warn-agent SP warn-text`
pub(super) fn warning(input: &[u8]) -> IResult<&[u8], Warning<'_>> {
    let agent = take_while1(|byte| !is_space(byte) && !matches!(byte, b',' | b'"'));
    let value = (terminated(code, lws), terminated(agent, lws), quoted);
    map(value, |(code, agent, text)| Warning { code, agent, text }).parse(input)
}

/// Exactly three digits.
fn code(input: &[u8]) -> IResult<&[u8], u16> {
    let digits = take_while1(|byte: u8| byte.is_ascii_digit());
    let value = |digits: &[u8]| {
        let [a, b, c] = digits else { return None };
        Some([a, b, c].into_iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')))
    };
    map_opt(digits, value).parse(input)
}

/// `media-type = m-type SLASH m-subtype *( SEMI m-parameter )`; `*` is a token too.
pub(super) fn media_type(input: &[u8]) -> IResult<&[u8], MediaType<'_>> {
    let media = (token, preceded(sign('/'), token), params);
    map(media, |(kind, subtype, params)| MediaType { kind, subtype, params }).parse(input)
}

/// A token with parameters.
pub(super) fn token_params(input: &[u8]) -> IResult<&[u8], Token<'_>> {
    map((token, params), |(text, params)| Token { text, params }).parse(input)
}

/// A number with parameters: Session-Expires, Min-SE.
pub(super) fn number_params(input: &[u8]) -> IResult<&[u8], (u32, Params<'_>)> {
    (number32, params).parse(input)
}

/// `priv-value *( ";" priv-value )` (RFC 3323 §4.2); commas are met.
pub(super) fn privacy(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let more = preceded(alt((sign(';'), sign(','))), token);
    recognize((token, nom::multi::many0_count(more))).parse(input)
}

/// `Timestamp = 1*DIGIT [ "." *DIGIT ] [ LWS delay ]`
pub(super) fn timestamp(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let digits = || nom::bytes::complete::take_while(|byte: u8| byte.is_ascii_digit());
    let fraction = || opt((char('.'), digits()));
    let first = (verify(digits(), |digits: &[u8]| !digits.is_empty()), fraction());
    recognize((first, opt((lws, digits(), fraction())))).parse(input)
}

/// `MIME-Version = 1*DIGIT "." 1*DIGIT`
pub(super) fn mime_version(input: &[u8]) -> IResult<&[u8], &[u8]> {
    recognize((number32, char('.'), number32)).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole<T>(parsed: IResult<&[u8], T>) -> Option<T> {
        parsed.ok().filter(|(rest, _)| rest.is_empty()).map(|(_, value)| value)
    }

    #[test]
    fn cseq_rack_rseq() {
        let read = whole(cseq(b"0009\r\n INVITE")).unwrap();
        assert_eq!((read.number, read.method), (9, Method::Invite));
        assert_eq!(whole(cseq(b"1 NEW~METHOD")).unwrap().name, b"NEW~METHOD");
        for bad in [
            &b"2147483648 ACK"[..],
            b"36893488147419103232 REGISTER",
            b"abcdefg",
            b"1",
            b"1  ",
            b"-1 ACK",
            b"1 A B",
        ] {
            assert!(whole(cseq(bad)).is_none(), "{}", bad.escape_ascii());
        }
        let read = whole(rack(b"776656 1 INVITE")).unwrap();
        assert_eq!((read.rseq, read.cseq.number, read.cseq.method), (776_656, 1, Method::Invite));
        assert_eq!(whole(rseq(b"4294967295")), Some(u32::MAX));
        assert_eq!(whole(rseq(b"0")), None);
        assert_eq!(whole(rseq(b"4294967296")), None);
    }

    #[test]
    fn retry_after_with_comment_and_duration() {
        let read = whole(retry_after(b"18000 (in a (long) meeting) ; duration=3600;x")).unwrap();
        assert_eq!(read.after, Duration::from_secs(18_000));
        assert_eq!(read.comment, Some(&b"in a (long) meeting"[..]));
        assert_eq!(read.duration, Some(Duration::from_secs(3_600)));
        assert_eq!(whole(retry_after(b"0")).unwrap().comment, None);
        for bad in [&b""[..], b"-5", b"5 (open", b"99999999999", b"soon"] {
            assert!(whole(retry_after(bad)).is_none(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn warnings() {
        let read = whole(warning(b"399 gw.example.com:5060 \"No \\\"route\\\", sorry\"")).unwrap();
        assert_eq!((read.code, read.agent), (399, &b"gw.example.com:5060"[..]));
        assert_eq!(read.text.plain(), &b"No \"route\", sorry"[..]);
        for bad in [&b""[..], b"1812 h \"x\"", b"39 h \"x\"", b"399 h x", b"399 \"x\"", b"399 h"] {
            assert!(whole(warning(bad)).is_none(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn media_types() {
        let read = whole(media_type(b"multipart/mixed ; boundary=\"a b\"")).unwrap();
        assert!(read.covers("Multipart", "Mixed") && !read.covers("text", "mixed"));
        assert!(whole(media_type(b"text/*;q=0.5")).unwrap().covers("text", "plain"));
        assert!(whole(media_type(b"text")).is_none());
    }

    #[test]
    fn other_small_values() {
        assert!(whole(call_id(b"a84b4c76e66710@pc33.example.com")).is_some());
        assert!(whole(call_id(b"98asdh(9)<x>:\\\"/[]?{}")).is_some());
        assert!(whole(call_id(b"a b")).is_none() && whole(call_id(b"a@b@c")).is_none());
        assert_eq!(whole(max_forwards(b"0068")), Some(68));
        assert_eq!(whole(max_forwards(b"256")), None);
        assert!(whole(timestamp(b"54.2 .1")).is_some() && whole(timestamp(b".5")).is_none());
        assert!(whole(mime_version(b"1.0")).is_some());
        assert!(whole(privacy(b"id ; user")).is_some() && whole(privacy(b"id;")).is_none());
        assert_eq!(whole(number_params(b"90;refresher=uac")).unwrap().0, 90);
        assert_eq!(whole(token_params(b"presence;id=1")).unwrap().text, b"presence");
    }
}
