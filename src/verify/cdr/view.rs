//! The record as people and programs read it. `docs/CDR.md` explains each field; what is not known is left out.

use super::mask::Mask;
use super::{Amendment, Cdr, VERSION};
use crate::base::calendar::rfc3339;
use crate::call::facts::{At, Cause, End};
use crate::call::outcome::Outcome;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The record, its numbers shown or hidden by whoever made it. Read back, what is missing is none, empty or zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    /// Its name.
    pub cdr_id: String,
    /// [`VERSION`] of the program that wrote it.
    pub cdr_version: u8,
    /// The verification that the call was for; none for a bare call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<String>,
    /// Which of its calls: 1, 2, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u8>,
    /// Whose verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Name of the trunk.
    pub trunk: String,
    /// Address that the last INVITE went to.
    pub target: String,
    /// `udp`.
    pub transport: Cow<'static, str>,
    /// `host:port` of our Via and Contact.
    pub local: String,
    /// The number that called; none where records are kept without their numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The number that was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Call-ID.
    pub call_id: String,
    /// Our tag.
    pub from_tag: String,
    /// The last tag of the far end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_tag: Option<String>,
    /// CSeq number of the last INVITE.
    pub cseq: u32,
    /// INVITE transactions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invites: Option<u8>,
    /// Requests that were sent again, of any method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retransmissions: Option<u16>,
    /// Challenges answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_rounds: Option<u8>,
    /// When the first INVITE left.
    pub start_at: String,
    /// What happened when.
    pub at_us: Moments,
    /// Post-dial delay, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pdd_ms: Option<u32>,
    /// From the alert to our CANCEL, microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_us: Option<u32>,
    /// Provisional responses in order.
    pub provisionals: Vec<Provisional>,
    /// The final response to the INVITE.
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    pub last: Option<Final>,
    /// Status of the final response to the CANCEL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_status: Option<u16>,
    /// Reason header values of the final response.
    pub reasons: Vec<Reason>,
    /// Texts of its Warning and X-Reason headers.
    pub notes: Vec<String>,
    /// Seconds of its Retry-After.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// Its Server or User-Agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Whether the network said that the phone was alerted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerted: Option<bool>,
    /// What said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_source: Option<String>,
    /// Whether the call was diverted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<bool>,
    /// Whether somebody answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<bool>,
    /// The answers.
    pub forks: Vec<Fork>,
    /// What it came to.
    pub outcome: Cow<'static, str>,
    /// What came after the record was written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amendments: Vec<Late>,
}

/// Microseconds since the first INVITE; what did not happen is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Moments {
    /// First provisional response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_1xx: Option<u32>,
    /// First 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trying: Option<u32>,
    /// First 183.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_media: Option<u32>,
    /// First 180.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ringing: Option<u32>,
    /// The response that counted as the alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<u32>,
    /// Our CANCEL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel: Option<u32>,
    /// The final response to our CANCEL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_final: Option<u32>,
    /// The first final response to the INVITE.
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    pub last: Option<u32>,
    /// Our first ACK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack: Option<u32>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<u32>,
    /// Our first BYE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bye: Option<u32>,
    /// The outcome was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u32>,
}

/// One provisional response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provisional {
    /// 100 to 199.
    pub status: u16,
    /// Microseconds since the first INVITE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_us: Option<u32>,
    /// Its tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_tag: Option<String>,
}

/// The final response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Final {
    /// 200 to 699.
    pub status: u16,
    /// Reason phrase, as received.
    pub reason: String,
}

/// One value of a Reason header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// `Q.850`, `SIP`, … as received.
    pub protocol: String,
    /// The number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<u16>,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where the release came from (RFC 8606 §4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// One answer that was acknowledged and ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// Its tag.
    pub to_tag: String,
    /// How many ACKs were sent.
    pub acks: u16,
    /// The final response to the BYE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bye_status: Option<u16>,
}

/// A response that came after the record was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late {
    /// When.
    pub at: String,
    /// Its status.
    pub status: u16,
    /// Whether it says that the phone was alerted after all.
    pub alerted: bool,
}

impl View {
    /// Everything but the two numbers, and what the network said as it said it.
    pub(super) fn of(cdr: &Cdr) -> Self {
        let facts = &cdr.facts;
        let said = facts.said.as_deref();
        // Of a call that we did not live to see the end of, nothing is known, which is not the same as no.
        let seen = cdr.outcome != Outcome::Interrupted || facts.end != End::Open;
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
        Self {
            cdr_id: cdr.id.to_string(),
            cdr_version: VERSION,
            verification: cdr.part.map(|part| part.session.to_string()),
            attempt: cdr.part.map(|part| part.number),
            tenant: None,
            trunk: cdr.way.trunk.to_string(),
            target: cdr.target.to_string(),
            transport: "udp".into(),
            local: cdr.way.sent_by.to_string(),
            from: None,
            to: None,
            call_id: text(&cdr.call_id),
            from_tag: text(&cdr.from_tag),
            to_tag: facts.tags.last().map(|tag| text(tag)),
            cseq: cdr.cseq,
            invites: seen.then_some(facts.invites),
            retransmissions: seen.then_some(facts.retransmissions),
            auth_rounds: seen.then_some(facts.auth_rounds),
            start_at: rfc3339(cdr.start_unix_us),
            at_us: Moments::of(cdr),
            pdd_ms: cdr.pdd_us().map(|us| us / 1000),
            hold_us: cdr.hold_us(),
            provisionals: provisionals.collect(),
            last: said.map(|said| Final { status: said.status, reason: said.phrase.clone() }),
            cancel_status: facts.cancel_status,
            reasons: said
                .map(|said| said.causes.iter().map(Reason::from).collect())
                .unwrap_or_default(),
            notes: said.map(|said| said.notes.clone()).unwrap_or_default(),
            retry_after: said.and_then(|said| said.retry_after),
            server: said.and_then(|said| said.server.clone()),
            alerted: seen.then_some(facts.alert.is_some()),
            alert_source: facts.alert.map(|source| source.to_string()),
            forwarded: seen.then_some(facts.forwarded),
            answered: seen.then_some(cdr.answered()),
            forks: forks.collect(),
            outcome: cdr.outcome.name().into(),
            amendments: Vec::new(),
        }
    }

    /// Hides numbers of ours in everything that came from the network.
    pub(super) fn hide(&mut self, mask: &Mask) {
        let words = self.last.iter_mut().map(|last| &mut last.reason);
        let words = words.chain(&mut self.notes).chain(&mut self.server);
        for text in words.chain(self.reasons.iter_mut().flat_map(Reason::texts)) {
            mask.words(text);
        }
        let tags =
            self.provisionals.iter_mut().filter_map(|provisional| provisional.to_tag.as_mut());
        let tags = tags.chain(&mut self.to_tag);
        for tag in tags.chain(self.forks.iter_mut().map(|fork| &mut fork.to_tag)) {
            mask.token(tag);
        }
        self.retry_after = self.retry_after.filter(|secs| !mask.is_number(*secs));
        for reason in &mut self.reasons {
            reason.cause = reason.cause.filter(|cause| !mask.is_number(u32::from(*cause)));
        }
    }
}

impl Moments {
    fn of(cdr: &Cdr) -> Self {
        let times = &cdr.facts.times;
        let last = times.answer_or_refusal;
        Self {
            first_1xx: times.first_1xx.micros(),
            trying: times.trying.micros(),
            early_media: times.early_media.micros(),
            ringing: times.ringing.micros(),
            alert: times.alert.micros(),
            cancel: times.cancel.micros(),
            cancel_final: times.cancel_final.micros(),
            last: last.micros(),
            ack: times.ack.micros(),
            answer: if cdr.answered() { last } else { At::NEVER }.micros(),
            bye: times.bye.micros(),
            end: times.end.micros(),
        }
    }
}

impl Reason {
    fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        std::iter::once(&mut self.protocol).chain(&mut self.text).chain(&mut self.location)
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

impl From<&Amendment> for Late {
    fn from(amendment: &Amendment) -> Self {
        Self {
            at: rfc3339(amendment.at_unix_us),
            status: amendment.status,
            alerted: amendment.alerted,
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
