//! Which records are next, and which wait.

use super::source::Source;
use crate::base::clock::Instant;
use crate::verify::cdr::{Kept, Show};
use std::collections::BTreeSet;
use std::time::Duration;

/// Records read at a time.
pub(super) const BATCH: usize = 256;
/// Most records that wait for their verifications to end; then no newer one is looked at until one of them does. A
/// verification lives 10 minutes at most, so this is reached above 1,700 calls a second that all stay open as long.
const WAITING_MAX: usize = 1_000_000;
/// Between two looks at those that wait.
const LOOK_AFTER: Duration = Duration::from_millis(50);
/// Between the last of them and the first again.
const ROUND_AFTER: Duration = Duration::from_secs(1);

/// How far a sink has looked into the records, and which of them it passed over since they show an open code.
pub(super) struct Follow {
    numbers: Show,
    /// Everything up to here was looked at.
    looked: u64,
    /// Rows up to there that are still to be written.
    waiting: BTreeSet<u64>,
    /// Behind this row it goes on looking at those that wait.
    round: u64,
    round_at: Instant,
}

/// What was read.
pub(super) struct Found {
    /// To be written, in order.
    pub(super) ready: Vec<Kept>,
    /// Whether there may be more at once.
    pub(super) more: bool,
}

impl Follow {
    /// Begins behind this row.
    pub(super) fn new(numbers: Show, row: u64) -> Self {
        let (waiting, round_at) = (BTreeSet::new(), Instant::START);
        Self { numbers, looked: row, waiting, round: row, round_at }
    }

    /// Everything up to and with this row is written, or was given out to be.
    pub(super) fn row(&self) -> u64 {
        self.waiting.first().map_or(self.looked, |first| first - 1)
    }

    /// Everything up to here was looked at, and how many of those wait for their verifications.
    pub(super) fn looked(&self) -> (u64, usize) {
        (self.looked, self.waiting.len())
    }

    /// When those that wait are looked at again.
    pub(super) fn due(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.round_at)
    }

    /// What can be written now.
    pub(super) fn next<S: Source>(
        &mut self,
        source: &mut S,
        now: Instant,
    ) -> Result<Found, S::Error> {
        let mut ready = Vec::new();
        if self.due().is_some_and(|due| due <= now) {
            self.look_again(source, now, &mut ready)?;
        }
        let room = self.waiting.len() < WAITING_MAX;
        let new = if room { source.records(self.looked, BATCH)? } else { Vec::new() };
        let more = new.len() == BATCH;
        for kept in new {
            self.looked = kept.row;
            match self.numbers {
                Show::Plain if kept.open => drop(self.waiting.insert(kept.row)),
                Show::Plain | Show::Masked => ready.push(kept),
            }
        }
        Ok(Found { ready, more })
    }

    /// Looks at some of those that wait, in rounds, so that each has its turn whatever the others do.
    fn look_again<S: Source>(
        &mut self,
        source: &mut S,
        now: Instant,
        ready: &mut Vec<Kept>,
    ) -> Result<(), S::Error> {
        let from = self.round.max(self.row());
        let found = source.records(from, BATCH)?;
        let to = found.last().map_or(self.looked, |kept| kept.row.min(self.looked));
        // What is not there any more was deleted, and waits for nothing.
        let mut gone: BTreeSet<u64> = self.waiting.range(from + 1..=to).copied().collect();
        for kept in found {
            if kept.row <= to && gone.remove(&kept.row) && !kept.open {
                self.waiting.remove(&kept.row);
                ready.push(kept);
            }
        }
        for row in gone {
            self.waiting.remove(&row);
        }
        let over = self.waiting.range(to + 1..).next().is_none();
        self.round = if over { 0 } else { to };
        self.round_at = now + if over { ROUND_AFTER } else { LOOK_AFTER };
        Ok(())
    }
}
