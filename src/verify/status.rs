//! Where a verification stands.

use std::fmt;

/// What a verification has come to. All but `pending` are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It is under way.
    Pending,
    /// The code was right.
    Approved,
    /// It cannot succeed any more; the reason says why.
    Failed,
    /// Its lifetime is over.
    Expired,
    /// Somebody cancelled it.
    Canceled,
}

/// What a pending verification is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Its call waits: for the disk, or for another call to the same number to end.
    Queued,
    /// The INVITE is on its way.
    Dialing,
    /// The network has the call.
    Progress,
    /// The phone rings.
    Ringing,
    /// It rang, and our CANCEL is out.
    Flashed,
    /// No call is under way; the digits of one may be given.
    AwaitingCode,
}

/// Why a verification ended as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Every try was wrong.
    AttemptsExhausted,
    /// Its lifetime is over.
    Expired,
    /// The application cancelled it.
    CanceledByApi,
    /// There is no such number.
    InvalidNumber,
    /// Switched off, out of coverage, or nobody rang it.
    Unreachable,
    /// Nothing alerted the phone in time.
    NoAlert,
    /// Somebody on the way blocks the calling number.
    BlockedSuspected,
    /// No trunk has a way there.
    NoRoute,
    /// Every number of the pool is held for this destination.
    NoEligibleNumber,
    /// The call was not made in time.
    NotAttempted,
    /// The carrier refused it for a reason of ours: credentials, balance, caller-ID, a broken message.
    Internal,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Approved, Self::Failed, Self::Expired, Self::Canceled];

    /// Its name in the API and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing can change any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Pending)
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

impl Phase {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Dialing => "dialing",
            Self::Progress => "progress",
            Self::Ringing => "ringing",
            Self::Flashed => "flashed",
            Self::AwaitingCode => "awaiting_code",
        }
    }
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::AttemptsExhausted,
        Self::Expired,
        Self::CanceledByApi,
        Self::InvalidNumber,
        Self::Unreachable,
        Self::NoAlert,
        Self::BlockedSuspected,
        Self::NoRoute,
        Self::NoEligibleNumber,
        Self::NotAttempted,
        Self::Internal,
    ];

    /// Its name in the API and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::Expired => "expired",
            Self::CanceledByApi => "canceled_by_api",
            Self::InvalidNumber => "invalid_number",
            Self::Unreachable => "unreachable",
            Self::NoAlert => "no_alert",
            Self::BlockedSuspected => "blocked_suspected",
            Self::NoRoute => "no_route",
            Self::NoEligibleNumber => "no_eligible_number",
            Self::NotAttempted => "not_attempted",
            Self::Internal => "internal",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
