//! What a verification costs the store in a directory: on this disk, with its real syncs.
//!
//! One lifecycle is four records: a verification with its call's intent, the call's CDR, and the approval that opens the
//! caller-ID of that CDR. Each commit has them of three generations of verifications, as a busy service would. Then the
//! time from commit to verdict at a steady pace, the past of numbers looked up, and a start with 100,000 open calls.
//! `cargo bench --bench store`, and with `start` or `pace` behind it only that.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "it reports to a person")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use onering::base::clock::Instant as At;
use onering::base::id::{AttemptId, Seq, SessionId, Ticket};
use onering::base::number::{CallerId, Destination};
use onering::call::facts::{At as Moment, End, Facts, Said, Times};
use onering::call::outcome::Outcome;
use onering::call::way::Way;
use onering::call::{AlertSource, CancelCause};
use onering::io::store::sqlite::{DataDir, Options, Sqlite, restore};
use onering::io::store::{Store as _, Verdict};
use onering::verify::cdr::Cdr;
use onering::verify::record::{Change, Intent, Opened, Part, Past, Record};
use onering::verify::status::Status;
use smallvec::smallvec;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;

/// Lifecycles of each measurement.
const COUNTS: [(usize, usize); 4] = [(1, 2_000), (20, 20_000), (100, 60_000), (500, 100_000)];
/// Open calls of the start that is measured.
const OPEN: usize = 100_000;

fn main() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("store-bench");
    let only = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    match only.as_deref() {
        Some("start") => return start(&fresh(&folder)),
        Some("pace") => {
            return [50, 1_000, 10_000].into_iter().for_each(|rate| pace(&fresh(&folder), rate));
        }
        Some(_) | None => {}
    }
    for (batch, count) in COUNTS {
        lifecycles(&fresh(&folder), batch, count);
    }
    for rate in [50, 1_000, 10_000] {
        pace(&fresh(&folder), rate);
    }
    loads(&fresh(&folder));
    start(&fresh(&folder));
    std::fs::remove_dir_all(&folder).unwrap();
}

fn fresh(folder: &Path) -> PathBuf {
    std::fs::remove_dir_all(folder).ok();
    folder.to_owned()
}

fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

fn cpu_us() -> i64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    usage.user_time().num_microseconds() + usage.system_time().num_microseconds()
}

struct Bench {
    store: Sqlite,
    dir: PathBuf,
    news: Arc<Notify>,
    runtime: tokio::runtime::Runtime,
    seq: Seq,
    kept: Seq,
    way: Arc<Way>,
    epoch: u32,
}

impl Bench {
    fn new(folder: &Path) -> Self {
        let dir = DataDir::open(folder, now_us()).unwrap();
        let epoch = dir.epoch();
        let store = Sqlite::start(dir, Options::new(Arc::new(now_us))).unwrap();
        let news = store.news().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let way = Arc::new(Way {
            trunk: "west".into(),
            sent_by: "198.51.100.1:5060".into(),
            domain: "192.0.2.10:5060".into(),
            from_domain: "198.51.100.1:5060".into(),
            route: None,
        });
        let (seq, kept) = (Seq::default(), Seq::default());
        Self { store, dir: folder.to_owned(), news, runtime, seq, kept, way, epoch }
    }

    fn append(&mut self, record: Record) {
        self.seq = self.seq.next();
        self.store.append(self.seq, record);
    }

    fn take(&mut self) {
        while let Some(verdict) = self.store.poll_verdict() {
            let Verdict::Kept(up_to) = verdict else { panic!("{verdict:?}") };
            self.kept = up_to;
        }
    }

    /// Until everything up to here is kept.
    fn wait(&mut self, up_to: Seq) {
        let news = Arc::clone(&self.news);
        self.take();
        while self.kept < up_to {
            self.runtime.block_on(news.notified());
            self.take();
        }
    }

    /// One turn of a busy service: so many verifications begin, the calls of those before end, those before these are
    /// approved.
    fn turn(&mut self, turn: usize, batch: usize) {
        let at = now_us();
        for place in turn * batch..(turn + 1) * batch {
            let of = Of::new(place, at, self.epoch);
            self.append(Record::Opened(Arc::new(of.opened())));
            self.append(Record::Intent(Arc::new(of.intent(&self.way))));
        }
        if turn > 0 {
            for place in (turn - 1) * batch..turn * batch {
                let cdr = Of::new(place, at, self.epoch).cdr(&self.way);
                self.append(Record::Cdr(Arc::new(cdr)));
            }
        }
        if turn > 1 {
            for place in (turn - 2) * batch..(turn - 1) * batch {
                let change = Of::new(place, at, self.epoch).approved();
                self.append(Record::Changed(Arc::new(change)));
            }
        }
        self.store.commit();
    }

    fn sizes(&self) -> (u64, u64) {
        let size = |name| std::fs::metadata(self.dir.join(name)).map_or(0, |file| file.len() >> 20);
        (size("onering.db"), size("onering.db-wal"))
    }
}

/// One verification and its call, made of its number.
struct Of {
    place: usize,
    at: u64,
    id: AttemptId,
    part: Part,
    to: Destination,
    from: CallerId,
}

impl Of {
    fn new(place: usize, at: u64, epoch: u32) -> Self {
        let random = (place as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let unix_ms = 1_795_406_400_000 + place as u64 / 4;
        // Slots are used again after a while, as after timer D.
        let (slot, generation) = ((place % 150_000) as u32, (place / 150_000) as u32);
        Self {
            place,
            at,
            id: AttemptId { shard: 0, epoch, slot, generation },
            part: Part { session: SessionId { unix_ms, shard: 0, epoch, random }, number: 1 },
            to: Destination::fictional(random >> 20),
            from: CallerId::fictional(random >> 30),
        }
    }

    fn opened(&self) -> Opened {
        Opened {
            id: self.part.session,
            tenant: "shop".into(),
            profile: "default".into(),
            to: self.to,
            country: onering::base::number::Country::parse("US"),
            created_unix_us: self.at,
            expires_unix_us: self.at + 300_000_000,
            code_length: 4,
            tries: 3,
            redials: 2,
            allow_diverted: false,
            distinct: 10_000,
            idempotency: None,
            client_reference: None,
            metadata: None,
        }
    }

    fn text<const N: usize>(&self) -> [u8; N] {
        let text = format!("{:0>N$}", self.place);
        text.as_bytes().try_into().unwrap()
    }

    fn intent(&self, way: &Arc<Way>) -> Intent {
        Intent {
            id: self.id,
            part: Some(self.part),
            to: self.to,
            from: self.from,
            call_id: self.text(),
            from_tag: self.text(),
            way: Arc::clone(way),
            target: "192.0.2.10:5060".parse().unwrap(),
            at_unix_us: self.at,
        }
    }

    fn cdr(&self, way: &Arc<Way>) -> Cdr {
        let us = |us: u64| Moment::of(At::from_micros(us), At::START);
        let mut facts = Facts {
            times: Times {
                first_1xx: us(900),
                trying: us(900),
                ringing: us(2_000),
                alert: us(2_000),
                cancel: us(602_000),
                cancel_final: us(602_900),
                answer_or_refusal: us(603_000),
                ack: us(603_100),
                end: us(603_200),
                ..Times::default()
            },
            alert: Some(AlertSource::Ringing),
            cancel: Some(CancelCause::Alerted),
            cancel_status: Some(200),
            end: End::Refused,
            said: Some(Box::new(Said {
                status: 487,
                phrase: "Request Terminated".to_owned(),
                server: Some("carrier".to_owned()),
                ..Said::default()
            })),
            invites: 1,
            ..Facts::default()
        };
        let tag = facts.tag(b"8f31aa05");
        for status in [100, 180] {
            let at = us(900);
            facts.provisionals.push(onering::call::facts::Provisional { at, status, tag });
        }
        let start_unix_us = self.at;
        Cdr {
            id: self.id,
            part: Some(self.part),
            open: true,
            way: Arc::clone(way),
            target: "192.0.2.10:5060".parse().unwrap(),
            from: self.from,
            to: self.to,
            call_id: self.text(),
            from_tag: self.text(),
            cseq: 1,
            start_unix_us,
            facts,
            outcome: Outcome::Rang,
        }
    }

    fn approved(&self) -> Change {
        Change {
            id: self.part.session,
            status: Status::Approved,
            reason: None,
            ended_unix_us: Some(self.at + 1_000_000),
            tries_left: 3,
            redials_left: 2,
            approved_by: Some(1),
            late: false,
            reveal: smallvec![(self.id, self.from)],
        }
    }
}

/// As fast as it goes, so many verifications in one commit.
fn lifecycles(folder: &Path, batch: usize, count: usize) {
    let mut bench = Bench::new(folder);
    let turns = count / batch;
    let (begin, cpu) = (Instant::now(), cpu_us());
    let mut log_max = 0;
    for turn in 0..turns {
        bench.turn(turn, batch);
        // One commit is being written while the next is made.
        let before = Seq(bench.seq.0.saturating_sub(4 * batch as u64));
        bench.wait(before);
        if turn % 64 == 0 {
            log_max = log_max.max(bench.sizes().1);
        }
    }
    bench.wait(bench.seq);
    let (wall, cpu) = (begin.elapsed(), cpu_us() - cpu);
    let (database, log) = bench.sizes();
    println!(
        "batch {batch:>3}: {:>7.0} lifecycles/s, {:>6.1} us of CPU each ({} commits; database {database} MiB, log {} MiB)",
        count as f64 / wall.as_secs_f64(),
        cpu as f64 / count as f64,
        bench.store.counters().commits(),
        log_max.max(log),
    );
    bench.store.close().unwrap();
}

/// From commit to verdict, at so many records a second.
fn pace(folder: &Path, rate: u32) {
    let mut bench = Bench::new(folder);
    let lasts = Duration::from_secs(if rate < 1_000 { 4 } else { 8 });
    let every = Duration::from_secs(4) / rate;
    let mut histogram = hdrhistogram::Histogram::<u64>::new(3).unwrap();
    let begin = Instant::now();
    let mut waiting = std::collections::VecDeque::new();
    let mut turn = 0;
    while begin.elapsed() < lasts {
        let due = begin + every * turn;
        while Instant::now() < due {
            let news = Arc::clone(&bench.news);
            let left = due.saturating_duration_since(Instant::now());
            bench
                .runtime
                .block_on(async { tokio::time::timeout(left, news.notified()).await.ok() });
            bench.take();
            told(&mut waiting, bench.kept, &mut histogram);
        }
        bench.turn(turn as usize, 1);
        waiting.push_back((bench.seq, Instant::now()));
        turn += 1;
    }
    bench.wait(bench.seq);
    told(&mut waiting, bench.kept, &mut histogram);
    let ms = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
    println!(
        "{rate:>5} records/s: commit p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms ({} commits of {turn})",
        ms(0.5),
        ms(0.99),
        ms(0.999),
        histogram.max() as f64 / 1000.0,
        bench.store.counters().commits(),
    );
    bench.store.close().unwrap();
}

fn told(
    waiting: &mut std::collections::VecDeque<(Seq, Instant)>,
    kept: Seq,
    histogram: &mut hdrhistogram::Histogram<u64>,
) {
    while waiting.front().is_some_and(|(seq, _)| *seq <= kept) {
        let (_, at) = waiting.pop_front().unwrap();
        histogram.record(at.elapsed().as_micros() as u64).unwrap();
    }
}

/// The past of numbers, half of which have one, while nothing else goes on.
fn loads(folder: &Path) {
    let mut bench = Bench::new(folder);
    let (batch, turns) = (500, 100);
    for turn in 0..turns {
        bench.turn(turn, batch);
        bench.wait(bench.seq);
    }
    let count = batch * turns;
    let (begin, cpu) = (Instant::now(), cpu_us());
    let (mut asked, mut found, mut answers) = (0, 0, 0);
    while answers < count {
        while asked < count && asked - answers < 256 {
            let of = Of::new(asked * 2, 0, bench.epoch);
            let past =
                Past { to: of.to, since_unix_us: 0, key: Some([7; 32]), key_since_unix_us: 0 };
            bench.store.load(Ticket(asked as u64), past);
            asked += 1;
        }
        bench.runtime.block_on(bench.news.notified());
        while let Some((_, answer)) = bench.store.poll_loaded() {
            answers += 1;
            found += usize::from(!answer.unwrap().recent.is_empty());
        }
    }
    println!(
        "loads: {:.0}/s, {:.1} us of CPU each ({found} of {count} had a past)",
        count as f64 / begin.elapsed().as_secs_f64(),
        (cpu_us() - cpu) as f64 / count as f64,
    );
    bench.store.close().unwrap();
}

/// A start, with so many calls open that the last life left.
fn start(folder: &Path) {
    let mut bench = Bench::new(folder);
    for place in 0..OPEN {
        let of = Of::new(place, now_us(), bench.epoch);
        bench.append(Record::Opened(Arc::new(of.opened())));
        bench.append(Record::Intent(Arc::new(of.intent(&bench.way))));
        if place % 1_000 == 999 {
            bench.store.commit();
        }
    }
    bench.wait(bench.seq);
    drop(bench);
    let (begin, cpu) = (Instant::now(), cpu_us());
    let dir = DataDir::open(folder, now_us()).unwrap();
    let opened = begin.elapsed();
    let left = restore(&dir).unwrap();
    let restored = begin.elapsed();
    let cpu = Duration::from_micros((cpu_us() - cpu) as u64);
    let store = Sqlite::start(dir, Options::new(Arc::new(now_us))).unwrap();
    let started = begin.elapsed();
    println!(
        "start with {} open calls of {} verifications: opened after {opened:.0?}, restored after {restored:.0?}, \
         ready after {started:.0?}; {cpu:.0?} of CPU",
        left.intents.len(),
        left.sessions.len(),
    );
    store.close().unwrap();
}
