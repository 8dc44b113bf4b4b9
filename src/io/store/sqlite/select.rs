//! Questions as SQL.
//!
//! Each question goes by one index, named here, and filters the rest; SQLite, left to choose, may take a tenant's million
//! rows instead of a number's five.

use super::query::{CdrQuery, Direction, LIMIT_MAX, SessionQuery};
use super::rows;
use crate::base::number::Destination;
use crate::verify::status::Status;
use rusqlite::Connection;
use rusqlite::types::Value;

/// A CDR that is written later than this after its call began is one that a crash interrupted: `cdr_late` has these.
const LATE_US: u64 = 7_200_000_000;

/// A statement and what it is asked with.
pub(super) struct Select {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Select {
    fn new(select: &str) -> Self {
        Self { sql: format!("{select} WHERE 1"), values: Vec::new() }
    }

    /// Adds a condition, whose `?` stands for the value.
    fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        let place = format!("?{}", self.values.len());
        self.sql.push_str(" AND ");
        self.sql.push_str(&condition.replace('?', &place));
    }

    fn end(mut self, order: &str, limit: usize) -> Self {
        self.sql.push_str(order);
        self.values.push(int(limit.clamp(1, LIMIT_MAX) as u64));
        self.sql.push_str(&format!(" LIMIT ?{}", self.values.len()));
        self
    }
}

fn int(value: u64) -> Value {
    Value::Integer(value.cast_signed())
}

fn plain(number: Destination) -> String {
    format!("+{}", number.reveal().as_str())
}

/// Sessions; `before` is the row of the one to begin behind.
pub(super) fn sessions(query: &SessionQuery, before: Option<u64>) -> Select {
    let index = if query.to.is_some() {
        "INDEXED BY session_to"
    } else if query.client_reference.is_some() {
        "INDEXED BY session_reference"
    } else if query.status == Some(Status::Pending) {
        "INDEXED BY session_open"
    } else if query.tenant.is_some() {
        "INDEXED BY session_tenant"
    } else {
        "NOT INDEXED"
    };
    let mut select = Select::new(&format!("SELECT {} FROM session {index}", rows::SESSION));
    if let Some(to) = query.to {
        select.and("to_number = ?", plain(to));
    }
    if let Some(reference) = &query.client_reference {
        select.and("client_reference = ?", reference.to_string());
    }
    match query.status {
        // A literal, as in the index.
        Some(Status::Pending) => select.sql.push_str(" AND status = 'pending'"),
        Some(status) => select.and("status = ?", status.name().to_owned()),
        None => {}
    }
    if let Some(tenant) = &query.tenant {
        select.and("tenant = ?", tenant.to_string());
    }
    if let Some(before) = before {
        select.and("row < ?", int(before));
    }
    select.end(" ORDER BY row DESC", query.limit)
}

/// CDRs, in one or two parts, one behind the other.
pub(super) fn cdrs(database: &Connection, query: &CdrQuery) -> rusqlite::Result<Vec<Select>> {
    // By session or number there are few; a time has no index, but rows were kept one after the other.
    let timed = query.session.is_none() && query.to.is_none();
    let from = match query.since_unix_us.filter(|_| timed) {
        Some(since) => Some(first_kept(database, since)?),
        None => None,
    };
    let end = match query.until_unix_us.filter(|_| timed) {
        Some(until) => Some(first_kept(database, until.saturating_add(LATE_US))?),
        None => None,
    };
    let Some(end) = end else { return Ok(vec![part(query, from, None, None)]) };
    let (usual, late) = (part(query, from, Some(end), None), part(query, from, None, Some(end)));
    Ok(match query.direction {
        Direction::OldestFirst => vec![usual, late],
        Direction::NewestFirst => vec![late, usual],
    })
}

/// CDRs from one row up to another, or the late ones from a row on.
fn part(query: &CdrQuery, from: Option<u64>, end: Option<u64>, late: Option<u64>) -> Select {
    let index = if query.session.is_some() {
        "INDEXED BY cdr_session"
    } else if query.to.is_some() {
        ""
    } else if late.is_some() {
        "INDEXED BY cdr_late"
    } else if query.tenant.is_some() {
        "INDEXED BY cdr_tenant"
    } else {
        "NOT INDEXED"
    };
    let mut select = Select::new(&format!("SELECT {} FROM cdr c {index}", rows::CDR));
    if let Some(session) = query.session {
        select.and("c.session = ?", session.to_string());
    }
    if let Some(to) = query.to {
        let by_session = "c.row IN (SELECT o.row FROM session s INDEXED BY session_to CROSS JOIN cdr o INDEXED BY \
            cdr_session ON o.session = s.id WHERE s.to_number = ? UNION ALL SELECT row FROM cdr INDEXED BY cdr_alone \
            WHERE alone = 1 AND to_number = ?)";
        select.and(by_session, plain(to));
    }
    if let Some(from) = from {
        select.and("c.row >= ?", int(from));
    }
    if let Some(end) = end {
        select.and("c.row < ?", int(end));
    }
    if let Some(late) = late {
        select.and(&format!("c.kept_us - c.start_us > {LATE_US} AND c.row >= ?"), int(late));
    }
    if let Some(since) = query.since_unix_us {
        select.and("c.start_us >= ?", int(since));
    }
    if let Some(until) = query.until_unix_us {
        select.and("c.start_us < ?", int(until));
    }
    if let Some(tenant) = &query.tenant {
        select.and("c.tenant = ?", tenant.to_string());
    }
    if let Some(trunk) = &query.trunk {
        select.and("c.trunk = ?", trunk.to_string());
    }
    if let Some(outcome) = query.outcome {
        select.and("c.outcome = ?", outcome.name().to_owned());
    }
    let order = match query.direction {
        Direction::NewestFirst => " ORDER BY c.row DESC",
        Direction::OldestFirst => " ORDER BY c.row",
    };
    if let Some(after) = query.after {
        let behind = match query.direction {
            Direction::NewestFirst => "c.row < ?",
            Direction::OldestFirst => "c.row > ?",
        };
        select.and(behind, int(after));
    }
    select.end(order, query.limit)
}

/// The first row that was kept at this time or later; the one behind the last where there is none. A call is kept
/// after it began, so no earlier row is of a call that began then or later. (Where the wall clock was set back meanwhile,
/// it may be any row of that time.)
fn first_kept(database: &Connection, time_us: u64) -> rusqlite::Result<u64> {
    let mut ends = database.prepare_cached("SELECT min(row), max(row) FROM cdr")?;
    let ends = ends.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(mut low), Some(last)): (Option<i64>, Option<i64>) = ends else { return Ok(1) };
    let mut high = last + 1;
    let mut next = database
        .prepare_cached("SELECT row, kept_us FROM cdr WHERE row >= ?1 ORDER BY row LIMIT 1")?;
    while low < high {
        let middle = low + (high - low) / 2;
        let (row, kept_us): (i64, i64) =
            next.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if kept_us >= time_us.cast_signed() {
            high = middle;
        } else {
            low = row + 1;
        }
    }
    Ok(low.cast_unsigned())
}
