//! Responses built from the request they answer (RFC 3261 §8.2.6), and where they go (§18.2, RFC 3581 §4).
//!
//! Via list, From, To, Call-ID and CSeq are copied as they came. The topmost Via learns where the request really came
//! from. Only unreliable transport is spoken of here: on a stream a response goes back by its connection.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::key::{named, sent_by, split_parameter};
use super::name::Name;
use super::read::Message;
use super::value::Value;
use super::write::{self, Body};

/// A response to be written.
///
/// ```
/// # use onering::sip::message::{Message, Response};
/// # let request = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx;rport\r\n\
/// #   From: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n";
/// # let request = Message::parse(request.into()).unwrap();
/// # let source = "192.0.2.9:5062".parse().unwrap();
/// let mut out = Vec::new();
/// Response::new(200, "OK")
///     .from_source(source)
///     .to_tag(b"8f2c")
///     .headers(&[("Allow", b"OPTIONS")])
///     .write(&request, &mut out);
/// assert!(out.starts_with(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx;rport=5062;received=192.0.2.9\r\n"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    status: u16,
    reason: &'a str,
    source: Option<SocketAddr>,
    to_tag: Option<&'a [u8]>,
    record_route: bool,
    headers: &'a [(&'a str, &'a [u8])],
    body: Option<Body<'a>>,
}

impl<'a> Response<'a> {
    /// A response with this status and reason phrase, and nothing else yet.
    #[must_use]
    pub const fn new(status: u16, reason: &'a str) -> Self {
        Self {
            status,
            reason,
            source: None,
            to_tag: None,
            record_route: false,
            headers: &[],
            body: None,
        }
    }

    /// Where the request came from: goes into the topmost Via as `received` where its host is another, and as `rport`
    /// with `received` where the client asked for it.
    #[must_use]
    pub const fn from_source(mut self, source: SocketAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// The tag that To gets where it has none. Never put into a 100 (RFC 3261 §8.2.6.2).
    #[must_use]
    pub const fn to_tag(mut self, tag: &'a [u8]) -> Self {
        self.to_tag = Some(tag);
        self
    }

    /// Copies Record-Route, as every response that makes a dialog must (RFC 3261 §12.1.1).
    #[must_use]
    pub const fn record_route(mut self) -> Self {
        self.record_route = true;
        self
    }

    /// More header lines, in this order.
    #[must_use]
    pub const fn headers(mut self, headers: &'a [(&'a str, &'a [u8])]) -> Self {
        self.headers = headers;
        self
    }

    /// A body.
    #[must_use]
    pub const fn body(mut self, body: Body<'a>) -> Self {
        self.body = Some(body);
        self
    }

    /// Appends the response to `request` to `out`. Headers that the request lacks are left out.
    pub fn write(&self, request: &Message, out: &mut Vec<u8>) {
        out.extend_from_slice(b"SIP/2.0 ");
        write::decimal(out, u64::from(self.status));
        out.push(b' ');
        write::text(out, self.reason.as_bytes());
        out.extend_from_slice(b"\r\n");
        for (place, value) in request.values(Name::Via).enumerate() {
            match self.source.filter(|_| place == 0) {
                Some(source) => top_via(out, value, source),
                None => write::copied(out, Name::Via, value),
            }
        }
        if self.record_route {
            for value in request.values(Name::RecordRoute) {
                write::copied(out, Name::RecordRoute, value);
            }
        }
        if let Some(value) = request.value(Name::From) {
            write::copied(out, Name::From, value);
        }
        if let Some(value) = request.value(Name::To) {
            self.to(out, value);
        }
        for name in [Name::CallId, Name::CSeq] {
            if let Some(value) = request.value(name) {
                write::copied(out, name, value);
            }
        }
        for (name, value) in self.headers {
            write::header(out, name, value);
        }
        write::end(out, self.body);
    }

    fn to(&self, out: &mut Vec<u8>, value: Value<'_>) {
        out.extend_from_slice(b"To: ");
        out.extend_from_slice(&value.unfolded());
        // A To that cannot be read gets no tag: one more parameter would not make it better.
        if self.status > 100
            && let Some(tag) = self.to_tag
            && super::key::tag(value.bytes()) == Some(None)
        {
            out.extend_from_slice(b";tag=");
            write::text(out, tag);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// The topmost Via line with `received` and `rport` (RFC 3261 §18.2.1, RFC 3581 §4). A `received` that the client put
/// there itself is dropped: it is ours to say.
fn top_via(out: &mut Vec<u8>, value: Value<'_>, source: SocketAddr) {
    let unfolded = value.unfolded();
    let Some((host, mut rest)) = sent_by(&unfolded) else {
        return write::copied(out, Name::Via, value);
    };
    let mut received = !is_address(host, source.ip());
    out.extend_from_slice(b"Via: ");
    out.extend_from_slice(unfolded.get(..unfolded.len() - rest.len()).unwrap_or_default());
    while let [b';', inside @ ..] = rest {
        let Some((parameter, next)) = split_parameter(inside) else { break };
        rest = next;
        if is_empty_rport(parameter) {
            received = true;
            out.extend_from_slice(b";rport=");
            write::decimal(out, u64::from(source.port()));
        } else if named(parameter, b"received").is_none() {
            out.push(b';');
            out.extend_from_slice(parameter);
        }
    }
    if received {
        out.extend_from_slice(b";received=");
        // Without brackets (RFC 5118 §4.5). A vector takes all that is written to it.
        write!(out, "{}", source.ip()).ok();
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(b"\r\n");
}

/// `rport`, with nothing but an equals sign behind it.
fn is_empty_rport(parameter: &[u8]) -> bool {
    let parameter = parameter.trim_ascii();
    let name = parameter.strip_suffix(b"=").unwrap_or(parameter).trim_ascii_end();
    name.eq_ignore_ascii_case(b"rport")
}

/// Whether a sent-by names this very address.
fn is_address(sent_by: &[u8], address: IpAddr) -> bool {
    split_sent_by(sent_by).0.is_some_and(|host| host == address)
}

/// The address of a sent-by, if its host is one, and its port.
fn split_sent_by(sent_by: &[u8]) -> (Option<IpAddr>, Option<u16>) {
    let (host, port) = match sent_by {
        [b'[', inside @ ..] => {
            let end = memchr::memchr(b']', inside).unwrap_or(inside.len());
            let (host, rest) = inside.split_at_checked(end).unwrap_or_default();
            (host, rest.strip_prefix(b"]").unwrap_or_default())
        }
        _ => {
            let end = memchr::memchr(b':', sent_by).unwrap_or(sent_by.len());
            sent_by.split_at_checked(end).unwrap_or_default()
        }
    };
    let port = port.trim_ascii_start().strip_prefix(b":").unwrap_or_default().trim_ascii();
    let read = |text| str::from_utf8(text).ok();
    (
        read(host.trim_ascii()).and_then(|text| text.parse().ok()),
        read(port).and_then(|text| text.parse().ok()),
    )
}

/// Where a response goes over UDP: back to the source where the client asked by `rport` (RFC 3581 §4), otherwise to
/// `maddr`, otherwise to the source's address and the port of sent-by, 5060 if it has none (RFC 3261 §18.2.2).
///
/// `None` where the Via cannot be read, or where it names a broadcast or unspecified address.
#[must_use]
pub fn response_target(request: &Message, source: SocketAddr) -> Option<SocketAddr> {
    let value = request.value(Name::Via)?.unfolded();
    let (host, mut rest) = sent_by(&value)?;
    let mut maddr = None;
    while let [b';', inside @ ..] = rest {
        let (parameter, next) = split_parameter(inside)?;
        rest = next;
        if is_empty_rport(parameter) {
            return Some(source);
        }
        if let Some(text) = named(parameter, b"maddr") {
            maddr = split_sent_by(text).0;
        }
    }
    let port = split_sent_by(host).1.unwrap_or(5060);
    let address = maddr.unwrap_or_else(|| source.ip());
    let nowhere = match address {
        IpAddr::V4(v4) => v4.is_broadcast() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_unspecified(),
    };
    (!nowhere).then_some(SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(via: &str) -> Message {
        let text = format!(
            "INVITE sip:b@example.com SIP/2.0\r\n{via}\r\nRecord-Route: <sip:p;lr>\r\nfrom: A <sip:a@x>;tag=1\r\n\
             t:<sip:b@example.com>\r\ni: c@x\r\nCSeq:  0007\r\n INVITE\r\nSubject: s\r\n\r\n"
        );
        Message::parse(text.into()).unwrap()
    }

    fn written(response: Response<'_>, request: &Message) -> String {
        let mut out = Vec::new();
        response.write(request, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn via(line: &str, source: &str) -> String {
        let response = Response::new(100, "Trying").from_source(source.parse().unwrap());
        let text = written(response, &request(line));
        text.lines().nth(1).unwrap().to_owned()
    }

    #[test]
    fn headers_are_copied_and_to_gets_its_tag() {
        let request =
            request("Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nv: SIP/2.0/UDP i\r\n ;branch=z9hG4bK2");
        let body = Body { media_type: "application/sdp", bytes: b"v=0\r\n" };
        let response = Response::new(183, "Session\r\nProgress")
            .to_tag(b"t2")
            .record_route()
            .headers(&[("Contact", b"<sip:me>"), ("X", b"1\n2")])
            .body(body);
        assert_eq!(
            written(response, &request),
            "SIP/2.0 183 Session  Progress\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
             Via: SIP/2.0/UDP i ;branch=z9hG4bK2\r\nRecord-Route: <sip:p;lr>\r\nFrom: A <sip:a@x>;tag=1\r\n\
             To: <sip:b@example.com>;tag=t2\r\nCall-ID: c@x\r\nCSeq: 0007 INVITE\r\nContact: <sip:me>\r\nX: 1 2\r\n\
             Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
        );
        let trying = written(Response::new(100, "Trying").to_tag(b"t2"), &request);
        assert!(trying.contains("To: <sip:b@example.com>\r\n"));
    }

    #[test]
    fn a_tag_is_not_added_twice() {
        let text = "BYE sip:b SIP/2.0\r\nTo: <sip:b>;tag=old\r\n\r\n";
        let request = Message::parse(text.into()).unwrap();
        let text = written(Response::new(200, "OK").to_tag(b"new"), &request);
        assert_eq!(text, "SIP/2.0 200 OK\r\nTo: <sip:b>;tag=old\r\nContent-Length: 0\r\n\r\n");
    }

    #[test]
    fn the_topmost_via_learns_the_source() {
        let same = "Via: SIP/2.0/UDP 192.0.2.1:5080;branch=a";
        assert_eq!(via(same, "192.0.2.1:5099"), same);
        assert_eq!(via(same, "192.0.2.2:5099"), format!("{same};received=192.0.2.2"));
        assert_eq!(
            via("Via: SIP/2.0/UDP 192.0.2.1;rport;branch=a", "192.0.2.1:5099"),
            "Via: SIP/2.0/UDP 192.0.2.1;rport=5099;branch=a;received=192.0.2.1"
        );
        assert_eq!(
            via(
                "Via: SIP/2.0/UDP h ; received=9.9.9.9; branch=a, SIP/2.0/UDP i;rport",
                "[2001:db8::1]:7"
            ),
            "Via: SIP/2.0/UDP h ; branch=a;received=2001:db8::1, SIP/2.0/UDP i;rport"
        );
        assert_eq!(
            via("Via: SIP/2.0/UDP [2001:DB8:0::1]:5060;branch=a", "[2001:db8::1]:7"),
            "Via: SIP/2.0/UDP [2001:DB8:0::1]:5060;branch=a"
        );
        assert_eq!(via("Via: nonsense", "192.0.2.1:5099"), "Via: nonsense");
    }

    #[test]
    fn a_response_goes_where_the_via_says() {
        let target =
            |via: &str, source: &str| response_target(&request(via), source.parse().unwrap());
        let some = |text: &str| Some(text.parse().unwrap());
        let source = "192.0.2.1:5099";
        assert_eq!(target("Via: SIP/2.0/UDP h:5070;rport;branch=a", source), some(source));
        assert_eq!(target("Via: SIP/2.0/UDP h:5070;branch=a", source), some("192.0.2.1:5070"));
        assert_eq!(target("Via: SIP/2.0/UDP h;branch=a", source), some("192.0.2.1:5060"));
        assert_eq!(target("Via: SIP/2.0/UDP h : 5071", source), some("192.0.2.1:5071"));
        assert_eq!(target("Via: SIP/2.0/UDP [::1]:5072", "[::2]:9"), some("[::2]:5072"));
        assert_eq!(target("Via: SIP/2.0/UDP h;maddr=192.0.2.7", source), some("192.0.2.7:5060"));
        assert_eq!(target("Via: SIP/2.0/UDP h;maddr=255.255.255.255", source), None);
        assert_eq!(target("Via: nonsense", source), None);
    }
}
