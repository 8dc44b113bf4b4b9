//! What a response says about where the next request of its dialog goes (RFC 3261 §12.1.2, §12.2.1.1).
//!
//! Everything is taken from the very response that is being answered: its tag, Contact and Record-Route, and
//! its own From, To and Call-ID, which are ours echoed back. So a dialog needs no call behind it.

use super::context::{BranchText, Context};
use super::request::{self, Within};
use crate::call::facts::Tag;
use crate::sip::message::{Contact, Key, Message, Name, Scheme, Uri};
use std::net::{IpAddr, SocketAddr};

/// Where requests of one dialog go, and what they repeat.
pub(super) struct Dialog {
    pub(super) tag: Tag,
    /// Request-URI: the peer's Contact, or a strict router's URI.
    uri: Box<[u8]>,
    /// Whole Route lines.
    route: Box<[u8]>,
    /// Whole From, To and Call-ID lines.
    ids: Box<[u8]>,
    /// The next hop.
    hop: SocketAddr,
    /// The last CSeq number used in it.
    pub(super) cseq: u32,
}

impl Dialog {
    /// The dialog that a response makes. Where its Contact is missing or unusable the Request-URI is `fallback`,
    /// and where no address can be read from URI or route the next hop is the trunk's target: an answered call
    /// must not hang for want of a header.
    pub(super) fn of(
        message: &Message,
        key: &Key<'_>,
        fallback: &[u8],
        target: SocketAddr,
    ) -> Self {
        let contact = message.contacts().flatten().find_map(|contact| match contact {
            Contact::Address(address) => Stop::of(&address.uri),
            Contact::Star => None,
        });
        let contact = contact.unwrap_or(Stop { uri: fallback, loose: false, address: None });
        // Record-Route in reverse order (§12.1.2), each value with all its parameters.
        let mut routes: Vec<Stop<'_>> = message
            .addresses(Name::RecordRoute)
            .flatten()
            .filter_map(|address| Stop::of(&address.uri))
            .collect();
        routes.reverse();
        let (first, hop) = strict_or_loose(&mut routes, contact);
        let mut route = Vec::new();
        for value in &routes {
            route.extend_from_slice(b"Route: <");
            route.extend_from_slice(value.uri);
            route.extend_from_slice(b">\r\n");
        }
        let mut ids = Vec::with_capacity(200);
        for (label, name) in
            [("From: ", Name::From), ("To: ", Name::To), ("Call-ID: ", Name::CallId)]
        {
            ids.extend_from_slice(label.as_bytes());
            if let Some(value) = message.value(name) {
                ids.extend_from_slice(&value.unfolded());
            }
            ids.extend_from_slice(b"\r\n");
        }
        Self {
            tag: Tag::from_slice(key.to_tag.unwrap_or_default()),
            uri: first.uri.into(),
            route: route.into(),
            ids: ids.into(),
            hop: hop.address.filter(|hop| same_family(hop, &target)).unwrap_or(target),
            cseq: key.cseq,
        }
    }

    /// Writes a request of this dialog and sends it; the bytes are kept to be sent again.
    pub(super) fn request(
        &self,
        method: &str,
        cseq: u32,
        branch: &BranchText,
        extra: &[u8],
        cx: &mut Context<'_>,
    ) -> Box<[u8]> {
        let mut bytes = Vec::with_capacity(512);
        let within =
            Within { method, uri: &self.uri, route: &self.route, ids: &self.ids, cseq, extra };
        request::within(&mut bytes, cx.line, branch, within);
        self.send(&bytes, cx);
        bytes.into()
    }

    /// The Request-URI.
    pub(super) fn uri(&self) -> &[u8] {
        &self.uri
    }

    /// Sends what was written before.
    pub(super) fn send(&self, bytes: &[u8], cx: &mut Context<'_>) {
        cx.out.send(cx.line.trunk.flow, self.hop, |out| out.extend_from_slice(bytes));
    }
}

/// One URI on the way.
#[derive(Clone, Copy)]
struct Stop<'a> {
    uri: &'a [u8],
    loose: bool,
    /// Where it is, if its host is an address. Names are left to the trunk's own target.
    address: Option<SocketAddr>,
}

impl<'a> Stop<'a> {
    /// A URI that a request can be addressed to; `None` for any other.
    fn of(uri: &Uri<'a>) -> Option<Self> {
        let host = uri.host.filter(|_| matches!(uri.scheme, Scheme::Sip | Scheme::Sips))?;
        let address =
            host.address().map(|address| SocketAddr::new(address, uri.port.unwrap_or(5060)));
        Some(Self {
            uri: uri.text,
            loose: uri.params.get("lr").is_some(),
            address: address.filter(usable),
        })
    }
}

/// A strict router (no `lr`) wants its own URI as Request-URI and the target at the end of the route
/// (§12.2.1.1). Gives the stop of the Request-URI and the next hop.
fn strict_or_loose<'a>(routes: &mut Vec<Stop<'a>>, target: Stop<'a>) -> (Stop<'a>, Stop<'a>) {
    match routes.first().copied() {
        None => (target, target),
        Some(first) if first.loose => (target, first),
        Some(first) => {
            routes.remove(0);
            routes.push(target);
            (first, first)
        }
    }
}

/// Whether the socket that reaches one reaches the other.
fn same_family(one: &SocketAddr, other: &SocketAddr) -> bool {
    one.ip().to_canonical().is_ipv4() == other.ip().to_canonical().is_ipv4()
}

/// Whether a datagram may go there at all.
fn usable(address: &SocketAddr) -> bool {
    let ip = address.ip();
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    !ip.is_unspecified() && !ip.is_multicast() && !broadcast && address.port() != 0
}
