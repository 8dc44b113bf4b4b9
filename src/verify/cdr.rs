//! The one record of one attempt.

use super::record::Part;
use crate::base::calendar::rfc3339;
use crate::base::id::AttemptId;
use crate::base::number::{CallerId, Destination};
use crate::call::facts::{At, Cause, Facts};
use crate::call::outcome::Outcome;
use crate::call::way::Way;
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::Arc;

/// Version of the record's fields; it grows when a field changes its meaning or goes.
pub const VERSION: u8 = 1;

/// The record. Written once, when the outcome is known.
#[derive(Clone, Debug)]
pub struct Cdr {
    /// Its name; sinks drop what they have under it.
    pub id: AttemptId,
    /// The verification it was for, and which of its calls it was; none for a bare call.
    pub part: Option<Part>,
    /// Whether that verification is still open: until it has ended, the presented number is its code.
    pub open: bool,
    /// What its requests had from their trunk.
    pub way: Arc<Way>,
    /// Where the INVITE went.
    pub target: SocketAddr,
    /// Presented number.
    pub from: CallerId,
    /// Called number.
    pub to: Destination,
    /// Call-ID.
    pub call_id: [u8; 32],
    /// Our tag.
    pub from_tag: [u8; 24],
    /// CSeq number of the last INVITE.
    pub cseq: u32,
    /// When the first INVITE left: microseconds since 1970 UTC.
    pub start_unix_us: u64,
    /// What was seen.
    pub facts: Facts,
    /// What it came to.
    pub outcome: Outcome,
}

/// What came after the record was written; under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amendment {
    /// Whose record.
    pub id: AttemptId,
    /// Microseconds since 1970 UTC.
    pub at_unix_us: u64,
    /// Status of the response that came late.
    pub status: u16,
    /// Whether it says that the phone was alerted after all.
    pub alerted: bool,
}

/// The record as it is read by people and programs, numbers in plain. For the person at the keyboard and for sinks
/// that may see them; logs have the types' own masks.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    cdr_id: String,
    cdr_version: u8,
    trunk: Arc<str>,
    target: SocketAddr,
    transport: &'static str,
    local: Arc<str>,
    from: String,
    to: String,
    call_id: String,
    from_tag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_tag: Option<String>,
    cseq: u32,
    invites: u8,
    retransmissions: u16,
    auth_rounds: u8,
    start_at: String,
    at_us: Moments,
    #[serde(skip_serializing_if = "Option::is_none")]
    pdd_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_us: Option<u32>,
    provisionals: Vec<Provisional>,
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    last: Option<Final>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_status: Option<u16>,
    reasons: Vec<Reason>,
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    alerted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert_source: Option<String>,
    forwarded: bool,
    answered: bool,
    forks: Vec<Fork>,
    outcome: &'static str,
}

/// Microseconds since the first INVITE; what did not happen is left out.
#[derive(Clone, Copy, Debug, Serialize)]
struct Moments {
    #[serde(skip_serializing_if = "Option::is_none")]
    first_1xx: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trying: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    early_media: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ringing: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_final: Option<u32>,
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    last: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bye: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<u32>,
}

#[derive(Clone, Debug, Serialize)]
struct Provisional {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_us: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_tag: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Final {
    status: u16,
    reason: String,
}

#[derive(Clone, Debug, Serialize)]
struct Reason {
    protocol: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Fork {
    to_tag: String,
    acks: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    bye_status: Option<u16>,
}

impl Cdr {
    /// Whether the call was answered, and so may cost money.
    #[must_use]
    pub fn answered(&self) -> bool {
        matches!(self.facts.final_status(), 200..=299)
    }

    /// From the alert to our CANCEL, microseconds; none where the CANCEL was out first.
    #[must_use]
    pub fn hold_us(&self) -> Option<u32> {
        let times = &self.facts.times;
        times.cancel.micros()?.checked_sub(times.alert.micros()?)
    }

    /// Post-dial delay: from the INVITE to the first sign of an alert, microseconds.
    #[must_use]
    pub fn pdd_us(&self) -> Option<u32> {
        let times = &self.facts.times;
        times.ringing.micros().or_else(|| times.alert.micros())
    }

    /// The record with its numbers in plain.
    #[must_use]
    pub fn reveal(&self) -> View {
        let facts = &self.facts;
        let said = facts.said.as_deref();
        let tag = |place: u8| facts.tags.get(usize::from(place)).map(|tag| text(tag));
        let provisionals = facts.provisionals.iter().map(|provisional| Provisional {
            status: provisional.status,
            at_us: provisional.at.micros(),
            to_tag: provisional.tag.and_then(tag),
        });
        let forks = facts.forks.iter().map(|fork| Fork {
            to_tag: text(&fork.tag),
            acks: fork.acks,
            bye_status: fork.bye_status,
        });
        View {
            cdr_id: self.id.to_string(),
            cdr_version: VERSION,
            trunk: Arc::clone(&self.way.trunk),
            target: self.target,
            transport: "udp",
            local: Arc::clone(&self.way.sent_by),
            from: format!("+{}", self.from.reveal().as_str()),
            to: format!("+{}", self.to.reveal().as_str()),
            call_id: text(&self.call_id),
            from_tag: text(&self.from_tag),
            to_tag: facts.tags.last().map(|tag| text(tag)),
            cseq: self.cseq,
            invites: facts.invites,
            retransmissions: facts.retransmissions,
            auth_rounds: facts.auth_rounds,
            start_at: rfc3339(self.start_unix_us),
            at_us: self.moments(),
            pdd_ms: self.pdd_us().map(|us| us / 1000),
            hold_us: self.hold_us(),
            provisionals: provisionals.collect(),
            last: said.map(|said| Final { status: said.status, reason: said.phrase.clone() }),
            cancel_status: facts.cancel_status,
            reasons: said
                .map(|said| said.causes.iter().map(Reason::from).collect())
                .unwrap_or_default(),
            notes: said.map(|said| said.notes.clone()).unwrap_or_default(),
            retry_after: said.and_then(|said| said.retry_after),
            server: said.and_then(|said| said.server.clone()),
            alerted: facts.alert.is_some(),
            alert_source: facts.alert.map(|source| source.to_string()),
            forwarded: facts.forwarded,
            answered: self.answered(),
            forks: forks.collect(),
            outcome: self.outcome.name(),
        }
    }

    fn moments(&self) -> Moments {
        let times = &self.facts.times;
        let answered = self.answered();
        let last = times.answer_or_refusal;
        Moments {
            first_1xx: times.first_1xx.micros(),
            trying: times.trying.micros(),
            early_media: times.early_media.micros(),
            ringing: times.ringing.micros(),
            alert: times.alert.micros(),
            cancel: times.cancel.micros(),
            cancel_final: times.cancel_final.micros(),
            last: last.micros(),
            ack: times.ack.micros(),
            answer: if answered { last } else { At::NEVER }.micros(),
            bye: times.bye.micros(),
            end: times.end.micros(),
        }
    }
}

impl From<&Cause> for Reason {
    fn from(cause: &Cause) -> Self {
        Self {
            protocol: cause.protocol.clone(),
            cause: cause.cause,
            text: cause.text.clone(),
            location: cause.location.clone(),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests;
