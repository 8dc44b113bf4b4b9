//! What is wrong with a message that could be read: one table of faults, each with its code, weight and status.

use super::name::Name;

/// How much a fault weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Against the letter, and met in the field: the message is used all the same.
    Tolerated,
    /// Well formed, but the receiver refuses it or leaves it alone (RFC 4475 §3.3).
    Refused,
    /// Invalid by its syntax (RFC 4475 §3.1.2).
    Syntax,
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is well formed, although there may be reasons to refuse what it asks.
    Accept,
    /// It is invalid by its syntax.
    Reject,
}

impl Verdict {
    /// `Reject` where any problem is one of syntax.
    #[must_use]
    pub fn of(problems: &[Problem]) -> Self {
        let syntax = problems.iter().any(|problem| problem.kind() == Kind::Syntax);
        if syntax { Self::Reject } else { Self::Accept }
    }

    /// `accept` or `reject`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is.
    pub fault: Fault,
    /// The header it is about, if it is about one.
    pub name: Option<Name>,
    /// Status code to answer with; `None` where nothing is to be sent, as for every response.
    pub owed: Option<u16>,
    /// Where it was noticed, counted from the first byte of the datagram.
    pub at: usize,
}

impl Problem {
    /// A stable name in kebab case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.fault.row().0
    }

    /// How much it weighs.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.fault.row().1
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.fault.row().3;
        match self.name.map(Name::as_str) {
            Some(name) if !name.is_empty() => write!(f, "{name}: {text}"),
            _ => f.write_str(text),
        }
    }
}

impl std::error::Error for Problem {}

/// Everything that can be wrong with a message that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// White space in the start line where one space belongs, or none.
    StartLineSpace,
    /// The method is not a token.
    Method,
    /// The Request-URI cannot be read.
    RequestUri,
    /// The Request-URI carries headers (RFC 3261 §19.1.1 forbids them there).
    RequestUriHeaders,
    /// The version cannot be read.
    VersionSyntax,
    /// The version is not SIP/2.0.
    Version,
    /// The status code is not within 100 to 699.
    StatusRange,
    /// A line without a colon.
    NoColon,
    /// A header name that is not a token.
    HeaderName,
    /// A control character where none may be.
    ControlCharacter,
    /// The Via value cannot be read.
    Via,
    /// The address cannot be read.
    Address,
    /// CSeq is not a number below 2^31 and a method.
    CSeq,
    /// The method of CSeq is not that of the request.
    CSeqMethod,
    /// The same, and the request's method is unknown.
    CSeqMethodUnknown,
    /// Call-ID is not a word, or two with an at sign.
    CallId,
    /// Content-Length is not a number.
    ContentLength,
    /// Content-Length says more bytes than there are.
    BodyShort,
    /// Not a number, or one out of range.
    Number,
    /// Not a date, or not in GMT.
    Date,
    /// Not a challenge.
    Challenge,
    /// Another header whose value its grammar does not allow.
    Value,
    /// A header that every message must have is not there.
    MissingHeader,
    /// A header that may stand only once stands there again.
    RepeatedHeader,
    /// A parameter that may stand only once stands there again.
    RepeatedParameter,
    /// The branch is the cookie and nothing else.
    BranchEmpty,
    /// More Via values than hops are allowed.
    ViaCount,
    /// A Via names a broadcast address: nothing may be sent there.
    ViaBroadcast,
    /// The Request-URI has a scheme that is no telephone's.
    UriScheme,
    /// Require names an extension that is not known.
    Extension,
    /// The body's type or encoding is not known.
    MediaType,
    /// Accept leaves out what the answer would be.
    Accept,
    /// The credentials' scheme is not known: as if there were none.
    CredentialsScheme,
    /// `*` beside other contacts, or outside a REGISTER that removes all.
    ContactStar,
    /// A REGISTER whose To is no `sip:` or `sips:` URI (RFC 3261 §10.2, RFC 4475 §3.3.4).
    AddressOfRecord,
    /// Lines end with a line feed alone.
    BareLineFeed,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// No Max-Forwards in a request.
    NoMaxForwards,
    /// No Contact in a request that makes a dialog.
    NoContact,
    /// A body without Content-Type.
    NoContentType,
    /// An `expires` of a contact that cannot be read counts as an hour.
    ContactExpires,
}

type Row = (&'static str, Kind, Option<u16>, &'static str);

impl Fault {
    /// Code, weight, the status owed to a request, and what it means.
    #[expect(clippy::too_many_lines, reason = "a table")]
    const fn row(self) -> Row {
        use Kind::{Refused, Syntax, Tolerated};
        match self {
            Self::StartLineSpace => (
                "start-line-space",
                Syntax,
                Some(400),
                "white space where one space belongs, or none",
            ),
            Self::Method => ("method", Syntax, Some(400), "the method is not a token"),
            Self::RequestUri => {
                ("request-uri", Syntax, Some(400), "the Request-URI cannot be read")
            }
            Self::RequestUriHeaders => {
                ("request-uri-headers", Syntax, Some(400), "the Request-URI carries headers")
            }
            Self::VersionSyntax => {
                ("version-syntax", Syntax, Some(400), "the version cannot be read")
            }
            Self::Version => ("version", Syntax, Some(505), "the version is not SIP/2.0"),
            Self::StatusRange => {
                ("status-range", Syntax, None, "the status code is not within 100 to 699")
            }
            Self::NoColon => ("no-colon", Syntax, Some(400), "a line without a colon"),
            Self::HeaderName => {
                ("header-name", Syntax, Some(400), "the header name is not a token")
            }
            Self::ControlCharacter => {
                ("control-character", Syntax, Some(400), "a control character where none may be")
            }
            Self::Via => ("via", Syntax, Some(400), "not a Via value"),
            Self::Address => ("address", Syntax, Some(400), "not an address"),
            Self::CSeq => ("cseq", Syntax, Some(400), "not a number below 2^31 and a method"),
            Self::CSeqMethod => ("cseq-method", Syntax, Some(400), "not the method of the request"),
            Self::CSeqMethodUnknown => (
                "cseq-method",
                Syntax,
                Some(501),
                "not the method of the request, which is unknown",
            ),
            Self::CallId => ("call-id", Syntax, Some(400), "not a word, nor two with an at sign"),
            Self::ContentLength => ("content-length", Syntax, Some(400), "not a number"),
            Self::BodyShort => ("body-short", Syntax, Some(400), "more bytes than there are"),
            Self::Number => ("number", Syntax, Some(400), "not a number, or one out of range"),
            Self::Date => ("date", Syntax, Some(400), "not a date in GMT"),
            Self::Challenge => ("challenge", Syntax, Some(400), "not a challenge"),
            Self::Value => ("value", Syntax, Some(400), "not what its grammar allows"),
            Self::MissingHeader => {
                ("missing-header", Refused, Some(400), "a mandatory header is missing")
            }
            Self::RepeatedHeader => {
                ("repeated-header", Refused, Some(400), "a second time, where one is allowed")
            }
            Self::RepeatedParameter => (
                "repeated-parameter",
                Syntax,
                Some(400),
                "a parameter a second time, where one is allowed",
            ),
            Self::BranchEmpty => {
                ("branch-empty", Refused, Some(400), "the branch is its cookie and nothing else")
            }
            Self::ViaCount => ("via-count", Refused, Some(483), "more than 70 values"),
            Self::ViaBroadcast => {
                ("via-broadcast", Refused, None, "a broadcast address: nothing may be sent there")
            }
            Self::UriScheme => {
                ("uri-scheme", Refused, Some(416), "the scheme of the Request-URI is unknown")
            }
            Self::Extension => {
                ("extension", Refused, Some(420), "an extension that is not supported")
            }
            Self::MediaType => ("media-type", Refused, Some(415), "a body that is not understood"),
            Self::Accept => ("accept", Refused, Some(406), "no session description is acceptable"),
            Self::CredentialsScheme => (
                "credentials-scheme",
                Refused,
                Some(401),
                "a scheme that is unknown: as if without credentials",
            ),
            Self::ContactStar => {
                ("contact-star", Refused, Some(400), "a star that does not stand alone")
            }
            Self::AddressOfRecord => {
                ("address-of-record", Refused, Some(400), "what is registered is no SIP address")
            }
            Self::BareLineFeed => {
                ("bare-line-feed", Tolerated, None, "a line ends with a line feed alone")
            }
            Self::NotUtf8 => ("not-utf8", Tolerated, None, "bytes that are no UTF-8"),
            Self::NoMaxForwards => ("no-max-forwards", Tolerated, None, "missing in a request"),
            Self::NoContact => {
                ("no-contact", Tolerated, None, "missing in a request that makes a dialog")
            }
            Self::NoContentType => {
                ("no-content-type", Tolerated, None, "missing although there is a body")
            }
            Self::ContactExpires => {
                ("contact-expires", Tolerated, None, "an expiry out of range counts as an hour")
            }
        }
    }

    /// The status owed to a request with this fault.
    #[must_use]
    pub const fn owed(self) -> Option<u16> {
        self.row().2
    }
}
