//! What is old goes, a few rows at a time, oldest first. Its pages are used again, so the file stays as large as what it
//! must hold.
//!
//! The last CDR never goes: the next one's row must be higher, whatever was pruned.

use super::Retention;
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// Most rows of a table in one step.
pub(super) const STEP: usize = 200;
/// Sessions stay this much longer, microseconds: the CDRs of their calls are written after them, and go before them.
const SESSION_GRACE_US: u64 = 300_000_000;

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pruned {
    /// Rows that went, of all tables.
    pub(super) rows: u64,
    /// CDRs among them that a sink never had.
    pub(super) undelivered: u64,
    /// There may be more.
    pub(super) behind: bool,
}

/// One step.
pub(super) fn step(
    database: &Connection,
    retention: &Retention,
    now_us: u64,
) -> rusqlite::Result<Pruned> {
    let step = Transaction::new_unchecked(database, TransactionBehavior::Immediate)?;
    let mut pruned = Pruned::default();
    cdrs(&step, retention, now_us, &mut pruned)?;
    let before = now_us.saturating_sub(micros(retention.session) + SESSION_GRACE_US);
    sessions(&step, before, &mut pruned)?;
    claims(&step, now_us.saturating_sub(micros(retention.idempotency)), &mut pruned)?;
    if pruned.rows == 0 {
        return Ok(pruned);
    }
    step.commit()?;
    Ok(pruned)
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX / 4)
}

fn cdrs(
    step: &Transaction<'_>,
    retention: &Retention,
    now_us: u64,
    pruned: &mut Pruned,
) -> rusqlite::Result<()> {
    let before = now_us.saturating_sub(micros(retention.cdr)).cast_signed();
    let overdue = now_us.saturating_sub(micros(retention.cdr).saturating_mul(2)).cast_signed();
    let last: Option<i64> = step.query_row("SELECT max(row) FROM cdr", [], |row| row.get(0))?;
    let delivered: Option<i64> =
        step.query_row("SELECT min(last_row) FROM sink", [], |row| row.get(0))?;
    let mut head = step.prepare_cached(
        "SELECT row, life, call, kept_us, EXISTS
           (SELECT 1 FROM session WHERE session.id = cdr.session AND session.status = 'pending')
         FROM cdr ORDER BY row LIMIT ?1",
    )?;
    let head = head.query_map([STEP as i64], |row| {
        let id = [row.get::<_, i64>(1)?, row.get(2)?];
        Ok((row.get::<_, i64>(0)?, id, row.get::<_, i64>(3)?, row.get::<_, bool>(4)?))
    })?;
    let mut delete = step.prepare_cached("DELETE FROM cdr WHERE row = ?1")?;
    let mut amendments =
        step.prepare_cached("DELETE FROM amendment WHERE life = ?1 AND call = ?2")?;
    let mut gone = 0;
    for old in head.collect::<Result<Vec<_>, _>>()? {
        let (row, id, kept_us, open) = old;
        let waits = delivered.is_some_and(|delivered| delivered < row);
        // Without it the next life would take an open verification for one that was never called, and call again.
        if open || Some(row) == last || kept_us >= before || (waits && kept_us >= overdue) {
            break;
        }
        delete.execute([row])?;
        amendments.execute(id)?;
        gone += 1;
        pruned.undelivered += u64::from(waits);
    }
    pruned.count(gone);
    Ok(())
}

/// A session whose CDRs stay leaves them marked, so that they are still found by their number.
fn sessions(step: &Transaction<'_>, before: u64, pruned: &mut Pruned) -> rusqlite::Result<()> {
    let mut head = step.prepare_cached(
        "SELECT row, id, created_us, status <> 'pending' FROM session ORDER BY row LIMIT ?1",
    )?;
    let head = head.query_map([STEP as i64], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get(3)?))
    })?;
    let mut leave = step.prepare_cached("UPDATE cdr SET alone = 1 WHERE session = ?1")?;
    let mut delete = step.prepare_cached("DELETE FROM session WHERE row = ?1")?;
    let mut gone = 0;
    for old in head.collect::<Result<Vec<(i64, String, i64, bool)>, _>>()? {
        let (row, id, created_us, ended) = old;
        if created_us >= before.cast_signed() {
            break;
        }
        if ended {
            leave.execute([&id])?;
            delete.execute([row])?;
            gone += 1;
        }
    }
    pruned.count(gone);
    Ok(())
}

fn claims(step: &Transaction<'_>, before: u64, pruned: &mut Pruned) -> rusqlite::Result<()> {
    let mut delete = step.prepare_cached(
        "DELETE FROM idempotency WHERE created_us < ?1 AND row IN
         (SELECT row FROM idempotency ORDER BY row LIMIT ?2)",
    )?;
    let gone = delete.execute([before.cast_signed(), STEP as i64])?;
    pruned.count(gone);
    Ok(())
}

impl Pruned {
    fn count(&mut self, gone: usize) {
        self.rows += gone as u64;
        self.behind |= gone == STEP;
    }
}

/// The row of the last CDR; 0 where there is none.
pub(super) fn last_row(database: &Connection) -> rusqlite::Result<u64> {
    let last: Option<i64> = database.query_row("SELECT max(row) FROM cdr", [], |row| row.get(0))?;
    Ok(last.unwrap_or_default().cast_unsigned())
}
