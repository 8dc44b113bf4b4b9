//! What can be asked of the verifier, and what it answers.

use super::snapshot::Snapshot;
use super::status::{Reason, Status};
use crate::base::id::SessionId;
use crate::base::number::{Country, Destination};
use std::fmt;
use std::sync::Arc;

/// One wish. Everything in it has the right form already.
#[derive(Clone, Debug)]
pub enum Command {
    /// Begin a verification. Answered by `Started` once it is stored.
    Start(Box<Start>),
    /// Judge a claim. Answered by `Checked` once the judgement is stored.
    Check {
        /// Whose verification; `None` is somebody who may see all.
        tenant: Option<Arc<str>>,
        /// Which.
        id: SessionId,
        /// What the user saw: digits, as [`Claim::read`](super::matcher::Claim::read) made them.
        claim: super::matcher::Claim,
    },
    /// Call again. Answered by `Session` once that call is stored.
    Next {
        /// Whose.
        tenant: Option<Arc<str>>,
        /// Which.
        id: SessionId,
    },
    /// End it. Answered by `Session` once that is stored.
    Cancel {
        /// Whose.
        tenant: Option<Arc<str>>,
        /// Which.
        id: SessionId,
    },
    /// Say how it stands. Answered by `Session`, or refused with `NotOpen` where only the store knows it.
    Look {
        /// Whose.
        tenant: Option<Arc<str>>,
        /// Which.
        id: SessionId,
    },
}

/// A verification to be begun.
#[derive(Clone, Debug)]
pub struct Start {
    /// Whose.
    pub tenant: Arc<str>,
    /// By which profile; the tenant's own where none is named.
    pub profile: Option<Arc<str>>,
    /// The number to verify.
    pub to: Destination,
    /// Where it is, by the numbering plan.
    pub country: Option<Country>,
    /// Whether it is one of the tenant's test numbers, which need no allowed country.
    pub test: bool,
    /// The claim of an `Idempotency-Key`.
    pub idempotency: Option<Idempotency>,
    /// The application's own name for it.
    pub client_reference: Option<Arc<str>>,
    /// JSON that comes back with it.
    pub metadata: Option<Arc<str>>,
}

/// An `Idempotency-Key` and the request it came with, as hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Of the key.
    pub key: [u8; 32],
    /// Of the request.
    pub body: [u8; 32],
}

/// How long an `Idempotency-Key` stands for its request.
pub const IDEMPOTENCY_KEPT: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// What was done.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A verification, and whether it is a new one.
    Started(Box<Snapshot>, Fresh),
    /// The same `Idempotency-Key` had made this one, and it is not open any more: the store knows it.
    Replayed(SessionId),
    /// What the matcher said, and how the verification stands now.
    Checked(Verdict, Box<Snapshot>),
    /// How the verification stands.
    Session(Box<Snapshot>),
}

/// Whether a start made a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    /// It did.
    New,
    /// The same `Idempotency-Key` had made it before.
    Replayed,
    /// There was one for this number.
    Duplicate,
}

/// What the matcher says of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Right.
    Approved {
        /// The call may not have rung, or had been over when we died.
        late: bool,
    },
    /// Wrong; costs a try.
    Invalid,
    /// No call is on the wire yet; costs a try.
    NoAttemptYet,
    /// Right, but another phone or a machine may have had the call.
    Diverted,
}

impl Verdict {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approved { .. } => "approved",
            Self::Invalid => "invalid",
            Self::NoAttemptYet => "no_attempt_yet",
            Self::Diverted => "diverted",
        }
    }
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The configuration has no such tenant any more.
    UnknownTenant,
    /// There is no such profile.
    UnknownProfile,
    /// The number's country is not allowed, or the plan knows none for it.
    DestinationDenied,
    /// No route serves the number.
    NoRoute,
    /// Every number of the pool is held for this destination.
    NoEligibleNumber,
    /// The same number is being verified.
    InProgress(SessionId),
    /// The `Idempotency-Key` stood for another request.
    IdempotencyConflict,
    /// The first request with this `Idempotency-Key` is not answered yet.
    IdempotencyInFlight,
    /// As many verifications or calls as are allowed are open.
    Capacity,
    /// The store does not keep records; nothing is begun.
    StoreDown,
    /// The service is ending.
    Draining,
    /// It is not open: it has ended, or there never was one. The store knows.
    NotOpen,
    /// It has ended, and that is stored or being stored.
    Ended(Status, Option<Reason>),
    /// No further call may be asked for.
    NoStepsLeft,
    /// A call is under way; another one must wait for its end.
    CallUnderWay,
}

impl Refusal {
    /// Whether the same wish may be fulfilled later.
    #[must_use]
    pub const fn may_retry(self) -> bool {
        match self {
            Self::NoEligibleNumber
            | Self::IdempotencyInFlight
            | Self::Capacity
            | Self::StoreDown
            | Self::CallUnderWay
            | Self::Draining => true,
            Self::UnknownTenant
            | Self::UnknownProfile
            | Self::DestinationDenied
            | Self::NoRoute
            | Self::InProgress(_)
            | Self::IdempotencyConflict
            | Self::NotOpen
            | Self::Ended(..)
            | Self::NoStepsLeft => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTenant => f.write_str("the configuration has no such tenant"),
            Self::UnknownProfile => f.write_str("there is no such profile"),
            Self::DestinationDenied => f.write_str("numbers of this country are not called"),
            Self::NoRoute => f.write_str("no route serves this number"),
            Self::NoEligibleNumber => {
                f.write_str("every number to call from is held for this destination")
            }
            Self::InProgress(id) => write!(f, "this number is being verified by {id}"),
            Self::IdempotencyConflict => {
                f.write_str("this Idempotency-Key stood for another request")
            }
            Self::IdempotencyInFlight => {
                f.write_str("the first request with this Idempotency-Key is not answered yet")
            }
            Self::Capacity => f.write_str("as many calls as are allowed are under way"),
            Self::StoreDown => f.write_str("records cannot be stored, so nothing is begun"),
            Self::Draining => f.write_str("the service is ending"),
            Self::NotOpen => f.write_str("there is no open verification of this id"),
            Self::Ended(status, _) => write!(f, "the verification is {status}"),
            Self::NoStepsLeft => f.write_str("no further call may be asked for"),
            Self::CallUnderWay => f.write_str("a call is under way"),
        }
    }
}

impl std::error::Error for Refusal {}
