//! Hosts: names, IPv4 and IPv6 addresses (RFC 3261 §25.1, RFC 5118, RFC 5954).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::character::complete::char;
use nom::combinator::map_opt;
use nom::sequence::delimited;
use nom::{IResult, Parser};

/// A host, as in a URI or a Via.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// A domain name.
    Name(&'a [u8]),
    /// An address; that of IPv6 stood in brackets.
    Address(IpAddr),
}

impl<'a> Host<'a> {
    /// The address, if it is one.
    #[must_use]
    pub const fn address(self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::Address(address) => Some(address),
        }
    }

    /// The name, if it is one.
    #[must_use]
    pub const fn name(self) -> Option<&'a [u8]> {
        match self {
            Self::Name(name) => Some(name),
            Self::Address(_) => None,
        }
    }
}

/// `host = hostname / IPv4address / IPv6reference`
pub(super) fn host(input: &[u8]) -> IResult<&[u8], Host<'_>> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let is_address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let reference = delimited(char('['), take_while1(is_address), char(']'));
    alt((
        map_opt(take_while1(is_name), name_or_ipv4),
        map_opt(reference, |text| ipv6(text).map(|address| Host::Address(address.into()))),
    ))
    .parse(input)
}

/// The address of a parameter such as `received` or `maddr`: IPv6 with brackets and without (RFC 5118 §4.5).
#[must_use]
pub fn address(text: &[u8]) -> Option<IpAddr> {
    let inside = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")).unwrap_or(text);
    ipv4(inside).map(IpAddr::V4).or_else(|| ipv6(inside).map(IpAddr::V6))
}

/// A name's last label begins with a letter, which tells it from an address (RFC 3261 §25.1 `toplabel`). Underscores
/// are met, so they are taken.
fn name_or_ipv4(text: &[u8]) -> Option<Host<'_>> {
    let labels = text.strip_suffix(b".").unwrap_or(text);
    let top = labels.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    if !top.first().is_some_and(u8::is_ascii_alphabetic) {
        return ipv4(text).map(|address| Host::Address(address.into()));
    }
    let good = |label: &[u8]| {
        !label.is_empty() && label.first() != Some(&b'-') && label.last() != Some(&b'-')
    };
    labels.split(|byte| *byte == b'.').all(good).then_some(Host::Name(text))
}

/// `IPv4address = 1*3DIGIT "." 1*3DIGIT "." 1*3DIGIT "." 1*3DIGIT`, each at most 255, always decimal.
fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split(|byte| *byte == b'.');
    for octet in &mut octets {
        let part = parts.next().filter(|part| (1..=3).contains(&part.len()))?;
        let digits = part.iter().all(u8::is_ascii_digit);
        let value = part.iter().fold(0, |sum: u16, digit| sum * 10 + u16::from(digit & 15));
        *octet = u8::try_from(value).ok().filter(|_| digits)?;
    }
    parts.next().is_none().then(|| octets.into())
}

/// An IPv6 address. The grammar of RFC 3261 wants three colons before an IPv4 address, where two are meant; both are to
/// be tolerated (RFC 5118 §4.10).
fn ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    let text = str::from_utf8(text).ok()?;
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (before, after) = text.split_once(":::")?;
    ipv4(after.as_bytes())?;
    format!("{before}::{after}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<Host<'_>> {
        host(text.as_bytes()).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, host)| host)
    }

    #[test]
    fn names() {
        for name in [
            "a",
            "example.com",
            "example.com.",
            "a-b.c1",
            "chair-dnrc.example.com",
            "my_host.lan",
            "1.a",
            "xn--bcher-kva.example",
        ] {
            assert_eq!(whole(name), Some(Host::Name(name.as_bytes())), "{name}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "a..b",
            ".a",
            "a b",
            "1.2.3",
            "1",
            "300.1.1.1",
            "1.2.3.4.5",
            "a/b",
            "é",
        ] {
            assert_eq!(whole(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses() {
        let is = |text: &str, meant: &str| {
            assert_eq!(whole(text), Some(Host::Address(meant.parse().unwrap())), "{text}")
        };
        is("192.0.2.1", "192.0.2.1");
        is("192.000.002.010", "192.0.2.10");
        is("[2001:db8::1]", "2001:db8::1");
        is("[::ffff:192.0.2.2]", "::ffff:192.0.2.2");
        is("[2001:db8:::192.0.2.1]", "2001:db8::192.0.2.1");
        for bad in [
            "[]",
            "[2001:db8::1",
            "2001:db8::1",
            "[fe80::1%eth0]",
            "[192.0.2.1]",
            "[1:::2]",
            "[::1::]",
        ] {
            assert_eq!(whole(bad), None, "{bad}");
        }
    }

    #[test]
    fn parameters_with_and_without_brackets() {
        let meant = Some("2001:db8::9:255".parse().unwrap());
        assert_eq!(address(b"[2001:db8::9:255]"), meant);
        assert_eq!(address(b"2001:db8::9:255"), meant);
        assert_eq!(address(b"192.0.2.1"), Some("192.0.2.1".parse().unwrap()));
        assert_eq!(address(b"example.com"), None);
    }
}
