//! What is stored, for whoever shows it. Every answer is as of one moment.

use super::admin::{self, KEY_COLUMNS, KeyRow};
use super::cells::{Cells, Table};
use super::dir::{DataDir, OpenError, Role};
use super::ids;
use super::query::{CdrQuery, LIMIT_MAX, SessionQuery};
use super::rows::{self, CdrRow, Names, SessionRow, Ways, fitting, whole};
use super::seal::Seal;
use super::select;
use super::write::key;
use crate::base::id::{AttemptId, SessionId};
use crate::numbers::odds::Odds;
use crate::verify::cdr::{Amendment, Kept};
use crate::verify::record::Part;
use crate::verify::snapshot::{AttemptView, Snapshot};
use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Connections that read at a time; who comes beyond that waits.
const CONNECTIONS: usize = 4;

/// Reads. Its methods block, so they are called where that is allowed.
#[derive(Clone)]
pub struct Reader(Arc<Inner>);

struct Inner {
    idle: Mutex<Vec<Connection>>,
    back: Condvar,
    seal: Seal,
    /// Behind the connections: it outlives them.
    dir: DataDir,
}

/// Why something could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// The database cannot be opened.
    Open(OpenError),
    /// What SQLite says.
    Sqlite(rusqlite::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(cause) => write!(f, "{cause}"),
            Self::Sqlite(cause) => write!(f, "cannot read the store: {cause}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl Reader {
    /// Reads what is in this directory, whether or not the store runs.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub fn open(dir: &DataDir) -> Result<Self, OpenError> {
        let idle: Result<Vec<_>, _> = (0..CONNECTIONS).map(|_| dir.connect(Role::Reader)).collect();
        let seal = Seal::new(dir.seal_key());
        let (idle, back) = (Mutex::new(idle?), Condvar::new());
        Ok(Self(Arc::new(Inner { idle, back, seal, dir: dir.clone() })))
    }

    /// One verification.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn session(&self, id: SessionId) -> Result<Option<Snapshot>, ReadError> {
        let sql = format!("SELECT {} FROM session WHERE id = ?1", rows::SESSION);
        self.0.with(|database| {
            let mut statement = database.prepare_cached(&sql)?;
            let mut rows = statement.query([id.to_string()])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let row = self.0.session_row(row, |session| session.opened.id == id);
            row.map(|row| self.0.snapshot(database, row)).transpose()
        })
    }

    /// Verifications, newest first. One that is not there any more has none before it.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn sessions(&self, query: &SessionQuery) -> Result<Vec<Snapshot>, ReadError> {
        self.0.with(|database| {
            let mut before = None;
            if let Some(id) = query.before {
                let mut row = database.prepare_cached("SELECT row FROM session WHERE id = ?1")?;
                let row = row.query_row([id.to_string()], |row| row.get::<_, i64>(0)).optional()?;
                let Some(row) = row else { return Ok(Vec::new()) };
                before = Some(row.cast_unsigned());
            }
            let select = select::sessions(query, before);
            let mut statement = database.prepare_cached(&select.sql)?;
            let mut rows = statement.query(params_from_iter(select.values))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let row = self.0.session_row(row, |session| query.fits(session));
                if let Some(row) = row {
                    found.push(self.0.snapshot(database, row)?);
                }
            }
            Ok(found)
        })
    }

    /// One CDR.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn cdr(&self, id: AttemptId) -> Result<Option<Kept>, ReadError> {
        let sql = format!("SELECT {} FROM cdr c WHERE c.life = ?1 AND c.call = ?2", rows::CDR);
        self.0.with(|database| {
            let mut statement = database.prepare_cached(&sql)?;
            let mut rows = statement.query(key(id))?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let read = self.0.cdr_row(row, |cdr| cdr.id == id);
            let mut kept: Vec<Kept> = read.iter().map(CdrRow::kept).collect();
            self.0.amend(database, &mut kept)?;
            Ok(kept.pop())
        })
    }

    /// CDRs. `after` of the next question is the row of the last one.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn cdrs(&self, query: &CdrQuery) -> Result<Vec<Kept>, ReadError> {
        let limit = query.limit.clamp(1, LIMIT_MAX);
        self.0.with(|database| {
            let mut kept = Vec::new();
            for select in select::cdrs(database, query)? {
                let mut statement = database.prepare_cached(&select.sql)?;
                let mut rows = statement.query(params_from_iter(select.values))?;
                while let Some(row) = rows.next()? {
                    if kept.len() == limit {
                        break;
                    }
                    let read = self.0.cdr_row(row, |cdr| query.fits(cdr));
                    kept.extend(read.iter().map(CdrRow::kept));
                }
            }
            self.0.amend(database, &mut kept)?;
            Ok(kept)
        })
    }

    /// All API keys, the revoked ones too.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn keys(&self) -> Result<Vec<KeyRow>, ReadError> {
        let sql = format!("SELECT {KEY_COLUMNS} FROM api_key ORDER BY id");
        self.0.with(|database| {
            let mut statement = database.prepare_cached(&sql)?;
            let mut rows = statement.query([])?;
            let mut keys = Vec::new();
            while let Some(row) = rows.next()? {
                let key = admin::key_row(row);
                keys.extend(whole(key, &self.0.dir, Table::ApiKey, row, &[0]));
            }
            Ok(keys)
        })
    }

    /// Amendments behind this row of theirs, in the order in which they were kept, at most so many, each with its row.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn amendments(&self, after: u64, limit: usize) -> Result<Vec<(u64, Amendment)>, ReadError> {
        let limit = limit.clamp(1, LIMIT_MAX) as u64;
        let columns = rows::AMENDMENT;
        let sql =
            format!("SELECT {columns}, row FROM amendment WHERE row > ?1 ORDER BY row LIMIT ?2");
        self.0.with(|database| {
            let mut statement = database.prepare_cached(&sql)?;
            let mut rows = statement.query([after, limit].map(u64::cast_signed))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let place: i64 = row.get(6)?;
                let read = rows::amendment(row);
                let read = whole(read, &self.0.dir, Table::Amendment, row, &[6]);
                found.extend(read.map(|amendment| (place.cast_unsigned(), amendment)));
            }
            Ok(found)
        })
    }

    /// The last row that a sink has, and the last of the amendments; none for a sink that never said so.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn sink_rows(&self, name: &str) -> Result<Option<(u64, u64)>, ReadError> {
        self.0.with(|database| {
            let sql = "SELECT name, last_row, last_amendment, sum FROM sink WHERE name = ?1";
            let mut statement = database.prepare_cached(sql)?;
            let mut rows = statement.query([name])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let cells = Cells::of(row, 4);
            let last = cells.prove(Table::Sink, 0, 3).and_then(|()| {
                let mut columns = cells.from(1);
                Ok((columns.int()?, columns.int()?))
            });
            Ok(whole(last, &self.0.dir, Table::Sink, row, &[0]))
        })
    }

    /// The row of the last CDR; 0 where there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn last_row(&self) -> Result<u64, ReadError> {
        self.0.with(super::prune::last_row)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({})", self.0.dir.path().display())
    }
}

impl Inner {
    /// Asks with a connection, in one transaction. One that failed is opened again.
    fn with<T>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, ReadError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let database = loop {
            if let Some(database) = idle.pop() {
                break database;
            }
            idle = self.back.wait(idle).unwrap_or_else(PoisonError::into_inner);
        };
        drop(idle);
        let answer = database.unchecked_transaction().and_then(|one| ask(&one));
        let back = match answer {
            Ok(_) => database,
            Err(_) => self.dir.connect(Role::Reader).unwrap_or(database),
        };
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(back);
        self.back.notify_one();
        answer.map_err(ReadError::Sqlite)
    }

    fn session_row(
        &self,
        row: &Row<'_>,
        fits: impl FnOnce(&SessionRow) -> bool,
    ) -> Option<SessionRow> {
        let session = fitting(SessionRow::of(row, &mut Names::default()), fits);
        whole(session, &self.dir, Table::Session, row, &[1])
    }

    fn cdr_row<'r>(
        &self,
        row: &'r Row<'_>,
        fits: impl FnOnce(&CdrRow<'r>) -> bool,
    ) -> Option<CdrRow<'r>> {
        whole(fitting(CdrRow::of(row, &self.seal), fits), &self.dir, Table::Cdr, row, &[0])
    }

    fn snapshot(&self, database: &Connection, row: SessionRow) -> rusqlite::Result<Snapshot> {
        let session = row.opened;
        Ok(Snapshot {
            id: session.id,
            tenant: session.tenant,
            profile: session.profile,
            to: session.to,
            country: session.country,
            status: row.status,
            phase: None,
            reason: row.reason,
            created_unix_us: session.created_unix_us,
            expires_unix_us: session.expires_unix_us,
            ended_unix_us: row.ended_unix_us,
            code_length: session.code_length,
            tries_left: row.tries_left,
            redials_left: row.redials_left,
            late: row.late,
            odds: Odds { distinct: session.distinct, tries: session.tries },
            client_reference: session.client_reference,
            metadata: session.metadata,
            attempts: self.attempts(database, session.id)?,
        })
    }

    fn attempts(&self, database: &Connection, id: SessionId) -> rusqlite::Result<Vec<AttemptView>> {
        let (session, mut found) = (id.to_string(), Vec::new());
        let sql = format!("SELECT {} FROM cdr c WHERE c.session = ?1", rows::CDR);
        let mut statement = database.prepare_cached(&sql)?;
        let mut rows = statement.query([&session])?;
        while let Some(row) = rows.next()? {
            let cdr = self.cdr_row(row, |cdr| cdr.is_of(id));
            found.extend(cdr.and_then(|cdr| {
                Some(AttemptView {
                    id: cdr.id,
                    number: cdr.part?.number,
                    trunk: Arc::from(cdr.trunk),
                    caller_id: cdr.from,
                    outcome: Some(cdr.outcome),
                })
            }));
        }
        let sql = format!("SELECT {} FROM open_attempt WHERE session = ?1", rows::OPEN_ATTEMPT);
        let mut statement = database.prepare_cached(&sql)?;
        let mut rows = statement.query([&session])?;
        let mut ways = Ways::default();
        while let Some(row) = rows.next()? {
            let of_it = |part: &Part| part.session == id;
            let intent = rows::intent(row, &self.seal, &mut ways);
            let intent = fitting(intent, |intent| intent.part.as_ref().is_some_and(of_it));
            let intent = whole(intent, &self.dir, Table::OpenAttempt, row, &[0, 1, 2, 3]);
            found.extend(intent.and_then(|intent| {
                Some(AttemptView {
                    id: intent.id,
                    number: intent.part?.number,
                    trunk: Arc::clone(&intent.way.trunk),
                    caller_id: intent.from,
                    outcome: None,
                })
            }));
        }
        found.sort_by_key(|attempt| attempt.number);
        Ok(found)
    }

    /// Puts the amendments to their records.
    fn amend(&self, database: &Connection, kept: &mut [Kept]) -> rusqlite::Result<()> {
        let sql = format!(
            "SELECT {} FROM amendment WHERE life = ?1 AND call = ?2 ORDER BY at_us",
            rows::AMENDMENT
        );
        let mut statement = database.prepare_cached(&sql)?;
        for kept in kept {
            let mut rows =
                statement.query([ids::life(kept.id), ids::call(kept.id)].map(u64::cast_signed))?;
            while let Some(row) = rows.next()? {
                let read = fitting(rows::amendment(row), |amendment| amendment.id == kept.id);
                let read = whole(read, &self.dir, Table::Amendment, row, &[0, 1]);
                kept.amendments.extend(read);
            }
            // A page that rots may show a row twice.
            kept.amendments.dedup();
        }
        Ok(())
    }
}
