//! What the engine wants done and known, besides the datagrams in its outbox.

use crate::base::id::{AttemptId, Seq, Ticket};
use crate::sip::ua;
use crate::verify::cdr::{Amendment, Cdr};
use crate::verify::command as verify;
use crate::verify::record::{Past, Record};
use std::fmt;
use std::sync::Arc;

/// One output.
#[derive(Clone, Debug)]
pub enum Output {
    /// Keep this; answer with `Stored` or `StoreFailed`.
    Store {
        /// Its place in the order.
        seq: Seq,
        /// What to keep.
        record: Record,
    },
    /// Look up the past of a number; answer with `Loaded`.
    Load {
        /// Comes back with the answer.
        ticket: Ticket,
        /// What to look up.
        past: Past,
    },
    /// An answer to a command.
    Reply {
        /// The command's ticket.
        ticket: Ticket,
        /// The answer.
        answer: Answer,
    },
    /// Something an operator can be told.
    Event(Event),
}

/// An answer to a command.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The call's intent is stored and its INVITE is on its way.
    Started(AttemptId),
    /// The call is over and its record is stored.
    Ended(Arc<Cdr>),
    /// Nothing was done.
    Refused(Refusal),
    /// The answer to something about a verification.
    Verify(Result<verify::Answer, verify::Refusal>),
    /// Every call is over and every record stored.
    Drained,
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such trunk.
    NoTrunk,
    /// The trunk has no target.
    NoTarget,
    /// No room for another call.
    Full,
    /// The store does not keep records; a call without one is not made.
    StoreDown,
    /// The engine is ending.
    Draining,
}

impl Refusal {
    /// Whether the same command may be taken later.
    #[must_use]
    pub const fn may_retry(self) -> bool {
        match self {
            Self::Full | Self::StoreDown => true,
            Self::NoTrunk | Self::NoTarget | Self::Draining => false,
        }
    }
}

impl From<ua::Refused> for Refusal {
    fn from(refused: ua::Refused) -> Self {
        match refused {
            ua::Refused::NoTrunk => Self::NoTrunk,
            ua::Refused::NoTarget => Self::NoTarget,
            ua::Refused::Full => Self::Full,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTrunk => "there is no such trunk",
            Self::NoTarget => "the trunk has no target",
            Self::Full => "as many calls as are allowed are in flight or just ended",
            Self::StoreDown => "records cannot be stored, so no call is made",
            Self::Draining => "no more calls are taken",
        })
    }
}

impl std::error::Error for Refusal {}

/// What an operator can be told.
#[derive(Clone, Debug)]
pub enum Event {
    /// A call is over, and its record stored.
    Recorded(Arc<Cdr>),
    /// Something came after the record; the amendment is stored.
    Amended(Amendment),
    /// Something happened to a verification.
    Verify(crate::verify::event::Event),
    /// The store refused records. They are kept and offered again; no call is taken meanwhile.
    StoreFailed,
}
