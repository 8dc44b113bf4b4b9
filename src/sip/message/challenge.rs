//! Challenges: WWW-Authenticate and Proxy-Authenticate (RFC 3261 §20.44, RFC 7616 §3.3, RFC 8760).
//!
//! One line may hold several, told apart only by a word that no equals sign follows. Commas too many and quotes too few
//! are met, so both are taken.

use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::combinator::{map, opt};
use nom::multi::many0_count;
use nom::sequence::{pair, preceded, terminated};
use nom::{IResult, Parser};

use super::grammar::{Text, is_space, quoted, sign, sws, token};

/// One challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// `Digest`, or something else; compared in any case.
    pub scheme: &'a [u8],
    /// Whom the user name belongs to.
    pub realm: Option<Text<'a>>,
    /// The server's part of the answer.
    pub nonce: Option<Text<'a>>,
    /// To be given back as it is.
    pub opaque: Option<Text<'a>>,
    /// How to hash; MD5 where it is absent.
    pub algorithm: Option<Text<'a>>,
    /// What may be protected: a list with commas.
    pub qop: Option<Text<'a>>,
    /// Whether the nonce of the last answer was only too old.
    pub stale: bool,
    /// Whether the user name may be sent hashed (RFC 7616 §3.4.4).
    pub userhash: bool,
}

impl Challenge<'_> {
    /// Whether it is a Digest challenge.
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"digest")
    }
}

/// `challenge = auth-scheme LWS auth-param *( COMMA auth-param )`
pub(super) fn challenge(input: &[u8]) -> IResult<&[u8], Challenge<'_>> {
    let (mut rest, scheme) = terminated(token, sws).parse(input)?;
    let mut read = Challenge {
        scheme,
        realm: None,
        nonce: None,
        opaque: None,
        algorithm: None,
        qop: None,
        stale: false,
        userhash: false,
    };
    let mut first = true;
    loop {
        let before = if first { opt(commas).parse(rest) } else { map(commas, Some).parse(rest) };
        let Ok((next, _)) = before else { break };
        if next.is_empty() {
            rest = next;
            break;
        }
        let Ok((next, (name, value))) = auth_param(next) else { break };
        read.set(name, value);
        rest = next;
        first = false;
    }
    Ok((rest, read))
}

impl<'a> Challenge<'a> {
    /// The first of each name counts.
    fn set(&mut self, name: &[u8], value: Text<'a>) {
        let places = [
            ("realm", &mut self.realm),
            ("nonce", &mut self.nonce),
            ("opaque", &mut self.opaque),
            ("algorithm", &mut self.algorithm),
            ("qop", &mut self.qop),
        ];
        for (text, place) in places {
            if name.eq_ignore_ascii_case(text.as_bytes()) {
                place.get_or_insert(value);
                return;
            }
        }
        if name.eq_ignore_ascii_case(b"stale") {
            self.stale |= value.is("true");
        } else if name.eq_ignore_ascii_case(b"userhash") {
            self.userhash |= value.is("true");
        }
    }
}

/// One comma or more, with white space.
fn commas(input: &[u8]) -> IResult<&[u8], usize> {
    preceded(sign(','), many0_count(sign(','))).parse(input)
}

/// `auth-param = auth-param-name EQUAL ( token / quoted-string )`, also without the quotes it should have.
pub(super) fn auth_param(input: &[u8]) -> IResult<&[u8], (&[u8], Text<'_>)> {
    let bare = take_while1(|byte| !is_space(byte) && !matches!(byte, b',' | b'"'));
    let value = alt((quoted, map(bare, |raw| Text { raw, quoted: false })));
    pair(terminated(token, sign('=')), value).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Option<Text<'_>>) -> Option<String> {
        value.map(|text| String::from_utf8_lossy(&text.plain()).into_owned())
    }

    #[test]
    fn all_parameters() {
        let line = "Digest realm=\"a \\\"b\\\", c\",\r\n nonce=\"n+/=\" , opaque=\"\", algorithm=SHA-256,\
                    qop=\"auth,auth-int\",stale=TRUE, userhash=true, x=y";
        let (rest, read) = challenge(line.as_bytes()).unwrap();
        assert_eq!(rest, b"");
        assert!(read.is_digest() && read.stale && read.userhash);
        assert_eq!(text(read.realm).unwrap(), "a \"b\", c");
        assert_eq!(read.realm.unwrap().raw, b"a \\\"b\\\", c");
        assert_eq!(text(read.nonce).unwrap(), "n+/=");
        assert_eq!(text(read.opaque).unwrap(), "");
        assert_eq!(text(read.algorithm).unwrap(), "SHA-256");
        assert_eq!(text(read.qop).unwrap(), "auth,auth-int");
    }

    #[test]
    fn several_in_one_line() {
        let line = b"Basic realm=\"x\", Digest realm=\"y\", nonce=\"1\", Negotiate, DIGEST nonce=2";
        let mut rest = &line[..];
        let mut schemes = Vec::new();
        loop {
            let (next, read) = challenge(rest).unwrap();
            schemes.push((read.scheme.to_vec(), text(read.nonce)));
            let Ok((next, _)) = commas(next) else { break };
            rest = next;
        }
        let nonce = |text: &str| Some(text.to_owned());
        assert_eq!(
            schemes,
            [
                (b"Basic".to_vec(), None),
                (b"Digest".to_vec(), nonce("1")),
                (b"Negotiate".to_vec(), None),
                (b"DIGEST".to_vec(), nonce("2")),
            ]
        );
    }

    #[test]
    fn quotes_too_few_and_commas_too_many() {
        let (rest, read) = challenge(b"Digest ,, realm=a, , nonce=b/c==,realm=second , ,").unwrap();
        assert_eq!(rest, b"");
        assert_eq!((text(read.realm), text(read.nonce)), (Some("a".into()), Some("b/c==".into())));
        assert!(challenge(b"").is_err() && challenge(b"=x").is_err());
        assert_eq!(challenge(b"Digest realm=\"open").unwrap().0, b"realm=\"open");
    }

    #[test]
    fn a_long_nonce_is_no_trouble() {
        let line = format!("Digest realm=\"r\", nonce=\"{}\"", "n".repeat(4_096));
        assert_eq!(challenge(line.as_bytes()).unwrap().1.nonce.unwrap().raw.len(), 4_096);
    }
}
