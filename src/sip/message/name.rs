//! Header names: 75 known ones with their compact forms, found by one hash of the first sixteen bytes.
//!
//! Names are case-insensitive (RFC 3261 §7.3.1) and compact forms are the same header (§7.3.3). Compact forms
//! beyond RFC 3261 §20: `a d j` (RFC 3841), `b` (3892), `r` (3515), `o u` (6665), `x` (4028), `y n` (4474, 8224).

/// A header field name. What is not in this list is [`Name::Other`]; its text stays in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Name {
    /// `Via`, compact `v`.
    Via,
    /// `From`, compact `f`.
    From,
    /// `To`, compact `t`.
    To,
    /// `Call-ID`, compact `i`.
    CallId,
    /// `CSeq`.
    CSeq,
    /// `Content-Length`, compact `l`.
    ContentLength,
    /// `Max-Forwards`.
    MaxForwards,
    /// `Contact`, compact `m`.
    Contact,
    /// `Record-Route`.
    RecordRoute,
    /// `Route`.
    Route,
    /// `Accept`.
    Accept,
    /// `Accept-Contact`, compact `a`.
    AcceptContact,
    /// `Accept-Encoding`.
    AcceptEncoding,
    /// `Accept-Language`.
    AcceptLanguage,
    /// `Alert-Info`.
    AlertInfo,
    /// `Allow`.
    Allow,
    /// `Allow-Events`, compact `u`.
    AllowEvents,
    /// `Authentication-Info`.
    AuthenticationInfo,
    /// `Authorization`.
    Authorization,
    /// `Call-Info`.
    CallInfo,
    /// `Content-Disposition`.
    ContentDisposition,
    /// `Content-Encoding`, compact `e`.
    ContentEncoding,
    /// `Content-Language`.
    ContentLanguage,
    /// `Content-Type`, compact `c`.
    ContentType,
    /// `Date`.
    Date,
    /// `Diversion`.
    Diversion,
    /// `Error-Info`.
    ErrorInfo,
    /// `Event`, compact `o`.
    Event,
    /// `Expires`.
    Expires,
    /// `Geolocation`.
    Geolocation,
    /// `History-Info`.
    HistoryInfo,
    /// `Identity`, compact `y`.
    Identity,
    /// `Identity-Info`, compact `n`.
    IdentityInfo,
    /// `In-Reply-To`.
    InReplyTo,
    /// `Info-Package`.
    InfoPackage,
    /// `MIME-Version`.
    MimeVersion,
    /// `Min-Expires`.
    MinExpires,
    /// `Min-SE`.
    MinSe,
    /// `Organization`.
    Organization,
    /// `P-Access-Network-Info`.
    PAccessNetworkInfo,
    /// `P-Asserted-Identity`.
    PAssertedIdentity,
    /// `P-Called-Party-ID`.
    PCalledPartyId,
    /// `P-Charging-Vector`.
    PChargingVector,
    /// `P-Early-Media`.
    PEarlyMedia,
    /// `P-Preferred-Identity`.
    PPreferredIdentity,
    /// `Path`.
    Path,
    /// `Priority`.
    Priority,
    /// `Privacy`.
    Privacy,
    /// `Proxy-Authenticate`.
    ProxyAuthenticate,
    /// `Proxy-Authorization`.
    ProxyAuthorization,
    /// `Proxy-Require`.
    ProxyRequire,
    /// `RAck`.
    RAck,
    /// `Reason`.
    Reason,
    /// `Refer-To`, compact `r`.
    ReferTo,
    /// `Referred-By`, compact `b`.
    ReferredBy,
    /// `Reject-Contact`, compact `j`.
    RejectContact,
    /// `Remote-Party-ID`.
    RemotePartyId,
    /// `Replaces`.
    Replaces,
    /// `Reply-To`.
    ReplyTo,
    /// `Request-Disposition`, compact `d`.
    RequestDisposition,
    /// `Require`.
    Require,
    /// `Retry-After`.
    RetryAfter,
    /// `RSeq`.
    RSeq,
    /// `Server`.
    Server,
    /// `Service-Route`.
    ServiceRoute,
    /// `Session-Expires`, compact `x`.
    SessionExpires,
    /// `Subject`, compact `s`.
    Subject,
    /// `Subscription-State`.
    SubscriptionState,
    /// `Supported`, compact `k`.
    Supported,
    /// `Timestamp`.
    Timestamp,
    /// `Unsupported`.
    Unsupported,
    /// `User-Agent`.
    UserAgent,
    /// `User-to-User`.
    UserToUser,
    /// `Warning`.
    Warning,
    /// `WWW-Authenticate`.
    WwwAuthenticate,
    /// Any other name.
    Other,
}

impl Name {
    /// Reads a header name in any case, long or compact.
    #[must_use]
    pub fn from_bytes(text: &[u8]) -> Self {
        match lookup(lower(padded(text)), text.len().min(16)) {
            Some(known) if text.len() < 16 => known.name,
            Some(known) if known.length() == text.len() && known.has_tail(text) => known.name,
            _ => Self::Other,
        }
    }

    /// The long name as the RFCs write it; empty for [`Name::Other`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        LONG.get(self as usize).copied().unwrap_or_default()
    }

    /// Whether a request or response may hold this header only once (RFC 3261 §7.3.1, §20: its grammar is
    /// no comma-separated list, and it is no challenge or credential).
    #[must_use]
    pub const fn is_single(self) -> bool {
        matches!(
            self,
            Self::From
                | Self::To
                | Self::CallId
                | Self::CSeq
                | Self::ContentLength
                | Self::MaxForwards
                | Self::ContentDisposition
                | Self::ContentType
                | Self::Date
                | Self::Event
                | Self::Expires
                | Self::MimeVersion
                | Self::MinExpires
                | Self::MinSe
                | Self::Organization
                | Self::Priority
                | Self::RAck
                | Self::ReferTo
                | Self::ReferredBy
                | Self::Replaces
                | Self::ReplyTo
                | Self::RetryAfter
                | Self::RSeq
                | Self::Server
                | Self::SessionExpires
                | Self::Subject
                | Self::SubscriptionState
                | Self::Timestamp
                | Self::UserAgent
        )
    }
}

/// The first sixteen bytes, filled up with zeros.
pub(super) fn padded(text: &[u8]) -> u128 {
    let mut padded = [0; 16];
    for (to, from) in padded.iter_mut().zip(text) {
        *to = *from;
    }
    u128::from_le_bytes(padded)
}

/// Lower case of sixteen bytes at once. Only bytes with bit 6 are touched, so no control character or sign can turn
/// into a letter, a digit or a hyphen.
#[inline]
pub(super) const fn lower(word: u128) -> u128 {
    word | ((word & (u128::MAX / 255 * 0x40)) >> 1)
}

/// The name that begins with these sixteen bytes, in lower case and filled up with zeros, and is `length` bytes long;
/// 16 stands for all lengths from there on, whose tails are still to be compared.
#[inline]
pub(super) fn lookup(head: u128, length: usize) -> Option<&'static Known> {
    let known = TABLE.get(bucket(head))?;
    (known.head == head && usize::from(known.length).min(16) == length).then_some(known)
}

/// A row of the table.
pub(super) struct Known {
    head: u128,
    length: u8,
    pub(super) name: Name,
}

impl Known {
    /// Length of the name.
    #[inline]
    pub(super) const fn length(&self) -> usize {
        self.length as usize
    }

    /// Whether a line that begins like this name goes on like it, and then has its colon.
    #[inline]
    pub(super) fn ends(&self, line: &[u8]) -> bool {
        line.get(self.length()) == Some(&b':') && self.has_tail(line)
    }

    /// Whether the bytes from the sixteenth on are this name's.
    #[inline]
    fn has_tail(&self, text: &[u8]) -> bool {
        let tail = self.name.as_str().as_bytes().get(16..).unwrap_or_default();
        text.get(16..self.length()).is_some_and(|text| text.eq_ignore_ascii_case(tail))
    }

    const NONE: Self = Self { head: 0, length: u8::MAX, name: Name::Other };
}

const BUCKET_BITS: u32 = 9;
/// Found by trial so that no two names share a bucket; `table` checks it when compiling.
const FACTOR: u64 = 0x7745_84d5_f9f4_5f8b;

#[inline]
const fn bucket(head: u128) -> usize {
    let (low, high) = (head as u64, (head >> 64) as u64);
    ((low ^ high.rotate_left(29)).wrapping_mul(FACTOR) >> (64 - BUCKET_BITS)) as usize
}

static TABLE: [Known; 1 << BUCKET_BITS] = table();
static LONG: [&str; Name::Other as usize] = long();

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated when compiling: a wrong index is a build error"
)]
const fn table() -> [Known; 1 << BUCKET_BITS] {
    let mut table = [const { Known::NONE }; 1 << BUCKET_BITS];
    let mut row = 0;
    while row < NAMES.len() {
        let (text, name) = NAMES[row];
        let text = text.as_bytes();
        let (mut head, mut at) = (0, 0);
        while at < text.len() && at < 16 {
            head |= (text[at] as u128) << (8 * at);
            at += 1;
        }
        let head = lower(head);
        let place = bucket(head);
        assert!(table[place].length == u8::MAX, "two names in one bucket: choose another FACTOR");
        table[place] = Known { head, length: text.len() as u8, name };
        row += 1;
    }
    table
}

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated when compiling: a wrong index is a build error"
)]
const fn long() -> [&'static str; Name::Other as usize] {
    let mut table = [""; Name::Other as usize];
    let mut row = 0;
    while row < NAMES.len() {
        let (text, name) = NAMES[row];
        if text.len() > 1 {
            table[name as usize] = text;
        }
        row += 1;
    }
    table
}

const NAMES: [(&str, Name); 95] = [
    ("Via", Name::Via),
    ("v", Name::Via),
    ("From", Name::From),
    ("f", Name::From),
    ("To", Name::To),
    ("t", Name::To),
    ("Call-ID", Name::CallId),
    ("i", Name::CallId),
    ("CSeq", Name::CSeq),
    ("Content-Length", Name::ContentLength),
    ("l", Name::ContentLength),
    ("Max-Forwards", Name::MaxForwards),
    ("Contact", Name::Contact),
    ("m", Name::Contact),
    ("Record-Route", Name::RecordRoute),
    ("Route", Name::Route),
    ("Accept", Name::Accept),
    ("Accept-Contact", Name::AcceptContact),
    ("a", Name::AcceptContact),
    ("Accept-Encoding", Name::AcceptEncoding),
    ("Accept-Language", Name::AcceptLanguage),
    ("Alert-Info", Name::AlertInfo),
    ("Allow", Name::Allow),
    ("Allow-Events", Name::AllowEvents),
    ("u", Name::AllowEvents),
    ("Authentication-Info", Name::AuthenticationInfo),
    ("Authorization", Name::Authorization),
    ("Call-Info", Name::CallInfo),
    ("Content-Disposition", Name::ContentDisposition),
    ("Content-Encoding", Name::ContentEncoding),
    ("e", Name::ContentEncoding),
    ("Content-Language", Name::ContentLanguage),
    ("Content-Type", Name::ContentType),
    ("c", Name::ContentType),
    ("Date", Name::Date),
    ("Diversion", Name::Diversion),
    ("Error-Info", Name::ErrorInfo),
    ("Event", Name::Event),
    ("o", Name::Event),
    ("Expires", Name::Expires),
    ("Geolocation", Name::Geolocation),
    ("History-Info", Name::HistoryInfo),
    ("Identity", Name::Identity),
    ("y", Name::Identity),
    ("Identity-Info", Name::IdentityInfo),
    ("n", Name::IdentityInfo),
    ("In-Reply-To", Name::InReplyTo),
    ("Info-Package", Name::InfoPackage),
    ("MIME-Version", Name::MimeVersion),
    ("Min-Expires", Name::MinExpires),
    ("Min-SE", Name::MinSe),
    ("Organization", Name::Organization),
    ("P-Access-Network-Info", Name::PAccessNetworkInfo),
    ("P-Asserted-Identity", Name::PAssertedIdentity),
    ("P-Called-Party-ID", Name::PCalledPartyId),
    ("P-Charging-Vector", Name::PChargingVector),
    ("P-Early-Media", Name::PEarlyMedia),
    ("P-Preferred-Identity", Name::PPreferredIdentity),
    ("Path", Name::Path),
    ("Priority", Name::Priority),
    ("Privacy", Name::Privacy),
    ("Proxy-Authenticate", Name::ProxyAuthenticate),
    ("Proxy-Authorization", Name::ProxyAuthorization),
    ("Proxy-Require", Name::ProxyRequire),
    ("RAck", Name::RAck),
    ("Reason", Name::Reason),
    ("Refer-To", Name::ReferTo),
    ("r", Name::ReferTo),
    ("Referred-By", Name::ReferredBy),
    ("b", Name::ReferredBy),
    ("Reject-Contact", Name::RejectContact),
    ("j", Name::RejectContact),
    ("Remote-Party-ID", Name::RemotePartyId),
    ("Replaces", Name::Replaces),
    ("Reply-To", Name::ReplyTo),
    ("Request-Disposition", Name::RequestDisposition),
    ("d", Name::RequestDisposition),
    ("Require", Name::Require),
    ("Retry-After", Name::RetryAfter),
    ("RSeq", Name::RSeq),
    ("Server", Name::Server),
    ("Service-Route", Name::ServiceRoute),
    ("Session-Expires", Name::SessionExpires),
    ("x", Name::SessionExpires),
    ("Subject", Name::Subject),
    ("s", Name::Subject),
    ("Subscription-State", Name::SubscriptionState),
    ("Supported", Name::Supported),
    ("k", Name::Supported),
    ("Timestamp", Name::Timestamp),
    ("Unsupported", Name::Unsupported),
    ("User-Agent", Name::UserAgent),
    ("User-to-User", Name::UserToUser),
    ("Warning", Name::Warning),
    ("WWW-Authenticate", Name::WwwAuthenticate),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for (text, name) in NAMES {
            assert_eq!(Name::from_bytes(text.as_bytes()), name, "{text}");
            assert_eq!(Name::from_bytes(text.to_ascii_uppercase().as_bytes()), name, "{text}");
            assert_eq!(Name::from_bytes(text.to_ascii_lowercase().as_bytes()), name, "{text}");
            if text.len() > 1 {
                assert_eq!(name.as_str(), text);
            }
        }
    }

    #[test]
    fn one_changed_byte_is_another_name() {
        for (text, name) in NAMES {
            for at in 0..text.len() {
                for bit in [0x01, 0x02, 0x04, 0x08, 0x10, 0x40, 0x80] {
                    let mut other = text.as_bytes().to_vec();
                    other[at] ^= bit;
                    let found = Name::from_bytes(&other);
                    let lower = other.to_ascii_lowercase();
                    let meant =
                        NAMES.iter().find(|row| row.0.to_ascii_lowercase().as_bytes() == lower);
                    assert_eq!(
                        found,
                        meant.map_or(Name::Other, |row| row.1),
                        "{text} {name:?} {other:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn padding_and_length_do_not_deceive() {
        for text in [
            &b"via\0"[..],
            b"",
            b"vi",
            b"viaa",
            b"Call\rID",
            b"www-authenticate2",
            b"p-asserted-identitx",
        ] {
            assert_eq!(Name::from_bytes(text), Name::Other, "{text:?}");
        }
    }
}
