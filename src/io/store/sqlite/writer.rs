//! The one thread that writes.

use super::admin::{Job, WriteError};
use super::checkpoint::Checkpointer;
use super::dir::{DataDir, OpenError, Role};
use super::prune;
use super::queue::{Ending, Group, Queue, Work};
use super::reserve::Reserve;
use super::seal::Seal;
use super::write::{Pen, Records};
use super::{Counters, Retention};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::watch;

/// How long nothing must come before the thread looks around.
const IDLE: Duration = Duration::from_secs(1);
/// Changes with each write; nobody reads it.
const TRY: &str = "INSERT OR REPLACE INTO meta (name, value, sum) VALUES ('tried_us', ?1, 0)";
/// Wall time between two looks at what is old.
const LOOK_EVERY_US: u64 = 1_000_000;

/// The thread's own.
pub(super) struct Writer {
    pub(super) dir: DataDir,
    pub(super) queue: Arc<Queue>,
    pub(super) counters: Arc<Counters>,
    pub(super) retention: Retention,
    pub(super) wall: Arc<dyn Fn() -> u64 + Send + Sync>,
    pub(super) rows: watch::Sender<u64>,
    pub(super) seal: Seal,
    pub(super) reserve: Reserve,
    pub(super) checkpointer: Checkpointer,
    pub(super) pruning: Pruning,
    /// The last write failed; the next one may not.
    pub(super) failed: bool,
    /// Most pages that the database may have; only tests make it small.
    pub(super) pages_max: Option<u32>,
}

/// Why a connection is given up.
struct Failure {
    cause: rusqlite::Error,
    /// Somebody was told that his records are not kept. Else the next ones are refused, so that a disk that takes nothing
    /// is not tried again and again.
    told: bool,
}

impl Failure {
    const fn told(cause: rusqlite::Error) -> Self {
        Self { cause, told: true }
    }

    const fn silent(cause: rusqlite::Error) -> Self {
        Self { cause, told: false }
    }
}

/// How far pruning is.
#[derive(Debug, Default)]
pub(super) struct Pruning {
    looked_us: u64,
    behind: bool,
    /// Records written since the last step.
    since: usize,
}

impl Writer {
    /// Until the end.
    pub(super) fn run(mut self) {
        loop {
            let database = match self.connect() {
                Ok(database) => database,
                Err(cause) => {
                    tracing::error!(%cause, "the database cannot be opened");
                    if self.refuse() {
                        break;
                    }
                    continue;
                }
            };
            let lived = Records::prepare(&database)
                .map_err(Failure::silent)
                .and_then(|records| self.live(&database, records));
            let Err(Failure { cause, told }) = lived else { break };
            // What SQLite holds in memory may not be what is on disk: begin anew from there.
            tracing::error!(%cause, "the database is opened again");
            if !told && self.refuse() {
                break;
            }
        }
        self.checkpointer.end();
    }

    fn connect(&self) -> Result<Connection, OpenError> {
        let database = self.dir.connect(Role::Writer)?;
        if let Some(pages) = self.pages_max {
            let limited = database.pragma_update(None, "max_page_count", pages);
            limited.map_err(|cause| OpenError::of(&self.dir.database_path(), cause))?;
        }
        Ok(database)
    }

    /// Nothing can be written: says so of what waits, or of what comes next. Says whether this is the end.
    fn refuse(&mut self) -> bool {
        self.found(false);
        match self.queue.next(IDLE) {
            Work::Write(groups, jobs) => {
                if let Some(first) = groups.first() {
                    self.counters.failures.fetch_add(1, Relaxed);
                    self.queue.failed(first.first);
                }
                answer(jobs, |_| Err(WriteError::Failed));
                false
            }
            Work::Nothing => false,
            Work::End(_) => true,
        }
    }

    /// With one connection, until the end or until it is not to be trusted any more.
    fn live(&mut self, database: &Connection, mut records: Records<'_>) -> Result<(), Failure> {
        loop {
            let patience = if self.pruning.behind { Duration::ZERO } else { IDLE };
            match self.queue.next(patience) {
                Work::Write(groups, jobs) => {
                    let written = self.batch(&mut records, &groups);
                    if let Err(cause) = written {
                        answer(jobs, |_| Err(WriteError::Failed));
                        return Err(Failure::told(cause));
                    }
                    if !jobs.is_empty() {
                        write_jobs(database, jobs).map_err(Failure::told)?;
                    }
                    self.tend(database).map_err(Failure::silent)?;
                }
                Work::Nothing => {
                    self.reserve.renew();
                    self.try_again(database)?;
                    self.tend(database).map_err(Failure::silent)?;
                }
                Work::End(Ending::Orderly | Ending::AtOnce) => return Ok(()),
            }
        }
    }

    /// Writes one batch, and says what became of it.
    fn batch(&mut self, records: &mut Records<'_>, groups: &[Group]) -> rusqlite::Result<()> {
        self.reserve.renew();
        let mut allowed = self.allowed(groups);
        let mut written = self.write(records, allowed);
        if let Err(cause) = &written
            && is_full(cause)
            && self.reserve.spend()
        {
            allowed = self.allowed(groups);
            written = self.write(records, allowed);
        }
        let result = match written {
            Ok(()) => Ok(allowed.len()),
            Err(cause) => Err(cause),
        };
        self.found(result.is_ok());
        let kept = *result.as_ref().unwrap_or(&0);
        if let Some(first) = groups.get(kept) {
            self.counters.failures.fetch_add(1, Relaxed);
            self.queue.failed(first.first);
        }
        match result {
            Err(cause) if !is_full(&cause) && !is_busy(&cause) => Err(cause),
            Err(cause) => {
                tracing::error!(%cause, "records are not stored");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// Whether the disk takes writes.
    fn found(&mut self, works: bool) {
        self.failed = !works;
        self.say_whether_refusing();
    }

    /// For whoever asks whether something can be begun.
    pub(super) fn say_whether_refusing(&self) {
        self.counters.refusing.store(self.failed || self.reserve.is_spent(), Relaxed);
    }

    /// After a failure nobody may come any more to see whether it works again: whoever sends us work is told not to.
    fn try_again(&mut self, database: &Connection) -> Result<(), Failure> {
        if self.failed {
            let tried = database.execute(TRY, [(self.wall)().to_string()]);
            self.found(tried.is_ok());
            match tried {
                Err(cause) if !is_full(&cause) && !is_busy(&cause) => {
                    return Err(Failure::told(cause));
                }
                Ok(_) | Err(_) => {}
            }
        }
        self.say_whether_refusing();
        Ok(())
    }

    /// What may be written now: from the reserve nothing that begins.
    fn allowed<'g>(&self, groups: &'g [Group]) -> &'g [Group] {
        let begins = groups.iter().position(|group| group.begins);
        let end = begins.filter(|_| self.reserve.is_spent()).unwrap_or(groups.len());
        groups.get(..end).unwrap_or_default()
    }

    fn write(&mut self, records: &mut Records<'_>, groups: &[Group]) -> rusqlite::Result<()> {
        let Some(last) = groups.last() else { return Ok(()) };
        let now_us = (self.wall)();
        let row = records.write(groups, &mut Pen { seal: &mut self.seal, now_us })?;
        let count = groups.iter().map(|group| group.records.len()).sum::<usize>();
        self.pruning.since += count;
        self.counters.records.fetch_add(count as u64, Relaxed);
        self.counters.commits.fetch_add(1, Relaxed);
        self.queue.kept(last.last);
        if let Some(row) = row {
            self.rows.send_replace(row);
        }
        Ok(())
    }

    /// Between two batches: what is old goes, and the log stays short.
    fn tend(&mut self, database: &Connection) -> rusqlite::Result<()> {
        let now_us = (self.wall)();
        let look = now_us.abs_diff(self.pruning.looked_us) >= LOOK_EVERY_US;
        // Work comes first, unless so much of it came that what is old would never go.
        let turn = self.queue.is_idle() || self.pruning.since >= prune::STEP;
        if turn && (look || self.pruning.behind) {
            self.pruning.looked_us = now_us;
            self.pruning.since = 0;
            self.prune(database, now_us)?;
        }
        match self.checkpointer.tend(database) {
            Ok(log) => {
                self.counters.log_pages.store(log.pages, Relaxed);
                Ok(())
            }
            // The disk is full, or somebody reads: the log grows meanwhile.
            Err(cause) if is_full(&cause) || is_busy(&cause) => Ok(()),
            Err(cause) => Err(cause),
        }
    }

    fn prune(&mut self, database: &Connection, now_us: u64) -> rusqlite::Result<()> {
        match prune::step(database, &self.retention, now_us) {
            Ok(pruned) => {
                self.pruning.behind = pruned.behind;
                self.counters.pruned.fetch_add(pruned.rows, Relaxed);
                if pruned.undelivered > 0 {
                    self.counters.undelivered.fetch_add(pruned.undelivered, Relaxed);
                    let cdrs = pruned.undelivered;
                    tracing::warn!(cdrs, "pruned records that a sink never took");
                }
                Ok(())
            }
            Err(cause) if is_full(&cause) || is_busy(&cause) => {
                self.pruning.behind = false;
                Ok(())
            }
            Err(cause) => Err(cause),
        }
    }
}

/// Writes what others asked for, all at once, and answers.
fn write_jobs(database: &Connection, jobs: Vec<Job>) -> rusqlite::Result<()> {
    let written =
        Transaction::new_unchecked(database, TransactionBehavior::Immediate).and_then(|all| {
            let written: Result<Vec<bool>, _> =
                jobs.iter().map(|job| job.wish.write(&all)).collect();
            let written = written?;
            all.commit()?;
            Ok(written)
        });
    match written {
        Ok(written) => {
            let mut written = written.into_iter();
            answer(jobs, |_| written.next().ok_or(WriteError::Failed));
            Ok(())
        }
        Err(cause) => {
            answer(jobs, |_| Err(WriteError::Failed));
            tracing::error!(%cause, "a key or a sink's place is not stored");
            if is_full(&cause) || is_busy(&cause) { Ok(()) } else { Err(cause) }
        }
    }
}

fn answer(jobs: Vec<Job>, mut result: impl FnMut(&Job) -> Result<bool, WriteError>) {
    for job in jobs {
        let result = result(&job);
        // Whoever asked may be gone.
        job.reply.send(result).ok();
    }
}

/// There is no room, on the disk or for the file.
fn is_full(cause: &rusqlite::Error) -> bool {
    cause.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

/// Another program has the database for itself.
fn is_busy(cause: &rusqlite::Error) -> bool {
    matches!(cause.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
