//! Addresses: `name-addr` and `addr-spec` with their header parameters (RFC 3261 §20.10, §25.1). From, To, Contact,
//! Route, Record-Route, P-Asserted-Identity, Diversion and their like.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::char;
use nom::combinator::{cut, eof, map, map_parser, opt, peek, recognize};
use nom::multi::many0_count;
use nom::sequence::delimited;
use nom::{IResult, Parser};

use super::grammar::{Text, is_space, is_token, lws, quoted, sws};
use super::params::{Params, params};
use super::uri::{Uri, uri};

/// A display name, a URI and parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// The name before the angle brackets.
    pub display: Option<Text<'a>>,
    /// The URI.
    pub uri: Uri<'a>,
    /// The header's parameters: `tag`, `q`, `expires`, …
    pub params: Params<'a>,
}

impl<'a> Address<'a> {
    /// The `tag` parameter.
    #[must_use]
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.value("tag").map(|text| text.raw)
    }
}

/// One value of Contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact<'a> {
    /// `*`: all bindings, in a REGISTER that removes them.
    Star,
    /// An address.
    Address(Address<'a>),
}

/// `( name-addr / addr-spec ) *( SEMI generic-param )`
pub(super) fn address(input: &[u8]) -> IResult<&[u8], Address<'_>> {
    let (rest, (display, uri)) =
        alt((name_addr, map(addr_spec, |uri| (None, uri)))).parse(input)?;
    let (rest, params) = params(rest)?;
    Ok((rest, Address { display, uri, params }))
}

/// `name-addr *( SEMI generic-param )`: where angle brackets must be.
pub(super) fn name_address(input: &[u8]) -> IResult<&[u8], Address<'_>> {
    let (rest, (display, uri)) = name_addr(input)?;
    let (rest, params) = params(rest)?;
    Ok((rest, Address { display, uri, params }))
}

/// `STAR / contact-param`
pub(super) fn contact(input: &[u8]) -> IResult<&[u8], Contact<'_>> {
    // A star that a name begins with is a display name.
    let end = peek(alt((eof, tag(&b","[..]))));
    let star = map((char('*'), sws, end), |_| Contact::Star);
    alt((star, map(address, Contact::Address))).parse(input)
}

/// `name-addr = [ display-name ] LAQUOT addr-spec RAQUOT`
fn name_addr(input: &[u8]) -> IResult<&[u8], (Option<Text<'_>>, Uri<'_>)> {
    let inside = map_parser(take_while(|byte| byte != b'>'), uri);
    (delimited(sws, display_name, sws), delimited(char('<'), cut(inside), cut(char('>'))))
        .parse(input)
}

/// `display-name = *(token LWS) / quoted-string`, where a token may hold bytes above 127.
fn display_name(input: &[u8]) -> IResult<&[u8], Option<Text<'_>>> {
    let word = take_while1(|byte| is_token(byte) || byte >= 0x80);
    let words = recognize(many0_count((word, opt(lws))));
    let bare = map(words, |raw: &[u8]| {
        let raw = raw.trim_ascii_end();
        (!raw.is_empty()).then_some(Text { raw, quoted: false })
    });
    alt((map(quoted, Some), bare)).parse(input)
}

/// `addr-spec` without angle brackets. A comma, a question mark or a semicolon ends it, so it has no URI parameters
/// (RFC 3261 §20.10).
fn addr_spec(input: &[u8]) -> IResult<&[u8], Uri<'_>> {
    let inside = take_while(|byte| {
        !is_space(byte) && !matches!(byte, b',' | b';' | b'?' | b'<' | b'>' | b'"')
    });
    map_parser(inside, uri).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Address<'_>> {
        address(text.as_bytes())
            .ok()
            .filter(|(rest, _)| rest.is_empty())
            .map(|(_, address)| address)
    }

    fn display(text: &str) -> Option<String> {
        let name = read(text).unwrap().display?;
        Some(String::from_utf8_lossy(&name.plain()).into_owned())
    }

    #[test]
    fn display_names() {
        assert_eq!(display("<sip:a@b>"), None);
        assert_eq!(display("caller<sip:a@b>"), Some("caller".into()));
        assert_eq!(display("Mr. J User  <sip:a@b>"), Some("Mr. J User".into()));
        assert_eq!(display("\"Jo \\\\ \\\" , <x>\"   <sip:a@b>"), Some("Jo \\ \" , <x>".into()));
        assert_eq!(display("\"\"<sip:a@b>"), Some(String::new()));
        assert_eq!(display("Пользователь\r\n <sip:a@b>"), Some("Пользователь".into()));
    }

    #[test]
    fn parameters_belong_to_the_header_or_to_the_uri() {
        let inside = read("<sip:a@b;x=1>;y=2").unwrap();
        assert_eq!(inside.uri.params.get("x"), Some(&b"1"[..]));
        assert_eq!(inside.params.value("y").unwrap().raw, b"2");
        let bare = read("sip:a@b;tag=1").unwrap();
        assert_eq!((bare.uri.params.bytes(), bare.tag()), (&b""[..], Some(&b"1"[..])));
        let odd = read("\"a\" <sip:a@b> ; newparam =\r\n newvalue ;\r\n q = 0.33").unwrap();
        assert_eq!(odd.params.value("newparam").unwrap().raw, b"newvalue");
        let instance = read("<sip:a@b>;+sip.instance=\"<urn:uuid:0>\"").unwrap();
        assert_eq!(instance.params.value("+sip.instance").unwrap().raw, b"<urn:uuid:0>");
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "",
            "\"open <sip:a@b>",
            "\"a\" sip:a@b",
            "Bell, Alexander <sip:a@b>",
            "< sip:a@b >",
            "<sip:a@b> x",
            "<sip:a@b",
            "sip:a@b>",
            "<sip:a@b>;;;",
            "sip:a@b?x=y",
            "<>",
            "a b",
            "<sip:@host>",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn contacts() {
        assert_eq!(contact(b"*").unwrap().1, Contact::Star);
        assert!(matches!(contact(b"<sip:a@b>;expires=0").unwrap().1, Contact::Address(_)));
        let (rest, named) = contact(b"* <sip:a@b>").unwrap();
        assert!(rest.is_empty() && matches!(named, Contact::Address(_)));
        assert!(contact(b"").is_err());
    }
}
