//! The past of a number, for the loop: read by a thread of its own, many questions at a time.

use super::cells::{Cells, Damaged, Table};
use super::dir::{DataDir, OpenError, Role};
use super::rows::{self, CdrRow, Ways, fitting, whole};
use super::seal::Seal;
use crate::base::id::{SessionId, Ticket};
use crate::base::number::{CallerId, Destination};
use crate::call::outcome::Outcome;
use crate::verify::record::{Found, Intent, Past, RECENT_MAX};
use rusqlite::{Connection, OptionalExtension as _, Row, Statement};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use tokio::sync::Notify;

/// Most questions that wait; what comes above that could not be looked up.
const WAITING_MAX: usize = 65_536;
/// Most questions that are answered out of one and the same state of the database.
const BATCH_MAX: usize = 256;
/// Sessions of one number that are looked through, newest first; some have no call.
const SESSIONS_MAX: usize = 2 * RECENT_MAX;

#[derive(Default)]
struct State {
    questions: VecDeque<(Ticket, Past)>,
    answers: VecDeque<(Ticket, Option<Found>)>,
    ending: bool,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    /// There may be an answer; saves the loop the lock.
    told: AtomicBool,
    news: Arc<Notify>,
}

/// The thread and what is between it and the loop.
pub(super) struct Loader {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Loader {
    pub(super) fn start(dir: &DataDir, news: Arc<Notify>) -> Result<Self, OpenError> {
        let shared = Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            told: AtomicBool::new(false),
            news,
        };
        let shared = Arc::new(shared);
        let (dir, ours) = (dir.clone(), Arc::clone(&shared));
        let thread = Builder::new()
            .name("store-load".into())
            .spawn(move || run(&dir, &ours))
            .map_err(OpenError::Thread)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(super) fn ask(&self, ticket: Ticket, past: Past) {
        let mut state = self.shared.state();
        if state.questions.len() >= WAITING_MAX {
            state.answers.push_back((ticket, None));
            self.shared.told.store(true, Ordering::Release);
            return;
        }
        state.questions.push_back((ticket, past));
        drop(state);
        self.shared.wake.notify_one();
    }

    pub(super) fn poll(&self) -> Option<(Ticket, Option<Found>)> {
        if !self.shared.told.swap(false, Ordering::AcqRel) {
            return None;
        }
        let mut state = self.shared.state();
        let answer = state.answers.pop_front();
        if !state.answers.is_empty() {
            self.shared.told.store(true, Ordering::Release);
        }
        answer
    }

    pub(super) fn end(&mut self) {
        self.shared.state().ending = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            thread.join().ok();
        }
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for questions; none at the end.
    fn next(&self) -> Option<Vec<(Ticket, Past)>> {
        let mut state = self.state();
        loop {
            if state.ending {
                return None;
            }
            let count = state.questions.len().min(BATCH_MAX);
            if count > 0 {
                return Some(state.questions.drain(..count).collect());
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn answer(&self, answers: impl IntoIterator<Item = (Ticket, Option<Found>)>) {
        let mut state = self.state();
        state.answers.extend(answers);
        self.told.store(true, Ordering::Release);
        drop(state);
        self.news.notify_one();
    }
}

fn run(dir: &DataDir, shared: &Shared) {
    let seal = Seal::new(dir.seal_key());
    let mut waiting = Vec::new();
    loop {
        let done = match dir.connect(Role::Reader) {
            Ok(database) => live(&database, dir, &seal, shared, &mut waiting),
            Err(cause) => {
                tracing::error!(%cause, "the database cannot be opened for reading");
                match shared.next() {
                    Some(questions) => {
                        waiting = questions;
                        Ok(false)
                    }
                    None => Ok(true),
                }
            }
        };
        let ended = done.unwrap_or_else(|cause| {
            tracing::error!(%cause, "what was before cannot be looked up");
            false
        });
        if ended {
            return;
        }
        shared.answer(waiting.drain(..).map(|(ticket, _)| (ticket, None)));
    }
}

/// Answers until the end, or until something goes wrong; then `waiting` has what could not be answered.
fn live(
    database: &Connection,
    dir: &DataDir,
    seal: &Seal,
    shared: &Shared,
    waiting: &mut Vec<(Ticket, Past)>,
) -> rusqlite::Result<bool> {
    let mut looking = Looking::prepare(database, dir, seal)?;
    while let Some(questions) = shared.next() {
        *waiting = questions;
        let state = database.unchecked_transaction()?;
        let mut answers = Vec::with_capacity(waiting.len());
        for (ticket, past) in &*waiting {
            answers.push((*ticket, Some(looking.found(past)?)));
        }
        drop(state);
        waiting.clear();
        shared.answer(answers);
    }
    Ok(true)
}

/// What is known of numbers and keys, through one connection.
pub(super) struct Looking<'c> {
    sessions: Statement<'c>,
    calls: Statement<'c>,
    alone: Statement<'c>,
    open: Statement<'c>,
    open_bare: Statement<'c>,
    claim: Statement<'c>,
    dir: &'c DataDir,
    seal: &'c Seal,
    ways: Ways,
}

impl<'c> Looking<'c> {
    pub(super) fn prepare(
        database: &'c Connection,
        dir: &'c DataDir,
        seal: &'c Seal,
    ) -> rusqlite::Result<Self> {
        let (cdr, open) = (rows::CDR, rows::OPEN_ATTEMPT);
        let sessions = "SELECT id FROM session INDEXED BY session_to WHERE to_number = ?1 ORDER BY row DESC LIMIT ?2";
        Ok(Self {
            sessions: database.prepare(sessions)?,
            calls: database.prepare(&format!("SELECT {cdr} FROM cdr c WHERE c.session = ?1 AND c.start_us >= ?2"))?,
            alone: database.prepare(&format!(
                "SELECT {cdr} FROM cdr c WHERE c.alone = 1 AND c.to_number = ?1 AND c.start_us >= ?2 \
                 ORDER BY c.row DESC LIMIT ?3"
            ))?,
            open: database.prepare(&format!("SELECT {open} FROM open_attempt WHERE session = ?1 AND at_us >= ?2"))?,
            open_bare: database.prepare(&format!(
                "SELECT {open} FROM open_attempt WHERE session = '' AND to_number = ?1 AND at_us >= ?2"
            ))?,
            claim: database.prepare(
                "SELECT key, tenant, session, body, created_us, sum FROM idempotency \
                 WHERE key = ?1 AND created_us >= ?2",
            )?,
            dir,
            seal,
            ways: Ways::default(),
        })
    }

    pub(super) fn found(&mut self, past: &Past) -> rusqlite::Result<Found> {
        let recent = self.recent(past)?;
        let claimed = match past.key {
            Some(key) => self.claimed(&key, past.key_since_unix_us)?,
            None => None,
        };
        Ok(Found { recent, claimed })
    }

    fn recent(&mut self, past: &Past) -> rusqlite::Result<Vec<CallerId>> {
        let to = format!("+{}", past.to.reveal().as_str());
        let since = past.since_unix_us.cast_signed();
        let mut seen = Vec::new();
        let sessions = self.sessions.query_map((&to, SESSIONS_MAX as i64), |row| row.get(0))?;
        for session in sessions.collect::<Result<Vec<String>, _>>()? {
            let mut rows = self.calls.query((&session, since))?;
            while let Some(row) = rows.next()? {
                seen.extend(call(row, past.to, self.dir, self.seal));
            }
            let mut rows = self.open.query((&session, since))?;
            while let Some(row) = rows.next()? {
                let intent = rows::intent(row, self.seal, &mut self.ways);
                seen.extend(open_call(row, intent, past.to, self.dir));
            }
            if seen.len() >= RECENT_MAX {
                break;
            }
        }
        let mut rows = self.alone.query((&to, since, RECENT_MAX as i64))?;
        while let Some(row) = rows.next()? {
            seen.extend(call(row, past.to, self.dir, self.seal));
        }
        let mut rows = self.open_bare.query((&to, since))?;
        while let Some(row) = rows.next()? {
            let intent = rows::intent(row, self.seal, &mut self.ways);
            seen.extend(open_call(row, intent, past.to, self.dir));
        }
        seen.sort_unstable_by(|one, other| other.cmp(one));
        seen.truncate(RECENT_MAX);
        Ok(seen.into_iter().map(|(_, number)| number).collect())
    }

    fn claimed(
        &mut self,
        key: &[u8; 32],
        since: u64,
    ) -> rusqlite::Result<Option<(SessionId, [u8; 32])>> {
        let dir = self.dir;
        let found = self.claim.query_row((key, since.cast_signed()), |row| {
            let claim = claim(row, key);
            Ok(whole(claim, dir, Table::Idempotency, row, &[2]))
        });
        Ok(found.optional()?.flatten())
    }
}

/// When a call that rang began, and whence. One that never left rang nobody.
fn call(row: &Row<'_>, to: Destination, dir: &DataDir, seal: &Seal) -> Option<(u64, CallerId)> {
    let cdr = fitting(CdrRow::of(row, seal), |cdr| cdr.to == to);
    let cdr = whole(cdr, dir, Table::Cdr, row, &[0])?;
    (cdr.outcome != Outcome::NotAttempted).then_some((cdr.start_unix_us, cdr.from))
}

fn open_call(
    row: &Row<'_>,
    intent: Result<Intent, Damaged>,
    to: Destination,
    dir: &DataDir,
) -> Option<(u64, CallerId)> {
    let intent = fitting(intent, |intent| intent.to == to);
    let intent = whole(intent, dir, Table::OpenAttempt, row, &[0, 1, 2, 3])?;
    Some((intent.at_unix_us, intent.from))
}

fn claim(row: &Row<'_>, key: &[u8; 32]) -> Result<(SessionId, [u8; 32]), Damaged> {
    let cells = Cells::of(row, 6);
    cells.prove(Table::Idempotency, 0, 5)?;
    let mut columns = cells.from(0);
    if columns.bytes()? != *key {
        return Err(Damaged);
    }
    columns.skip(1);
    Ok((columns.parse(|text| text.parse().ok())?, columns.bytes()?))
}
