//! The one record of one attempt.

pub mod csv;
mod kept;
mod mask;
mod terms;
mod view;

use super::record::Part;
use crate::base::id::AttemptId;
use crate::base::number::{CallerId, Destination};
use crate::call::facts::Facts;
use crate::call::outcome::Outcome;
use crate::call::way::Way;
use kept::plain;
use mask::Mask;
use std::net::SocketAddr;
use std::sync::Arc;

pub use kept::{Kept, Show, Unreadable};
pub use view::{Final, Fork, Late, Moments, Provisional, Reason, View};

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

    /// The record with its numbers in plain, and with what the network said as it said it. For the person at the keyboard.
    #[must_use]
    pub fn reveal(&self) -> View {
        View {
            from: Some(plain(self.from.reveal().as_str())),
            to: Some(plain(self.to.reveal().as_str())),
            ..View::of(self)
        }
    }

    /// The record as JSON without its two numbers, also where the network repeated them: what is kept beside them.
    #[must_use]
    pub fn detail(&self) -> String {
        let mut view = View { verification: None, attempt: None, ..View::of(self) };
        view.hide(&Mask::new(self.from, self.to));
        // Texts and numbers can always be written as JSON.
        serde_json::to_string(&view).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
