//! How a verification stands: what the API shows, from the engine while it is open, from the store when it has ended.

use super::status::{Phase, Reason, Status};
use crate::base::id::{AttemptId, SessionId};
use crate::base::number::{CallerId, Country, Destination};
use crate::call::outcome::Outcome;
use crate::numbers::odds::Odds;
use std::sync::Arc;

/// How a verification stands. Its numbers hide themselves; whoever shows them in plain asks
/// [`may_reveal`](Self::may_reveal) first.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub tenant: Arc<str>,
    /// By which profile.
    pub profile: Arc<str>,
    /// The number being verified.
    pub to: Destination,
    /// Where it is.
    pub country: Option<Country>,
    /// What it has come to.
    pub status: Status,
    /// What it is doing, while it is pending.
    pub phase: Option<Phase>,
    /// Why it ended, but for `approved`.
    pub reason: Option<Reason>,
    /// When it began, microseconds since 1970 UTC.
    pub created_unix_us: u64,
    /// When its lifetime is over.
    pub expires_unix_us: u64,
    /// When it ended.
    pub ended_unix_us: Option<u64>,
    /// Digits of the code.
    pub code_length: u8,
    /// Wrong codes that may still be given.
    pub tries_left: u8,
    /// Further calls that may be asked for.
    pub redials_left: u8,
    /// Approved by the digits of a call that may not have rung.
    pub late: bool,
    /// How hard its code is to guess.
    pub odds: Odds,
    /// The application's own name for it.
    pub client_reference: Option<Arc<str>>,
    /// JSON that the application gave with it.
    pub metadata: Option<Arc<str>>,
    /// Its calls, in order.
    pub attempts: Vec<AttemptView>,
}

/// One call of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptView {
    /// Names its CDR.
    pub id: AttemptId,
    /// 1, 2, …
    pub number: u8,
    /// Name of the trunk.
    pub trunk: Arc<str>,
    /// The number that calls; its last digits are the code.
    pub caller_id: CallerId,
    /// What it came to, once it is over.
    pub outcome: Option<Outcome>,
}

impl Snapshot {
    /// Whether caller-IDs may be shown in plain to whoever may see numbers: no code of it is worth anything any more.
    #[must_use]
    pub const fn may_reveal(&self) -> bool {
        self.status.is_final()
    }
}
