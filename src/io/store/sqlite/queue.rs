//! What is between the loop, those who write beside it, and the writer's thread.
//!
//! While the writer is at work, what comes waits, and all of it is the next batch: the slower the disk, the fewer and the
//! larger its commits. When a batch fails, everything behind it fails with it, and what still comes is dropped, until
//! the loop has been told; what it gives after that counts anew.

use super::admin::Job;
use crate::base::id::Seq;
use crate::io::store::Verdict;
use crate::verify::record::Record;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Most records in one transaction, unless one commit has more.
pub(super) const BATCH_MAX: usize = 4096;
/// Most records that wait. The loop has a bound on calls far below; a disk that is that far behind counts as failed.
pub(super) const WAITING_MAX: usize = 1 << 18;
/// Most other writes that wait.
const JOBS_MAX: usize = 1024;
/// Most other writes in one transaction.
const JOBS_BATCH: usize = 64;

/// What was appended between two commits. Never empty.
pub(super) struct Group {
    pub(super) first: Seq,
    pub(super) last: Seq,
    pub(super) records: Vec<Record>,
    /// Something in it begins a verification or a call.
    pub(super) begins: bool,
}

/// How it is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With everything written.
    Orderly,
    /// At once, as if the program had died.
    AtOnce,
}

/// What there is to do.
pub(super) enum Work {
    /// Write this. Groups come whole; either list may be empty, not both.
    Write(Vec<Group>, Vec<Job>),
    /// Nothing came in time.
    Nothing,
    /// Everything is written that ever will be.
    End(Ending),
}

#[derive(Default)]
struct State {
    groups: VecDeque<Group>,
    /// Records in `groups`.
    waiting: usize,
    jobs: VecDeque<Job>,
    verdicts: VecDeque<Verdict>,
    /// A failure that the loop does not know of yet.
    failed: bool,
    ending: Option<Ending>,
}

/// The queue.
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    /// There may be a verdict; saves the loop the lock.
    told: AtomicBool,
    news: Arc<Notify>,
}

impl Queue {
    pub(super) fn new(news: Arc<Notify>) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), told: AtomicBool::new(false), news }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a group from the loop.
    pub(super) fn give(&self, group: Group) {
        let mut state = self.state();
        if state.failed {
            return;
        }
        if state.ending.is_some() || state.waiting + group.records.len() > WAITING_MAX {
            self.fail(&mut state, group.first);
            return;
        }
        state.waiting += group.records.len();
        state.groups.push_back(group);
        drop(state);
        self.wake.notify_one();
    }

    /// Takes another write; where there is no room it is dropped, and whoever waits for it sees that.
    pub(super) fn give_job(&self, job: Job) {
        let mut state = self.state();
        if state.ending.is_some() || state.jobs.len() >= JOBS_MAX {
            return;
        }
        state.jobs.push_back(job);
        drop(state);
        self.wake.notify_one();
    }

    /// What the loop is to be told next.
    pub(super) fn poll(&self) -> Option<Verdict> {
        if !self.told.swap(false, Ordering::AcqRel) {
            return None;
        }
        let mut state = self.state();
        let verdict = state.verdicts.pop_front();
        if matches!(verdict, Some(Verdict::Failed(_))) {
            state.failed = state.verdicts.iter().any(|next| matches!(next, Verdict::Failed(_)));
        }
        if !state.verdicts.is_empty() {
            self.told.store(true, Ordering::Release);
        }
        verdict
    }

    /// Waits for work, at most so long.
    pub(super) fn next(&self, patience: Duration) -> Work {
        let mut state = self.state();
        let mut waited = false;
        loop {
            if state.ending == Some(Ending::AtOnce) {
                return Work::End(Ending::AtOnce);
            }
            if !state.groups.is_empty() || !state.jobs.is_empty() {
                let groups = state.take_groups();
                let jobs = state.jobs.len().min(JOBS_BATCH);
                return Work::Write(groups, state.jobs.drain(..jobs).collect());
            }
            if let Some(ending) = state.ending {
                return Work::End(ending);
            }
            if waited {
                return Work::Nothing;
            }
            let woken = self.wake.wait_timeout(state, patience);
            let (back, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
            state = back;
            waited = timeout.timed_out();
        }
    }

    /// Whether something waits for the writer.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.state();
        state.groups.is_empty() && state.jobs.is_empty()
    }

    /// Everything up to here is kept.
    pub(super) fn kept(&self, up_to: Seq) {
        let mut state = self.state();
        match state.verdicts.back_mut() {
            Some(Verdict::Kept(last)) => *last = up_to,
            Some(Verdict::Failed(_)) | None => state.verdicts.push_back(Verdict::Kept(up_to)),
        }
        self.tell();
    }

    /// Nothing from here on is kept.
    pub(super) fn failed(&self, from: Seq) {
        let mut state = self.state();
        self.fail(&mut state, from);
    }

    fn fail(&self, state: &mut State, from: Seq) {
        // What is under way in the writer stands before it and has its own verdict.
        let first = state.groups.front().map_or(from, |group| group.first.min(from));
        state.groups.clear();
        state.waiting = 0;
        state.failed = true;
        state.verdicts.push_back(Verdict::Failed(first));
        self.tell();
    }

    fn tell(&self) {
        self.told.store(true, Ordering::Release);
        self.news.notify_one();
    }

    /// Nothing more is taken.
    pub(super) fn end(&self, ending: Ending) {
        let mut state = self.state();
        state.ending = Some(ending);
        if ending == Ending::AtOnce {
            state.groups.clear();
        }
        state.jobs.retain(|_| ending == Ending::Orderly);
        drop(state);
        self.wake.notify_all();
    }
}

impl State {
    /// Whole groups, as many as one transaction may have.
    fn take_groups(&mut self) -> Vec<Group> {
        let mut taken = 0;
        let mut groups = Vec::new();
        while let Some(group) = self.groups.front() {
            let count = group.records.len();
            if taken > 0 && taken + count > BATCH_MAX {
                break;
            }
            taken += count;
            groups.extend(self.groups.pop_front());
        }
        self.waiting -= taken;
        groups
    }
}
