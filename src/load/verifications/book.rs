//! The state of a run: which verifications are under way, what each waits for, and what is to be done next.
//!
//! No socket and no clock here: the connections ask [`Book::next`] what to do and say what came of it; the ear says what
//! was told.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::Wish;
use super::numbers::Numbers;
use super::service::{Fault, Posted};
use super::tally::{Tally, count};
use crate::base::clock::{Instant, Now};
use crate::base::number::{CallerId, Destination};
use crate::carrier::tell::Heard;
use crate::load::rate::{GROWTH, Rate, TICK};

/// All verifications of a run.
pub(super) struct Book {
    numbers: Numbers,
    /// How many are to be started in all; lowered when no more are wanted.
    count: u64,
    concurrency: usize,
    untold_after: Duration,
    rate: Rate,
    /// Whether the rate is asked for; else a verification that ended makes room for the next at once.
    paced: bool,
    /// Starts that the rate allows now.
    due: u64,
    /// Starts beyond the rate, in the place of what ended.
    freed: u64,
    placed: u64,
    under_way: HashMap<Destination, Entry>,
    /// Those whose code is known and who were not checked yet.
    checks: VecDeque<Destination>,
    /// Those whose code is awaited, in the order of their deadlines.
    waiting: VecDeque<(Instant, Destination)>,
    pub(super) tally: Tally,
}

/// One verification under way.
struct Entry {
    began: Now,
    stage: Stage,
    caller: Option<CallerId>,
}

enum Stage {
    /// Its start is not answered.
    Posting,
    /// It is started; the code or a free connection is awaited.
    Started { id: Box<str>, code_length: u8 },
    /// Its check is not answered.
    Checking { since: Instant },
}

/// What a connection is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Start(Destination),
    Check(Check),
    /// Nothing at the moment.
    Wait,
    /// Everything is done.
    Over,
}

/// A check to be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) to: Destination,
    pub(super) id: Box<str>,
    pub(super) code_length: u8,
    pub(super) caller: CallerId,
}

impl Book {
    pub(super) fn new(wish: &Wish, numbers: Numbers, now: Instant) -> Self {
        Self {
            numbers,
            count: wish.count,
            concurrency: wish.concurrency,
            untold_after: wish.untold_after,
            rate: Rate::new(wish.rate.unwrap_or(GROWTH), now),
            paced: wish.rate.is_some(),
            due: 0,
            freed: 0,
            placed: 0,
            under_way: HashMap::new(),
            checks: VecDeque::new(),
            waiting: VecDeque::new(),
            tally: Tally::default(),
        }
    }

    /// What is to be done next.
    pub(super) fn next(&mut self, now: Now) -> Next {
        while let Some(to) = self.checks.pop_front() {
            if let Some(check) = self.check(to, now) {
                return Next::Check(check);
            }
        }
        if self.may_start() > 0 {
            match self.numbers.next() {
                Some(to) => return self.start(to, now),
                None => self.count = self.placed,
            }
        }
        if self.is_over() { Next::Over } else { Next::Wait }
    }

    /// Whether everything is done.
    pub(super) fn is_over(&self) -> bool {
        self.placed >= self.count && self.under_way.is_empty()
    }

    /// No more are to be started.
    pub(super) const fn start_no_more(&mut self) {
        self.count = self.placed;
    }

    /// To be called now and then: how many may be started, and how long until the next time.
    pub(super) fn pace(&mut self, now: Instant) -> (u64, Duration) {
        while let Some((at, to)) = self.waiting.front().copied()
            && at <= now
        {
            self.waiting.pop_front();
            let untold = self.under_way.get(&to).is_some_and(|entry| entry.caller.is_none());
            if untold {
                self.tally.untold += 1;
                self.end(to, "untold");
            }
        }
        match self.rate.due(now) {
            0 => {}
            due => self.due = due,
        }
        let wait = if self.placed < self.count { self.rate.wait(now) } else { TICK };
        (self.may_start(), wait.clamp(Duration::from_millis(1), TICK))
    }

    /// The start was answered, or was not. The code may have been told before.
    pub(super) fn posted(&mut self, to: Destination, answer: Result<Posted, Fault>, now: Instant) {
        let Some(entry) = self.under_way.get_mut(&to) else { return };
        match answer {
            Ok(Posted::New { id, code_length }) => {
                self.tally.started += 1;
                self.tally.post_us.saturating_record(micros(entry.began.instant, now));
                entry.stage = Stage::Started { id, code_length };
                if entry.caller.is_some() {
                    self.checks.push_back(to);
                } else {
                    self.waiting.push_back((now + self.untold_after, to));
                }
            }
            Ok(Posted::Deduplicated) => self.end(to, "deduplicated"),
            Err(fault) => self.fail(to, &fault, "not_started"),
        }
    }

    /// The carrier told a call. Whether a check can be made now.
    pub(super) fn told(&mut self, call: Heard, unix_us: u64) -> bool {
        let Some(entry) = self.under_way.get_mut(&call.to) else { return false };
        if entry.caller.is_some() {
            return false;
        }
        entry.caller = Some(call.from);
        let after = unix_us.saturating_sub(entry.began.unix_us);
        self.tally.post_to_invite_us.saturating_record(after);
        let started = matches!(entry.stage, Stage::Started { .. });
        if started {
            self.checks.push_back(call.to);
        }
        started
    }

    /// The check was answered, or was not.
    pub(super) fn checked(&mut self, to: Destination, answer: Result<&str, &Fault>, now: Instant) {
        let Some(entry) = self.under_way.get(&to) else { return };
        match answer {
            Ok(result) => {
                if let Stage::Checking { since } = entry.stage {
                    self.tally.check_us.saturating_record(micros(since, now));
                }
                if result == "approved" {
                    self.tally.approved += 1;
                    self.tally.whole_us.saturating_record(micros(entry.began.instant, now));
                    self.freed += u64::from(!self.paced);
                }
                self.end(to, result);
            }
            Err(fault) => self.fail(to, fault, "not_checked"),
        }
    }

    /// How many may be started now.
    fn may_start(&self) -> u64 {
        let room = self.concurrency.saturating_sub(self.under_way.len()) as u64;
        (self.due + self.freed).min(self.count.saturating_sub(self.placed)).min(room)
    }

    fn start(&mut self, to: Destination, now: Now) -> Next {
        if self.freed > 0 {
            self.freed -= 1;
        } else {
            self.due -= 1;
            self.rate.placed();
        }
        self.placed += 1;
        let entry = Entry { began: now, stage: Stage::Posting, caller: None };
        self.under_way.insert(to, entry);
        Next::Start(to)
    }

    fn check(&mut self, to: Destination, now: Now) -> Option<Check> {
        let entry = self.under_way.get_mut(&to)?;
        let caller = entry.caller?;
        let checking = Stage::Checking { since: now.instant };
        match std::mem::replace(&mut entry.stage, checking) {
            Stage::Started { id, code_length } => Some(Check { to, id, code_length, caller }),
            Stage::Posting | Stage::Checking { .. } => None,
        }
    }

    fn fail(&mut self, to: Destination, fault: &Fault, result: &str) {
        count(&mut self.tally.errors, fault.name());
        if fault.is_final() {
            self.start_no_more();
        }
        self.end(to, result);
    }

    fn end(&mut self, to: Destination, result: &str) {
        self.under_way.remove(&to);
        self.tally.verifications += 1;
        count(&mut self.tally.results, result);
    }
}

fn micros(from: Instant, to: Instant) -> u64 {
    to.as_micros().saturating_sub(from.as_micros())
}

#[cfg(test)]
mod tests;
