//! One outbound attempt, in telephone words: what was planned, what happened, what it came to.
//!
//! Nothing here knows transactions, headers or sockets. [`outbound`] is the machine that decides when to
//! cancel; [`facts`] is what an attempt leaves behind; [`outcome`] judges it.

pub mod facts;
pub mod outbound;
pub mod outcome;
pub mod way;

use std::fmt;
use std::time::Duration;

/// The longest `ring_hold` that is allowed. Sub-second is the promise; five seconds is where a person answers.
pub const HOLD_MAX: Duration = Duration::from_secs(5);

/// What counts as the phone being alerted, and so starts the hold.
///
/// 100, 181, 182 and 199 never do (RFC 3261 §21.1, RFC 6228).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trigger {
    /// 180 Ringing only.
    #[default]
    Ringing,
    /// 183 Session Progress, or 180, whichever comes first.
    Progress,
    /// Any 18x that can mean alerting: 180, 183, and unknown 18x, which count as 183 (RFC 3261 §8.1.3.2).
    Any18x,
}

/// Which message told us that the phone is being alerted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertSource {
    /// 180 Ringing.
    Ringing,
    /// 183 Session Progress or an unknown 18x, where the trunk's trigger says that it means alerting.
    Progress,
}

impl Trigger {
    /// Whether a provisional response of this status is an alert.
    #[must_use]
    pub const fn alert(self, status: u16) -> Option<AlertSource> {
        match (self, status) {
            (_, 180) => Some(AlertSource::Ringing),
            (Self::Progress | Self::Any18x, 183) | (Self::Any18x, 184..=189) => {
                Some(AlertSource::Progress)
            }
            _ => None,
        }
    }
}

impl fmt::Display for AlertSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ringing => "180",
            Self::Progress => "183",
        })
    }
}

/// Who wanted the call to end before the phone was alerted, or in the midst of its ringing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelCause {
    /// The phone was alerted and the hold is over: the flash call as planned.
    Alerted,
    /// Nothing alerted the phone in time: the guard.
    NoAlert,
    /// The application, a person at the keyboard, or our own shutdown.
    Asked,
}

/// How long to let it ring, and how long to wait for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// What starts the hold.
    pub trigger: Trigger,
    /// From the alert to our CANCEL. 0 to [`HOLD_MAX`] for somebody's phone, which whoever takes the wish sees to; a load on
    /// numbers that nobody has may hold longer. Default 600 ms: long enough for a phone to log the call.
    pub hold: Duration,
    /// From the INVITE to the CANCEL of a call that never alerted. Default 20 s.
    ///
    /// A 180 is sent once over UDP; where it is lost the phone would ring on until the carrier gives up.
    pub no_alert: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            trigger: Trigger::Ringing,
            hold: Duration::from_millis(600),
            no_alert: Duration::from_secs(20),
        }
    }
}
