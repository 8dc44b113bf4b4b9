//! An hour of records, kept for ten minutes: the file stays as large as ten minutes of them, and what a sink has not had waits
//! for it, up to twice as long. The hour is the store's own clock's; `scripts/retention` takes a real one, with the service.
//!
//! `ONERING_A_MINUTE` (60) verifications begin in each minute.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test may fail the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use onering::base::id::{AttemptId, Seq, SessionId};
use onering::base::number::{CallerId, Country, Destination};
use onering::call::facts::{End, Facts};
use onering::call::outcome::Outcome;
use onering::call::way::Way;
use onering::io::store::sqlite::{
    CdrQuery, DataDir, Direction, Options, Reader, Retention, Sqlite,
};
use onering::io::store::{Store as _, Verdict};
use onering::verify::cdr::Cdr;
use onering::verify::record::{Change, Intent, Opened, Part, Record};
use onering::verify::status::Status;
use smallvec::smallvec;

/// 2026-11-23T04:05:06Z.
const BEGINNING: u64 = 1_795_406_706_000_000;
const MINUTE: u64 = 60_000_000;
/// How long records are kept.
const KEPT: u64 = 10;

/// Verifications that begin in a minute.
fn a_minute() -> u32 {
    std::env::var("ONERING_A_MINUTE").map_or(60, |text| text.parse().unwrap())
}

/// A store whose clock the test moves.
struct Life {
    path: PathBuf,
    store: Sqlite,
    reader: Reader,
    clock: Arc<AtomicU64>,
    runtime: tokio::runtime::Runtime,
    seq: Seq,
    begun: u32,
}

impl Life {
    fn begin(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("retention-{name}"));
        fs::remove_dir_all(&path).ok();
        Self::go_on(path, BEGINNING, 0)
    }

    fn go_on(path: PathBuf, now: u64, begun: u32) -> Self {
        let dir = DataDir::open(&path, now).unwrap();
        let reader = Reader::open(&dir).unwrap();
        let clock = Arc::new(AtomicU64::new(now));
        let tell = Arc::clone(&clock);
        let mut options = Options::new(Arc::new(move || tell.load(Ordering::Relaxed)));
        let kept = Duration::from_secs(KEPT * 60);
        options.retention = Retention { cdr: kept, session: kept, ..Retention::default() };
        options.reserve_bytes = 0;
        let store = Sqlite::start(dir, options).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { path, store, reader, clock, runtime, seq: Seq::default(), begun }
    }

    fn now(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Keeps these, in one commit.
    fn keep(&mut self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            self.seq = self.seq.next();
            self.store.append(self.seq, record);
        }
        self.store.commit();
        let news = self.store.news().unwrap();
        loop {
            match self.store.poll_verdict() {
                Some(Verdict::Kept(seq)) if seq == self.seq => return,
                Some(Verdict::Kept(_)) => {}
                Some(Verdict::Failed(seq)) => panic!("{seq:?} is not kept"),
                None => self.runtime.block_on(news.notified()),
            }
        }
    }

    /// A minute passes, in which verifications begin, are called, and end.
    fn minute(&mut self) {
        for _ in 0..a_minute() {
            self.clock.fetch_add(MINUTE / u64::from(a_minute()), Ordering::Relaxed);
            let case = Case { n: self.begun, at: self.now() };
            self.begun += 1;
            self.keep(case.begins());
            self.keep(case.ends());
        }
    }

    /// When the oldest record that is kept began, minutes ago, and how many there are.
    fn oldest(&self) -> (u64, usize) {
        let mut query =
            CdrQuery { direction: Direction::OldestFirst, limit: 200, ..CdrQuery::default() };
        let (mut first, mut count) = (None, 0);
        loop {
            let page = self.reader.cdrs(&query).unwrap();
            let Some(last) = page.last() else { break };
            query.after = Some(last.row);
            count += page.len();
            first = first.or_else(|| page.first().map(|kept| kept.id.slot));
        }
        (u64::from((self.begun - 1 - first.unwrap()) / a_minute()), count)
    }

    /// Closes the store, which brings its log into the file; the size of that, and the next life.
    fn rest(self) -> (u64, Self) {
        let (path, now, begun) = (self.path.clone(), self.now(), self.begun);
        drop(self.reader);
        self.store.close().unwrap();
        let size = fs::metadata(path.join("onering.db")).unwrap().len();
        (size, Self::go_on(path, now, begun))
    }
}

/// A verification with one call.
#[derive(Clone, Copy)]
struct Case {
    n: u32,
    at: u64,
}

impl Case {
    fn session(self) -> SessionId {
        SessionId { unix_ms: self.at / 1_000, shard: 0, epoch: 1, random: u64::from(self.n) }
    }

    fn id(self) -> AttemptId {
        AttemptId { shard: 0, epoch: 1, slot: self.n, generation: 0 }
    }

    fn to(self) -> Destination {
        Destination::parse(&format!("+491511{:07}", self.n)).unwrap()
    }

    fn from(self) -> CallerId {
        CallerId::parse(&format!("+1202555{:04}", self.n % 10_000)).unwrap()
    }

    fn begins(self) -> [Record; 2] {
        let opened = Opened {
            id: self.session(),
            tenant: "default".into(),
            profile: "default".into(),
            to: self.to(),
            country: Country::parse("DE"),
            created_unix_us: self.at,
            expires_unix_us: self.at + 3 * MINUTE,
            code_length: 4,
            tries: 3,
            redials: 2,
            allow_diverted: false,
            distinct: 10_000,
            idempotency: None,
            client_reference: None,
            metadata: None,
        };
        let intent = Intent {
            id: self.id(),
            part: Some(Part { session: self.session(), number: 1 }),
            to: self.to(),
            from: self.from(),
            call_id: [b'a'; 32],
            from_tag: [b'b'; 24],
            way: Arc::new(way()),
            target: "192.0.2.10:5060".parse().unwrap(),
            at_unix_us: self.at,
        };
        [Record::Opened(Arc::new(opened)), Record::Intent(Arc::new(intent))]
    }

    fn ends(self) -> [Record; 2] {
        let cdr = Cdr {
            id: self.id(),
            part: Some(Part { session: self.session(), number: 1 }),
            open: true,
            way: Arc::new(way()),
            target: "192.0.2.10:5060".parse().unwrap(),
            from: self.from(),
            to: self.to(),
            call_id: [b'a'; 32],
            from_tag: [b'b'; 24],
            cseq: 1,
            start_unix_us: self.at,
            facts: Facts { end: End::Refused, invites: 1, ..Facts::default() },
            outcome: Outcome::Rang,
        };
        let change = Change {
            id: self.session(),
            status: Status::Approved,
            reason: None,
            ended_unix_us: Some(self.at),
            tries_left: 3,
            redials_left: 2,
            approved_by: Some(1),
            late: false,
            reveal: smallvec![(self.id(), self.from())],
        };
        [Record::Cdr(Arc::new(cdr)), Record::Changed(Arc::new(change))]
    }
}

fn way() -> Way {
    Way {
        trunk: "west".into(),
        sent_by: "203.0.113.5:5062".into(),
        domain: "192.0.2.10:5060".into(),
        from_domain: "203.0.113.5:5062".into(),
        route: None,
    }
}

#[test]
fn the_file_stays_as_large_as_what_is_kept() {
    let mut life = Life::begin("bounded");
    let mut sizes = Vec::new();
    for third in 0..3 {
        for minute in 1..=20 {
            life.minute();
            let (oldest, _) = life.oldest();
            // The last minute's own may still be there: the store looks once in a while.
            let bound = (third * 20 + minute).min(KEPT + 1);
            assert!(oldest <= bound, "{oldest} minutes old in minute {}", third * 20 + minute);
        }
        let size;
        (size, life) = life.rest();
        sizes.push(size);
    }
    println!("{sizes:?} bytes after 20, 40 and 60 minutes");
    // Verifications stay five minutes longer than records: everything has its full number after a quarter of an hour.
    let [first, _, last] = sizes.as_slice() else { panic!("{sizes:?}") };
    assert!(*last <= first + first / 20, "{sizes:?}");
    let (oldest, count) = life.oldest();
    assert!(count > 0 && oldest <= KEPT + 1, "{count} records, the oldest {oldest} minutes old");
}

#[test]
fn what_a_sink_has_not_had_waits_for_it() {
    let mut life = Life::begin("undelivered");
    let admin = life.store.admin();
    assert_eq!(life.runtime.block_on(admin.delivered("file".into(), 0, 0)), Ok(true));
    (0..2 * KEPT - 2).for_each(|_| life.minute());
    let (oldest, all) = life.oldest();
    assert_eq!((oldest, all), (2 * KEPT - 3, life.begun as usize), "nothing has gone");
    // It has come to the middle: what is old before that goes.
    let half = u64::from(life.begun) / 2;
    assert_eq!(life.runtime.block_on(admin.delivered("file".into(), half, 0)), Ok(true));
    life.minute();
    let (_, some) = life.oldest();
    assert!(some < all && some as u64 >= u64::from(life.begun) - half, "{some} of {all}");
    // It never comes back: after twice the time its records go all the same.
    (0..3 * KEPT).for_each(|_| life.minute());
    let (oldest, _) = life.oldest();
    assert!((KEPT..=2 * KEPT + 1).contains(&oldest), "{oldest}");
}
