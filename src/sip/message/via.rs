//! Via (RFC 3261 §20.42, RFC 3581 §4).

use std::net::IpAddr;

use nom::combinator::opt;
use nom::sequence::preceded;
use nom::{IResult, Parser};

use super::grammar::{lws, number16, sign, token};
use super::host::{self, Host};
use super::params::{Params, params};

/// One hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    /// Protocol name, version and transport, as received: `SIP`, `2.0`, `UDP`. The transport may be any token.
    pub protocol: [&'a [u8]; 3],
    /// Host of sent-by.
    pub host: Host<'a>,
    /// Port of sent-by, if it is given.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport`, …
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    /// The transport.
    #[must_use]
    pub const fn transport(&self) -> &'a [u8] {
        let [_, _, transport] = self.protocol;
        transport
    }

    /// The branch.
    #[must_use]
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.params.value("branch").map(|text| text.raw)
    }

    /// Where the request was seen to come from. IPv6 with or without brackets (RFC 5118 §4.5).
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        host::address(self.params.value("received")?.raw)
    }

    /// The port it was seen to come from.
    #[must_use]
    pub fn rport(&self) -> Option<u16> {
        str::from_utf8(self.params.value("rport")?.raw).ok()?.parse().ok()
    }
}

/// `via-parm = sent-protocol LWS sent-by *( SEMI via-params )`
pub(super) fn via(input: &[u8]) -> IResult<&[u8], Via<'_>> {
    let mut protocol = (token, preceded(sign('/'), token), preceded(sign('/'), token));
    let (rest, (name, version, transport)) = protocol.parse(input)?;
    let (rest, host) = preceded(lws, host::host).parse(rest)?;
    let (rest, port) = opt(preceded(sign(':'), number16)).parse(rest)?;
    let (rest, params) = params(rest)?;
    Ok((rest, Via { protocol: [name, version, transport], host, port, params }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Via<'_>> {
        via(text.as_bytes()).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, via)| via)
    }

    #[test]
    fn an_ordinary_one() {
        let via = read("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKx;rport=5061;received=192.0.2.1")
            .unwrap();
        assert_eq!(via.protocol, [&b"SIP"[..], b"2.0", b"UDP"]);
        assert_eq!(via.host, Host::Address("10.0.0.1".parse().unwrap()));
        assert_eq!((via.port, via.rport()), (Some(5060), Some(5061)));
        assert_eq!(via.branch(), Some(&b"z9hG4bKx"[..]));
        assert_eq!(via.received(), Some("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn white_space_everywhere_it_may_be() {
        let via = read("SIP  / 2.0\r\n / TCP     spindle.example.com : 5070  ;\r\n  branch  =   z9hG4bK9 ; rport").unwrap();
        assert_eq!(via.transport(), b"TCP");
        assert_eq!((via.host, via.port), (Host::Name(b"spindle.example.com"), Some(5070)));
        assert_eq!(via.branch(), Some(&b"z9hG4bK9"[..]));
        assert_eq!(via.rport(), None);
    }

    #[test]
    fn met_in_the_field() {
        for text in [
            "SIP/2.0/UNKNOWN h",
            "SIP/2.0/UDP my_host",
            "SIP/2.0/UDP h;branch=z9hG4bK/a:b",
            "SIP/2.0/TLS [2001:db8::1];received=[2001:db8::2]",
            "SIP/2.0/UDP h;received=2001:db8::2",
        ] {
            assert!(read(text).is_some(), "{text}");
        }
        assert_eq!(
            read("SIP/2.0/UDP h;received=[::2]").unwrap().received(),
            Some("::2".parse().unwrap())
        );
    }

    #[test]
    fn what_is_no_via() {
        for text in [
            "",
            "SIP/2.0 h",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP h;;,;",
            "SIP/2.0/UDP h:x",
            "SIP/2.0/UDP ::1",
            "SIP/2.0/UDP h;branch=",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
