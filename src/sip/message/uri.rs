//! URIs: `sip:`, `sips:` (RFC 3261 §19.1), `tel:` (RFC 3966), and all others, kept as they are.

use std::borrow::Cow;

use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, satisfy};
use nom::combinator::{all_consuming, cut, map, opt, recognize, verify};
use nom::multi::many0_count;
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

use super::grammar::{escaped_run, number16};
use super::host::{Host, host};

/// Which kind of URI it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Anything else; only [`Uri::text`] says more.
    Other,
}

/// A URI, taken apart without copying. Nothing is unescaped: what `%` stands for is a question of each part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    /// All of it, as received.
    pub text: &'a [u8],
    /// Its scheme.
    pub scheme: Scheme,
    /// User part of `sip:` and `sips:`, with the parameters that may stand in it; the number of `tel:`.
    pub user: Option<&'a [u8]>,
    /// What stands behind a colon in the user part.
    pub password: Option<&'a [u8]>,
    /// Host of `sip:` and `sips:`.
    pub host: Option<Host<'a>>,
    /// Port, if it is given.
    pub port: Option<u16>,
    /// `;name=value` behind host or number.
    pub params: UriParams<'a>,
    /// What stands behind `?`: headers for a request to be made from this URI. Kept, never acted upon.
    pub headers: Option<&'a [u8]>,
}

impl<'a> Uri<'a> {
    /// Reads a whole URI, such as the Request-URI. `None` where it is none, or where something follows it.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        uri(text).ok().map(|(_, uri)| uri)
    }

    /// The user part with `%` escapes resolved.
    #[must_use]
    pub fn plain_user(&self) -> Option<Cow<'a, [u8]>> {
        self.user.map(unescaped)
    }

    const fn of(text: &'a [u8], scheme: Scheme) -> Self {
        let params = UriParams(b"");
        Self {
            text,
            scheme,
            user: None,
            password: None,
            host: None,
            port: None,
            params,
            headers: None,
        }
    }
}

/// The parameters of a URI.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UriParams<'a>(&'a [u8]);

impl<'a> UriParams<'a> {
    /// Names and values, in order, escapes kept.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        self.0.split(|byte| *byte == b';').skip(1).map(|param| {
            match memchr::memchr(b'=', param).and_then(|at| param.split_at_checked(at)) {
                Some((name, value)) => (name, value.get(1..)),
                None => (param, None),
            }
        })
    }

    /// The value of the first parameter of this name, in any case; empty where it has none.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        let found = self.iter().find(|(text, _)| text.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| value.unwrap_or_default())
    }

    /// As received, from the first semicolon on; empty where there is none.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.0
    }
}

impl std::fmt::Debug for UriParams<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Resolves `%` escapes; copies only if there is one.
#[must_use]
pub fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'%', text) else { return Cow::Borrowed(text) };
    let (before, mut rest) = text.split_at_checked(first).unwrap_or_default();
    let mut plain = before.to_vec();
    while let [byte, after @ ..] = rest {
        let pair = after.first_chunk::<2>().and_then(|pair| {
            let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
            Some((high? * 16 + low?) as u8)
        });
        match pair {
            Some(value) if *byte == b'%' => {
                plain.push(value);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                plain.push(*byte);
                rest = after;
            }
        }
    }
    Cow::Owned(plain)
}

/// A whole URI: `SIP-URI / SIPS-URI / absoluteURI`. Nothing may follow it.
pub(super) fn uri(input: &[u8]) -> IResult<&[u8], Uri<'_>> {
    let (rest, scheme) = terminated(scheme, char(':')).parse(input)?;
    match scheme {
        Scheme::Sip | Scheme::Sips => {
            map(all_consuming(sip_uri), |uri| Uri { text: input, scheme, ..uri }).parse(rest)
        }
        Scheme::Tel => {
            map(all_consuming(tel_uri), |uri| Uri { text: input, scheme, ..uri }).parse(rest)
        }
        Scheme::Other => map(all_consuming(opaque), |_| Uri::of(input, scheme)).parse(rest),
    }
}

/// `scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )`
fn scheme(input: &[u8]) -> IResult<&[u8], Scheme> {
    let more = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let name = recognize((satisfy(|sign| sign.is_ascii_alphabetic()), take_while(more)));
    map(name, |name: &[u8]| match name {
        _ if name.eq_ignore_ascii_case(b"sip") => Scheme::Sip,
        _ if name.eq_ignore_ascii_case(b"sips") => Scheme::Sips,
        _ if name.eq_ignore_ascii_case(b"tel") => Scheme::Tel,
        _ => Scheme::Other,
    })
    .parse(input)
}

/// `[ userinfo ] hostport uri-parameters [ headers ]`
fn sip_uri(input: &[u8]) -> IResult<&[u8], Uri<'_>> {
    let (rest, userinfo) = opt(terminated(userinfo, char('@'))).parse(input)?;
    let (user, password) = userinfo.map_or((None, None), |info| (Some(info.user), info.password));
    let (rest, host) = host(rest)?;
    // Once there is a colon, a port must follow: `sip:2001:db8::10` is no host and no port.
    let (rest, port) = opt(preceded(char(':'), cut(number16))).parse(rest)?;
    let (rest, params) = uri_params(rest)?;
    let (rest, headers) = opt(headers).parse(rest)?;
    let uri = Uri {
        user,
        password,
        host: Some(host),
        port,
        params,
        headers,
        ..Uri::of(input, Scheme::Sip)
    };
    Ok((rest, uri))
}

struct UserInfo<'a> {
    user: &'a [u8],
    password: Option<&'a [u8]>,
}

/// `userinfo = ( user / telephone-subscriber ) [ ":" password ]`, a user of at least one character.
fn userinfo(input: &[u8]) -> IResult<&[u8], UserInfo<'_>> {
    // Where there is no `@`, nothing is the user's.
    let user = verify(escaped_run(is_user), |user: &[u8]| !user.is_empty());
    let password = opt(preceded(char(':'), escaped_run(is_password)));
    map((user, password), |(user, password)| UserInfo { user, password }).parse(input)
}

/// `uri-parameters = *( ";" uri-parameter )`
fn uri_params(input: &[u8]) -> IResult<&[u8], UriParams<'_>> {
    let word = || verify(escaped_run(is_param), |word: &[u8]| !word.is_empty());
    let param = (char(';'), word(), opt((char('='), word())));
    map(recognize(many0_count(param)), UriParams).parse(input)
}

/// `headers = "?" header *( "&" header )`, `header = hname "=" hvalue`
fn headers(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let name = || verify(escaped_run(is_header), |name: &[u8]| !name.is_empty());
    let header = || (name(), char('='), escaped_run(is_header));
    let all = recognize((header(), many0_count((char('&'), header()))));
    preceded(char('?'), all).parse(input)
}

/// `telephone-uri = "tel:" ( global-number / local-number ) *( ";" parameter )` (RFC 3966 §3)
fn tel_uri(input: &[u8]) -> IResult<&[u8], Uri<'_>> {
    let sign = |byte: u8| {
        byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#' | b'-' | b'.' | b'(' | b')')
    };
    let number = recognize((opt(tag(&b"+"[..])), take_while1(sign)));
    map((number, uri_params), |(number, params)| Uri {
        user: Some(number),
        params,
        ..Uri::of(input, Scheme::Tel)
    })
    .parse(input)
}

/// What may stand behind any other scheme: `1*uric`.
fn opaque(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let sign = |byte| {
        is_unreserved(byte)
            || matches!(byte, b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=')
            || matches!(byte, b'+' | b'$' | b',' | b'[' | b']' | b'#')
    };
    verify(escaped_run(sign), |text: &[u8]| !text.is_empty()).parse(input)
}

/// `unreserved = alphanum / mark`
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
}

/// `unreserved / user-unreserved`, and `#`, which star codes are sent with.
const fn is_user(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/' | b'#')
}

/// `unreserved / "&" / "=" / "+" / "$" / ","`, and a second colon: whoever sends one means it so.
const fn is_password(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',' | b':')
}

/// `paramchar = param-unreserved / unreserved`
const fn is_param(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$')
}

/// `hnv-unreserved / unreserved`
const fn is_header(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'[' | b']' | b'/' | b'?' | b':' | b'+' | b'$')
}

#[cfg(test)]
mod tests;
