//! The tables, and how an older database becomes one of today.
//!
//! Numbers are texts with their `+`, times are microseconds since 1970 UTC, ids are what the API shows. The views
//! `session_readable` and `cdr_readable` have the times as people write them. Each row has its `sum` (see `cells`).
//!
//! Every index costs each call, so there is one only where a question would else read a whole table: all sessions and CDRs
//! of a tenant, all of a destination, all CDRs of a session. A destination's CDRs are found through its sessions; those
//! that have none, or have lost it to pruning, are marked `alone` and have an index of their own, which is empty elsewhere.

use super::dir::OpenError;
use rusqlite::{Connection, ErrorCode};
use std::path::{Path, PathBuf};

/// `onri`, in the header of the file: that it is a database of ours.
pub(super) const APPLICATION_ID: i64 = 0x6f6e_7269;

/// What leads from each version to the next; the first makes a new database.
pub(super) const MIGRATIONS: &[&str] = &[FIRST];

/// Version 1.
const FIRST: &str = "
CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL,
  sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
  row INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  tenant TEXT NOT NULL,
  profile TEXT NOT NULL,
  to_number TEXT NOT NULL,
  country TEXT,
  created_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL,
  code_length INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  redials INTEGER NOT NULL,
  allow_diverted INTEGER NOT NULL,
  distinct_codes INTEGER NOT NULL,
  client_reference TEXT,
  metadata TEXT,
  sum INTEGER NOT NULL,
  status TEXT NOT NULL,
  reason TEXT,
  ended_us INTEGER,
  tries_left INTEGER NOT NULL,
  redials_left INTEGER NOT NULL,
  approved_by INTEGER,
  late INTEGER NOT NULL,
  state_sum INTEGER NOT NULL
) STRICT;
CREATE INDEX session_to ON session (to_number);
CREATE INDEX session_tenant ON session (tenant);
CREATE INDEX session_open ON session (status) WHERE status = 'pending';
CREATE INDEX session_reference ON session (client_reference) WHERE client_reference IS NOT NULL;

-- session is '' for a bare call.
CREATE TABLE open_attempt (
  session TEXT NOT NULL,
  number INTEGER NOT NULL,
  life INTEGER NOT NULL,
  call INTEGER NOT NULL,
  to_number TEXT NOT NULL,
  trunk TEXT NOT NULL,
  sent_by TEXT NOT NULL,
  domain TEXT NOT NULL,
  from_domain TEXT NOT NULL,
  route TEXT,
  target TEXT NOT NULL,
  call_id TEXT NOT NULL,
  from_tag TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  from_masked TEXT NOT NULL,
  from_sealed BLOB NOT NULL,
  sum INTEGER NOT NULL,
  id TEXT GENERATED ALWAYS AS (printf('%04x-%08x-%08x-%08x', life >> 32, life & 0xffffffff,
    call & 0xffffffff, (call >> 32) & 0xffffffff)) VIRTUAL,
  PRIMARY KEY (session, number, life, call)
) STRICT, WITHOUT ROWID;
CREATE INDEX open_attempt_bare ON open_attempt (to_number) WHERE session = '';

CREATE TABLE cdr (
  row INTEGER PRIMARY KEY,
  life INTEGER NOT NULL,
  call INTEGER NOT NULL,
  session TEXT,
  number INTEGER,
  tenant TEXT,
  to_number TEXT NOT NULL,
  trunk TEXT NOT NULL,
  target TEXT NOT NULL,
  call_id TEXT NOT NULL,
  outcome TEXT NOT NULL,
  sip_status INTEGER,
  start_us INTEGER NOT NULL,
  pdd_us INTEGER,
  hold_us INTEGER,
  end_us INTEGER,
  kept_us INTEGER NOT NULL,
  from_masked TEXT NOT NULL,
  detail TEXT NOT NULL,
  sum INTEGER NOT NULL,
  from_number TEXT,
  from_sealed BLOB,
  from_sum INTEGER,
  alone INTEGER NOT NULL,
  id TEXT GENERATED ALWAYS AS (printf('%04x-%08x-%08x-%08x', life >> 32, life & 0xffffffff,
    call & 0xffffffff, (call >> 32) & 0xffffffff)) VIRTUAL
) STRICT;
CREATE UNIQUE INDEX cdr_id ON cdr (life, call);
CREATE INDEX cdr_session ON cdr (session) WHERE session IS NOT NULL;
CREATE INDEX cdr_tenant ON cdr (tenant) WHERE tenant IS NOT NULL;
CREATE INDEX cdr_alone ON cdr (to_number) WHERE alone = 1;
CREATE INDEX cdr_late ON cdr (row) WHERE kept_us - start_us > 7200000000;

-- A row is never used again, so that who has read up to one misses none.
CREATE TABLE amendment (
  row INTEGER PRIMARY KEY AUTOINCREMENT,
  life INTEGER NOT NULL,
  call INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  sip_status INTEGER NOT NULL,
  alerted INTEGER NOT NULL,
  sum INTEGER NOT NULL,
  UNIQUE (life, call, at_us, sip_status, alerted)
) STRICT;

CREATE TABLE idempotency (
  row INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE,
  tenant TEXT NOT NULL,
  session TEXT NOT NULL,
  body BLOB NOT NULL,
  created_us INTEGER NOT NULL,
  sum INTEGER NOT NULL
) STRICT;

CREATE TABLE api_key (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  hash BLOB NOT NULL,
  created_us INTEGER NOT NULL,
  revoked_us INTEGER,
  sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sink (
  name TEXT NOT NULL PRIMARY KEY,
  last_row INTEGER NOT NULL,
  last_amendment INTEGER NOT NULL,
  sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIEW session_readable AS SELECT id, tenant, profile, to_number, country, status, reason,
  strftime('%Y-%m-%dT%H:%M:%fZ', created_us / 1e6, 'unixepoch') AS created_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', expires_us / 1e6, 'unixepoch') AS expires_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', ended_us / 1e6, 'unixepoch') AS ended_at,
  tries_left, redials_left, late, client_reference, metadata FROM session;
CREATE VIEW cdr_readable AS SELECT row, id, session, number, tenant, to_number,
  coalesce(from_number, from_masked) AS from_number, trunk, target, call_id, outcome, sip_status,
  strftime('%Y-%m-%dT%H:%M:%fZ', start_us / 1e6, 'unixepoch') AS start_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', (start_us + end_us) / 1e6, 'unixepoch') AS end_at,
  pdd_us, hold_us, detail FROM cdr;
";

fn is_empty(database: &Connection) -> rusqlite::Result<bool> {
    let tables = "SELECT count(*) FROM sqlite_schema";
    Ok(database.query_row(tables, [], |row| row.get::<_, i64>(0))? == 0)
}

/// Whether some other program made it.
pub(super) fn is_foreign(database: &Connection) -> rusqlite::Result<bool> {
    let made_by: i64 = database.pragma_query_value(None, "application_id", |row| row.get(0))?;
    Ok(made_by != APPLICATION_ID && !is_empty(database)?)
}

/// Brings the database to the last of these versions; an older one is copied beside itself first.
pub(super) fn migrate(
    database: &mut Connection,
    path: &Path,
    migrations: &[&str],
) -> Result<(), OpenError> {
    let failed = |cause| OpenError::of(path, cause);
    let pragma = |name| database.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let found = pragma("user_version").map_err(failed)?;
    let empty = is_empty(database).map_err(failed)?;
    if is_foreign(database).map_err(failed)? {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let known = migrations.len();
    let older = usize::try_from(found).ok().filter(|found| *found <= known);
    let Some(version) = older else {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    };
    if version < known && !empty {
        copy(database, path, version)?;
    }
    for (version, script) in migrations.iter().enumerate().skip(version) {
        let step = database.transaction().and_then(|step| {
            step.execute_batch(script)?;
            step.pragma_update(None, "application_id", APPLICATION_ID)?;
            step.pragma_update(None, "user_version", (version + 1) as i64)?;
            step.commit()
        });
        step.map_err(failed)?;
    }
    Ok(())
}

/// Copies the database beside itself. A copy that is there already was made before a migration that did not end, and
/// may be cut off: what it is a copy of is still here.
fn copy(database: &Connection, path: &Path, version: usize) -> Result<(), OpenError> {
    let copy = copy_path(path, version);
    let failed = |cause: rusqlite::Error| match cause.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => OpenError::Full { path: copy.clone() },
        _ => OpenError::Sqlite { path: copy.clone(), cause },
    };
    match std::fs::remove_file(&copy) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            return Err(OpenError::Unwritable { path: copy, cause });
        }
        Ok(()) | Err(_) => {}
    }
    // Sealed caller-IDs are in it, but so is everything else about people: nobody else reads it.
    super::dir::create_private(&copy)?;
    database.execute("VACUUM INTO ?1", [copy.to_string_lossy()]).map_err(failed)?;
    Ok(())
}

/// Where an older version is kept.
pub(super) fn copy_path(path: &Path, version: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".v{version}"));
    PathBuf::from(name)
}
