//! What can be asked of what is stored.

use super::rows::{CdrRow, SessionRow};
use crate::base::id::SessionId;
use crate::base::number::Destination;
use crate::call::outcome::Outcome;
use crate::verify::status::Status;
use std::sync::Arc;

/// Most rows of one answer.
pub const LIMIT_MAX: usize = 1000;

/// Which sessions, newest first.
#[derive(Clone, Debug)]
pub struct SessionQuery {
    /// Whose; all by default.
    pub tenant: Option<Arc<str>>,
    /// What they have come to.
    pub status: Option<Status>,
    /// Of which number.
    pub to: Option<Destination>,
    /// By the application's own name.
    pub client_reference: Option<Arc<str>>,
    /// Only those that began before this one.
    pub before: Option<SessionId>,
    /// Most of them; 1 to [`LIMIT_MAX`], default 100.
    pub limit: usize,
}

/// From which end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// The last one first.
    #[default]
    NewestFirst,
    /// In the order in which they were kept.
    OldestFirst,
}

/// Which CDRs.
#[derive(Clone, Debug)]
pub struct CdrQuery {
    /// Whose; all by default, those of nobody's calls included.
    pub tenant: Option<Arc<str>>,
    /// Of which verification.
    pub session: Option<SessionId>,
    /// Of which number.
    pub to: Option<Destination>,
    /// By which trunk.
    pub trunk: Option<Arc<str>>,
    /// What came of them.
    pub outcome: Option<Outcome>,
    /// Calls that began then or later, microseconds since 1970 UTC.
    pub since_unix_us: Option<u64>,
    /// Calls that began before.
    pub until_unix_us: Option<u64>,
    /// Only those behind this row, in the direction of the answer.
    pub after: Option<u64>,
    /// From which end.
    pub direction: Direction,
    /// Most of them; 1 to [`LIMIT_MAX`], default 100.
    pub limit: usize,
}

impl SessionQuery {
    /// Whether this one was asked for.
    pub(super) fn fits(&self, session: &SessionRow) -> bool {
        let opened = &session.opened;
        self.tenant.as_ref().is_none_or(|tenant| *tenant == opened.tenant)
            && self.status.is_none_or(|status| status == session.status)
            && self.to.is_none_or(|to| to == opened.to)
            && self
                .client_reference
                .as_ref()
                .is_none_or(|reference| opened.client_reference.as_ref() == Some(reference))
    }
}

impl CdrQuery {
    /// Whether this one was asked for.
    pub(super) fn fits(&self, cdr: &CdrRow<'_>) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| cdr.tenant == Some(&**tenant))
            && self.session.is_none_or(|session| cdr.is_of(session))
            && self.to.is_none_or(|to| to == cdr.to)
            && self.trunk.as_ref().is_none_or(|trunk| **trunk == *cdr.trunk)
            && self.outcome.is_none_or(|outcome| outcome == cdr.outcome)
            && self.since_unix_us.is_none_or(|since| since <= cdr.start_unix_us)
            && self.until_unix_us.is_none_or(|until| cdr.start_unix_us < until)
    }
}

impl Default for SessionQuery {
    fn default() -> Self {
        Self {
            tenant: None,
            status: None,
            to: None,
            client_reference: None,
            before: None,
            limit: 100,
        }
    }
}

impl Default for CdrQuery {
    fn default() -> Self {
        Self {
            tenant: None,
            session: None,
            to: None,
            trunk: None,
            outcome: None,
            since_unix_us: None,
            until_unix_us: None,
            after: None,
            direction: Direction::default(),
            limit: 100,
        }
    }
}
