//! One open verification, as the verifier holds it.

use crate::base::clock::Instant;
use crate::base::id::{AttemptId, SessionId, Ticket};
use crate::base::number::CallerId;
use crate::call::outcome::Outcome;
use crate::numbers::odds::Odds;
use crate::numbers::pool::Pool;
use crate::verify::command::{Answer, Fresh, Refusal, Verdict};
use crate::verify::event::{Event, What};
use crate::verify::matcher::{Candidate, Stand};
use crate::verify::reach::{Reach, reach};
use crate::verify::record::{Change, Opened};
use crate::verify::snapshot::{AttemptView, Snapshot};
use crate::verify::status::{Phase, Reason, Status};
use smallvec::SmallVec;
use std::sync::Arc;

/// A verification that is open, or whose end is not stored yet, or whose last call is not over yet.
pub(super) struct Session {
    pub(super) opened: Arc<Opened>,
    pub(super) status: Status,
    pub(super) phase: Phase,
    pub(super) reason: Option<Reason>,
    pub(super) ended_unix_us: Option<u64>,
    pub(super) tries_left: u8,
    pub(super) redials_left: u8,
    pub(super) approved_by: Option<u8>,
    pub(super) late: bool,
    pub(super) expires_at: Instant,
    /// Names of the trunks that may take its calls, and which of them is next; names, since a new configuration numbers
    /// trunks anew.
    pub(super) trunks: Arc<[Arc<str>]>,
    pub(super) next_trunk: usize,
    /// Trunks that may still be tried before somebody has to ask again.
    pub(super) trunks_left: usize,
    pub(super) pool: Option<Arc<Pool>>,
    pub(super) calls: SmallVec<[Call; 1]>,
    /// Writes of it that are not stored yet.
    pub(super) unstored: u32,
    /// Calls of it that are over and whose record is not stored yet.
    pub(super) unrecorded: u32,
    /// What is told once nothing of it is unstored, in order.
    pub(super) owed: Vec<Owed>,
    /// The last number given to an event.
    pub(super) sequence: u64,
}

/// One call of it.
pub(super) struct Call {
    pub(super) id: AttemptId,
    pub(super) number: u8,
    pub(super) trunk: Arc<str>,
    pub(super) caller: CallerId,
    pub(super) stand: Stand,
    /// Whether the phone was alerted, whatever came of it then.
    pub(super) alerted: bool,
}

impl Call {
    /// How far it is, for whoever judges its digits. A call that the network refused after an alert has shown them.
    const fn seen(&self) -> Stand {
        match self.stand {
            Stand::Over(outcome) if self.alerted && matches!(reach(outcome), Reach::Never) => {
                Stand::Over(Outcome::RangUnconfirmed)
            }
            stand @ (Stand::NotOnWire | Stand::OnWire | Stand::Over(_)) => stand,
        }
    }
}

/// What is told when it is true on disk.
pub(super) enum Owed {
    /// To whoever asked.
    Reply(Ticket, Saying),
    /// To streams, logs and metrics.
    Event(Event),
}

/// What an answer says; its snapshot is made when it is told.
pub(super) enum Saying {
    Started(Fresh),
    Checked(Verdict),
    Session,
    Refused(Refusal),
}

impl Session {
    pub(super) fn id(&self) -> SessionId {
        self.opened.id
    }

    pub(super) const fn is_open(&self) -> bool {
        !self.status.is_final()
    }

    /// Whether a call of it is being stored or on the wire.
    pub(super) fn is_calling(&self) -> bool {
        self.calls.iter().any(|call| !matches!(call.stand, Stand::Over(_)))
    }

    pub(super) fn call_mut(&mut self, number: u8) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.number == number)
    }

    /// Whether the digits of one of its calls can still be right.
    pub(super) fn has_hope(&self) -> bool {
        self.calls.iter().any(|call| match call.seen() {
            Stand::NotOnWire | Stand::OnWire => true,
            Stand::Over(outcome) => reach(outcome) != Reach::Never,
        })
    }

    /// What the last call that is over came to.
    pub(super) fn last_outcome(&self) -> Option<Outcome> {
        self.calls.iter().rev().find_map(|call| match call.stand {
            Stand::Over(outcome) => Some(outcome),
            Stand::NotOnWire | Stand::OnWire => None,
        })
    }

    pub(super) fn candidates(&self) -> SmallVec<[Candidate; 2]> {
        let candidate = |call: &Call| Candidate {
            number: call.number,
            caller: call.caller,
            stand: call.seen(),
        };
        self.calls.iter().map(candidate).collect()
    }

    pub(super) fn end(&mut self, status: Status, reason: Option<Reason>, now_unix_us: u64) {
        self.status = status;
        self.reason = reason;
        self.ended_unix_us = Some(now_unix_us);
    }

    pub(super) fn change(&self) -> Change {
        let reveal = |call: &Call| (call.id, call.caller);
        Change {
            id: self.id(),
            status: self.status,
            reason: self.reason,
            ended_unix_us: self.ended_unix_us,
            tries_left: self.tries_left,
            redials_left: self.redials_left,
            approved_by: self.approved_by,
            late: self.late,
            reveal: if self.is_open() {
                SmallVec::new()
            } else {
                self.calls.iter().map(reveal).collect()
            },
        }
    }

    pub(super) fn event(&mut self, what: What, at_unix_us: u64) -> Event {
        self.sequence += 1;
        let tenant = Arc::clone(&self.opened.tenant);
        Event { id: self.id(), tenant, sequence: self.sequence, at_unix_us, what }
    }

    pub(super) fn answer(&self, saying: Saying) -> Result<Answer, Refusal> {
        let snapshot = || Box::new(self.snapshot());
        match saying {
            Saying::Started(fresh) => Ok(Answer::Started(snapshot(), fresh)),
            Saying::Checked(verdict) => Ok(Answer::Checked(verdict, snapshot())),
            Saying::Session => Ok(Answer::Session(snapshot())),
            Saying::Refused(refusal) => Err(refusal),
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let opened = &*self.opened;
        let view = |call: &Call| AttemptView {
            id: call.id,
            number: call.number,
            trunk: Arc::clone(&call.trunk),
            caller_id: call.caller,
            outcome: match call.stand {
                Stand::Over(outcome) => Some(outcome),
                Stand::NotOnWire | Stand::OnWire => None,
            },
        };
        Snapshot {
            id: opened.id,
            tenant: Arc::clone(&opened.tenant),
            profile: Arc::clone(&opened.profile),
            to: opened.to,
            country: opened.country,
            status: self.status,
            phase: self.is_open().then_some(self.phase),
            reason: self.reason,
            created_unix_us: opened.created_unix_us,
            expires_unix_us: opened.expires_unix_us,
            ended_unix_us: self.ended_unix_us,
            code_length: opened.code_length,
            tries_left: self.tries_left,
            redials_left: self.redials_left,
            late: self.late,
            odds: Odds { distinct: opened.distinct, tries: opened.tries },
            client_reference: opened.client_reference.clone(),
            metadata: opened.metadata.clone(),
            attempts: self.calls.iter().map(view).collect(),
        }
    }
}
