//! The disk: what is kept, and what the next life finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use onering::base::id::{AttemptId, SessionId};
use onering::base::number::Destination;
use onering::verify::cdr::Cdr;
use onering::verify::record::{
    Change, Found, Intent, Left, LeftCall, LeftSession, Opened, Past, Record,
};
use onering::verify::status::Status;

/// One verification on disk.
pub(crate) struct Kept {
    pub(crate) opened: Arc<Opened>,
    pub(crate) status: Status,
    pub(crate) tries_left: u8,
    redials_left: u8,
}

#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) sessions: BTreeMap<SessionId, Kept>,
    pub(crate) intents: BTreeMap<AttemptId, Arc<Intent>>,
    pub(crate) cdrs: BTreeMap<AttemptId, Arc<Cdr>>,
    /// Every intent that was ever kept, by Call-ID.
    pub(crate) by_call_id: BTreeMap<String, AttemptId>,
}

impl Disk {
    /// One batch, whole.
    pub(crate) fn keep(&mut self, records: &[Record]) {
        for record in records {
            match record {
                Record::Opened(opened) => {
                    let kept = Kept {
                        status: Status::Pending,
                        tries_left: opened.tries,
                        redials_left: opened.redials,
                        opened: Arc::clone(opened),
                    };
                    assert!(self.sessions.insert(opened.id, kept).is_none(), "opened twice");
                }
                Record::Changed(change) => self.change(change),
                Record::Intent(intent) => self.intend(intent),
                Record::Cdr(cdr) => {
                    assert!(
                        self.cdrs.insert(cdr.id, Arc::clone(cdr)).is_none(),
                        "two records of a call"
                    );
                    assert!(self.intents.remove(&cdr.id).is_some(), "a record without its intent");
                }
                Record::Amendment(amendment) => {
                    let known = self.cdrs.contains_key(&amendment.id);
                    assert!(known || self.intents.contains_key(&amendment.id), "amends nothing");
                }
            }
        }
    }

    fn change(&mut self, change: &Change) {
        let kept = self.sessions.get_mut(&change.id).expect("a change of what is not there");
        assert_eq!(kept.status, Status::Pending, "what has ended does not change");
        assert!(change.tries_left <= kept.tries_left, "a spent try came back");
        assert_eq!(
            change.status.is_final(),
            !change.reveal.is_empty() || !self.has_calls(change.id)
        );
        let kept = self.sessions.get_mut(&change.id).expect("it is there");
        kept.status = change.status;
        kept.tries_left = change.tries_left;
        kept.redials_left = change.redials_left;
    }

    fn has_calls(&self, id: SessionId) -> bool {
        let part =
            |part: Option<onering::verify::record::Part>| part.is_some_and(|p| p.session == id);
        self.intents.values().any(|intent| part(intent.part))
            || self.cdrs.values().any(|cdr| part(cdr.part))
    }

    fn intend(&mut self, intent: &Arc<Intent>) {
        let others = self.intents.values().filter(|open| open.to == intent.to);
        assert_eq!(others.count(), 0, "two calls at a time to one number");
        let part = intent.part.expect("a call of a verification");
        let code = code(intent);
        for (id, kept) in self.open_of(intent.to) {
            let same = self.codes(id).into_iter().filter(|held| *held == code).count();
            assert_eq!(same, 0, "{} shares a code with {}", part.session, kept.opened.id);
        }
        let call_id = String::from_utf8_lossy(&intent.call_id).into_owned();
        assert!(self.by_call_id.insert(call_id, intent.id).is_none(), "a Call-ID came back");
        assert!(self.intents.insert(intent.id, Arc::clone(intent)).is_none(), "an id came back");
    }

    fn open_of(&self, to: Destination) -> Vec<(SessionId, &Kept)> {
        let here = self.sessions.iter().filter(|(_, kept)| kept.opened.to == to);
        here.filter(|(_, kept)| !kept.status.is_final()).map(|(id, kept)| (*id, kept)).collect()
    }

    /// The codes that a verification's calls have on disk.
    fn codes(&self, id: SessionId) -> Vec<String> {
        let of =
            |part: Option<onering::verify::record::Part>| part.is_some_and(|p| p.session == id);
        let open =
            self.intents.values().filter(|intent| of(intent.part)).map(|intent| code(intent));
        let over = self.cdrs.values().filter(|cdr| of(cdr.part));
        open.chain(over.map(|cdr| tail(cdr.from.reveal().as_str()))).collect()
    }

    pub(crate) fn find(&self, past: &Past) -> Found {
        let mut recent: Vec<_> = self
            .cdrs
            .values()
            .filter(|cdr| cdr.to == past.to)
            .map(|cdr| (cdr.start_unix_us, cdr.from))
            .chain(
                self.intents
                    .values()
                    .filter(|intent| intent.to == past.to)
                    .map(|intent| (intent.at_unix_us, intent.from)),
            )
            .filter(|(at, _)| *at >= past.since_unix_us)
            .collect();
        recent.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        Found { recent: recent.into_iter().map(|(_, from)| from).collect(), claimed: None }
    }

    /// What the next life is given.
    pub(crate) fn left(&self) -> Left {
        let pending = self.sessions.values().filter(|kept| !kept.status.is_final());
        let sessions = pending.map(|kept| LeftSession {
            opened: (*kept.opened).clone(),
            tries_left: kept.tries_left,
            redials_left: kept.redials_left,
            calls: self.calls_of(kept.opened.id),
        });
        let intents = self.intents.values().map(|intent| (**intent).clone());
        Left { sessions: sessions.collect(), intents: intents.collect() }
    }

    fn calls_of(&self, id: SessionId) -> Vec<LeftCall> {
        let own = self.cdrs.values().filter_map(|cdr| Some((cdr.part?, cdr)));
        let mut calls: Vec<_> = own
            .filter(|(part, _)| part.session == id)
            .map(|(part, cdr)| LeftCall {
                id: cdr.id,
                number: part.number,
                trunk: Arc::clone(&cdr.way.trunk),
                from: cdr.from,
                outcome: cdr.outcome,
                alerted: cdr.facts.alert.is_some(),
            })
            .collect();
        calls.sort_by_key(|call| call.number);
        calls
    }
}

fn code(intent: &Intent) -> String {
    tail(intent.from.reveal().as_str())
}

fn tail(digits: &str) -> String {
    digits.chars().skip(digits.len() - 4).collect()
}
