//! The store in a directory: SQLite, one writer, and everybody else reads.
//!
//! The loop appends records and asks for a commit; a thread writes whatever has come since its last commit as one
//! transaction that is on the disk when it ends (WAL, `synchronous=FULL`), and tells the loop. Another thread looks up what
//! was before, a third brings the log into the database. What is old is pruned between two batches.
//!
//! ```text
//!   loop ── queue ──> writer ──> onering.db-wal ──> checkpoint ──> onering.db
//!     └── load ──> its thread ──────────┴──────────────────────────────┘
//!                  readers ─────────────┘
//! ```
//!
//! The tables are plain, and every row has its checksum (`cells`). A caller-ID is a code until its verification
//! has ended: until then it lies there sealed, under a key that is not in the database.
//!
//! After an error of the disk the connection is opened again and what was not kept is refused, once; the loop gives it again.
//! A transaction whose commit failed is not there for anybody who asks. Only if the program dies at once may the next
//! life find it in the log after all: then its calls are open there, and end as `interrupted`.

mod admin;
mod cells;
mod checkpoint;
mod dir;
mod ids;
mod load;
mod prune;
mod query;
mod queue;
mod read;
mod reserve;
mod restore;
mod rows;
mod schema;
mod seal;
mod secret;
mod select;
#[cfg(test)]
mod tests;
mod write;
mod writer;

pub use admin::{Admin, KeyRow, WriteError};
pub use dir::{DataDir, OpenError};
pub use query::{CdrQuery, Direction, LIMIT_MAX, SessionQuery};
pub use read::{ReadError, Reader};
pub use restore::restore;
pub use secret::SecretFault;

use super::{Store, Verdict};
use crate::base::id::{Seq, Ticket};
use crate::verify::command::IDEMPOTENCY_KEPT;
use crate::verify::record::{Found, Past, Record};
use checkpoint::Checkpointer;
use load::Loader;
use queue::{Ending, Group, Queue};
use reserve::Reserve;
use seal::Seal;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use writer::{Pruning, Writer};

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// CDRs, from when they were kept; default 30 days. One that a sink has not had yet stays up to twice as long.
    pub cdr: Duration,
    /// Verifications that have ended, from when they began; default 30 days.
    pub session: Duration,
    /// Claims of an `Idempotency-Key`; default 24 hours.
    pub idempotency: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        let month = Duration::from_secs(30 * 24 * 3600);
        Self { cdr: month, session: month, idempotency: IDEMPOTENCY_KEPT }
    }
}

/// How the store is to work.
#[derive(Clone)]
pub struct Options {
    /// How long things are kept.
    pub retention: Retention,
    /// Room that is set aside for what is under way when the disk is full, bytes; default 32 MiB, 0 for none.
    pub reserve_bytes: u64,
    /// Tells the time, microseconds since 1970 UTC.
    pub wall: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Options {
    /// The defaults, with this clock.
    #[must_use]
    pub fn new(wall: Arc<dyn Fn() -> u64 + Send + Sync>) -> Self {
        Self { retention: Retention::default(), reserve_bytes: 32 << 20, wall }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { retention, reserve_bytes, wall: _ } = self;
        write!(f, "Options {{ {retention:?}, reserve_bytes: {reserve_bytes} }}")
    }
}

/// What the store has done since it was started.
#[derive(Debug, Default)]
pub struct Counters {
    records: AtomicU64,
    commits: AtomicU64,
    failures: AtomicU64,
    pruned: AtomicU64,
    undelivered: AtomicU64,
    log_pages: AtomicU64,
    refusing: AtomicBool,
}

impl Counters {
    /// Records kept.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records.load(Relaxed)
    }

    /// Transactions that kept them.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Relaxed)
    }

    /// Times that records were not kept.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// Rows that went because they were old.
    #[must_use]
    pub fn pruned(&self) -> u64 {
        self.pruned.load(Relaxed)
    }

    /// CDRs among them that a sink never had.
    #[must_use]
    pub fn undelivered(&self) -> u64 {
        self.undelivered.load(Relaxed)
    }

    /// Pages in the log that are of use.
    #[must_use]
    pub fn log_pages(&self) -> u64 {
        self.log_pages.load(Relaxed)
    }

    /// Whether nothing that begins would be kept now: the disk takes nothing, or there is room for what is under way only.
    #[must_use]
    pub fn is_refusing(&self) -> bool {
        self.refusing.load(Relaxed)
    }
}

/// The store.
pub struct Sqlite {
    queue: Arc<Queue>,
    pending: Vec<(Seq, Record)>,
    loader: Loader,
    writer: Option<JoinHandle<()>>,
    news: Arc<Notify>,
    rows: watch::Receiver<u64>,
    counters: Arc<Counters>,
    dir: DataDir,
}

/// What is unusual about a store; nothing outside of tests.
struct Unusual {
    pages_max: Option<u32>,
    room: fn(&Path) -> u64,
}

impl Sqlite {
    /// Starts the store's threads. [`restore`] what the last life left before.
    ///
    /// # Errors
    /// What is in the way.
    pub fn start(dir: DataDir, options: Options) -> Result<Self, OpenError> {
        Self::start_unusual(dir, options, &Unusual { pages_max: None, room: reserve::room })
    }

    fn start_unusual(dir: DataDir, options: Options, unusual: &Unusual) -> Result<Self, OpenError> {
        let news = Arc::new(Notify::new());
        let queue = Arc::new(Queue::new(Arc::clone(&news)));
        let counters = Arc::new(Counters::default());
        let database = dir.connect(dir::Role::Reader)?;
        let last_row = prune::last_row(&database)
            .map_err(|cause| OpenError::of(&dir.database_path(), cause))?;
        let (told, rows) = watch::channel(last_row);
        let writer = Writer {
            dir: dir.clone(),
            queue: Arc::clone(&queue),
            counters: Arc::clone(&counters),
            retention: options.retention,
            wall: options.wall,
            rows: told,
            seal: Seal::new(dir.seal_key()),
            reserve: Reserve::new(dir.path(), options.reserve_bytes, unusual.room),
            checkpointer: Checkpointer::start(&dir)?,
            pruning: Pruning::default(),
            failed: false,
            pages_max: unusual.pages_max,
        };
        writer.say_whether_refusing();
        let loader = Loader::start(&dir, Arc::clone(&news))?;
        let writer = Builder::new()
            .name("store-write".into())
            .spawn(move || writer.run())
            .map_err(OpenError::Thread)?;
        let writer = Some(writer);
        Ok(Self { queue, pending: Vec::new(), loader, writer, news, rows, counters, dir })
    }

    /// Writes for others.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin::new(Arc::clone(&self.queue))
    }

    /// The row of the last CDR that was kept, as it grows.
    #[must_use]
    pub fn rows(&self) -> watch::Receiver<u64> {
        self.rows.clone()
    }

    /// What it has done.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Writes what was committed, brings the log into the database, and ends this life cleanly. Blocks until then.
    ///
    /// # Errors
    /// The end could not be written down.
    pub fn close(mut self) -> Result<(), OpenError> {
        self.commit();
        self.end(Ending::Orderly);
        self.dir.clone().close()
    }

    fn end(&mut self, ending: Ending) {
        self.queue.end(ending);
        if let Some(writer) = self.writer.take() {
            // It has nothing to say.
            writer.join().ok();
        }
        self.loader.end();
    }
}

impl Drop for Sqlite {
    /// Like a crash, but that a batch under way is finished.
    fn drop(&mut self) {
        self.end(Ending::AtOnce);
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sqlite({})", self.dir.path().display())
    }
}

impl Store for Sqlite {
    fn append(&mut self, seq: Seq, record: Record) {
        self.pending.push((seq, record));
    }

    fn commit(&mut self) {
        let (Some((first, _)), Some((last, _))) = (self.pending.first(), self.pending.last())
        else {
            return;
        };
        let (first, last) = (*first, *last);
        let begins = |record: &Record| matches!(record, Record::Opened(_) | Record::Intent(_));
        let begins = self.pending.iter().any(|(_, record)| begins(record));
        let records = self.pending.drain(..).map(|(_, record)| record).collect();
        self.queue.give(Group { first, last, records, begins });
    }

    fn poll_verdict(&mut self) -> Option<Verdict> {
        let verdict = self.queue.poll();
        if matches!(verdict, Some(Verdict::Failed(_))) {
            self.pending.clear();
        }
        verdict
    }

    fn load(&mut self, ticket: Ticket, past: Past) {
        self.loader.ask(ticket, past);
    }

    fn poll_loaded(&mut self) -> Option<(Ticket, Option<Found>)> {
        self.loader.poll()
    }

    fn news(&self) -> Option<Arc<Notify>> {
        Some(Arc::clone(&self.news))
    }
}
