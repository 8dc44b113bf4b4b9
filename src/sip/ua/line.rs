//! A trunk as the user agent needs it: what was configured, and the segments that every message repeats.
//!
//! Segments are rendered once for each generation of a trunk's configuration. A call keeps the line it began
//! on, so that its CANCEL, ACK and BYE carry the same Via, Route and domain whatever was configured since.

use crate::base::flow::FlowId;
use crate::call::way::Way;
use crate::sip::message::digest::Credentials;
use crate::sip::txn::Timers;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A trunk: the carrier's side of our calls.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Its name in configuration, records and logs.
    pub name: Arc<str>,
    /// The path its datagrams take.
    pub flow: FlowId,
    /// Where requests go: the first, and further ones in the order they are tried (RFC 3263 §4.3). All of one
    /// address family.
    pub targets: Vec<SocketAddr>,
    /// Addresses that may answer, besides the targets' own: the carrier's other proxies (RFC 3261 §18.1.2).
    pub peers: Vec<IpAddr>,
    /// `host[:port]` of the Request-URI and of To.
    pub domain: String,
    /// `host[:port]` of From; the trunk's own domain for some carriers, our address for others.
    pub from_domain: String,
    /// Our `host:port` in Via and Contact, as the carrier must see it.
    pub advertised: Arc<str>,
    /// The address and port of our media, really bound, for the SDP offer.
    pub media: SocketAddr,
    /// A loose route to put before everything, `host[:port]`: the outbound proxy (RFC 3261 §8.1.2).
    pub route: Option<String>,
    /// Whether P-Asserted-Identity repeats the caller-ID (RFC 3325 §9.1); only inside a trust relation.
    pub asserted_identity: bool,
    /// Whether reliable provisionals are wanted (RFC 3262).
    pub rel100: Rel100,
    /// Whole header lines, checked by [`check_header`].
    pub headers: Vec<String>,
    /// What answers a challenge (RFC 3261 §22).
    pub credentials: Option<Credentials>,
    /// T1, T2 and T4.
    pub timers: Timers,
}

/// Reliable provisional responses (RFC 3262). A reliable 18x is acknowledged in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rel100 {
    /// Not offered: a conformant peer cannot use them.
    #[default]
    Off,
    /// `Supported: 100rel`.
    Supported,
    /// `Require: 100rel`.
    Required,
}

/// Why a header line cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// There is no colon, or nothing before it.
    NoName,
    /// A character that no header name has, and its place.
    BadName {
        /// Byte offset in the line.
        at: usize,
    },
    /// A control character, which would end the line and begin another.
    Control {
        /// Byte offset in the line.
        at: usize,
    },
    /// A header that the engine writes itself, or that a flash call must not carry.
    Reserved,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => f.write_str("a header is written as 'Name: value'"),
            Self::BadName { at } => {
                write!(f, "character {} is not allowed in a header name", at + 1)
            }
            Self::Control { at } => {
                write!(f, "character {} is a control character; a header is one line", at + 1)
            }
            Self::Reserved => f.write_str(
                "this header is written by onering itself, or would hide or change the call; leave it out",
            ),
        }
    }
}

impl std::error::Error for HeaderError {}

/// Headers that are ours to write, and Privacy and Reason, which would undo a flash call.
const RESERVED: &[&str] = &[
    "via",
    "v",
    "from",
    "f",
    "to",
    "t",
    "call-id",
    "i",
    "cseq",
    "contact",
    "m",
    "max-forwards",
    "route",
    "record-route",
    "content-length",
    "l",
    "content-type",
    "c",
    "authorization",
    "proxy-authorization",
    "allow",
    "require",
    "proxy-require",
    "supported",
    "k",
    "p-asserted-identity",
    "privacy",
    "reason",
    "rack",
    "rseq",
    "user-agent",
    "date",
    "expires",
];

/// Checks one `Name: value` line of configuration for the wire.
///
/// # Errors
/// What is wrong with it, and where.
pub fn check_header(line: &str) -> Result<(), HeaderError> {
    if let Some(at) = line.bytes().position(|b| (b < 0x20 && b != b'\t') || b == 0x7f) {
        return Err(HeaderError::Control { at });
    }
    let (name, _) = line.split_once(':').ok_or(HeaderError::NoName)?;
    if name.is_empty() {
        return Err(HeaderError::NoName);
    }
    let token = |b: u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b);
    if let Some(at) = name.bytes().position(|b| !token(b)) {
        return Err(HeaderError::BadName { at });
    }
    if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        return Err(HeaderError::Reserved);
    }
    Ok(())
}

/// The methods that we take; said in every INVITE and in every 405.
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS";

/// A trunk with its segments rendered.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) trunk: Trunk,
    pub(super) segments: Segments,
    /// What of it is kept with each call.
    pub(super) way: Arc<Way>,
    /// The trunk's configuration may have moved on; a line lives as long as its calls.
    pub(super) calls: u32,
    pub(super) current: bool,
}

/// The bytes between what changes from call to call, in the order of a request.
#[derive(Debug)]
pub(super) struct Segments {
    /// Behind the called number in the Request-URI: `@domain SIP/2.0`, and Via up to the branch.
    pub(super) uri_tail: Box<[u8]>,
    /// `Via: SIP/2.0/UDP host:port;rport;branch=`, for requests whose Request-URI is the peer's.
    pub(super) via: Box<[u8]>,
    /// Max-Forwards, the preloaded Route, and From up to the caller-ID.
    pub(super) from_head: Box<[u8]>,
    /// Behind the branch: the preloaded Route, Max-Forwards, and `From: `.
    pub(super) echo_head: Box<[u8]>,
    /// Behind the caller-ID in From, up to the tag.
    pub(super) from_tail: Box<[u8]>,
    /// To, up to the called number.
    pub(super) to_head: Box<[u8]>,
    /// Behind the called number in To.
    pub(super) to_tail: Box<[u8]>,
    /// Contact up to the caller-ID.
    pub(super) contact_head: Box<[u8]>,
    /// Behind the caller-ID in Contact, with all that an INVITE carries, up to P-Asserted-Identity's number.
    pub(super) contact_tail: Box<[u8]>,
    /// P-Asserted-Identity, where it is asserted.
    pub(super) asserted: Option<Asserted>,
    /// The rest of an INVITE's header: extra lines, Content-Type, Content-Length, and the empty line.
    pub(super) body_head: Box<[u8]>,
    /// SDP up to its id.
    pub(super) offer_head: Box<[u8]>,
    /// SDP behind its id.
    pub(super) offer_tail: Box<[u8]>,
}

/// A line up to the caller-ID, and behind it.
#[derive(Debug)]
pub(super) struct Asserted {
    pub(super) head: Box<[u8]>,
    pub(super) tail: Box<[u8]>,
}

/// Digits of the session id in an offer: fixed, so that Content-Length is too. All are below 2^63.
pub(super) const SDP_ID_DIGITS: usize = 18;

impl Line {
    pub(super) fn new(trunk: Trunk) -> Self {
        let segments = Segments::render(&trunk);
        let way = Arc::new(Way {
            trunk: Arc::clone(&trunk.name),
            sent_by: Arc::clone(&trunk.advertised),
            domain: trunk.domain.as_str().into(),
            from_domain: trunk.from_domain.as_str().into(),
            route: trunk.route.as_deref().map(Into::into),
        });
        Self { trunk, segments, way, calls: 0, current: true }
    }

    /// One of the targets, the first by default; nowhere if there is none.
    pub(super) fn target(&self, place: u8) -> SocketAddr {
        let targets = &self.trunk.targets;
        let target = targets.get(usize::from(place)).or_else(|| targets.first());
        target.copied().unwrap_or_else(|| ([0, 0, 0, 0], 0).into())
    }

    /// The target that a datagram comes from: at its address and port, or at least at its address.
    pub(super) fn target_at(&self, from: SocketAddr) -> Option<SocketAddr> {
        let address = from.ip().to_canonical();
        let here = |target: &&SocketAddr| target.ip().to_canonical() == address;
        let mut targets = self.trunk.targets.iter();
        let exact = targets.clone().find(|target| here(target) && target.port() == from.port());
        exact.or_else(|| targets.find(here)).copied()
    }

    /// Whether one of the targets is at this address.
    pub(super) fn has_target(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trunk.targets.iter().any(|target| target.ip().to_canonical() == address)
    }

    /// Whether a datagram from this address can be of this trunk.
    pub(super) fn admits(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        self.has_target(from) || self.trunk.peers.iter().any(|peer| peer.to_canonical() == from)
    }
}

impl Segments {
    fn render(trunk: &Trunk) -> Self {
        let Trunk { domain, from_domain, advertised, .. } = trunk;
        let via = format!("Via: SIP/2.0/UDP {advertised};rport;branch=");
        let route =
            trunk.route.as_ref().map(|r| format!("Route: <sip:{r};lr>\r\n")).unwrap_or_default();
        let option = match trunk.rel100 {
            Rel100::Off => "",
            Rel100::Supported => "Supported: 100rel\r\n",
            Rel100::Required => "Require: 100rel\r\n",
        };
        let extra: String = trunk.headers.iter().map(|line| format!("{line}\r\n")).collect();
        let (sdp_head, sdp_tail) = offer(trunk.media);
        let length = sdp_head.len() + SDP_ID_DIGITS + sdp_tail.len();
        let bytes = |text: String| text.into_bytes().into_boxed_slice();
        Self {
            uri_tail: bytes(format!("@{domain} SIP/2.0\r\n{via}")),
            via: bytes(via),
            from_head: bytes(format!("\r\n{route}Max-Forwards: 70\r\nFrom: <sip:+")),
            echo_head: bytes(format!("\r\n{route}Max-Forwards: 70\r\nFrom: ")),
            from_tail: bytes(format!("@{from_domain}>;tag=")),
            to_head: bytes("\r\nTo: <sip:+".to_owned()),
            to_tail: bytes(format!("@{domain}>")),
            contact_head: bytes(" INVITE\r\nContact: <sip:+".to_owned()),
            contact_tail: bytes(format!("@{advertised}>\r\nAllow: {ALLOW}\r\n{option}")),
            asserted: trunk.asserted_identity.then(|| Asserted {
                head: bytes("P-Asserted-Identity: <sip:+".to_owned()),
                tail: bytes(format!("@{from_domain}>\r\n")),
            }),
            body_head: bytes(format!(
                "{extra}User-Agent: {AGENT}\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n",
            )),
            offer_head: bytes(sdp_head),
            offer_tail: bytes(sdp_tail),
        }
    }
}

/// What we call ourselves (RFC 3261 §20.41).
pub(super) const AGENT: &str = concat!("onering/", env!("CARGO_PKG_VERSION"));

/// The small offer (RFC 3264 §5, RFC 8866): two G.711 laws and telephone events, before and behind its id.
fn offer(media: SocketAddr) -> (String, String) {
    let address = media.ip();
    let family = if address.is_ipv6() { "IP6" } else { "IP4" };
    let tail = format!(
        " 1 IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n\
         m=audio {} RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n",
        media.port(),
    );
    ("v=0\r\no=- ".to_owned(), tail)
}
