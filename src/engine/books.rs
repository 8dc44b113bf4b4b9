//! The books: what was handed to the store, in order, and what waits for that to be kept.

use super::Output;
use crate::base::clock::Instant;
use crate::base::id::{AttemptId, Seq, Ticket};
use crate::verify::record::Record;
use crate::verify::verifier::Token;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::time::Duration;

/// How long the store is left alone after it failed.
const PAUSE: Duration = Duration::from_millis(250);

/// What was written together.
pub(super) struct Entry {
    /// The place of the first of the records.
    first: Seq,
    /// The place of the last.
    last: Seq,
    pub(super) records: SmallVec<[Record; 2]>,
    pub(super) owner: Owner,
}

/// Who waits for it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner {
    /// A bare call that is to begin.
    Start(Starting),
    /// Whoever is told of a record.
    Record(Ticket),
    /// The verifier.
    Verifier(Token),
}

/// A bare call whose intent is being stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Starting {
    pub(super) id: AttemptId,
    pub(super) ticket: Ticket,
    pub(super) not_after: Instant,
    pub(super) canceled: bool,
}

/// The books.
#[derive(Default)]
pub(super) struct Books {
    seq: Seq,
    offered: VecDeque<Entry>,
    /// What the store refused and must have all the same, oldest first.
    refused: VecDeque<(SmallVec<[Record; 2]>, Owner)>,
    again_at: Option<Instant>,
}

impl Books {
    /// Whether the store does not keep records, as far as is known.
    pub(super) fn is_down(&self) -> bool {
        !self.refused.is_empty() || self.again_at.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.offered.is_empty() && self.refused.is_empty()
    }

    /// When the store is to be asked again.
    pub(super) const fn again_at(&self) -> Option<Instant> {
        self.again_at
    }

    /// Hands something to the store, behind what it still owes us: an amendment never overtakes its CDR.
    pub(super) fn write(
        &mut self,
        records: SmallVec<[Record; 2]>,
        owner: Owner,
        out: &mut VecDeque<Output>,
    ) {
        if self.refused.is_empty() {
            self.offer(records, owner, out);
        } else {
            self.refused.push_back((records, owner));
        }
    }

    fn offer(&mut self, records: SmallVec<[Record; 2]>, owner: Owner, out: &mut VecDeque<Output>) {
        let first = self.seq.next();
        for record in &records {
            self.seq = self.seq.next();
            out.push_back(Output::Store { seq: self.seq, record: record.clone() });
        }
        self.offered.push_back(Entry { first, last: self.seq, records, owner });
    }

    /// The store works, unless this is the answer to what came before it failed.
    pub(super) fn works(&mut self) {
        if self.refused.is_empty() {
            self.again_at = None;
        }
    }

    /// The next of what is kept.
    pub(super) fn pop_kept(&mut self, up_to: Seq) -> Option<Entry> {
        self.offered.pop_front_if(|entry| entry.last <= up_to)
    }

    /// What is not kept, in order. The store is left alone for a moment.
    pub(super) fn lose(&mut self, from: Seq, now: Instant) -> Vec<Entry> {
        self.again_at = Some(now + PAUSE);
        let kept = self.offered.partition_point(|entry| entry.last < from);
        debug_assert!(self.offered.get(kept).is_none_or(|entry| entry.first >= from));
        self.offered.split_off(kept).into()
    }

    /// Something of it is true all the same. It goes in front of what was refused before: it is older.
    pub(super) fn keep(&mut self, entries: Vec<Entry>) {
        for entry in entries.into_iter().rev() {
            self.refused.push_front((entry.records, entry.owner));
        }
    }

    /// Offers what was refused once more, if it is time.
    pub(super) fn offer_again(&mut self, now: Instant, out: &mut VecDeque<Output>) {
        if self.again_at.is_none_or(|at| at > now) {
            return;
        }
        self.again_at = None;
        for (records, owner) in std::mem::take(&mut self.refused) {
            self.offer(records, owner, out);
        }
    }

    /// Bare calls that are about to begin.
    pub(super) fn starting(&mut self) -> impl Iterator<Item = &mut Starting> {
        let refused = self.refused.iter_mut().map(|(_, owner)| owner);
        let owners = self.offered.iter_mut().map(|entry| &mut entry.owner).chain(refused);
        owners.filter_map(|owner| match owner {
            Owner::Start(starting) => Some(starting),
            Owner::Record(_) | Owner::Verifier(_) => None,
        })
    }
}
