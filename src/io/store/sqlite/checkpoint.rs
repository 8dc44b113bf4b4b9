//! From the log into the database, beside the writer.
//!
//! Each commit appends to the log (`onering.db-wal`); from time to time its pages must go into the database, or it would
//! grow for ever. A thread does that with a connection of its own, while the writer goes on. The log can begin
//! again at its front only in a moment when all of it is in the database. So the thread is sent when the log has
//! [`BEGIN_PAGES`], and once only a short tail is missing, or the log has [`PRESS_PAGES`], the writer itself brings the
//! rest over between two batches. The log's file stays at what it once reached: some MiB, and a batch more than
//! [`PRESS_PAGES`] where more is written than the disk can take twice. Only another program that reads in one long
//! transaction makes it longer.

use super::dir::{DataDir, OpenError, Role};
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

/// Pages in the log when the thread is sent: 4 MiB. More would make each sync of the database longer, and commits wait.
const BEGIN_PAGES: u64 = 1024;
/// Pages that the writer brings over by itself: 512 KiB, some milliseconds.
const TAIL_PAGES: u64 = 128;
/// Pages in the log when the writer waits no longer for the thread: 64 MiB.
const PRESS_PAGES: u64 = 16_384;

/// How the log stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    /// Pages in it.
    pub(super) pages: u64,
    /// Of these, pages that are not in the database.
    pub(super) missing: u64,
}

/// The thread.
pub(super) struct Checkpointer {
    go: Option<SyncSender<()>>,
    busy: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(super) fn start(dir: &DataDir) -> Result<Self, OpenError> {
        let (go, asked) = sync_channel(1);
        let busy = Arc::new(AtomicBool::new(false));
        let (dir, flag) = (dir.clone(), Arc::clone(&busy));
        let thread = Builder::new()
            .name("store-checkpoint".into())
            .spawn(move || run(&dir, &asked, &flag))
            .map_err(OpenError::Thread)?;
        Ok(Self { go: Some(go), busy, thread: Some(thread) })
    }

    /// Between two batches: sends the thread, or does what is left.
    pub(super) fn tend(&self, database: &Connection) -> rusqlite::Result<Log> {
        let log = checkpoint(database, Mode::Noop)?;
        if log.pages < BEGIN_PAGES || log.missing == 0 {
            return Ok(log);
        }
        let busy = self.busy.load(Ordering::Acquire);
        if log.pages >= PRESS_PAGES || (!busy && log.missing <= TAIL_PAGES) {
            return checkpoint(database, Mode::Passive);
        }
        if !busy && let Some(go) = &self.go {
            self.busy.store(true, Ordering::Release);
            // Full only where the thread was asked already.
            go.try_send(()).ok();
        }
        Ok(log)
    }

    pub(super) fn end(&mut self) {
        self.go = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            thread.join().ok();
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.end();
    }
}

#[derive(Clone, Copy)]
enum Mode {
    /// Only looks.
    Noop,
    /// What can be done without waiting for anybody.
    Passive,
}

fn run(dir: &DataDir, asked: &Receiver<()>, busy: &AtomicBool) {
    let mut database: Option<Connection> = None;
    while asked.recv().is_ok() {
        let done = match &database {
            Some(database) => passes(database).map_err(|cause| cause.to_string()),
            None => match dir.connect(Role::Checkpointer) {
                Ok(new) => passes(database.insert(new)).map_err(|cause| cause.to_string()),
                Err(cause) => Err(cause.to_string()),
            },
        };
        if let Err(cause) = done {
            tracing::error!(cause, "the log cannot be brought into the database");
            database = None;
        }
        busy.store(false, Ordering::Release);
    }
}

/// Until only a tail is missing; what comes meanwhile is for the next pass, a few times at most.
fn passes(database: &Connection) -> rusqlite::Result<()> {
    for _ in 0..4 {
        if checkpoint(database, Mode::Passive)?.missing <= TAIL_PAGES / 2 {
            break;
        }
    }
    Ok(())
}

fn checkpoint(database: &Connection, mode: Mode) -> rusqlite::Result<Log> {
    let sql = match mode {
        Mode::Noop => "PRAGMA wal_checkpoint(NOOP)",
        Mode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
    };
    database.prepare_cached(sql)?.query_row([], |row| {
        let (pages, done): (i64, i64) = (row.get(1)?, row.get(2)?);
        let pages = u64::try_from(pages).unwrap_or_default();
        Ok(Log { pages, missing: pages.saturating_sub(u64::try_from(done).unwrap_or_default()) })
    })
}
