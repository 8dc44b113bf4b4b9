//! What is old goes in small steps, and not before its time.

use super::{Case, Folder, Life, NOW};
use crate::io::store::sqlite::dir::Role;
use crate::io::store::sqlite::prune::{STEP, step};
use crate::io::store::sqlite::{CdrQuery, Retention};
use crate::verify::cdr::Amendment;
use crate::verify::record::Record;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const HOUR: u64 = 3_600_000_000;

fn hours(count: u64) -> Duration {
    Duration::from_secs(3600 * count)
}

fn retention() -> Retention {
    Retention { cdr: hours(10), session: hours(10), idempotency: hours(1) }
}

/// Whole verifications, the CDRs kept at the time of the clock.
fn keep(life: &mut Life, cases: impl Iterator<Item = u32>) {
    let all: Vec<Record> = cases.flat_map(|n| Case::new(n).whole()).collect();
    life.keep(all);
}

#[test]
fn a_step_is_small_and_takes_the_oldest_first() {
    let folder = Folder::new("steps-of-pruning");
    let mut life = Life::begin(&folder);
    keep(&mut life, 0..500);
    let amendment =
        Amendment { id: Case::new(0).id(), at_unix_us: NOW, status: 200, alerted: false };
    life.keep([Record::Amendment(amendment)]);
    life.close();
    let dir = crate::io::store::sqlite::DataDir::open(&folder.0, NOW).unwrap();
    let database = dir.connect(Role::Writer).unwrap();
    let early = step(&database, &retention(), NOW + 9 * HOUR).unwrap();
    assert_eq!((early.rows, early.behind), (0, false));
    let later = NOW + 11 * HOUR;
    let first = step(&database, &retention(), later).unwrap();
    assert_eq!((first.rows, first.behind, first.undelivered), (2 * STEP as u64, true, 0));
    assert_eq!(folder.one::<i64>("SELECT min(row) FROM cdr"), STEP as i64 + 1);
    assert_eq!(folder.one::<i64>("SELECT count(*) FROM amendment"), 0);
    step(&database, &retention(), later).unwrap();
    let last = step(&database, &retention(), later).unwrap();
    assert!(!last.behind);
    // The last record stays, so that no row is given twice.
    assert_eq!(folder.one::<i64>("SELECT max(row) FROM cdr"), 500);
    assert_eq!(folder.one::<i64>("SELECT count(*) FROM cdr"), 1);
    assert_eq!(folder.one::<i64>("SELECT count(*) FROM session"), 0);
    assert_eq!(step(&database, &retention(), later).unwrap().rows, 0);
}

#[test]
fn what_a_sink_has_not_had_stays_up_to_twice_as_long() {
    let folder = Folder::new("undelivered");
    let mut life = Life::begin(&folder);
    keep(&mut life, 0..10);
    let admin = life.store.admin();
    for (sink, row) in [("file", 7), ("hook", 4), ("gone", 0)] {
        life.runtime.block_on(admin.delivered(sink.into(), row, 3)).unwrap();
    }
    assert_eq!(life.runtime.block_on(admin.forget_sink("gone".into())), Ok(true));
    assert_eq!(life.runtime.block_on(admin.forget_sink("gone".into())), Ok(false));
    assert_eq!(life.reader().sink_rows("file").unwrap(), Some((7, 3)));
    assert_eq!(life.reader().sink_rows("gone").unwrap(), None);
    life.close();
    let dir = crate::io::store::sqlite::DataDir::open(&folder.0, NOW).unwrap();
    let database = dir.connect(Role::Writer).unwrap();
    assert_eq!(step(&database, &retention(), NOW + 11 * HOUR).unwrap().undelivered, 0);
    assert_eq!(folder.one::<i64>("SELECT min(row) FROM cdr"), 5);
    assert_eq!(step(&database, &retention(), NOW + 19 * HOUR).unwrap().rows, 0);
    assert_eq!(step(&database, &retention(), NOW + 21 * HOUR).unwrap().undelivered, 5);
    assert_eq!(folder.one::<i64>("SELECT min(row) FROM cdr"), 10);
}

#[test]
fn what_is_open_stays_and_records_outlive_their_verification() {
    let folder = Folder::new("outlive");
    let mut life = Life::begin(&folder);
    life.keep(Case::new(0).begins());
    keep(&mut life, 1..3);
    life.keep([Record::Opened(Arc::new(Case::new(5).claimed()))]);
    life.close();
    let dir = crate::io::store::sqlite::DataDir::open(&folder.0, NOW).unwrap();
    let database = dir.connect(Role::Writer).unwrap();
    let short = Retention { cdr: hours(1000), ..retention() };
    // Two verifications that ended, and a claim.
    assert_eq!(step(&database, &short, NOW + 11 * HOUR).unwrap().rows, 3);
    assert_eq!(folder.one::<i64>("SELECT count(*) FROM session"), 2);
    assert_eq!(folder.one::<i64>("SELECT count(*) FROM idempotency"), 0);
    drop((database, dir));
    let mut life = Life::begin(&folder);
    let case = Case::new(2);
    assert_eq!(life.reader().session(case.session()).unwrap(), None);
    let kept = life.reader().cdrs(&CdrQuery { to: Some(case.to()), ..CdrQuery::default() });
    assert_eq!(kept.unwrap().iter().map(|kept| kept.id).collect::<Vec<_>>(), [case.id()]);
    assert_eq!(life.found(case.past()).recent, [case.from()]);
    assert_eq!(life.left.sessions.len(), 2);
    life.close();
}

#[test]
fn a_record_of_an_open_verification_stays() {
    let folder = Folder::new("open-records");
    let mut life = Life::begin(&folder);
    let open = Case::new(0);
    life.keep(open.begins());
    life.keep(open.whole().filter(|record| matches!(record, Record::Cdr(_))));
    keep(&mut life, 1..3);
    life.close();
    let dir = crate::io::store::sqlite::DataDir::open(&folder.0, NOW).unwrap();
    let database = dir.connect(Role::Writer).unwrap();
    let short = Retention { session: hours(1000), ..retention() };
    step(&database, &short, NOW + 11 * HOUR).unwrap();
    assert_eq!(folder.one::<i64>("SELECT min(row) FROM cdr"), 1);
    drop((database, dir));
    let life = Life::begin(&folder);
    assert_eq!(life.left.sessions.len(), 1);
    assert_eq!(life.left.sessions[0].calls.len(), 1);
    life.close();
}

#[test]
fn the_writer_prunes_and_the_file_stays_as_large_as_what_it_holds() {
    let folder = Folder::new("bounded");
    let mut life = Life::begin(&folder);
    let mut sizes = Vec::new();
    for round in 0..8 {
        // A day passes, and everything of the days before is old.
        life.clock.store(NOW + round * 40 * 24 * HOUR, Ordering::Relaxed);
        let mut all = Vec::new();
        for n in 0..400 {
            let at = NOW + round * 40 * 24 * HOUR;
            all.extend(Case { n: round as u32 * 400 + n, at: at + u64::from(n) }.whole());
        }
        for few in all.chunks(80) {
            life.keep(few.iter().cloned());
        }
        let due = round * 800;
        while life.store.counters().pruned() + 2 < due {
            life.keep(Case { n: 1_000_000, at: NOW + round * 40 * 24 * HOUR }.ends());
        }
        sizes.push(folder.one::<i64>("PRAGMA page_count"));
    }
    assert!(sizes[7] <= sizes[1] + sizes[1] / 10, "{sizes:?}");
    life.close();
}
