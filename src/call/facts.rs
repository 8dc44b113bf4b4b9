//! What an attempt leaves behind: times, statuses, and the network's own words.
//!
//! Times are microseconds since the first INVITE, so that a fact takes four bytes while a million phones ring.

use super::{AlertSource, CancelCause};
use crate::base::clock::Instant;
use smallvec::SmallVec;

/// Most provisional responses that are kept of one attempt; the rest are counted.
pub const PROVISIONALS_MAX: usize = 32;
/// Most distinct to-tags that are kept of one attempt.
pub const TAGS_MAX: usize = 16;

/// A moment of an attempt: microseconds since its first INVITE, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At(u32);

impl At {
    /// It did not happen.
    pub const NEVER: Self = Self(u32::MAX);

    /// The moment `now` of an attempt that began at `start`; saturates after 71 minutes.
    #[must_use]
    pub fn of(now: Instant, start: Instant) -> Self {
        let micros = now.as_micros().saturating_sub(start.as_micros());
        Self(u32::try_from(micros).unwrap_or(u32::MAX).min(u32::MAX - 1))
    }

    /// Microseconds since the first INVITE, if it happened.
    #[must_use]
    pub fn micros(self) -> Option<u32> {
        (self != Self::NEVER).then_some(self.0)
    }

    /// Sets the moment unless it is set: the first time counts.
    pub fn first(&mut self, at: Self) {
        if *self == Self::NEVER {
            *self = at;
        }
    }
}

impl Default for At {
    fn default() -> Self {
        Self::NEVER
    }
}

/// The moments of an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// First response of any kind but a final.
    pub first_1xx: At,
    /// First 100 Trying.
    pub trying: At,
    /// First 183 Session Progress.
    pub early_media: At,
    /// First 180 Ringing.
    pub ringing: At,
    /// The response that counted as the alert.
    pub alert: At,
    /// Our CANCEL.
    pub cancel: At,
    /// The final response to our CANCEL.
    pub cancel_final: At,
    /// The first final response to the INVITE.
    pub answer_or_refusal: At,
    /// Our first ACK.
    pub ack: At,
    /// Our first BYE.
    pub bye: At,
    /// The attempt's outcome was known.
    pub end: At,
}

/// A tag of the far end.
pub type Tag = SmallVec<[u8; 24]>;

/// One provisional response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provisional {
    /// When it came.
    pub at: At,
    /// 100 to 199.
    pub status: u16,
    /// Place of its to-tag in [`Facts::tags`]; none for a response without a tag.
    pub tag: Option<u8>,
}

/// One value of a Reason header (RFC 3326), or what stands for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// `Q.850`, `SIP`, `STIR` …, as received.
    pub protocol: String,
    /// The number behind `cause=`.
    pub cause: Option<u16>,
    /// The text.
    pub text: Option<String>,
    /// Where the release came from (RFC 8606 §4): `U` is the user, anything else a network.
    pub location: Option<String>,
}

/// What the network said with the final response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// 200 to 699.
    pub status: u16,
    /// Reason phrase, as received.
    pub phrase: String,
    /// Every Reason value, in order.
    pub causes: Vec<Cause>,
    /// Seconds of Retry-After.
    pub retry_after: Option<u32>,
    /// Texts of Warning, without the host that warns, and of X-Reason.
    pub notes: Vec<String>,
    /// Server or User-Agent of the far end.
    pub server: Option<String>,
}

/// One answer that we acknowledged and ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fork {
    /// Its to-tag.
    pub tag: Tag,
    /// How many ACKs we sent: one for each copy of the 2xx.
    pub acks: u16,
    /// The final response to our BYE; none if it had none.
    pub bye_status: Option<u16>,
}

/// How the INVITE itself ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// It is under way.
    #[default]
    Open,
    /// A final response of 300 or more.
    Refused,
    /// A 2xx.
    Answered,
    /// Our CANCEL was out, and no final came in 64*T1.
    NoFinal,
    /// No response at all within 64*T1 of the INVITE.
    Silence,
    /// The transport refused it (ICMP, a closed port, no route).
    Unreachable,
    /// No INVITE was sent.
    NotSent,
}

/// Everything that was seen of one attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// When things happened.
    pub times: Times,
    /// Provisional responses in order, the first [`PROVISIONALS_MAX`].
    pub provisionals: SmallVec<[Provisional; 2]>,
    /// To-tags in order of appearance.
    pub tags: SmallVec<[Tag; 1]>,
    /// What told us that the phone is being alerted.
    pub alert: Option<AlertSource>,
    /// Whether that alert came only after our CANCEL.
    pub alert_late: bool,
    /// Why we sent a CANCEL, if we did.
    pub cancel: Option<CancelCause>,
    /// Status of the final response to the CANCEL.
    pub cancel_status: Option<u16>,
    /// 181, Diversion or History-Info was seen (RFC 3261 §21.1.3, RFC 5806, RFC 7044).
    pub forwarded: bool,
    /// Somebody wanted the call to end before there was anything to cancel, and its challenge was not answered.
    pub withdrawn: bool,
    /// How the INVITE ended.
    pub end: End,
    /// The final response.
    pub said: Option<Box<Said>>,
    /// The answers.
    pub forks: Vec<Fork>,
    /// INVITE transactions: 1, and one more for each challenge answered and each further target.
    pub invites: u8,
    /// Challenges answered.
    pub auth_rounds: u8,
    /// Requests that were sent again, of any method.
    pub retransmissions: u16,
}

impl Facts {
    /// The place of a tag, kept if there is room.
    pub fn tag(&mut self, tag: &[u8]) -> Option<u8> {
        let place = self.tags.iter().position(|known| known.as_slice() == tag).or_else(|| {
            (self.tags.len() < TAGS_MAX).then(|| {
                self.tags.push(Tag::from_slice(tag));
                self.tags.len() - 1
            })
        })?;
        u8::try_from(place).ok()
    }

    /// Status of the final response to the INVITE; 0 if there was none.
    #[must_use]
    pub fn final_status(&self) -> u16 {
        self.said.as_ref().map_or(0, |said| said.status)
    }
}
