//! Applications that ask, and people who read a number off their phone: what they do, and what they were promised.

use std::collections::BTreeMap;

use onering::base::id::{SessionId, Ticket};
use onering::verify::command::{Answer, Command as Verify, Refusal, Verdict};
use onering::verify::status::Status;

use crate::disk::Disk;

/// What a question was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Start,
    Check,
    Next,
    Cancel,
    Look,
}

impl Asked {
    pub(crate) const fn of(command: &Verify) -> Self {
        match command {
            Verify::Start(_) => Self::Start,
            Verify::Check { .. } => Self::Check,
            Verify::Next { .. } => Self::Next,
            Verify::Cancel { .. } => Self::Cancel,
            Verify::Look { .. } => Self::Look,
        }
    }
}

/// Everything that was asked and promised.
#[derive(Default)]
pub(crate) struct People {
    /// Asked in this life, and not answered yet.
    pub(crate) open: BTreeMap<Ticket, Asked>,
    /// Verifications that somebody was told of.
    pub(crate) known: Vec<SessionId>,
    pub(crate) approved: Vec<SessionId>,
    pub(crate) wrong: u64,
    pub(crate) refused: u64,
}

impl People {
    /// An answer came: it must be true on disk by now.
    pub(crate) fn hear(&mut self, ticket: Ticket, answer: Result<Answer, Refusal>, disk: &Disk) {
        let asked = self.open.remove(&ticket).expect("an answer that nobody waits for");
        match answer {
            Ok(Answer::Started(snapshot, _)) => {
                assert_eq!(asked, Asked::Start);
                assert!(disk.sessions.contains_key(&snapshot.id), "begun, but not on disk");
                if !self.known.contains(&snapshot.id) {
                    self.known.push(snapshot.id);
                }
            }
            Ok(Answer::Checked(verdict, snapshot)) => {
                assert_eq!(asked, Asked::Check);
                let kept = &disk.sessions[&snapshot.id];
                assert_eq!(kept.status, snapshot.status, "said what is not on disk");
                assert_eq!(kept.tries_left, snapshot.tries_left, "a try that is not on disk");
                match verdict {
                    Verdict::Approved { .. } => {
                        assert_eq!(kept.status, Status::Approved);
                        assert!(!self.approved.contains(&snapshot.id), "a code was used twice");
                        self.approved.push(snapshot.id);
                    }
                    Verdict::Invalid | Verdict::NoAttemptYet => self.wrong += 1,
                    Verdict::Diverted => {}
                }
            }
            Ok(Answer::Session(snapshot)) => {
                assert_eq!(disk.sessions[&snapshot.id].status, snapshot.status);
            }
            Ok(Answer::Replayed(_)) => panic!("nobody used a key"),
            Err(Refusal::Ended(status, _)) => {
                assert!(status.is_final());
                self.refused += 1;
            }
            Err(_) => self.refused += 1,
        }
    }

    /// The engine died: whoever waits hears nothing.
    pub(crate) fn forget(&mut self) {
        self.open.clear();
    }
}
