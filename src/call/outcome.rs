//! What an attempt came to: facts → [`Outcome`], one pure function over three tables.
//!
//! The order of the rules, each only where the one before said nothing:
//!
//! 1. an answer, or an alert that our CANCEL took back, decides whatever the final code says;
//! 2. a CANCEL without an alert is named after who wanted it;
//! 3. words: carriers put into the phrase what the code does not say ([`PHRASES`]);
//! 4. a specific Q.850 cause (RFC 3326) beats the SIP code; 0, 16, 31 and 127 say nothing;
//! 5. the SIP code; an unknown one counts as `other`, never as something it might not be.

use super::facts::{At, Cause, End, Facts, Said};
use super::{AlertSource, CancelCause};
use std::fmt;

/// What an attempt came to. The names are those of the CDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "the names are the vocabulary of the trade; the README explains each"
)]
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
    NotAttempted,
}

impl Outcome {
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
        End::Refused => facts.said.as_ref().map_or(Outcome::Other, |said| refused(facts, said)),
    }
}

fn answered(facts: &Facts) -> Outcome {
    let times = &facts.times;
    if facts.cancel.is_some() {
        return Outcome::AnsweredRace;
    }
    if facts.forwarded {
        return Outcome::Forwarded;
    }
    let after_alert = times
        .alert
        .micros()
        .zip(times.answer_or_refusal.micros())
        .map(|(alert, answer)| answer.saturating_sub(alert));
    match after_alert {
        Some(after) if after >= FAST_ANSWER_US => Outcome::Answered,
        Some(_) | None => Outcome::FastAnswer,
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
        (Some(AlertSource::Progress), _) => Outcome::RangEarlyMedia,
        (None, _) if no_final => Outcome::CancelledNoFinal,
        (None, Some(CancelCause::Asked)) => Outcome::CancelledByApi,
        (None, Some(CancelCause::Alerted | CancelCause::NoAlert) | None) => Outcome::NoAlertTimeout,
    }
}

fn refused(facts: &Facts, said: &Said) -> Outcome {
    by_phrase(said)
        .or_else(|| by_q850(facts, &said.causes))
        .unwrap_or_else(|| by_status(facts, said))
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

/// Words that carriers use, in lower case; every word of a row must be there, in this order.
const PHRASES: &[(&[&str], Outcome)] = &[
    (&["cps limit"], Outcome::RateLimited),
    (&["calls per second"], Outcome::RateLimited),
    (&["rate limit"], Outcome::RateLimited),
    (&["flood"], Outcome::RateLimited),
    (&["too many"], Outcome::RateLimited),
    (&["channel limit"], Outcome::ChannelLimit),
    (&["max calls"], Outcome::ChannelLimit),
    (&["maximum calls"], Outcome::ChannelLimit),
    (&["max call"], Outcome::ChannelLimit),
    (&["maximum call"], Outcome::ChannelLimit),
    (&["capacity"], Outcome::ChannelLimit),
    (&["concurrent"], Outcome::ChannelLimit),
    (&["network blocked"], Outcome::BlockedAnalytics),
    (&["v=analytics"], Outcome::BlockedAnalytics),
    (&["caller", "invalid"], Outcome::CliRejected),
    (&["caller", "not allowed"], Outcome::CliRejected),
    (&["caller", "unverified"], Outcome::CliRejected),
    (&["origination number"], Outcome::CliRejected),
    (&["insufficient"], Outcome::AccountBlocked),
    (&["balance"], Outcome::AccountBlocked),
    (&["payment"], Outcome::AccountBlocked),
    (&["credit"], Outcome::AccountBlocked),
    (&["not authorized"], Outcome::AuthFailed),
    (&["not authorised"], Outcome::AuthFailed),
    (&["acl"], Outcome::AuthFailed),
    (&["ip address"], Outcome::AuthFailed),
    (&["loss limits exceeded"], Outcome::RoutePolicy),
    (&["no route"], Outcome::NoRoute),
    (&["not routable"], Outcome::NoRoute),
];

/// Codes whose meaning no phrase changes: the loop codes say "too many hops" by themselves (RFC 3261 §21.4.21).
const fn phrase_counts(status: u16) -> bool {
    !matches!(status, 300..=399 | 482 | 483 | 487)
}

fn by_phrase(said: &Said) -> Option<Outcome> {
    if !phrase_counts(said.status) {
        return None;
    }
    let texts = std::iter::once(&said.phrase)
        .chain(said.causes.iter().filter_map(|cause| cause.text.as_ref()))
        .chain(&said.notes);
    let lower: Vec<String> = texts.map(|text| text.to_ascii_lowercase()).collect();
    PHRASES
        .iter()
        .find(|(words, _)| lower.iter().any(|text| has_in_order(text, words)))
        .map(|&(_, outcome)| outcome)
}

/// Whether every word stands in the text, one behind the other, each at the beginning of a word: `acl` is not
/// in `oracle`.
fn has_in_order(text: &str, words: &[&str]) -> bool {
    let mut rest = text;
    words.iter().all(|word| {
        let found = rest.match_indices(word).find(|&(at, _)| {
            !rest.get(..at).is_some_and(|head| head.ends_with(|c: char| c.is_ascii_alphanumeric()))
        });
        let Some((at, _)) = found else { return false };
        rest = rest.get(at + word.len()..).unwrap_or_default();
        true
    })
}

/// ITU-T Q.850 causes as gateways use them (RFC 3398 §8.2.6.1). The generic ones decide nothing.
fn by_q850(facts: &Facts, causes: &[Cause]) -> Option<Outcome> {
    let value = causes
        .iter()
        .filter(|value| value.protocol.eq_ignore_ascii_case("q.850"))
        .find(|value| !matches!(value.cause, None | Some(0 | 16 | 31 | 127)))?;
    let by_user =
        value.location.as_ref().is_some_and(|location| location.eq_ignore_ascii_case("u"));
    let status = facts.final_status();
    Some(match value.cause? {
        1 => Outcome::Unallocated,
        2 | 3 => Outcome::NoRoute,
        17 => Outcome::Busy,
        18 | 20 => Outcome::Unreachable,
        19 => Outcome::NoAnswer,
        21 if by_user => rejected(facts),
        // Without a location the code that came with it says whether a person refused.
        21 if value.location.is_none() && matches!(status, 486 | 600 | 603) => rejected(facts),
        21 | 55 | 57 | 87 => Outcome::BlockedOrForbidden,
        22 => Outcome::NumberChanged,
        23 => Outcome::Gone,
        28 => Outcome::InvalidNumber,
        34 | 42 | 47 | 58 => Outcome::Congestion,
        27 | 38 | 41 => Outcome::NetworkFailure,
        65 | 70 | 88 => Outcome::ProtocolRejected,
        _ => return None,
    })
}

fn by_status(facts: &Facts, said: &Said) -> Outcome {
    match said.status {
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
