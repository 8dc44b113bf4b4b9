//! What an outcome means for its verification: three tables.
//!
//! Signalling proves nothing about a phone; only the user's digits do. So these tables do not ask whether it rang, but
//! whether it may have: what cannot have reached a phone cannot have shown its digits there.

use super::status::Reason;
use crate::call::outcome::Outcome;

/// How far a call may have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// The phone was shown the call, or a person's verdict says that it may well have been.
    Reached,
    /// It may have rung; nobody said so.
    Late,
    /// Another phone or a machine took it.
    Diverted,
    /// No phone can have shown it.
    Never,
}

/// How far a call that came to this may have come.
#[must_use]
pub const fn reach(outcome: Outcome) -> Reach {
    match outcome {
        Outcome::Rang
        | Outcome::RangEarlyMedia
        | Outcome::RangNoFinal
        | Outcome::RangUnconfirmed
        | Outcome::AnsweredRace
        | Outcome::Answered
        // A phone in a call shows the second one.
        | Outcome::Busy
        | Outcome::RejectedByUser
        // A 6xx that nobody knows counts as 600, which is busy (RFC 3261 §8.1.3.2).
        | Outcome::RejectedGlobal => Reach::Reached,
        Outcome::NoAlertTimeout
        | Outcome::CancelledByApi
        | Outcome::CancelledNoFinal
        | Outcome::TrunkTimeout
        | Outcome::NoAnswer
        | Outcome::NetworkCancelled
        // The user's own verdict, or that of a machine in his name (RFC 8197 §3).
        | Outcome::BlockedUnwanted
        | Outcome::Interrupted => Reach::Late,
        Outcome::FastAnswer | Outcome::Forwarded => Reach::Diverted,
        Outcome::TrunkUnreachable
        | Outcome::Congestion
        | Outcome::RateLimited
        | Outcome::BlockedAnalytics
        | Outcome::BlockedSuspected
        | Outcome::BlockedOrForbidden
        | Outcome::CliRejected
        | Outcome::AuthFailed
        | Outcome::AccountBlocked
        | Outcome::ChannelLimit
        | Outcome::RoutePolicy
        | Outcome::Overloaded
        | Outcome::NetworkFailure
        | Outcome::Unallocated
        | Outcome::NoRoute
        | Outcome::NumberChanged
        | Outcome::Gone
        | Outcome::InvalidNumber
        | Outcome::Unreachable
        | Outcome::ProtocolRejected
        | Outcome::Redirected
        | Outcome::RoutingLoop
        | Outcome::ProtocolError
        | Outcome::Other
        | Outcome::NotAttempted => Reach::Never,
    }
}

/// Whether the route's next trunk may be tried, with another caller-ID.
///
/// Not after an answer, a user's verdict or our CANCEL, and not after `rang…`: that would be a second call to the same
/// person. Not where the next trunk would say the same of the number. A refusal that came after an alert, and before our
/// CANCEL, keeps its own name (`congestion`): whoever asks must also know that the call's facts have no alert.
#[must_use]
pub const fn tries_next_trunk(outcome: Outcome) -> bool {
    match outcome {
        Outcome::TrunkTimeout
        | Outcome::TrunkUnreachable
        | Outcome::Congestion
        | Outcome::RateLimited
        | Outcome::BlockedAnalytics
        | Outcome::BlockedOrForbidden
        | Outcome::CliRejected
        | Outcome::AuthFailed
        | Outcome::AccountBlocked
        | Outcome::ChannelLimit
        | Outcome::RoutePolicy
        | Outcome::Overloaded
        | Outcome::NetworkFailure
        | Outcome::NoRoute
        | Outcome::NetworkCancelled
        | Outcome::ProtocolRejected
        | Outcome::Redirected
        | Outcome::RoutingLoop
        | Outcome::ProtocolError
        // An unknown code counts as the first of its hundred (RFC 3261 §8.1.3.2): 400 or 500.
        | Outcome::Other => true,
        Outcome::Rang
        | Outcome::RangEarlyMedia
        | Outcome::RangNoFinal
        | Outcome::RangUnconfirmed
        | Outcome::AnsweredRace
        | Outcome::Answered
        | Outcome::FastAnswer
        | Outcome::Forwarded
        | Outcome::NoAlertTimeout
        | Outcome::CancelledByApi
        | Outcome::CancelledNoFinal
        | Outcome::Busy
        | Outcome::RejectedByUser
        // A machine's guess at what its user wants, and perhaps the user himself.
        | Outcome::BlockedSuspected
        | Outcome::BlockedUnwanted
        | Outcome::Unallocated
        | Outcome::NumberChanged
        | Outcome::Gone
        | Outcome::InvalidNumber
        | Outcome::Unreachable
        | Outcome::NoAnswer
        | Outcome::RejectedGlobal
        | Outcome::Interrupted
        | Outcome::NotAttempted => false,
    }
}

/// Why a verification fails whose last call came to this, where its digits count for nothing and no trunk is left.
/// `expired` where they do count: it ends with its lifetime.
#[must_use]
pub const fn failure(outcome: Outcome) -> Reason {
    match outcome {
        Outcome::Rang
        | Outcome::RangEarlyMedia
        | Outcome::RangNoFinal
        | Outcome::RangUnconfirmed
        | Outcome::AnsweredRace
        | Outcome::Answered
        | Outcome::Busy
        | Outcome::RejectedByUser
        | Outcome::RejectedGlobal
        | Outcome::Interrupted => Reason::Expired,
        Outcome::CancelledByApi => Reason::CanceledByApi,
        Outcome::NoAlertTimeout | Outcome::CancelledNoFinal | Outcome::NetworkCancelled => {
            Reason::NoAlert
        }
        Outcome::FastAnswer | Outcome::Forwarded | Outcome::Unreachable | Outcome::NoAnswer => {
            Reason::Unreachable
        }
        Outcome::BlockedAnalytics
        | Outcome::BlockedSuspected
        | Outcome::BlockedUnwanted
        | Outcome::BlockedOrForbidden => Reason::BlockedSuspected,
        Outcome::Unallocated | Outcome::NumberChanged | Outcome::Gone | Outcome::InvalidNumber => {
            Reason::InvalidNumber
        }
        Outcome::TrunkTimeout
        | Outcome::TrunkUnreachable
        | Outcome::Congestion
        | Outcome::RateLimited
        | Outcome::ChannelLimit
        | Outcome::RoutePolicy
        | Outcome::Overloaded
        | Outcome::NetworkFailure
        | Outcome::NoRoute
        | Outcome::Redirected
        | Outcome::RoutingLoop
        | Outcome::Other => Reason::NoRoute,
        Outcome::CliRejected
        | Outcome::AuthFailed
        | Outcome::AccountBlocked
        | Outcome::ProtocolRejected
        | Outcome::ProtocolError => Reason::Internal,
        Outcome::NotAttempted => Reason::NotAttempted,
    }
}

#[cfg(test)]
mod tests;
