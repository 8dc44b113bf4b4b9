//! What the last life left open.
//!
//! It is read in two threads, verifications and calls, because a start must not take long. Where a page of the database
//! cannot be read, what can be is taken: from the front up to there, and from the back down to there.

use super::cells::Table;
use super::dir::{DataDir, OpenError, Role};
use super::rows::{self, CdrRow, Names, SessionRow, Ways, fitting, whole};
use super::seal::Seal;
use crate::verify::record::{Intent, Left, LeftCall, LeftSession};
use crate::verify::status::Status;
use rusqlite::{Connection, Row};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

/// What was open: verifications that were pending with their calls, and calls without a record.
///
/// # Errors
/// The database cannot be opened.
pub fn restore(dir: &DataDir) -> Result<Left, OpenError> {
    let (intents, sessions) = thread::scope(|scope| {
        let intents = scope.spawn(|| intents(dir));
        let sessions = sessions(dir);
        let intents = intents.join().unwrap_or_else(|_| Ok(Vec::new()));
        (intents, sessions)
    });
    Ok(Left { sessions: sessions?, intents: intents? })
}

fn intents(dir: &DataDir) -> Result<Vec<Intent>, OpenError> {
    let database = dir.connect(Role::Reader)?;
    let (seal, mut ways) = (Seal::new(dir.seal_key()), Ways::default());
    let mut left = Vec::new();
    let order = "session, number, life, call";
    let back = "session DESC, number DESC, life DESC, call DESC";
    let select = format!("SELECT {} FROM open_attempt", rows::OPEN_ATTEMPT);
    let both = [format!("{select} ORDER BY {order}"), format!("{select} ORDER BY {back}")];
    let read = scan(&database, both, |row| {
        let intent = rows::intent(row, &seal, &mut ways);
        left.extend(whole(intent, dir, Table::OpenAttempt, row, &[0, 1, 2, 3]));
    });
    // A page that rots may show a row twice.
    left.dedup_by_key(|intent| intent.id);
    if read == Read::FromBothSides {
        let mut seen = BTreeSet::new();
        left.retain(|intent: &Intent| seen.insert(intent.id));
    }
    Ok(left)
}

fn sessions(dir: &DataDir) -> Result<Vec<LeftSession>, OpenError> {
    let database = dir.connect(Role::Reader)?;
    let seal = Seal::new(dir.seal_key());
    let mut left = Vec::new();
    let select = format!(
        "SELECT {} FROM session INDEXED BY session_open WHERE status = 'pending'",
        rows::SESSION
    );
    let calls = format!("SELECT {} FROM cdr c WHERE c.session = ?1", rows::CDR);
    let mut calls =
        database.prepare(&calls).map_err(|cause| OpenError::of(&dir.database_path(), cause))?;
    let both = [format!("{select} ORDER BY row"), format!("{select} ORDER BY row DESC")];
    let mut names = Names::default();
    let read = scan(&database, both, |row| {
        let session = SessionRow::of(row, &mut names);
        let session = fitting(session, |session| session.status == Status::Pending);
        let Some(session) = whole(session, dir, Table::Session, row, &[1]) else { return };
        let mut of_it = Vec::new();
        let id = session.opened.id;
        let read = calls.query([id.to_string()]).and_then(|mut rows| {
            while let Some(row) = rows.next()? {
                let cdr = fitting(CdrRow::of(row, &seal), |cdr| cdr.is_of(id));
                let cdr = whole(cdr, dir, Table::Cdr, row, &[0]);
                of_it.extend(cdr.and_then(|cdr| left_call(&cdr)));
            }
            Ok(())
        });
        if let Err(cause) = read {
            tracing::error!(%cause, session = %id, "calls of it cannot be read");
        }
        of_it.sort_unstable_by_key(|call| call.number);
        left.push(LeftSession {
            opened: session.opened,
            tries_left: session.tries_left,
            redials_left: session.redials_left,
            calls: of_it,
        });
    });
    left.dedup_by_key(|session| session.opened.id);
    if read == Read::FromBothSides {
        let mut seen = BTreeSet::new();
        left.retain(|session: &LeftSession| seen.insert(session.opened.id));
        left.sort_by_key(|session| session.opened.id);
    }
    Ok(left)
}

fn left_call(cdr: &CdrRow<'_>) -> Option<LeftCall> {
    Some(LeftCall {
        id: cdr.id,
        number: cdr.part?.number,
        trunk: Arc::from(cdr.trunk),
        from: cdr.from,
        outcome: cdr.outcome,
        alerted: cdr.alerted(),
    })
}

/// How a table was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// Each row once.
    Whole,
    /// Up to where it broke off, and down to there; some rows may have come twice.
    FromBothSides,
}

/// Takes every row: by the first statement, and where that breaks off, by the second, which comes from the other side.
fn scan(database: &Connection, both: [String; 2], mut take: impl FnMut(&Row<'_>)) -> Read {
    let mut read = |sql: &str| {
        database.prepare(sql).and_then(|mut statement| {
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                take(row);
            }
            Ok(())
        })
    };
    let [forward, back] = both;
    let Err(cause) = read(&forward) else { return Read::Whole };
    tracing::error!(%cause, "not everything that was open can be read");
    if let Err(cause) = read(&back) {
        tracing::error!(%cause, "nor from the other side");
    }
    Read::FromBothSides
}
