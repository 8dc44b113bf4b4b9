//! One call as the wire, the store and the application see it: a model that knows nothing of the engine's inside.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use onering::base::clock::Instant;
use onering::base::id::AttemptId;
use onering::call::{AlertSource, Pace};

use super::outcome::{self, Said};
use super::sent::Sent;

/// A response that the engine took.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) received: Instant,
    pub(crate) status: u16,
    pub(crate) retry_after: bool,
}

/// What alerted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alert {
    pub(crate) received: Instant,
    pub(crate) source: AlertSource,
    /// Only after our CANCEL.
    pub(crate) late: bool,
}

/// An answer.
pub(crate) struct Fork {
    /// When it was taken first.
    pub(crate) since: Instant,
    pub(crate) finals: u32,
    pub(crate) acks: u32,
    pub(crate) bye: Option<Sent>,
}

/// Why a call is cancelled that has not alerted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doom {
    Asked,
    Silent,
}

/// Where its intent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Given,
    Kept,
    Lost,
}

/// What reached the far end of all that it wants to see: by method, and by dialog.
#[derive(Default)]
pub(crate) struct Reached {
    pub(crate) methods: BTreeSet<String>,
    pub(crate) acks: BTreeSet<String>,
    pub(crate) byes: BTreeSet<String>,
}

/// One call.
#[expect(clippy::struct_excessive_bools, reason = "an observer's notes, not a state")]
pub(crate) struct Call {
    pub(crate) id: AttemptId,
    pub(crate) call_id: String,
    pub(crate) pace: Pace,
    pub(crate) not_after: Instant,
    pub(crate) t1: Duration,
    pub(crate) intent: Intent,
    /// The application has asked for its end.
    pub(crate) asked: bool,
    /// Why it was to be cancelled before anything alerted.
    pub(crate) doom: Option<Doom>,
    pub(crate) invite: Option<Sent>,
    pub(crate) unreachable: bool,
    pub(crate) heard: Vec<Heard>,
    pub(crate) alert: Option<Alert>,
    pub(crate) final_: Option<Heard>,
    pub(crate) cancel: Option<Sent>,
    pub(crate) cancel_status: Option<u16>,
    pub(crate) forks: BTreeMap<String, Fork>,
    pub(crate) pracks: BTreeMap<String, Sent>,
    /// Copies of requests, ACKs aside.
    pub(crate) again: u32,
    /// When it was over, and what its record has to say.
    pub(crate) over: Option<(Instant, Said)>,
    /// Its record was given to the store at least once.
    pub(crate) recorded: bool,
    pub(crate) outcome: Option<&'static str>,
    pub(crate) records_kept: u32,
    pub(crate) started: u32,
    pub(crate) ended: u32,
    /// A final came after its end.
    pub(crate) late_final: bool,
    /// Something came after its end.
    pub(crate) heard_late: bool,
    pub(crate) reached: Reached,
}

impl Call {
    pub(crate) fn new(
        (id, call_id): (AttemptId, String),
        pace: Pace,
        not_after: Instant,
        t1: Duration,
    ) -> Self {
        Self {
            id,
            call_id,
            pace,
            not_after,
            t1,
            intent: Intent::Given,
            asked: false,
            doom: None,
            invite: None,
            unreachable: false,
            heard: Vec::new(),
            alert: None,
            final_: None,
            cancel: None,
            cancel_status: None,
            forks: BTreeMap::new(),
            pracks: BTreeMap::new(),
            again: 0,
            over: None,
            recorded: false,
            outcome: None,
            records_kept: 0,
            started: 0,
            ended: 0,
            late_final: false,
            heard_late: false,
            reached: Reached::default(),
        }
    }

    /// A response to its INVITE, before the engine takes it; whether it is the first alert.
    pub(crate) fn hear(&mut self, heard: Heard, to_tag: &str, now: Instant) -> bool {
        let status = heard.status;
        let open = self.over.is_none() && self.final_.is_none();
        self.heard_late |= self.is_watched(now);
        if status >= 200 {
            for sent in [&mut self.invite, &mut self.cancel].into_iter().flatten() {
                sent.done = true;
            }
            if status < 300 {
                let fork = Fork { since: now, finals: 0, acks: 0, bye: None };
                self.forks.entry(to_tag.to_owned()).or_insert(fork).finals += 1;
            }
            self.late_final |= self.over.is_some();
            if open {
                self.final_ = Some(heard);
            }
            return false;
        }
        if let Some(invite) = &mut self.invite {
            invite.done = true;
        }
        if !open {
            return false;
        }
        let source = self.pace.trigger.alert(status).filter(|_| self.alert.is_none());
        let received = heard.received;
        self.heard.push(heard);
        let late = self.cancel.is_some();
        self.alert = self.alert.or_else(|| source.map(|source| Alert { received, source, late }));
        source.is_some()
    }

    /// Why a CANCEL may leave now, or must have left; `None` if there is no reason.
    pub(crate) fn wish(&self, now: Instant) -> Option<&'static str> {
        let guard_at = self.invite.as_ref().map(|invite| invite.first + self.pace.no_alert);
        if self.alert.is_some_and(|alert| alert.received + self.pace.hold <= now) {
            Some("the hold is over")
        } else if self.asked || self.doom.is_some() {
            Some("nobody waits for it any more")
        } else if self.alert.is_none() && guard_at.is_some_and(|at| at <= now) {
            Some("nothing alerted in time")
        } else {
            None
        }
    }

    /// Something happens that ends the call unless it has alerted.
    pub(crate) fn doom(&mut self, by: Doom) {
        let open = self.final_.is_none() && self.cancel.is_none() && self.over.is_none();
        if self.invite.is_some() && self.alert.is_none() && open {
            self.doom.get_or_insert(by);
        }
    }

    /// Whether the protocol allows a CANCEL.
    pub(crate) const fn may_cancel(&self) -> bool {
        !self.heard.is_empty() && self.final_.is_none() && self.over.is_none()
    }

    /// Notes that it is over, if it is: a refusal, answers that are all hung up, or nothing to wait for any more. The
    /// last needs time to have passed in the eyes of the engine.
    pub(crate) fn settle(&mut self, has_come: impl Fn(Instant) -> bool, now: Instant) {
        let given_up = |sent: &Sent| has_come(sent.given_up_at());
        let over = match &self.final_ {
            _ if self.over.is_some() => false,
            Some(last) if last.status >= 300 => true,
            Some(_) => self
                .forks
                .values()
                .all(|fork| fork.bye.as_ref().is_some_and(|bye| bye.done || given_up(bye))),
            None if self.unreachable => true,
            None => match &self.cancel {
                Some(cancel) => given_up(cancel),
                None => self.heard.is_empty() && self.invite.as_ref().is_some_and(given_up),
            },
        };
        if over {
            self.over = Some((now, outcome::truth(self)));
        }
    }

    /// A call that nobody answered is watched for another 64*T1: whether it still is.
    pub(crate) fn is_watched(&self, now: Instant) -> bool {
        let silent = self.final_.is_none() && self.cancel.is_none() && !self.late_final;
        let over = self.over.as_ref().filter(|_| silent);
        over.is_some_and(|(at, _)| now < *at + self.t1 * 64)
    }
}
