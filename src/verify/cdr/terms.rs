//! Outcomes in the words of Asterisk and FreeSWITCH, for whoever has reports made of those.

use crate::call::outcome::Outcome;

/// Asterisk's `disposition`: `ANSWERED`, `NO ANSWER`, `BUSY`, `CONGESTION` or `FAILED`.
pub(super) const fn disposition(outcome: Outcome, answered: bool) -> &'static str {
    if answered {
        return "ANSWERED";
    }
    match outcome {
        Outcome::Answered | Outcome::AnsweredRace | Outcome::FastAnswer => "ANSWERED",
        Outcome::Rang
        | Outcome::RangEarlyMedia
        | Outcome::RangNoFinal
        | Outcome::RangUnconfirmed
        | Outcome::Forwarded
        | Outcome::NoAlertTimeout
        | Outcome::CancelledByApi
        | Outcome::CancelledNoFinal
        | Outcome::NoAnswer
        | Outcome::NetworkCancelled
        | Outcome::Unreachable => "NO ANSWER",
        Outcome::Busy | Outcome::RejectedByUser => "BUSY",
        Outcome::Congestion
        | Outcome::Overloaded
        | Outcome::ChannelLimit
        | Outcome::RateLimited
        | Outcome::NetworkFailure => "CONGESTION",
        Outcome::TrunkTimeout
        | Outcome::TrunkUnreachable
        | Outcome::BlockedAnalytics
        | Outcome::BlockedSuspected
        | Outcome::BlockedUnwanted
        | Outcome::BlockedOrForbidden
        | Outcome::CliRejected
        | Outcome::AuthFailed
        | Outcome::AccountBlocked
        | Outcome::RoutePolicy
        | Outcome::Unallocated
        | Outcome::NoRoute
        | Outcome::NumberChanged
        | Outcome::Gone
        | Outcome::InvalidNumber
        | Outcome::ProtocolRejected
        | Outcome::Redirected
        | Outcome::RoutingLoop
        | Outcome::ProtocolError
        | Outcome::RejectedGlobal
        | Outcome::Other
        | Outcome::Interrupted
        | Outcome::NotAttempted => "FAILED",
    }
}

/// FreeSWITCH's `hangup_cause`: the name of a Q.850 cause, or one of its own.
pub(super) const fn hangup_cause(outcome: Outcome, answered: bool) -> &'static str {
    if answered {
        return "NORMAL_CLEARING";
    }
    match outcome {
        Outcome::Answered | Outcome::AnsweredRace | Outcome::FastAnswer => "NORMAL_CLEARING",
        Outcome::Rang
        | Outcome::RangEarlyMedia
        | Outcome::RangNoFinal
        | Outcome::RangUnconfirmed
        | Outcome::Forwarded
        | Outcome::NoAlertTimeout
        | Outcome::CancelledByApi
        | Outcome::CancelledNoFinal
        | Outcome::NetworkCancelled => "ORIGINATOR_CANCEL",
        Outcome::NoAnswer => "NO_ANSWER",
        Outcome::Unreachable => "NO_USER_RESPONSE",
        Outcome::TrunkTimeout => "RECOVERY_ON_TIMER_EXPIRE",
        Outcome::TrunkUnreachable => "NETWORK_OUT_OF_ORDER",
        Outcome::Busy => "USER_BUSY",
        Outcome::Congestion => "NORMAL_CIRCUIT_CONGESTION",
        Outcome::RateLimited | Outcome::Overloaded => "SWITCH_CONGESTION",
        Outcome::ChannelLimit => "REQUESTED_CHAN_UNAVAIL",
        Outcome::RejectedByUser
        | Outcome::BlockedAnalytics
        | Outcome::BlockedSuspected
        | Outcome::BlockedUnwanted
        | Outcome::BlockedOrForbidden
        | Outcome::CliRejected
        | Outcome::AuthFailed
        | Outcome::AccountBlocked
        | Outcome::RejectedGlobal => "CALL_REJECTED",
        Outcome::RoutePolicy => "OUTGOING_CALL_BARRED",
        Outcome::NetworkFailure => "NORMAL_TEMPORARY_FAILURE",
        Outcome::Unallocated => "UNALLOCATED_NUMBER",
        Outcome::NoRoute => "NO_ROUTE_DESTINATION",
        Outcome::NumberChanged | Outcome::Gone => "NUMBER_CHANGED",
        Outcome::InvalidNumber => "INVALID_NUMBER_FORMAT",
        Outcome::ProtocolRejected => "INCOMPATIBLE_DESTINATION",
        Outcome::Redirected => "REDIRECTION_TO_NEW_DESTINATION",
        Outcome::RoutingLoop => "EXCHANGE_ROUTING_ERROR",
        Outcome::ProtocolError => "INTERWORKING",
        Outcome::Other => "NORMAL_UNSPECIFIED",
        Outcome::Interrupted => "CRASH",
        Outcome::NotAttempted => "NONE",
    }
}
