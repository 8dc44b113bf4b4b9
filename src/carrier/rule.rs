//! What the judge insists on: one table of rules, each with its stable name and the sentence that it rests on.

use std::fmt;

use crate::base::clock::Instant;
use crate::base::number::{CallerId, Destination};

/// A rule that a caller can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// What cannot be read or lacks what every request must have.
    Malformed,
    /// An INVITE sent again is the same bytes.
    InviteChanged,
    /// No INVITE follows in a call that was cancelled.
    InviteAfterCancel,
    /// What follows a challenge has a higher CSeq.
    InviteCseq,
    /// A CANCEL waits for a provisional response.
    CancelEarly,
    /// A CANCEL is not sent once a final has come.
    CancelAfterFinal,
    /// One CANCEL for an INVITE.
    CancelTwice,
    /// A CANCEL belongs to a call.
    CancelUnknown,
    /// Branch of the CANCEL.
    CancelBranch,
    /// Sent-by of the CANCEL.
    CancelSentBy,
    /// Number of Via values in the CANCEL.
    CancelVias,
    /// Request-URI of the CANCEL.
    CancelUri,
    /// CSeq number of the CANCEL.
    CancelCseq,
    /// From of the CANCEL.
    CancelFrom,
    /// To of the CANCEL, its tag aside.
    CancelTo,
    /// To tag of the CANCEL.
    CancelToTag,
    /// Route of the CANCEL.
    CancelRoute,
    /// What a CANCEL may not require.
    CancelRequire,
    /// The reason that keeps the call out of the phone's log.
    CancelReason,
    /// Every final is acknowledged.
    AckMissing,
    /// Every copy of a final is acknowledged.
    AckNotRepeated,
    /// An ACK follows a final.
    AckUnasked,
    /// Branch of the ACK.
    AckBranch,
    /// Request-URI of the ACK.
    AckUri,
    /// CSeq number and method of the ACK.
    AckCseq,
    /// From tag of the ACK.
    AckFromTag,
    /// To tag of the ACK.
    AckToTag,
    /// Route of the ACK.
    AckRoute,
    /// A 2xx is acknowledged.
    AnswerNotAcked,
    /// An answered call is ended.
    AnswerNotEnded,
    /// BYE belongs to a dialog.
    ByeDialog,
    /// BYE has a higher CSeq than the INVITE.
    ByeCseq,
    /// BYE is a transaction of its own.
    ByeBranch,
    /// Request-URI of the BYE.
    ByeUri,
    /// Route of the BYE.
    ByeRoute,
    /// A reliable provisional response is acknowledged.
    PrackMissing,
    /// RAck names the response.
    PrackRack,
    /// PRACK has a higher CSeq than the INVITE.
    PrackCseq,
    /// No phone is left ringing.
    LeftRinging,
}

impl Rule {
    /// All rules, in the order of their declaration.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(rule, ..)| *rule)
    }

    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        TABLE.get(self as usize).map_or("", |(_, name, _)| name)
    }

    /// What would be right.
    #[must_use]
    pub fn right(self) -> &'static str {
        TABLE.get(self as usize).map_or("", |(.., right)| right)
    }

    pub(super) const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// In the order of the declaration: rule, name, what would be right.
const TABLE: [(Rule, &str, &str); 39] = [
    (Rule::Malformed, "malformed", "a request that can be read (RFC 3261 §8.1.1)"),
    (
        Rule::InviteChanged,
        "invite-changed",
        "a retransmission is the same request (RFC 3261 §17.1.1.2)",
    ),
    (Rule::InviteAfterCancel, "invite-after-cancel", "a cancelled call is not tried again"),
    (
        Rule::InviteCseq,
        "invite-cseq",
        "what answers a challenge has a higher CSeq (RFC 3261 §22.2)",
    ),
    (Rule::CancelEarly, "cancel-early", "no CANCEL before a provisional response (RFC 3261 §9.1)"),
    (
        Rule::CancelAfterFinal,
        "cancel-after-final",
        "no CANCEL once a final response has come (RFC 3261 §9.1)",
    ),
    (
        Rule::CancelTwice,
        "cancel-twice",
        "one CANCEL, sent again only when Timer E fires (RFC 3261 §17.1.2.2)",
    ),
    (
        Rule::CancelUnknown,
        "cancel-unknown",
        "a CANCEL has the Call-ID of its INVITE (RFC 3261 §9.1)",
    ),
    (Rule::CancelBranch, "cancel-branch", "a CANCEL has the branch of its INVITE (RFC 3261 §9.1)"),
    (
        Rule::CancelSentBy,
        "cancel-sent-by",
        "a CANCEL has the topmost Via of its INVITE (RFC 3261 §9.1)",
    ),
    (Rule::CancelVias, "cancel-vias", "a CANCEL has a single Via value (RFC 3261 §9.1)"),
    (Rule::CancelUri, "cancel-uri", "a CANCEL has the Request-URI of its INVITE (RFC 3261 §9.1)"),
    (Rule::CancelCseq, "cancel-cseq", "a CANCEL has the CSeq number of its INVITE (RFC 3261 §9.1)"),
    (Rule::CancelFrom, "cancel-from", "a CANCEL has the From of its INVITE (RFC 3261 §9.1)"),
    (Rule::CancelTo, "cancel-to", "a CANCEL has the To of its INVITE (RFC 3261 §9.1)"),
    (
        Rule::CancelToTag,
        "cancel-to-tag",
        "a CANCEL has the To of its INVITE, without a tag (RFC 3261 §9.1)",
    ),
    (Rule::CancelRoute, "cancel-route", "a CANCEL has the Route of its INVITE (RFC 3261 §9.1)"),
    (
        Rule::CancelRequire,
        "cancel-require",
        "a CANCEL has no Require and no Proxy-Require (RFC 3261 §9.1)",
    ),
    (
        Rule::CancelReason,
        "cancel-reason",
        "no reason that says the call was completed elsewhere (RFC 3326 §2)",
    ),
    (Rule::AckMissing, "ack-missing", "every final response gets an ACK (RFC 3261 §17.1.1.3)"),
    (
        Rule::AckNotRepeated,
        "ack-not-repeated",
        "every copy of a final response gets an ACK (RFC 3261 §17.1.1.2)",
    ),
    (Rule::AckUnasked, "ack-unasked", "an ACK only for a final response (RFC 3261 §17.1.1.3)"),
    (
        Rule::AckBranch,
        "ack-branch",
        "the ACK of a 3xx to 6xx has the INVITE's branch, that of a 2xx its own (RFC 3261 §17.1.1.3, §13.2.2.4)",
    ),
    (
        Rule::AckUri,
        "ack-uri",
        "the INVITE's Request-URI; after a 2xx its Contact (RFC 3261 §17.1.1.3, §12.2.1.1)",
    ),
    (Rule::AckCseq, "ack-cseq", "the INVITE's CSeq number with ACK (RFC 3261 §17.1.1.3)"),
    (Rule::AckFromTag, "ack-from-tag", "the INVITE's From (RFC 3261 §17.1.1.3)"),
    (Rule::AckToTag, "ack-to-tag", "the To of the response, with its tag (RFC 3261 §17.1.1.3)"),
    (
        Rule::AckRoute,
        "ack-route",
        "the INVITE's Route; after a 2xx its Record-Route reversed (RFC 3261 §17.1.1.3, §12.1.2)",
    ),
    (Rule::AnswerNotAcked, "answer-not-acked", "every 2xx gets an ACK (RFC 3261 §13.2.2.4)"),
    (
        Rule::AnswerNotEnded,
        "answer-not-ended",
        "an answered flash call is ended with BYE (RFC 3261 §15)",
    ),
    (Rule::ByeDialog, "bye-dialog", "BYE has the tags of its dialog (RFC 3261 §12.2.1.1)"),
    (
        Rule::ByeCseq,
        "bye-cseq",
        "a CSeq above all that was sent in the dialog (RFC 3261 §12.2.1.1)",
    ),
    (Rule::ByeBranch, "bye-branch", "BYE has a branch of its own (RFC 3261 §8.1.1.7)"),
    (Rule::ByeUri, "bye-uri", "BYE goes to the Contact of the response (RFC 3261 §12.2.1.1)"),
    (Rule::ByeRoute, "bye-route", "the Record-Route of the response, reversed (RFC 3261 §12.1.2)"),
    (
        Rule::PrackMissing,
        "prack-missing",
        "a reliable provisional response gets a PRACK (RFC 3262 §4)",
    ),
    (Rule::PrackRack, "prack-rack", "RAck has the response's RSeq and CSeq (RFC 3262 §7.2)"),
    (
        Rule::PrackCseq,
        "prack-cseq",
        "a CSeq above all that was sent in the dialog (RFC 3261 §12.2.1.1)",
    ),
    (Rule::LeftRinging, "left-ringing", "a CANCEL before the ring limit"),
];

/// A rule broken in a call; told once for each call and rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offence {
    /// Which.
    pub rule: Rule,
    /// The call, as its Call-ID names it; what is no printable ASCII is escaped.
    pub call_id: String,
    /// Who called, if From says.
    pub from: Option<CallerId>,
    /// Who was called, if the Request-URI says.
    pub to: Option<Destination>,
    /// When it was seen.
    pub at: Instant,
    /// What was seen. Holds no number.
    pub saw: String,
}

/// `offence cancel-branch call=… from=+120******** to=+1202***0142 at=1.25s: saw …; right: …`
impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offence {} call={}", self.rule.name(), self.call_id)?;
        if let Some(from) = self.from {
            write!(f, " from={from}")?;
        }
        if let Some(to) = self.to {
            write!(f, " to={to}")?;
        }
        let seconds = self.at.since(Instant::START).as_secs_f64();
        write!(f, " at={seconds:.3}s: {}; right: {}", self.saw, self.rule.right())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_each_rule_has_its_own_name() {
        let mut names: Vec<_> = Rule::all().map(Rule::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
        for (place, rule) in Rule::all().enumerate() {
            assert_eq!(rule as usize, place);
            assert_eq!(rule.bit(), 1 << place);
        }
        assert_eq!(Rule::LeftRinging as usize + 1, TABLE.len());
    }
}
