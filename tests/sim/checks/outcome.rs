//! What a record has to say, by the model: written anew from the rules, not from the engine's tables.

use onering::base::clock::Instant;
use onering::call::AlertSource;
use onering::verify::cdr::Cdr;

use super::call::{Call, Doom};

/// What a record says, or has to say: names and values.
pub(crate) type Said = Vec<(&'static str, String)>;

/// What the record of a call has to say, as things stand.
pub(crate) fn truth(call: &Call) -> Said {
    let since = |at: Option<Instant>| {
        let first = call.invite.as_ref().map(|invite| invite.first);
        at.zip(first).map(|(at, first)| at.since(first).as_micros() as u32)
    };
    let provisionals: Vec<u16> = call.heard.iter().map(|heard| heard.status).take(32).collect();
    let status = call.final_.as_ref().map_or(0, |heard| heard.status);
    let cancel = since(call.cancel.as_ref().map(|cancel| cancel.first));
    let alert = since(call.alert.map(|alert| alert.received));
    let last = since(call.final_.as_ref().map(|heard| heard.received));
    let acks: u32 = call.forks.values().map(|fork| fork.acks).sum();
    vec![
        ("outcome", outcome(call).to_owned()),
        ("final", status.to_string()),
        ("invites", u8::from(call.invite.is_some()).to_string()),
        ("provisionals", format!("{provisionals:?}")),
        ("retransmissions", call.again.to_string()),
        ("cancel status", format!("{:?}", call.cancel_status)),
        ("cancel at", format!("{cancel:?}")),
        ("alert at", format!("{alert:?}")),
        ("final at", format!("{last:?}")),
        ("answers", call.forks.len().to_string()),
        ("ACKs of answers", acks.to_string()),
    ]
}

/// What the record says of the same.
pub(crate) fn said(cdr: &Cdr) -> Said {
    let facts = &cdr.facts;
    let times = &facts.times;
    let provisionals: Vec<u16> =
        facts.provisionals.iter().map(|provisional| provisional.status).collect();
    let acks: u32 = facts.forks.iter().map(|fork| u32::from(fork.acks)).sum();
    vec![
        ("outcome", cdr.outcome.name().to_owned()),
        ("final", facts.final_status().to_string()),
        ("invites", facts.invites.to_string()),
        ("provisionals", format!("{provisionals:?}")),
        ("retransmissions", facts.retransmissions.to_string()),
        ("cancel status", format!("{:?}", facts.cancel_status)),
        ("cancel at", format!("{:?}", times.cancel.micros())),
        ("alert at", format!("{:?}", times.alert.micros())),
        ("final at", format!("{:?}", times.answer_or_refusal.micros())),
        ("answers", facts.forks.len().to_string()),
        ("ACKs of answers", acks.to_string()),
    ]
}

/// The outcome's name.
fn outcome(call: &Call) -> &'static str {
    let Some(_) = call.invite else { return "not_attempted" };
    let forwarded = call.heard.iter().any(|heard| heard.status == 181);
    let Some(last) = &call.final_ else {
        return match (&call.cancel, call.alert) {
            (Some(_), Some(_)) if forwarded => "forwarded",
            (Some(_), Some(alert)) if alert.late => "rang_unconfirmed",
            (Some(_), Some(_)) => "rang_no_final",
            (Some(_), None) => "cancelled_no_final",
            (None, _) if call.unreachable => "trunk_unreachable",
            (None, _) => "trunk_timeout",
        };
    };
    if last.status < 300 {
        let soon = call.alert.is_none_or(|alert| micros(alert.received, last.received) < 250_000);
        return match &call.cancel {
            _ if forwarded => "forwarded",
            Some(_) => "answered_race",
            None if soon => "fast_answer",
            None => "answered",
        };
    }
    match (&call.cancel, call.alert) {
        (Some(_), Some(_)) if forwarded => "forwarded",
        (Some(_), Some(alert)) if alert.late => "rang_unconfirmed",
        (Some(cancel), Some(alert)) => {
            let rang = |received: Instant| received <= cancel.first;
            let ringing = call.heard.iter().find(|heard| heard.status == 180);
            let really = alert.source == AlertSource::Ringing
                || ringing.is_some_and(|heard| rang(heard.received));
            if really { "rang" } else { "rang_early_media" }
        }
        (Some(_), None) if call.doom == Some(Doom::Asked) => "cancelled_by_api",
        (Some(_), None) => "no_alert_timeout",
        (None, _) => refused(call, last.status, last.received),
    }
}

fn refused(call: &Call, status: u16, at: Instant) -> &'static str {
    let first = call.invite.as_ref().map_or(at, |invite| invite.first);
    let ringing = call.heard.iter().find(|heard| heard.status == 180);
    let false_ring = ringing.is_some_and(|heard| micros(heard.received, at) < 2_000_000);
    match status {
        300..=399 => "redirected",
        404 | 480 if false_ring => "rang_unconfirmed",
        403 => "blocked_or_forbidden",
        404 | 604 => "unallocated",
        408 => "no_answer",
        410 => "gone",
        480 => "unreachable",
        482 => "routing_loop",
        484 => "invalid_number",
        486 | 600 => "busy",
        487 => "network_cancelled",
        488 => "protocol_rejected",
        500 | 504 => "network_failure",
        503 if call.final_.as_ref().is_some_and(|heard| heard.retry_after) => "overloaded",
        503 => "congestion",
        603 if call.alert.is_none() && micros(first, at) < 1_000_000 => "blocked_suspected",
        603 => "rejected_by_user",
        607 => "blocked_unwanted",
        608 => "blocked_analytics",
        _ => "other",
    }
}

const fn micros(from: Instant, to: Instant) -> u64 {
    to.as_micros().saturating_sub(from.as_micros())
}
