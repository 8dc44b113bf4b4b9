//! Causes: Reason values (RFC 3326) in a refusal. Q.850 first, then SIP, then STIR.

use super::{Outcome, by_status, rejected};
use crate::call::facts::{Cause, Facts, Said};

/// What the Reason values of a refusal say, if any of them is specific.
pub(super) fn outcome(facts: &Facts, said: &Said) -> Option<Outcome> {
    let of = |protocol: &'static str| {
        let named = move |value: &&Cause| value.protocol.eq_ignore_ascii_case(protocol);
        said.causes.iter().filter(named)
    };
    of("q.850")
        .find_map(|value| q850(facts, said, value))
        .or_else(|| of("sip").find_map(|value| sip(facts, said, value)))
        .or_else(|| of("stir").find_map(|value| stir(said, value)))
}

/// ITU-T Q.850 causes as gateways use them (RFC 3398 §8.2.6.1). 0, 16, 31, 127 and what has no meaning for a call
/// that was not answered decide nothing: some gateways send `cause=16` with every final.
fn q850(facts: &Facts, said: &Said, value: &Cause) -> Option<Outcome> {
    // A gateway that says when to come back says more than which of its resources is short.
    let short = |outcome| match (said.status, said.retry_after) {
        (503, Some(_)) => Outcome::Overloaded,
        _ => outcome,
    };
    Some(match value.cause? {
        1 => Outcome::Unallocated,
        2 | 3 => Outcome::NoRoute,
        17 => Outcome::Busy,
        18 | 20 => Outcome::Unreachable,
        19 => Outcome::NoAnswer,
        21 => call_rejected(facts, said, value),
        55 | 57 | 87 => Outcome::BlockedOrForbidden,
        22 => Outcome::NumberChanged,
        23 => Outcome::Gone,
        28 => Outcome::InvalidNumber,
        34 | 42 | 47 | 58 => short(Outcome::Congestion),
        27 | 38 | 41 | 102 | 111 => short(Outcome::NetworkFailure),
        65 | 70 | 88 => Outcome::ProtocolRejected,
        29 | 79 => Outcome::ProtocolError,
        _ => return None,
    })
}

/// Cause 21: a person's verdict or a network's policy? The location says (RFC 8606 §4), and where there is none, the
/// code that came with it.
fn call_rejected(facts: &Facts, said: &Said, value: &Cause) -> Outcome {
    let by_user = value
        .location
        .as_ref()
        .map_or(matches!(said.status, 486 | 600 | 603), |place| place.eq_ignore_ascii_case("u"));
    if by_user { rejected(facts) } else { Outcome::BlockedOrForbidden }
}

/// The code that the far end of a gateway really gave, where the one it gave us says little by itself.
fn sip(facts: &Facts, said: &Said, value: &Cause) -> Option<Outcome> {
    if !matches!(said.status, 480 | 487 | 500..=599) {
        return None;
    }
    let status = value.cause.filter(|cause| (400..=699).contains(cause))?;
    Some(by_status(facts, said, status)).filter(|outcome| *outcome != Outcome::Other)
}

/// RFC 9410: what was wrong with the caller's identity. It may accompany any refusal; it is the reason of one that
/// has no other.
fn stir(said: &Said, value: &Cause) -> Option<Outcome> {
    let refused = matches!(said.status, 403 | 603);
    (refused && matches!(value.cause, Some(403 | 428 | 436 | 437 | 438)))
        .then_some(Outcome::CliRejected)
}
