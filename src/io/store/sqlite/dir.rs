//! The data directory: one instance, one database, one set of keys.
//!
//! ```text
//! lock               held while somebody has the directory open
//! secret             the keys (see `secret`)
//! onering.db         the database; -wal and -shm beside it are SQLite's
//! onering.db.vN      what an older version left, copied before it was migrated
//! reserve            room for records when the disk is full (see `reserve`)
//! ```
//!
//! At start nothing is scanned. SQLite cuts a torn log at its last whole transaction, every row is proved by its sum
//! when it is read, and `PRAGMA quick_check` reads the whole file: a second for each gigabyte or two, after every crash, to
//! find what would be found anyway when it matters. It is one command for whoever has a doubt.

use super::cells::{Cells, Table};
use super::reserve::room;
use super::schema::{MIGRATIONS, is_foreign, migrate};
use super::secret::{SecretFault, Secrets};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use std::{fmt, io};

/// How long a lock that another program has on the database is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// Page cache of the connection that writes, KiB.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
/// Page cache of the others. Each commit of the writer empties them.
const READER_CACHE_KIB: i64 = 4 * 1024;
/// Free bytes below which a failure of the disk is put down to want of room: SQLite shares two such pieces of memory.
const ROOM_MIN: u64 = 64 * 1024;
/// Lives that may have left no trace behind the last one that did.
const LIVES_APART: u32 = 1000;

/// An open data directory. Nobody else has it; it is free again when the last clone is gone.
#[derive(Clone, Debug)]
pub struct DataDir(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    secrets: Secrets,
    epoch: u32,
    clean: bool,
    damaged: AtomicU64,
    /// Held, not read.
    _lock: Flock<File>,
}

/// Why a data directory cannot be used.
#[derive(Debug)]
pub enum OpenError {
    /// It cannot be made or entered, or a file in it cannot be made or written.
    Unwritable {
        /// What.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file in it cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// There is something else of this name.
    NotADirectory {
        /// Its path.
        path: PathBuf,
    },
    /// Another instance has it.
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// Another program has a lock on the database.
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// There is no room.
    Full {
        /// What could not be written.
        path: PathBuf,
    },
    /// The operating system gives no random numbers.
    Chance {
        /// What was to be made with them.
        path: PathBuf,
    },
    /// The keys are not usable.
    Secret {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: SecretFault,
    },
    /// The file is no database.
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is a database of some other program.
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later version wrote it.
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The last version that this program knows.
        known: usize,
    },
    /// Pages of it are not what was written.
    Damaged {
        /// The database.
        path: PathBuf,
    },
    /// Anything else that SQLite says.
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What it says.
        cause: rusqlite::Error,
    },
    /// A thread could not be started.
    Thread(io::Error),
}

impl OpenError {
    /// What SQLite's error means for whoever opens the file.
    pub(super) fn of(path: &Path, cause: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match cause.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::DiskFull) => Self::Full { path },
            // What SQLite cannot say of the memory that it shares through a file.
            Some(ErrorCode::SystemIoFailure) if room(path.parent().unwrap_or(&path)) < ROOM_MIN => {
                Self::Full { path }
            }
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Unwritable { path, cause: io::Error::from(io::ErrorKind::PermissionDenied) }
            }
            _ => Self::Sqlite { path, cause },
        }
    }

    pub(super) fn unwritable(path: &Path, cause: io::Error) -> Self {
        let (path, kind) = (path.to_owned(), cause.kind());
        if matches!(kind, io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists) {
            Self::NotADirectory { path }
        } else if matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            Self::Full { path }
        } else {
            Self::Unwritable { path, cause }
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unwritable { path, cause } => {
                write!(f, "{}: cannot be written ({cause}); ", path.display())?;
                f.write_str("the data directory must belong to the user that the service runs as")
            }
            Self::Unreadable { path, cause } => {
                write!(f, "{}: cannot be read ({cause}); ", path.display())?;
                f.write_str("the data directory must belong to the user that the service runs as")
            }
            Self::NotADirectory { path } => {
                write!(f, "{}: there is something that is no directory; ", path.display())?;
                f.write_str("name a directory, or a path where one can be made")
            }
            Self::InUse { path } => {
                write!(f, "{}: another instance uses this data directory; ", path.display())?;
                f.write_str("end it first, or give this one a directory of its own")
            }
            Self::Locked { path } => {
                write!(f, "{}: another program has locked the database; ", path.display())?;
                f.write_str("end its transaction, or close it")
            }
            Self::Full { path } => {
                write!(f, "{}: there is no room on this disk; make some", path.display())
            }
            Self::Chance { path } => {
                write!(f, "{}: the operating system gives no random numbers", path.display())
            }
            Self::Secret { path, fault } => write!(f, "{}: {fault}", path.display()),
            Self::NotADatabase { path } => {
                write!(f, "{}: this is no database; ", path.display())?;
                f.write_str("put back a copy, or name another data directory")
            }
            Self::Foreign { path } => {
                write!(f, "{}: this is a database of another program; ", path.display())?;
                f.write_str("name another data directory")
            }
            Self::Newer { path, found, known } => {
                write!(f, "{}: it is of version {found}, and this program ", path.display())?;
                write!(f, "knows versions up to {known}; use the program that wrote it or a later")
            }
            Self::Damaged { path } => {
                write!(f, "{}: the database is damaged; put back a copy, or ", path.display())?;
                f.write_str("rescue what is left of it with `sqlite3 onering.db .recover`")
            }
            Self::Sqlite { path, cause } => write!(f, "{}: {cause}", path.display()),
            Self::Thread(cause) => write!(f, "no thread for the store: {cause}"),
        }
    }
}

impl std::error::Error for OpenError {}

impl DataDir {
    /// Opens the directory, or makes it; begins another life in it.
    ///
    /// # Errors
    /// What is in the way, and what would be right.
    pub fn open(path: &Path, now_unix_us: u64) -> Result<Self, OpenError> {
        make(path)?;
        let lock = lock(path)?;
        let database_path = path.join("onering.db");
        let there = fs::metadata(&database_path).is_ok_and(|file| file.len() > 0);
        let secrets = Secrets::open(&path.join("secret"), there)?;
        if !there {
            // SQLite would let others read it.
            fs::remove_file(&database_path).ok();
            create_private(&database_path)?;
        }
        let mut database = connect(&database_path, Role::Writer)?;
        migrate(&mut database, &database_path, MIGRATIONS)?;
        let failed = |cause| OpenError::of(&database_path, cause);
        let life = database.transaction().map_err(failed)?;
        if let Some(fingerprint) = Meta::Fingerprint.read(&life).map_err(failed)?
            && fingerprint != secrets.fingerprint()
        {
            let path = path.join("secret");
            return Err(OpenError::Secret { path, fault: SecretFault::Another });
        }
        let clean = Meta::Clean.read(&life).map_err(failed)?.is_none_or(|clean| clean == "yes");
        let epoch = next_epoch(&life).map_err(failed)?;
        let begin = [
            (Meta::Fingerprint, secrets.fingerprint()),
            (Meta::Epoch, epoch.to_string()),
            (Meta::Clean, "no".to_owned()),
            (Meta::StartedUs, now_unix_us.to_string()),
        ];
        for (name, value) in begin {
            name.write(&life, &value).map_err(failed)?;
        }
        life.commit().map_err(failed)?;
        database.close().map_err(|(_, cause)| failed(cause))?;
        let (path, damaged) = (path.to_owned(), AtomicU64::new(0));
        Ok(Self(Arc::new(Inner { path, secrets, epoch, clean, damaged, _lock: lock })))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Which life this is; the first is 1.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.0.epoch
    }

    /// Whether the last life ended by [`close`](Self::close), or there was none.
    #[must_use]
    pub fn was_clean(&self) -> bool {
        self.0.clean
    }

    /// The key of the branches that we write into Via.
    #[must_use]
    pub fn branch_key(&self) -> [u8; 16] {
        self.0.secrets.branch
    }

    /// The key of the hashes that claims are compared by.
    #[must_use]
    pub fn claim_key(&self) -> [u8; 32] {
        self.0.secrets.claim
    }

    /// Rows that were not what was written, since the start; each was reported and left out.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.0.damaged.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Ends this life: whoever opens the directory next knows that nothing was left undone.
    ///
    /// # Errors
    /// That could not be written.
    pub fn close(self) -> Result<(), OpenError> {
        let path = self.database_path();
        let failed = |cause| OpenError::of(&path, cause);
        let database = self.connect(Role::Writer)?;
        Meta::Clean.write(&database, "yes").map_err(failed)?;
        database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(failed)
    }

    pub(super) fn database_path(&self) -> PathBuf {
        self.0.path.join("onering.db")
    }

    pub(super) fn seal_key(&self) -> &[u8; 32] {
        &self.0.secrets.seal
    }

    pub(super) fn connect(&self, role: Role) -> Result<Connection, OpenError> {
        connect(&self.database_path(), role)
    }

    /// A row is not what was written: it is left out, and a person should know.
    pub(super) fn report_damaged(&self, table: Table, row: &str) {
        self.0.damaged.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        tracing::error!(table = table.name(), row, "a row is damaged and is left out");
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Writer,
    Checkpointer,
    Reader,
}

fn make(path: &Path) -> Result<(), OpenError> {
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => Ok(()),
        Ok(_) => Err(OpenError::NotADirectory { path: path.to_owned() }),
        Err(_) => DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|cause| OpenError::unwritable(path, cause)),
    }
}

fn lock(path: &Path) -> Result<Flock<File>, OpenError> {
    let name = path.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&name);
    let file = file.map_err(|cause| OpenError::unwritable(&name, cause))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| {
        if errno == Errno::EWOULDBLOCK {
            OpenError::InUse { path: path.to_owned() }
        } else {
            OpenError::unwritable(&name, errno.into())
        }
    })
}

/// A new file that only we may read.
pub(super) fn create_private(path: &Path) -> Result<File, OpenError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|cause| OpenError::unwritable(path, cause))
}

fn connect(path: &Path, role: Role) -> Result<Connection, OpenError> {
    let failed = |cause| OpenError::of(path, cause);
    let access = match role {
        Role::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Role::Writer | Role::Checkpointer => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags).map_err(failed)?;
    database.busy_timeout(PATIENCE).map_err(failed)?;
    database.set_prepared_statement_cache_capacity(64);
    let set = |name, value: i64| database.pragma_update(None, name, value).map_err(failed);
    // A page that is not what it should be is an error, and not a wrong answer.
    set("cell_size_check", 1)?;
    set("temp_store", 2)?;
    match role {
        Role::Reader => set("cache_size", -READER_CACHE_KIB)?,
        Role::Writer => set("cache_size", -WRITER_CACHE_KIB)?,
        Role::Checkpointer => set("cache_size", -READER_CACHE_KIB)?,
    }
    if role != Role::Reader {
        // Not even its way of writing is changed then.
        if is_foreign(&database).map_err(failed)? {
            return Err(OpenError::Foreign { path: path.to_owned() });
        }
        let mode: String = database
            .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
            .map_err(failed)?;
        if mode != "wal" {
            return Err(OpenError::Locked { path: path.to_owned() });
        }
        database.pragma_update(None, "synchronous", "full").map_err(failed)?;
        set("wal_autocheckpoint", 0)?;
    }
    Ok(database)
}

/// Rows of `meta`.
#[derive(Clone, Copy, Debug)]
enum Meta {
    /// Of the keys.
    Fingerprint,
    /// The last life.
    Epoch,
    /// Whether it ended cleanly.
    Clean,
    /// When it began.
    StartedUs,
}

impl Meta {
    const fn name(self) -> &'static str {
        match self {
            Self::Fingerprint => "fingerprint",
            Self::Epoch => "epoch",
            Self::Clean => "clean",
            Self::StartedUs => "started_us",
        }
    }

    fn read(self, database: &Connection) -> rusqlite::Result<Option<String>> {
        let mut statement =
            database.prepare("SELECT name, value, sum FROM meta WHERE name = ?1")?;
        let read = statement.query_row([self.name()], |row| {
            let cells = Cells::of(row, 3);
            let value = cells.prove(Table::Meta, 0, 2).and_then(|()| cells.from(1).text());
            Ok(value.ok().map(str::to_owned))
        });
        let read = read.optional()?;
        if read == Some(None) {
            tracing::error!(table = "meta", row = self.name(), "a row is damaged and is left out");
        }
        Ok(read.flatten())
    }

    fn write(self, database: &Connection, value: &str) -> rusqlite::Result<()> {
        let cells = Cells::default().text(self.name()).text(value);
        let sum = cells.summed(Table::Meta);
        let sql = "INSERT OR REPLACE INTO meta (name, value, sum) VALUES (?1, ?2, ?3)";
        cells.sum(sum).execute(&mut database.prepare(sql)?).map(|_| ())
    }
}

/// The life after the last one. Where that is not readable any more, one that no row can be of.
fn next_epoch(database: &Connection) -> rusqlite::Result<u32> {
    let last = Meta::Epoch.read(database)?.and_then(|epoch| epoch.parse::<u32>().ok());
    if let Some(last) = last {
        return Ok(last.saturating_add(1));
    }
    let newest = "SELECT max(life & 0xffffffff) FROM
        (SELECT life FROM cdr UNION ALL SELECT life FROM open_attempt)";
    let newest: Option<u32> = database.query_row(newest, [], |row| row.get(0))?;
    Ok(newest.map_or(1, |newest| newest.saturating_add(LIVES_APART)))
}
