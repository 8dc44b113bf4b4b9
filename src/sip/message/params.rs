//! Header parameters: `;name`, `;name=value`, `;name="quoted"` (RFC 3261 §25.1 `generic-param`).

use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::combinator::{map, opt, recognize};
use nom::multi::many0_count;
use nom::sequence::preceded;
use nom::{IResult, Parser};

use super::grammar::{Text, is_space, quoted, sign, token};

/// The parameters behind a value, read to their end once and walked again when asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Params<'a>(&'a [u8]);

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// Its name as received; compared in any case.
    pub name: &'a [u8],
    /// Its value, if there is an equals sign.
    pub value: Option<Text<'a>>,
}

impl<'a> Params<'a> {
    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Param<'a>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (next, param) = preceded(sign(';'), generic_param).parse(rest).ok()?;
            rest = next;
            Some(param)
        })
    }

    /// The first parameter of this name.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Param<'a>> {
        self.iter().find(|param| param.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The value of the first parameter of this name, if it has one.
    #[must_use]
    pub fn value(self, name: &str) -> Option<Text<'a>> {
        self.get(name)?.value
    }

    /// As received, from the first semicolon on; empty where there is none.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.0
    }
}

impl std::fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// `*( SEMI generic-param )`
pub(super) fn params(input: &[u8]) -> IResult<&[u8], Params<'_>> {
    let all = recognize(many0_count(preceded(sign(';'), generic_param)));
    map(all, Params).parse(input)
}

/// `generic-param = token [ EQUAL gen-value ]`
fn generic_param(input: &[u8]) -> IResult<&[u8], Param<'_>> {
    let (rest, name) = token(input)?;
    // The usual end of a flag, without trying for an equals sign behind white space.
    if let [] | [b';' | b',', ..] = rest {
        return Ok((rest, Param { name, value: None }));
    }
    let (rest, value) = opt(preceded(sign('='), gen_value)).parse(rest)?;
    Ok((rest, Param { name, value }))
}

/// `gen-value = token / host / quoted-string`, and what else is met without quotes: `received=2001:db8::1` and
/// `received=[2001:db8::1]` (RFC 5118 §4.5), base64, a slash in a branch.
pub(super) fn gen_value(input: &[u8]) -> IResult<&[u8], Text<'_>> {
    let bare = take_while1(|byte| {
        byte > b' ' && byte != 0x7f && !matches!(byte, b';' | b',' | b'"' | b'<' | b'>' | b'\\')
    });
    if input.first().is_some_and(|byte| *byte == b'"' || is_space(*byte)) {
        return quoted(input);
    }
    alt((map(bare, |raw| Text { raw, quoted: false }), quoted)).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Option<Vec<(&str, Option<&str>)>> {
        let (rest, params) = params(text.as_bytes()).unwrap();
        let plain = |bytes| str::from_utf8(bytes).unwrap();
        let pair =
            |param: Param<'static>| (plain(param.name), param.value.map(|text| plain(text.raw)));
        // The tests' own texts live for ever.
        let params = Params(Box::leak(params.0.to_vec().into_boxed_slice()));
        rest.is_empty().then(|| params.iter().map(pair).collect())
    }

    #[test]
    fn names_values_and_quotes() {
        assert_eq!(list(""), Some(vec![]));
        assert_eq!(list(";lr"), Some(vec![("lr", None)]));
        assert_eq!(
            list(" ; a = b;c=\"d;e,f\" ; g"),
            Some(vec![("a", Some("b")), ("c", Some("d;e,f")), ("g", None)])
        );
        assert_eq!(list(";r=[2001:db8::1];s=2001:db8::2"), {
            Some(vec![("r", Some("[2001:db8::1]")), ("s", Some("2001:db8::2"))])
        });
        for bad in [";", ";;a", ";a=", ";a=\"", ";a b", ";a=b c", "a", ";=b"] {
            assert_eq!(list(bad), None, "{bad}");
        }
    }

    #[test]
    fn they_are_found_in_any_case() {
        let (_, params) = params(b";Tag=x;tag=y;lr").unwrap();
        assert_eq!(params.value("TAG").unwrap().raw, b"x");
        assert!(params.get("lr").unwrap().value.is_none());
        assert!(params.get("l").is_none());
    }
}
