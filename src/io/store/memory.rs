//! A store in memory: open intents, and nothing that outlives the program.
//!
//! It serves the commands that make calls without a service. A CDR ends its intent; whoever asked for the call gets
//! the CDR itself, so the store keeps none.

use super::{Store, Verdict};
use crate::base::id::{Seq, Ticket};
use crate::verify::record::{Found, Intent, Past, Record};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Notify;

/// The store.
#[derive(Debug, Default)]
pub struct Memory {
    /// By slot, which no two open attempts share.
    open: Vec<Option<Intent>>,
    intents: u64,
    cdrs: u64,
    amendments: u64,
    /// A CDR whose intent was not open: one attempt, two records.
    doubles: u64,
    appended: Option<Seq>,
    verdict: Option<Verdict>,
    loads: VecDeque<Ticket>,
}

impl Memory {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Intents that no CDR has ended yet.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.iter().flatten().count()
    }

    /// Intents, CDRs and amendments kept so far.
    #[must_use]
    pub const fn kept(&self) -> (u64, u64, u64) {
        (self.intents, self.cdrs, self.amendments)
    }

    /// CDRs without an open intent. Never anything but 0.
    #[must_use]
    pub const fn doubles(&self) -> u64 {
        self.doubles
    }
}

impl Store for Memory {
    fn append(&mut self, seq: Seq, record: Record) {
        match record {
            Record::Intent(intent) => {
                self.intents += 1;
                let slot = intent.id.slot as usize;
                if self.open.len() <= slot {
                    self.open.resize_with(slot + 1, || None);
                }
                if let Some(place) = self.open.get_mut(slot) {
                    *place = Some((*intent).clone());
                }
            }
            Record::Cdr(cdr) => {
                self.cdrs += 1;
                let place = self.open.get_mut(cdr.id.slot as usize);
                if place.and_then(|place| place.take_if(|intent| intent.id == cdr.id)).is_none() {
                    self.doubles += 1;
                }
            }
            Record::Amendment(_) => self.amendments += 1,
            Record::Opened(_) | Record::Changed(_) => {}
        }
        self.appended = Some(seq);
    }

    fn commit(&mut self) {
        if let Some(seq) = self.appended.take() {
            self.verdict = Some(Verdict::Kept(seq));
        }
    }

    fn poll_verdict(&mut self) -> Option<Verdict> {
        self.verdict.take()
    }

    fn load(&mut self, ticket: Ticket, _: Past) {
        self.loads.push_back(ticket);
    }

    fn poll_loaded(&mut self) -> Option<(Ticket, Option<Found>)> {
        self.loads.pop_front().map(|ticket| (ticket, Some(Found::default())))
    }

    fn news(&self) -> Option<Arc<Notify>> {
        None
    }
}
