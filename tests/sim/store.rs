//! A store that takes its time, and sometimes fails in the midst of a batch.
//!
//! What was given while a batch is being kept waits for the next. When a batch fails, what waits behind it is not
//! kept either: the engine is told of the first one lost, and gives all of them again.

use std::time::Duration;

use onering::base::clock::Instant;
use onering::base::id::Seq;
use onering::engine::Input;
use onering::verify::record::Record;

use super::chance::Chance;

pub(crate) struct Slow {
    chance: Chance,
    delay: Duration,
    fails_permille: u32,
    waiting: Vec<(Seq, Record)>,
    batch: Vec<(Seq, Record)>,
    /// When the batch is kept, or found not to be.
    done_at: Option<Instant>,
    /// It has failed and the engine does not know yet: nothing is taken until then.
    failed: bool,
}

/// What became of a batch.
pub(crate) struct Done {
    /// The records that are kept now.
    pub(crate) kept: Vec<Record>,
    /// What the engine is told, in this order.
    pub(crate) verdicts: Vec<Input>,
}

impl Slow {
    pub(crate) const fn new(chance: Chance, delay: Duration, fails_permille: u32) -> Self {
        Self {
            chance,
            delay,
            fails_permille,
            waiting: Vec::new(),
            batch: Vec::new(),
            done_at: None,
            failed: false,
        }
    }

    pub(crate) fn append(&mut self, seq: Seq, record: Record) {
        if !self.failed {
            self.waiting.push((seq, record));
        }
    }

    /// Begins to keep what waits, unless a batch is under way.
    pub(crate) fn commit(&mut self, now: Instant) {
        if self.done_at.is_none() && !self.waiting.is_empty() {
            self.batch = std::mem::take(&mut self.waiting);
            self.done_at = Some(now + self.chance.within(self.delay));
        }
    }

    pub(crate) const fn poll_timeout(&self) -> Option<Instant> {
        self.done_at
    }

    /// The batch's time has come.
    pub(crate) fn finish(&mut self) -> Done {
        self.done_at = None;
        let batch = std::mem::take(&mut self.batch);
        let count = if self.chance.hits(self.fails_permille) {
            self.chance.below(batch.len())
        } else {
            batch.len()
        };
        let mut verdicts = Vec::new();
        let (kept, lost) = batch.split_at(count);
        if let Some((seq, _)) = kept.last() {
            verdicts.push(Input::Stored { up_to: *seq });
        }
        if let Some((seq, _)) = lost.first() {
            self.waiting.clear();
            self.failed = true;
            verdicts.push(Input::StoreFailed { from: *seq });
        }
        Done { kept: kept.iter().map(|(_, record)| record.clone()).collect(), verdicts }
    }

    /// The engine is told that it failed.
    pub(crate) const fn told(&mut self) {
        self.failed = false;
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.done_at.is_none()
    }
}
