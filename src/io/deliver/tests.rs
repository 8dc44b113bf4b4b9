//! A sink in time that is passed in, over a source in memory and files in a directory of its own.

use super::sink::Sink;
use super::{Delivery, FileSink, Format, Reached, Rotate, Source, Tally};
use crate::base::clock::{Instant, Now};
use crate::base::id::AttemptId;
use crate::base::number::{CallerId, Destination};
use crate::io::net::clock::Clock;
use crate::verify::cdr::csv::Profile;
use crate::verify::cdr::{Amendment, Kept, Show};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::watch;

/// 2026-11-25T09:59:50Z.
const BEGINNING: u64 = 1_795_600_790_000_000;

/// A store that outlives its sink.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    records: Vec<Kept>,
    amendments: Vec<Amendment>,
    reached: BTreeMap<String, Reached>,
    broken: bool,
}

impl Store {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }

    /// Keeps the record of one more call.
    fn keep(&self, row: u64, open: bool) {
        self.inside().records.push(kept(row, open));
    }

    /// The verification of that call ends.
    fn end(&self, row: u64) {
        self.inside().records.iter_mut().filter(|kept| kept.row == row).for_each(|kept| {
            kept.open = false;
        });
    }

    fn reached(&self) -> u64 {
        self.inside().reached.get("file").copied().unwrap_or_default().row
    }
}

impl Source for Store {
    type Error = &'static str;

    fn records(&mut self, row: u64, most: usize) -> Result<Vec<Kept>, &'static str> {
        let inside = self.inside();
        if inside.broken {
            return Err("no such table");
        }
        Ok(inside.records.iter().filter(|kept| kept.row > row).take(most).cloned().collect())
    }

    fn amendments(
        &mut self,
        place: u64,
        most: usize,
    ) -> Result<Vec<(u64, Amendment)>, &'static str> {
        let inside = self.inside();
        let all = (1..).zip(inside.amendments.iter().copied());
        Ok(all.skip(place as usize).take(most).collect())
    }

    fn reached(&mut self, sink: &str) -> Result<Option<Reached>, &'static str> {
        Ok(self.inside().reached.get(sink).copied())
    }

    async fn remember(&mut self, sink: &str, reached: Reached) -> Result<(), &'static str> {
        self.inside().reached.insert(sink.to_owned(), reached);
        Ok(())
    }
}

/// A directory that goes when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("onering-deliver-{process}-{next}"));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn sink(&self, format: Format, numbers: Show) -> FileSink {
        let extension = if format == Format::JsonLines { "jsonl" } else { "csv" };
        FileSink {
            name: "file".into(),
            path: self.0.join(format!("cdr.{extension}")),
            format,
            numbers,
            rotate: Rotate::default(),
        }
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn ids(&self, name: &str) -> Vec<u64> {
        self.text(name).lines().map(row_of).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// The row of the record that a JSON line is of.
fn row_of(line: &str) -> u64 {
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    u64::from(value["cdr_id"].as_str().unwrap().parse::<AttemptId>().unwrap().slot)
}

fn id(row: u64) -> AttemptId {
    AttemptId { shard: 1, epoch: 1, slot: row as u32, generation: 1 }
}

fn kept(row: u64, open: bool) -> Kept {
    Kept {
        row,
        id: id(row),
        part: None,
        tenant: None,
        to: Destination::parse("+4915112345678").unwrap(),
        from: CallerId::parse("+12025550142").unwrap(),
        open,
        detail: format!("{{\"cdr_id\":\"{}\",\"outcome\":\"rang\"}}", id(row)),
        amendments: Vec::new(),
    }
}

/// A sink that is fed with the time, and its store.
struct Bench {
    sink: Sink<Store>,
    tally: Arc<Tally>,
}

impl Bench {
    fn new(config: FileSink, store: &Store) -> Self {
        let tally = Arc::new(Tally::default());
        Self { sink: Sink::new(config, store.clone(), Arc::clone(&tally)), tally }
    }

    /// A turn at so many milliseconds, and when it wants to come back.
    fn turn(&mut self, ms: u64) -> Option<u64> {
        ready(self.sink.turn(at(ms))).map(|due| due.as_micros() / 1000)
    }

    fn finish(&mut self, ms: u64) {
        ready(self.sink.finish(at(ms)));
    }
}

fn at(ms: u64) -> Now {
    Now { instant: Instant::from_millis(ms), unix_us: BEGINNING + ms * 1000 }
}

/// What has nothing to wait for.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

const CSV: Format = Format::Csv(Profile::Default);
const JSON: Format = Format::JsonLines;

#[test]
fn a_masked_line_is_written_at_once_and_only_once() {
    let (scratch, store) = (Scratch::new(), Store::default());
    store.keep(1, true);
    let mut bench = Bench::new(scratch.sink(JSON, Show::Masked), &store);
    bench.turn(0);
    store.end(1);
    store.keep(2, false);
    bench.turn(2000);
    assert_eq!(scratch.ids("cdr.jsonl"), [1, 2]);
    assert_eq!(bench.tally.written(), 2);
    let text = scratch.text("cdr.jsonl");
    assert!(!text.contains("0142") && !text.contains("12345678"), "{text}");
}

#[test]
fn a_plain_line_waits_for_its_own_verification_and_no_other() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let mut bench = Bench::new(scratch.sink(JSON, Show::Plain), &store);
    for (row, open) in [(1, true), (2, true), (3, false), (4, true)] {
        store.keep(row, open);
    }
    bench.turn(1);
    assert_eq!(scratch.ids("cdr.jsonl"), [3]);
    assert_eq!((bench.tally.reached(), bench.tally.behind(4)), (0, 3));
    store.end(2);
    store.end(4);
    bench.turn(1001);
    assert_eq!(scratch.ids("cdr.jsonl"), [3, 2, 4]);
    store.end(1);
    assert_eq!(bench.turn(1002), Some(2001), "each round is a second after the last");
    assert_eq!(scratch.ids("cdr.jsonl"), [3, 2, 4]);
    bench.turn(2001);
    assert_eq!(scratch.ids("cdr.jsonl"), [3, 2, 4, 1]);
    assert_eq!(scratch.text("cdr.jsonl").matches("+12025550142").count(), 4);
}

#[test]
fn after_a_restart_a_plain_sink_begins_before_what_was_open() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let config = scratch.sink(JSON, Show::Plain);
    for (row, open) in [(1, false), (2, true), (3, false)] {
        store.keep(row, open);
    }
    let mut first = Bench::new(config.clone(), &store);
    first.turn(0);
    first.finish(1);
    assert_eq!(scratch.ids("cdr.jsonl"), [1, 3]);
    assert_eq!(store.reached(), 1, "2 waits, and what is behind it is not known as delivered");
    store.end(2);
    Bench::new(config, &store).finish(2);
    assert_eq!(scratch.ids("cdr.jsonl"), [1, 3, 2, 3]);
    assert_eq!(store.reached(), 3);
}

#[test]
fn many_that_wait_are_looked_at_in_rounds_and_one_that_was_deleted_holds_nothing_up() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let mut bench = Bench::new(scratch.sink(CSV, Show::Plain), &store);
    for row in 1..=600 {
        store.keep(row, true);
    }
    for ms in [1, 2, 3] {
        bench.turn(ms);
    }
    for row in [300, 600] {
        store.end(row);
    }
    store.inside().records.retain(|kept| kept.row != 1);
    let mut now = 1000;
    for _ in 0..8 {
        now = bench.turn(now).unwrap();
    }
    let lines = scratch.text("cdr.csv");
    let row = |line: &str| line.get(14..22).unwrap_or_default().to_owned();
    let rows: Vec<String> = lines.lines().skip(1).map(row).collect();
    assert_eq!(rows, ["0000012c", "00000258"]);
    for row in 1..=600 {
        store.end(row);
    }
    for _ in 0..8 {
        now = bench.turn(now).unwrap_or(now);
    }
    bench.finish(now);
    assert_eq!(bench.tally.written(), 599);
    assert_eq!(store.reached(), 600);
}

#[test]
fn an_amendment_is_a_line_of_its_own_but_not_in_csv() {
    let store = Store::default();
    store.keep(1, false);
    let late = Amendment { id: id(1), at_unix_us: BEGINNING, status: 200, alerted: true };
    let scratch = Scratch::new();
    let mut bench = Bench::new(scratch.sink(JSON, Show::Masked), &store);
    bench.turn(0);
    store.inside().amendments.push(late);
    assert_eq!(bench.turn(1000), Some(5000), "it is looked for though nothing tells of it");
    bench.turn(5000);
    bench.turn(10_000);
    store.inside().amendments.push(Amendment { status: 487, ..late });
    bench.finish(10_001);
    let text = scratch.text("cdr.jsonl");
    let line = r#"{"amendment":{"alerted":true,"at":"2026-11-25T09:59:50.000000Z","status":200},"cdr_id":"0001-00000001-00000001-00000001"}"#;
    let last = line.replace("200", "487");
    assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), [line, &last], "also in the end");
    store.inside().reached.clear();
    Bench::new(scratch.sink(CSV, Show::Masked), &store).turn(0);
    assert_eq!(scratch.text("cdr.csv").lines().count(), 2, "the names and the record");
}

#[test]
fn what_the_store_knows_as_delivered_is_on_disk_and_not_written_again() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let config = scratch.sink(CSV, Show::Masked);
    store.keep(1, false);
    let mut first = Bench::new(config.clone(), &store);
    assert_eq!(first.turn(0), Some(1000));
    assert_eq!(store.reached(), 0, "written, but not yet known to be on disk");
    assert_eq!(first.turn(1000), None);
    assert_eq!(store.reached(), 1);
    store.keep(2, false);
    first.finish(1001);
    assert_eq!(store.reached(), 2);
    store.keep(3, false);
    Bench::new(config, &store).turn(2000);
    assert_eq!(scratch.text("cdr.csv").lines().count(), 1 + 3);
}

#[test]
fn the_store_knows_of_a_sink_from_its_first_turn_on() {
    let (scratch, store) = (Scratch::new(), Store::default());
    Bench::new(scratch.sink(JSON, Show::Masked), &store).turn(0);
    assert_eq!(store.inside().reached.get("file"), Some(&Reached::default()));
}

#[test]
fn a_long_backlog_is_written_in_order_batch_by_batch() {
    let (scratch, store) = (Scratch::new(), Store::default());
    for row in 1..=700 {
        store.keep(row, false);
    }
    let mut bench = Bench::new(scratch.sink(JSON, Show::Masked), &store);
    assert_eq!(bench.turn(7), Some(7), "there is more");
    assert_eq!(scratch.ids("cdr.jsonl").len(), 256);
    bench.finish(8);
    assert_eq!(scratch.ids("cdr.jsonl"), (1..=700).collect::<Vec<_>>());
}

#[test]
fn a_file_that_would_become_too_long_is_renamed_and_none_is_overwritten() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let mut config = scratch.sink(CSV, Show::Masked);
    let header = Profile::Default.header().unwrap().len() as u64;
    config.rotate.size = Some(header + 10);
    for row in 1..=3 {
        store.keep(row, false);
    }
    Bench::new(config, &store).turn(10_000);
    let names = ["cdr-20261125T100000Z-1.csv", "cdr-20261125T100000Z.csv", "cdr.csv"];
    assert_eq!(scratch.names(), names);
    for (row, name) in [(2, names[0]), (1, names[1]), (3, names[2])] {
        let text = scratch.text(name);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("cdr_id,"), "{name}");
        assert!(lines[1].starts_with(&id(row).to_string()) && lines.len() == 2, "{name}");
    }
}

#[test]
fn a_file_is_filled_before_it_is_renamed() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let mut config = scratch.sink(JSON, Show::Masked);
    for row in 1..=5 {
        store.keep(row, false);
    }
    let line = JSON.record(&kept(1, false), Show::Masked).unwrap().len() as u64;
    config.rotate.size = Some(2 * line + 1);
    Bench::new(config, &store).turn(10_000);
    assert_eq!(scratch.ids("cdr-20261125T100000Z.jsonl"), [1, 2]);
    assert_eq!(scratch.ids("cdr-20261125T100000Z-1.jsonl"), [3, 4]);
    assert_eq!(scratch.ids("cdr.jsonl"), [5]);
}

#[test]
fn a_period_ends_on_the_clock_also_when_nothing_happens() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let mut config = scratch.sink(CSV, Show::Masked);
    config.rotate.every = Some(Duration::from_secs(3600));
    let mut bench = Bench::new(config, &store);
    assert_eq!(bench.turn(0), None, "an empty file has no period");
    store.keep(1, false);
    bench.turn(0);
    assert_eq!(bench.turn(2000), Some(10_000), "10:00:00");
    assert_eq!(scratch.names(), ["cdr.csv"]);
    bench.turn(10_000);
    assert_eq!(scratch.names(), ["cdr-20261125T100000Z.csv", "cdr.csv"]);
    assert_eq!(scratch.text("cdr-20261125T100000Z.csv").lines().count(), 2);
    assert_eq!(scratch.text("cdr.csv").lines().count(), 1);
}

#[test]
fn a_file_of_a_period_long_past_is_renamed_by_the_end_of_that() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let mut config = scratch.sink(JSON, Show::Masked);
    config.rotate.every = Some(Duration::from_secs(3600));
    fs::write(&config.path, format!("{{\"cdr_id\":\"{}\"}}\n", id(1))).unwrap();
    let file = fs::File::options().write(true).open(&config.path).unwrap();
    let two_hours_ago = BEGINNING / 1_000_000 - 7200;
    file.set_modified(UNIX_EPOCH + Duration::from_secs(two_hours_ago)).unwrap();
    Bench::new(config, &store).turn(0);
    assert_eq!(scratch.names(), ["cdr-20261125T080000Z.jsonl", "cdr.jsonl"]);
}

#[test]
fn a_new_file_is_begun_when_asked_for_unless_somebody_else_did() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let mut bench = Bench::new(scratch.sink(JSON, Show::Masked), &store);
    bench.sink.rotate();
    bench.turn(0);
    assert_eq!(scratch.names(), ["cdr.jsonl"], "there is nothing to rename");
    store.keep(1, false);
    bench.turn(1);
    bench.sink.rotate();
    bench.turn(2);
    assert_eq!(scratch.names(), ["cdr-20261125T095950Z.jsonl", "cdr.jsonl"]);
    store.keep(2, false);
    bench.turn(3);
    fs::rename(scratch.0.join("cdr.jsonl"), scratch.0.join("moved")).unwrap();
    bench.sink.rotate();
    store.keep(3, false);
    bench.turn(4);
    assert_eq!(scratch.names(), ["cdr-20261125T095950Z.jsonl", "cdr.jsonl", "moved"]);
    assert_eq!((scratch.ids("moved"), scratch.ids("cdr.jsonl")), (vec![2], vec![3]));
}

#[test]
fn a_file_that_was_deleted_is_made_again() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let mut bench = Bench::new(scratch.sink(JSON, Show::Masked), &store);
    store.keep(1, false);
    bench.turn(0);
    fs::remove_file(scratch.0.join("cdr.jsonl")).unwrap();
    store.keep(2, false);
    bench.turn(1);
    assert_eq!(scratch.ids("cdr.jsonl"), [2]);
}

#[test]
fn a_full_disk_delays_lines_and_loses_none() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let config = scratch.sink(JSON, Show::Masked);
    symlink("/dev/full", &config.path).unwrap();
    let mut bench = Bench::new(config.clone(), &store);
    store.keep(1, false);
    assert_eq!(bench.turn(0), Some(1000), "after a second");
    assert!(bench.tally.is_failing());
    assert_eq!(bench.turn(500), Some(1000), "not before");
    assert_eq!(bench.turn(1000), Some(3000), "then two");
    assert_eq!((bench.tally.errors(), bench.tally.written()), (2, 0));
    store.keep(2, false);
    assert_eq!((bench.tally.reached(), bench.tally.behind(2)), (0, 2));
    fs::remove_file(&config.path).unwrap();
    bench.turn(3000);
    assert!(!bench.tally.is_failing());
    assert_eq!(scratch.ids("cdr.jsonl"), [1, 2]);
    assert_eq!((bench.tally.reached(), bench.tally.behind(2)), (2, 0));
    bench.finish(3001);
    assert_eq!(store.reached(), 2);
}

#[test]
fn tries_become_rarer_and_a_request_does_not_wait_for_the_next() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let mut config = scratch.sink(JSON, Show::Masked);
    config.path = scratch.0.join("not/there.jsonl");
    let mut bench = Bench::new(config, &store);
    store.keep(1, false);
    let mut now = 0;
    for secs in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(bench.turn(now), Some(now + secs * 1000));
        now += secs * 1000;
    }
    fs::create_dir(scratch.0.join("not")).unwrap();
    bench.sink.rotate();
    bench.turn(now - 30_000);
    assert!(!bench.tally.is_failing());
    assert_eq!(scratch.ids("not/there.jsonl"), [1]);
}

#[test]
fn a_store_that_cannot_be_read_is_tried_again() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let mut bench = Bench::new(scratch.sink(JSON, Show::Masked), &store);
    store.keep(1, false);
    store.inside().broken = true;
    bench.turn(0);
    assert!(bench.tally.is_failing());
    store.inside().broken = false;
    bench.turn(1000);
    assert!(!bench.tally.is_failing());
    assert_eq!(scratch.ids("cdr.jsonl"), [1]);
}

#[test]
fn a_record_that_cannot_be_read_is_left_out_and_does_not_stop_the_rest() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let mut bench = Bench::new(scratch.sink(JSON, Show::Masked), &store);
    store.keep(1, false);
    store.inside().records[0].detail = "no".into();
    store.keep(2, false);
    bench.turn(0);
    assert_eq!(scratch.ids("cdr.jsonl"), [2]);
    assert_eq!(bench.tally.errors(), 1);
}

#[test]
fn a_line_that_was_cut_off_goes_and_what_is_not_ours_stays() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let config = scratch.sink(JSON, Show::Masked);
    let whole = format!("{{\"cdr_id\":\"{}\"}}\n", id(7));
    store.keep(8, false);
    fs::write(&config.path, format!("{whole}{{\"cdr_id\":\"0001-0")).unwrap();
    Bench::new(config.clone(), &store).turn(0);
    assert_eq!(scratch.ids("cdr.jsonl"), [7, 8]);
    fs::write(&config.path, "{\"cdr_id\":\"0001-0").unwrap();
    Bench::new(config.clone(), &store).turn(0);
    assert_eq!(scratch.ids("cdr.jsonl"), [8]);
    fs::write(&config.path, "a diary").unwrap();
    let mut refused = Bench::new(config, &store);
    refused.turn(0);
    assert!(refused.tally.is_failing());
    assert_eq!(scratch.text("cdr.jsonl"), "a diary");
}

#[test]
fn a_delivery_follows_its_store_and_leaves_nothing_behind_when_it_stops() {
    let (scratch, store) = (Scratch::new(), Store::default());
    let config = scratch.sink(JSON, Show::Masked);
    let (tell, news) = watch::channel(0);
    let delivery = Delivery::start(config, store.clone(), news, Clock::start()).unwrap();
    for row in 1..=500 {
        store.keep(row, false);
        tell.send_replace(row);
    }
    delivery.reopen();
    let tally = Arc::clone(delivery.tally());
    drop(delivery);
    assert_eq!((tally.written(), store.reached()), (500, 500));
    let mut ids: Vec<u64> = scratch.names().iter().flat_map(|name| scratch.ids(name)).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=500).collect::<Vec<_>>());
}
