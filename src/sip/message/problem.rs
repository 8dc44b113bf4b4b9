//! What is wrong with a message that could be read: one table of faults, each with its code, weight and status.

use super::name::Name;

/// How much a fault weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Outside the grammar, and met in the field: the message is used all the same.
    Tolerated,
    /// Well formed, but the receiver refuses it or leaves it alone.
    Refused,
    /// The message is invalid by its syntax.
    Syntax,
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
        match self.name {
            Some(name) if name != Name::Other => {
                write!(f, "{}: {}", name.as_str(), self.fault.row().3)
            }
            _ => f.write_str(self.fault.row().3),
        }
    }
}

impl std::error::Error for Problem {}

/// Everything that can be wrong with a message that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A header that every message must have is not there.
    MissingHeader,
    /// The status code is not within 100 to 699.
    StatusRange,
    /// CSeq is not a number below 2^31 and a method.
    CSeq,
    /// The Via value cannot be read.
    Via,
    /// The address cannot be read.
    Address,
    /// Content-Length says more bytes than there are.
    BodyShort,
}

impl Fault {
    /// Code, weight, the status owed to a request, and what it means.
    const fn row(self) -> (&'static str, Kind, Option<u16>, &'static str) {
        match self {
            Self::MissingHeader => {
                ("missing-header", Kind::Refused, Some(400), "a mandatory header is missing")
            }
            Self::StatusRange => {
                ("status-range", Kind::Syntax, None, "the status code is not within 100 to 699")
            }
            Self::CSeq => ("cseq", Kind::Syntax, Some(400), "not a number below 2^31 and a method"),
            Self::Via => ("via", Kind::Syntax, Some(400), "not a Via value"),
            Self::Address => ("address", Kind::Syntax, Some(400), "not an address"),
            Self::BodyShort => ("body-short", Kind::Syntax, Some(400), "more bytes than there are"),
        }
    }

    /// The status owed to a request with this fault.
    #[must_use]
    pub const fn owed(self) -> Option<u16> {
        self.row().2
    }
}
