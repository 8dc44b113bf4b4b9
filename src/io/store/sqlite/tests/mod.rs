//! The store in directories of its own, with a clock of the test's.

mod damage;
mod directory;
mod failure;
mod pruning;
mod queries;
mod queue;
mod records;
mod secrecy;

use super::{DataDir, Options, Reader, Sqlite, Unusual, reserve, restore};
use crate::base::clock::Instant;
use crate::base::id::{AttemptId, Seq, SessionId, Ticket};
use crate::base::number::{CallerId, Country, Destination};
use crate::call::AlertSource;
use crate::call::facts::{At, End, Facts, Said};
use crate::call::outcome::Outcome;
use crate::call::way::Way;
use crate::io::store::{Store as _, Verdict};
use crate::verify::cdr::Cdr;
use crate::verify::command::Idempotency;
use crate::verify::record::{Change, Found, Intent, Left, Opened, Part, Past, Record};
use crate::verify::status::Status;
use rusqlite::Connection;
use smallvec::smallvec;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// 2026-11-23, microseconds since 1970.
const NOW: u64 = 1_795_406_706_000_000;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("onering-store-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::remove_dir_all(&path).ok();
        Self(path)
    }

    /// As another program sees it.
    fn database(&self) -> Connection {
        Connection::open(self.0.join("onering.db")).unwrap()
    }

    fn one<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        self.database().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A store that runs, and the loop that it serves.
struct Life {
    store: Sqlite,
    dir: DataDir,
    news: Arc<Notify>,
    seq: Seq,
    clock: Arc<AtomicU64>,
    runtime: tokio::runtime::Runtime,
    left: Left,
}

impl Life {
    fn begin(folder: &Folder) -> Self {
        Self::unusual(folder, &Unusual { pages_max: None, room: reserve::room })
    }

    fn unusual(folder: &Folder, unusual: &Unusual) -> Self {
        let dir = DataDir::open(&folder.0, NOW).unwrap();
        let left = restore(&dir).unwrap();
        let clock = Arc::new(AtomicU64::new(NOW));
        let told = Arc::clone(&clock);
        let mut options = Options::new(Arc::new(move || told.load(Ordering::Relaxed)));
        options.reserve_bytes = 1 << 16;
        let store = Sqlite::start_unusual(dir.clone(), options, unusual).unwrap();
        let news = store.news().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { store, dir, news, seq: Seq::default(), clock, runtime, left }
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.dir).unwrap()
    }

    fn append(&mut self, record: Record) -> Seq {
        self.seq = self.seq.next();
        self.store.append(self.seq, record);
        self.seq
    }

    fn verdict(&mut self) -> Verdict {
        loop {
            if let Some(verdict) = self.store.poll_verdict() {
                return verdict;
            }
            self.runtime.block_on(self.news.notified());
        }
    }

    /// Gives these in one commit, and says what became of them.
    fn offer(&mut self, records: impl IntoIterator<Item = Record>) -> Verdict {
        for record in records {
            self.append(record);
        }
        self.store.commit();
        self.verdict()
    }

    /// Keeps these, in one commit.
    fn keep(&mut self, records: impl IntoIterator<Item = Record>) {
        assert_eq!(self.offer(records), Verdict::Kept(self.seq));
    }

    fn found(&mut self, past: Past) -> Found {
        self.store.load(Ticket(7), past);
        loop {
            if let Some((ticket, found)) = self.store.poll_loaded() {
                assert_eq!(ticket, Ticket(7));
                return found.unwrap();
            }
            self.runtime.block_on(self.news.notified());
        }
    }

    fn close(self) {
        let Self { store, dir, .. } = self;
        drop(dir);
        store.close().unwrap();
    }
}

/// One verification with one call, told apart by its number.
#[derive(Clone, Copy, Debug)]
struct Case {
    n: u32,
    at: u64,
}

impl Case {
    const fn new(n: u32) -> Self {
        Self { n, at: NOW + n as u64 * 1_000_000 }
    }

    fn session(self) -> SessionId {
        SessionId { unix_ms: self.at / 1_000, shard: 3, epoch: 9, random: u64::from(self.n) << 32 }
    }

    fn id(self) -> AttemptId {
        AttemptId { shard: 3, epoch: 9, slot: self.n, generation: u32::MAX - self.n }
    }

    fn part(self) -> Part {
        Part { session: self.session(), number: 1 }
    }

    fn to(self) -> Destination {
        Destination::of_value(4_915_112_340_000 + u64::from(self.n), 13).unwrap()
    }

    fn from(self) -> CallerId {
        CallerId::of_value(12_025_550_000 + u64::from(self.n), 11).unwrap()
    }

    fn opened(self) -> Opened {
        Opened {
            id: self.session(),
            tenant: if self.n.is_multiple_of(2) { "even" } else { "odd" }.into(),
            profile: "default".into(),
            to: self.to(),
            country: Country::parse("DE"),
            created_unix_us: self.at,
            expires_unix_us: self.at + 300_000_000,
            code_length: 4,
            tries: 3,
            redials: 2,
            allow_diverted: true,
            distinct: 10_000,
            idempotency: None,
            client_reference: Some(format!("order-{}", self.n).into()),
            metadata: Some("{\"a\":1}".into()),
        }
    }

    fn claimed(self) -> Opened {
        let claim = Idempotency { key: [self.n as u8; 32], body: [9; 32] };
        Opened { idempotency: Some(claim), ..self.opened() }
    }

    fn intent(self) -> Intent {
        Intent {
            id: self.id(),
            part: Some(self.part()),
            to: self.to(),
            from: self.from(),
            call_id: *b"0123456789abcdef0123456789abcdef",
            from_tag: *b"00000003fedcba9876543210",
            way: Arc::new(way()),
            target: "192.0.2.10:5060".parse().unwrap(),
            at_unix_us: self.at,
        }
    }

    fn cdr(self) -> Cdr {
        let us = |us| At::of(Instant::from_micros(us), Instant::START);
        let mut facts = Facts { end: End::Refused, invites: 1, ..Facts::default() };
        facts.said = Some(Box::new(Said { status: 487, ..Said::default() }));
        facts.alert = Some(AlertSource::Ringing);
        facts.times.alert = us(2_000);
        facts.times.cancel = us(602_000);
        facts.times.end = us(603_200);
        Cdr {
            id: self.id(),
            part: Some(self.part()),
            open: true,
            way: Arc::new(way()),
            target: "192.0.2.10:5060".parse().unwrap(),
            from: self.from(),
            to: self.to(),
            call_id: *b"0123456789abcdef0123456789abcdef",
            from_tag: *b"00000003fedcba9876543210",
            cseq: 1,
            start_unix_us: self.at,
            facts,
            outcome: Outcome::Rang,
        }
    }

    fn approved(self) -> Change {
        Change {
            id: self.session(),
            status: Status::Approved,
            reason: None,
            ended_unix_us: Some(self.at + 5_000_000),
            tries_left: 2,
            redials_left: 1,
            approved_by: Some(1),
            late: true,
            reveal: smallvec![(self.id(), self.from())],
        }
    }

    /// It and its call begin.
    fn begins(self) -> [Record; 2] {
        [Record::Opened(Arc::new(self.opened())), Record::Intent(Arc::new(self.intent()))]
    }

    fn ends(self) -> [Record; 2] {
        [Record::Cdr(Arc::new(self.cdr())), Record::Changed(Arc::new(self.approved()))]
    }

    /// From its beginning to its end.
    fn whole(self) -> impl Iterator<Item = Record> {
        self.begins().into_iter().chain(self.ends())
    }

    fn past(self) -> Past {
        Past { to: self.to(), since_unix_us: 0, key: None, key_since_unix_us: 0 }
    }
}

fn way() -> Way {
    Way {
        trunk: "west".into(),
        sent_by: "203.0.113.5:5062".into(),
        domain: "192.0.2.10:5060".into(),
        from_domain: "203.0.113.5:5062".into(),
        route: Some("192.0.2.99".into()),
    }
}

/// Every file of a folder, whole.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}
