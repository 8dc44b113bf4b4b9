//! What the store is asked to keep, in order.
//!
//! What is appended between two commits is kept whole or not at all: a verification, its call's intent and its
//! `Idempotency-Key` come together.

use super::cdr::{Amendment, Cdr};
use super::command::Idempotency;
use super::status::{Reason, Status};
use crate::base::id::{AttemptId, SessionId};
use crate::base::number::{CallerId, Country, Destination};
use crate::call::outcome::Outcome;
use crate::call::way::Way;
use smallvec::SmallVec;
use std::net::SocketAddr;
use std::sync::Arc;

/// That a call is about to be placed: everything that is needed to end it without us. Kept before its first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Which attempt; its branches follow from it.
    pub id: AttemptId,
    /// The verification it is for, and which of its calls it is: 1, 2, … None for a bare call.
    pub part: Option<Part>,
    /// Called number.
    pub to: Destination,
    /// Presented number. Whoever keeps it seals it.
    pub from: CallerId,
    /// Call-ID.
    pub call_id: [u8; 32],
    /// Our tag.
    pub from_tag: [u8; 24],
    /// What its requests have from their trunk.
    pub way: Arc<Way>,
    /// Where the INVITE goes.
    pub target: SocketAddr,
    /// When it was decided on, microseconds since 1970 UTC.
    pub at_unix_us: u64,
}

/// Which call of which verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// The verification.
    pub session: SessionId,
    /// 1, 2, …
    pub number: u8,
}

/// A verification as it began. Its [`Change`]s follow.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub tenant: Arc<str>,
    /// By which profile.
    pub profile: Arc<str>,
    /// The number to verify.
    pub to: Destination,
    /// Where it is.
    pub country: Option<Country>,
    /// Microseconds since 1970 UTC.
    pub created_unix_us: u64,
    /// When its lifetime is over.
    pub expires_unix_us: u64,
    /// Digits of the code.
    pub code_length: u8,
    /// Wrong codes that may be given.
    pub tries: u8,
    /// Further calls that may be asked for.
    pub redials: u8,
    /// Whether a diverted call counts.
    pub allow_diverted: bool,
    /// Distinct codes that might have been drawn.
    pub distinct: u32,
    /// The `Idempotency-Key` that it answers; kept for a day.
    pub idempotency: Option<Idempotency>,
    /// The application's own name for it.
    pub client_reference: Option<Arc<str>>,
    /// JSON that the application gave with it.
    pub metadata: Option<Arc<str>>,
}

/// What of a verification changed: all that can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub id: SessionId,
    /// What it has come to.
    pub status: Status,
    /// Why it ended.
    pub reason: Option<Reason>,
    /// When it ended, microseconds since 1970 UTC.
    pub ended_unix_us: Option<u64>,
    /// Wrong codes that may still be given.
    pub tries_left: u8,
    /// Further calls that may be asked for.
    pub redials_left: u8,
    /// Which of its calls the right digits were of.
    pub approved_by: Option<u8>,
    /// Approved by the digits of a call that may not have rung.
    pub late: bool,
    /// Where it ended: the caller-IDs of its calls, whose records may now show them.
    pub reveal: SmallVec<[(AttemptId, CallerId); 2]>,
}

/// One thing to be kept.
#[derive(Clone, Debug)]
pub enum Record {
    /// A verification begins.
    Opened(Arc<Opened>),
    /// A verification changed.
    Changed(Arc<Change>),
    /// Before the first packet of a call.
    Intent(Arc<Intent>),
    /// After a call. Ends its intent.
    Cdr(Arc<Cdr>),
    /// After its CDR.
    Amendment(Amendment),
}

/// What a start must know of the past, where it is not in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// The number.
    pub to: Destination,
    /// Only calls since then matter, microseconds since 1970 UTC.
    pub since_unix_us: u64,
    /// Whether this `Idempotency-Key` was claimed.
    pub key: Option<[u8; 32]>,
    /// Claims before that do not count any more.
    pub key_since_unix_us: u64,
}

/// What the store found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Caller-IDs that rang the number, newest first; at most [`RECENT_MAX`].
    pub recent: Vec<CallerId>,
    /// The verification that the key made, and the hash of its request.
    pub claimed: Option<(SessionId, [u8; 32])>,
}

/// Most caller-IDs that are remembered of one destination.
pub const RECENT_MAX: usize = 512;

/// What was open when the last life ended.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// Verifications that were pending, with their last change.
    pub sessions: Vec<LeftSession>,
    /// Calls without a record, also of verifications that have ended.
    pub intents: Vec<Intent>,
}

/// One verification that was pending.
#[derive(Clone, Debug)]
pub struct LeftSession {
    /// As it began.
    pub opened: Opened,
    /// Wrong codes that may still be given.
    pub tries_left: u8,
    /// Further calls that may be asked for.
    pub redials_left: u8,
    /// Its calls that have a record: which, whence, by which trunk, and what they came to. In order.
    pub calls: Vec<LeftCall>,
}

/// One call of it that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftCall {
    /// Names its CDR.
    pub id: AttemptId,
    /// 1, 2, …
    pub number: u8,
    /// Name of the trunk.
    pub trunk: Arc<str>,
    /// The number that called.
    pub from: CallerId,
    /// What it came to.
    pub outcome: Outcome,
    /// Whether the phone was alerted, whatever came of it then.
    pub alerted: bool,
}
