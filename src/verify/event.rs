//! What happens to a verification, as it is told to streams, logs and metrics.

use super::command::Verdict;
use super::snapshot::Snapshot;
use super::status::Phase;
use crate::base::id::{AttemptId, SessionId};
use crate::call::outcome::Outcome;
use std::sync::Arc;

/// One event. It holds no number and no code.
#[derive(Clone, Debug)]
pub struct Event {
    /// Of which verification.
    pub id: SessionId,
    /// Whose.
    pub tenant: Arc<str>,
    /// Counts the events of the verification: 1, 2, … A restart leaves a gap and never goes back.
    pub sequence: u64,
    /// Microseconds since 1970 UTC.
    pub at_unix_us: u64,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// It began, and that is stored.
    Started(Box<Snapshot>),
    /// A call of it is being made, rings, was cancelled.
    Phase {
        /// What it is doing now.
        phase: Phase,
        /// Which of its calls.
        attempt: u8,
    },
    /// A call of it is over, and its record is stored.
    CallEnded {
        /// Names the CDR.
        cdr: AttemptId,
        /// Which of its calls.
        attempt: u8,
        /// What it came to.
        outcome: Outcome,
    },
    /// A claim that did not end it was judged, and that is stored.
    CheckFailed {
        /// What was said of it.
        verdict: Verdict,
        /// Wrong codes that may still be given.
        tries_left: u8,
    },
    /// Right digits of a call that cannot have rung: somebody knows what he cannot know, or the carrier lies.
    Alarm {
        /// Which of its calls.
        attempt: u8,
        /// What that had come to.
        outcome: Outcome,
    },
    /// It ended, and that is stored.
    Ended(Box<Snapshot>),
}
