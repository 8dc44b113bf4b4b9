//! What others write: API keys, and how far the sinks have come. It goes through the same writer as everything else.

use super::cells::{Cells, Damaged, Table};
use super::queue::Queue;
use rusqlite::{Connection, OptionalExtension as _, Row};
use std::fmt;
use std::sync::Arc;
use tokio::sync::oneshot;

/// One API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its public half; what it is revoked by.
    pub id: Arc<str>,
    /// Whose; none for a key that may see all.
    pub tenant: Option<Arc<str>>,
    /// What people call it.
    pub name: Arc<str>,
    /// What it may do: names without blanks in them.
    pub scopes: Vec<Arc<str>>,
    /// Of its secret half.
    pub hash: [u8; 32],
    /// When it was made, microseconds since 1970 UTC.
    pub created_us: u64,
    /// When it was revoked.
    pub revoked_us: Option<u64>,
}

/// Why something was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The store has ended, or as much waits for it as may.
    Closed,
    /// The disk did not take it.
    Failed,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the store takes nothing; it ends, or is far behind"),
            Self::Failed => f.write_str("the store could not write it; its log says why"),
        }
    }
}

impl std::error::Error for WriteError {}

/// Writes for others.
#[derive(Clone)]
pub struct Admin {
    queue: Arc<Queue>,
}

/// One write.
pub(super) enum Wish {
    CreateKey(KeyRow),
    RevokeKey { id: Arc<str>, at_us: u64 },
    Delivered { sink: Arc<str>, row: u64, amendment: u64 },
    ForgetSink { sink: Arc<str> },
}

/// A write, and who waits for it.
pub(super) struct Job {
    pub(super) wish: Wish,
    /// Whether there was something to write.
    pub(super) reply: oneshot::Sender<Result<bool, WriteError>>,
}

impl Admin {
    pub(super) const fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }

    /// Keeps a new key. False if there is one of this id.
    ///
    /// # Errors
    /// It is not kept.
    pub async fn create_key(&self, key: KeyRow) -> Result<bool, WriteError> {
        self.ask(Wish::CreateKey(key)).await
    }

    /// Marks a key as revoked at this time, microseconds since 1970 UTC. False if there is none of this id that was not
    /// revoked before.
    ///
    /// # Errors
    /// It is not kept.
    pub async fn revoke_key(&self, id: Arc<str>, at_us: u64) -> Result<bool, WriteError> {
        self.ask(Wish::RevokeKey { id, at_us }).await
    }

    /// Keeps that a sink has every CDR up to this row, and every amendment up to that of its own. A sink says so for the
    /// first time with 0: from then on, what it has not had is not pruned.
    ///
    /// # Errors
    /// It is not kept.
    pub async fn delivered(
        &self,
        sink: Arc<str>,
        row: u64,
        amendment: u64,
    ) -> Result<bool, WriteError> {
        self.ask(Wish::Delivered { sink, row, amendment }).await
    }

    /// Forgets a sink that is no more, so that pruning does not wait for it. False if there was none.
    ///
    /// # Errors
    /// It is not kept.
    pub async fn forget_sink(&self, sink: Arc<str>) -> Result<bool, WriteError> {
        self.ask(Wish::ForgetSink { sink }).await
    }

    async fn ask(&self, wish: Wish) -> Result<bool, WriteError> {
        let (reply, answer) = oneshot::channel();
        self.queue.give_job(Job { wish, reply });
        answer.await.unwrap_or(Err(WriteError::Closed))
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admin")
    }
}

impl Wish {
    /// Says whether there was something to write.
    pub(super) fn write(&self, database: &Connection) -> rusqlite::Result<bool> {
        let changed = match self {
            Self::CreateKey(key) => put_key(database, key, "ON CONFLICT (id) DO NOTHING")?,
            Self::RevokeKey { id, at_us } => match one_key(database, id)? {
                Some(key) if key.revoked_us.is_none() => {
                    let revoked = KeyRow { revoked_us: Some(*at_us), ..key };
                    let over = "ON CONFLICT (id) DO UPDATE SET revoked_us = excluded.revoked_us, sum = excluded.sum";
                    put_key(database, &revoked, over)?
                }
                Some(_) | None => 0,
            },
            Self::Delivered { sink, row, amendment } => {
                let cells = Cells::default().text(sink).int(*row).int(*amendment);
                let sum = cells.summed(Table::Sink);
                let sql = "INSERT OR REPLACE INTO sink (name, last_row, last_amendment, sum) VALUES (?1, ?2, ?3, ?4)";
                cells.sum(sum).execute(&mut *database.prepare_cached(sql)?)?
            }
            Self::ForgetSink { sink } => {
                database.prepare_cached("DELETE FROM sink WHERE name = ?1")?.execute([&**sink])?
            }
        };
        Ok(changed > 0)
    }
}

fn put_key(database: &Connection, key: &KeyRow, conflict: &str) -> rusqlite::Result<usize> {
    let scopes = key.scopes.join(" ");
    let cells = Cells::default()
        .text(&key.id)
        .text_or_null(key.tenant.as_deref())
        .text(&key.name)
        .text(&scopes)
        .blob(&key.hash)
        .int(key.created_us)
        .int_or_null(key.revoked_us);
    let sum = cells.summed(Table::ApiKey);
    let sql = format!(
        "INSERT INTO api_key (id, tenant, name, scopes, hash, created_us, revoked_us, sum) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) {conflict}"
    );
    cells.sum(sum).execute(&mut *database.prepare_cached(&sql)?)
}

/// Columns of a key, in the order of [`key_row`].
pub(super) const KEY_COLUMNS: &str = "id, tenant, name, scopes, hash, created_us, revoked_us, sum";

/// A key whose row is damaged is no key: it can be revoked by making another, not by rewriting what it may have been.
fn one_key(database: &Connection, id: &str) -> rusqlite::Result<Option<KeyRow>> {
    let sql = format!("SELECT {KEY_COLUMNS} FROM api_key WHERE id = ?1");
    let row = database.prepare_cached(&sql)?.query_row([id], |row| Ok(key_row(row))).optional()?;
    Ok(row.and_then(Result::ok))
}

/// The key of a row.
pub(super) fn key_row(row: &Row<'_>) -> Result<KeyRow, Damaged> {
    let cells = Cells::of(row, 8);
    cells.prove(Table::ApiKey, 0, 7)?;
    let mut columns = cells.from(0);
    Ok(KeyRow {
        id: columns.text()?.into(),
        tenant: columns.text_or_null()?.map(Arc::from),
        name: columns.text()?.into(),
        scopes: columns.text()?.split_whitespace().map(Arc::from).collect(),
        hash: columns.bytes()?,
        created_us: columns.int()?,
        revoked_us: columns.int_or_null()?,
    })
}
