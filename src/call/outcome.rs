//! What an attempt came to: facts → [`Outcome`], one pure function over three tables.
//!
//! The order of the rules, each only where the one before said nothing:
//!
//! 1. an answer, or an alert that our CANCEL took back, decides whatever the final code says;
//! 2. a CANCEL without an alert is named after who wanted it, so that it is never tried again (a 503 that it met
//!    says nothing about the next call);
//! 3. ringing that ends at once in *not found* or *not there* was false;
//! 4. words: carriers put into the phrase what the code does not say (`phrase`);
//! 5. a specific cause in Reason beats the code (`reason`);
//! 6. the code; an unknown one counts as `other`, never as something it might not be.

mod phrase;
mod reason;

use super::facts::{At, End, Facts, Said};
use super::{AlertSource, CancelCause};
use std::fmt;

/// What an attempt came to. The names are those of the CDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "docs/OUTCOMES.md explains each; a test compares the two")]
pub enum Outcome {
    Rang,
    RangEarlyMedia,
    RangNoFinal,
    RangUnconfirmed,
    AnsweredRace,
    Answered,
    FastAnswer,
    Forwarded,
    NoAlertTimeout,
    CancelledByApi,
    CancelledNoFinal,
    TrunkTimeout,
    TrunkUnreachable,
    Busy,
    Congestion,
    RateLimited,
    RejectedByUser,
    BlockedAnalytics,
    BlockedSuspected,
    BlockedUnwanted,
    BlockedOrForbidden,
    CliRejected,
    AuthFailed,
    AccountBlocked,
    ChannelLimit,
    RoutePolicy,
    Overloaded,
    NetworkFailure,
    Unallocated,
    NoRoute,
    NumberChanged,
    Gone,
    InvalidNumber,
    Unreachable,
    NoAnswer,
    NetworkCancelled,
    ProtocolRejected,
    Redirected,
    RoutingLoop,
    ProtocolError,
    RejectedGlobal,
    Other,
    Interrupted,
    NotAttempted,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 44] = [
        Self::Rang,
        Self::RangEarlyMedia,
        Self::RangNoFinal,
        Self::RangUnconfirmed,
        Self::AnsweredRace,
        Self::Answered,
        Self::FastAnswer,
        Self::Forwarded,
        Self::NoAlertTimeout,
        Self::CancelledByApi,
        Self::CancelledNoFinal,
        Self::TrunkTimeout,
        Self::TrunkUnreachable,
        Self::Busy,
        Self::Congestion,
        Self::RateLimited,
        Self::RejectedByUser,
        Self::BlockedAnalytics,
        Self::BlockedSuspected,
        Self::BlockedUnwanted,
        Self::BlockedOrForbidden,
        Self::CliRejected,
        Self::AuthFailed,
        Self::AccountBlocked,
        Self::ChannelLimit,
        Self::RoutePolicy,
        Self::Overloaded,
        Self::NetworkFailure,
        Self::Unallocated,
        Self::NoRoute,
        Self::NumberChanged,
        Self::Gone,
        Self::InvalidNumber,
        Self::Unreachable,
        Self::NoAnswer,
        Self::NetworkCancelled,
        Self::ProtocolRejected,
        Self::Redirected,
        Self::RoutingLoop,
        Self::ProtocolError,
        Self::RejectedGlobal,
        Self::Other,
        Self::Interrupted,
        Self::NotAttempted,
    ];

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// Its name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rang => "rang",
            Self::RangEarlyMedia => "rang_early_media",
            Self::RangNoFinal => "rang_no_final",
            Self::RangUnconfirmed => "rang_unconfirmed",
            Self::AnsweredRace => "answered_race",
            Self::Answered => "answered",
            Self::FastAnswer => "fast_answer",
            Self::Forwarded => "forwarded",
            Self::NoAlertTimeout => "no_alert_timeout",
            Self::CancelledByApi => "cancelled_by_api",
            Self::CancelledNoFinal => "cancelled_no_final",
            Self::TrunkTimeout => "trunk_timeout",
            Self::TrunkUnreachable => "trunk_unreachable",
            Self::Busy => "busy",
            Self::Congestion => "congestion",
            Self::RateLimited => "rate_limited",
            Self::RejectedByUser => "rejected_by_user",
            Self::BlockedAnalytics => "blocked_analytics",
            Self::BlockedSuspected => "blocked_suspected",
            Self::BlockedUnwanted => "blocked_unwanted",
            Self::BlockedOrForbidden => "blocked_or_forbidden",
            Self::CliRejected => "cli_rejected",
            Self::AuthFailed => "auth_failed",
            Self::AccountBlocked => "account_blocked",
            Self::ChannelLimit => "channel_limit",
            Self::RoutePolicy => "route_policy",
            Self::Overloaded => "overloaded",
            Self::NetworkFailure => "network_failure",
            Self::Unallocated => "unallocated",
            Self::NoRoute => "no_route",
            Self::NumberChanged => "number_changed",
            Self::Gone => "gone",
            Self::InvalidNumber => "invalid_number",
            Self::Unreachable => "unreachable",
            Self::NoAnswer => "no_answer",
            Self::NetworkCancelled => "network_cancelled",
            Self::ProtocolRejected => "protocol_rejected",
            Self::Redirected => "redirected",
            Self::RoutingLoop => "routing_loop",
            Self::ProtocolError => "protocol_error",
            Self::RejectedGlobal => "rejected_global",
            Self::Other => "other",
            Self::Interrupted => "interrupted",
            Self::NotAttempted => "not_attempted",
        }
    }

    /// Whether the network rang the phone, as far as signalling can tell: `rang…`, `answered`, `answered_race`.
    #[must_use]
    pub const fn alerted(self) -> bool {
        matches!(
            self,
            Self::Rang
                | Self::RangEarlyMedia
                | Self::RangNoFinal
                | Self::RangUnconfirmed
                | Self::AnsweredRace
                | Self::Answered
        )
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An answer sooner than this after the alert is a machine's: no hand reaches a phone so fast.
const FAST_ANSWER_US: u32 = 250_000;

/// A rejection sooner than this after the INVITE, without any alert, is a machine's.
const MACHINE_US: u32 = 1_000_000;

/// Ringing that turns into *not found* sooner than this was the network's, and no phone's.
const FALSE_RING_US: u32 = 2_000_000;

/// What the facts of a finished attempt come to.
#[must_use]
pub fn classify(facts: &Facts) -> Outcome {
    match facts.end {
        End::Open | End::NotSent => Outcome::NotAttempted,
        End::Silence => Outcome::TrunkTimeout,
        End::Unreachable => Outcome::TrunkUnreachable,
        End::Answered => answered(facts),
        End::Refused | End::NoFinal if facts.cancel.is_some() => cancelled(facts),
        End::NoFinal => Outcome::TrunkTimeout,
        End::Refused if facts.withdrawn => Outcome::CancelledByApi,
        End::Refused => facts.said.as_ref().map_or(Outcome::Other, |said| refused(facts, said)),
    }
}

/// Whoever answered a forwarded call was somebody else, also where our CANCEL crossed the answer.
fn answered(facts: &Facts) -> Outcome {
    if facts.forwarded {
        Outcome::Forwarded
    } else if facts.cancel.is_some() {
        Outcome::AnsweredRace
    } else if between_us(facts.times.alert, facts.times.answer_or_refusal)
        .is_some_and(|us| us >= FAST_ANSWER_US)
    {
        Outcome::Answered
    } else {
        Outcome::FastAnswer
    }
}

/// The alert counts, whatever the code of the final was.
fn cancelled(facts: &Facts) -> Outcome {
    let no_final = facts.end == End::NoFinal;
    match (facts.alert, facts.cancel) {
        (Some(_), _) if facts.forwarded => Outcome::Forwarded,
        (Some(_), _) if facts.alert_late => Outcome::RangUnconfirmed,
        (Some(_), _) if no_final => Outcome::RangNoFinal,
        (Some(AlertSource::Ringing), _) => Outcome::Rang,
        // A 180 behind the 183 says for certain what the 183 only meant.
        (Some(AlertSource::Progress), _)
            if between_us(facts.times.ringing, facts.times.cancel).is_some() =>
        {
            Outcome::Rang
        }
        (Some(AlertSource::Progress), _) => Outcome::RangEarlyMedia,
        (None, _) if no_final => Outcome::CancelledNoFinal,
        (None, Some(CancelCause::Asked)) => Outcome::CancelledByApi,
        (None, Some(CancelCause::Alerted | CancelCause::NoAlert) | None) => Outcome::NoAlertTimeout,
    }
}

/// Microseconds from the one to the other, if both happened in this order.
fn between_us(first: At, second: At) -> Option<u32> {
    second.micros()?.checked_sub(first.micros()?)
}

fn refused(facts: &Facts, said: &Said) -> Outcome {
    // Wherever it points, it is not followed, and says nothing about the phone.
    if matches!(said.status, 300..=399) {
        return Outcome::Redirected;
    }
    let (ringing, last) = (facts.times.ringing, facts.times.answer_or_refusal);
    if matches!(said.status, 404 | 480)
        && between_us(ringing, last).is_some_and(|us| us < FALSE_RING_US)
    {
        return Outcome::RangUnconfirmed;
    }
    phrase::outcome(said)
        .or_else(|| reason::outcome(facts, said))
        .unwrap_or_else(|| by_status(facts, said, said.status))
}

/// A person's verdict, or a machine's? A call that was refused at once, before any alert, met a machine.
fn rejected(facts: &Facts) -> Outcome {
    let at_once = facts.times.answer_or_refusal.micros().is_some_and(|at| at < MACHINE_US);
    if facts.times.alert == At::NEVER && at_once {
        Outcome::BlockedSuspected
    } else {
        Outcome::RejectedByUser
    }
}

/// What a code means by itself; `status` may come from a Reason instead of the status line.
fn by_status(facts: &Facts, said: &Said, status: u16) -> Outcome {
    match status {
        300..=399 => Outcome::Redirected,
        401 | 407 => Outcome::AuthFailed,
        402 => Outcome::AccountBlocked,
        403 => Outcome::BlockedOrForbidden,
        404 | 604 => Outcome::Unallocated,
        408 => Outcome::NoAnswer,
        410 => Outcome::Gone,
        416 | 484 => Outcome::InvalidNumber,
        428 | 433 | 436 | 437 | 438 => Outcome::CliRejected,
        429 => Outcome::RateLimited,
        480 => Outcome::Unreachable,
        482 | 483 => Outcome::RoutingLoop,
        485 => Outcome::NoRoute,
        486 | 600 => Outcome::Busy,
        487 => Outcome::NetworkCancelled,
        406 | 415 | 420 | 421 | 422 | 488 | 606 => Outcome::ProtocolRejected,
        400 | 405 | 413 | 414 | 481 | 493 | 501 | 505 | 513 => Outcome::ProtocolError,
        500 | 502 | 504 => Outcome::NetworkFailure,
        503 if said.retry_after.is_some() => Outcome::Overloaded,
        503 => Outcome::Congestion,
        603 => rejected(facts),
        607 => Outcome::BlockedUnwanted,
        608 => Outcome::BlockedAnalytics,
        601..=699 => Outcome::RejectedGlobal,
        _ => Outcome::Other,
    }
}

#[cfg(test)]
mod tests;
