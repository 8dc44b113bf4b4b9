//! Records out of a store in a directory of its own, and out of a service that is a script.

use super::{Filter, Lines, Records, escaped};
use crate::base::id::{AttemptId, Seq, SessionId};
use crate::base::number::{CallerId, Destination};
use crate::call::facts::{End, Facts};
use crate::call::outcome::Outcome;
use crate::call::way::Way;
use crate::config::Place;
use crate::io::store::Store as _;
use crate::io::store::sqlite::{DataDir, Options, Sqlite};
use crate::verify::cdr::{Cdr, Show, View};
use crate::verify::record::{Opened, Part, Record};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

/// 2026-11-23T04:05:06Z.
const BEGINNING: u64 = 1_795_406_706_000_000;

/// A directory that goes when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("onering-cdr-{process}-{next}"));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Leaves these records in a store.
    fn with(records: Vec<Record>) -> Self {
        let scratch = Self::new();
        let dir = DataDir::open(&scratch.0, BEGINNING).unwrap();
        let wall = Arc::new(|| BEGINNING + 10_000_000);
        let mut store = Sqlite::start(dir, Options::new(wall)).unwrap();
        for (seq, record) in (1..).zip(records) {
            store.append(Seq(seq), record);
        }
        store.close().unwrap();
        scratch
    }

    fn place(&self) -> Place {
        Place { dir: self.0.clone(), socket: self.0.join("onering.sock") }
    }

    fn open(&self, show: Show) -> Records {
        Records::open(&self.place(), show).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

const SESSION: SessionId = SessionId { unix_ms: 1_795_406_706_000, shard: 0, epoch: 1, random: 5 };

fn id(slot: u32) -> AttemptId {
    AttemptId { shard: 0, epoch: 1, slot, generation: 0 }
}

fn opened() -> Record {
    Record::Opened(Arc::new(Opened {
        id: SESSION,
        tenant: "acme".into(),
        profile: "default".into(),
        to: Destination::parse("+4915112345678").unwrap(),
        country: None,
        created_unix_us: BEGINNING,
        expires_unix_us: BEGINNING + 180_000_000,
        code_length: 4,
        tries: 3,
        redials: 2,
        allow_diverted: false,
        distinct: 100,
        idempotency: None,
        client_reference: None,
        metadata: None,
    }))
}

fn call(slot: u32, to: &str, trunk: &str, open: bool) -> Record {
    let outcome = if open { Outcome::Rang } else { Outcome::NotAttempted };
    Record::Cdr(Arc::new(Cdr {
        id: id(slot),
        part: open.then_some(Part { session: SESSION, number: 1 }),
        open,
        way: Arc::new(Way {
            trunk: trunk.into(),
            sent_by: "203.0.113.5:5062".into(),
            domain: "192.0.2.10:5060".into(),
            from_domain: "203.0.113.5:5062".into(),
            route: None,
        }),
        target: "192.0.2.10:5060".parse().unwrap(),
        from: CallerId::parse("+12025550142").unwrap(),
        to: Destination::parse(to).unwrap(),
        call_id: *b"0123456789abcdef0123456789abcdef",
        from_tag: *b"00000003fedcba9876543210",
        cseq: 1,
        start_unix_us: BEGINNING + u64::from(slot) * 1_000_000,
        facts: Facts { end: End::NotSent, ..Facts::default() },
        outcome,
    }))
}

/// Three calls; the verification of the last is still open.
fn three() -> Scratch {
    Scratch::with(vec![
        opened(),
        call(1, "+12025550100", "west", false),
        call(2, "+4915112345678", "east & co", false),
        call(3, "+4915112345678", "west", true),
    ])
}

fn slots(views: &[View]) -> Vec<u32> {
    views.iter().map(|view| view.cdr_id.parse::<AttemptId>().unwrap().slot).collect()
}

fn numbers(view: &View) -> (&str, &str) {
    (view.from.as_deref().unwrap(), view.to.as_deref().unwrap())
}

#[test]
fn a_store_lists_the_newest_first_and_gives_all_the_oldest_first() {
    let scratch = three();
    let mut records = scratch.open(Show::Plain);
    assert_eq!(slots(&records.list(&Filter::default(), 50).unwrap()), [3, 2, 1]);
    assert_eq!(slots(&records.list(&Filter::default(), 2).unwrap()), [3, 2]);
    let mut all = Vec::new();
    records
        .all(&Filter::default(), |view| {
            all.push(view);
            Ok(())
        })
        .unwrap();
    assert_eq!(slots(&all), [1, 2, 3]);
    assert_eq!(records.one(id(2)).unwrap().map(|view| view.trunk), Some("east & co".into()));
    assert!(records.one(id(9)).unwrap().is_none());
}

#[test]
fn each_filter_filters() {
    let scratch = three();
    let mut records = scratch.open(Show::Plain);
    let none = Filter::default;
    let to = Destination::parse("+4915112345678").ok();
    for (filter, found) in [
        (Filter { to, ..none() }, vec![3, 2]),
        (Filter { outcome: Some(Outcome::Rang), ..none() }, vec![3]),
        (Filter { trunk: Some("west".into()), ..none() }, vec![3, 1]),
        (Filter { verification: Some(SESSION), ..none() }, vec![3]),
        (Filter { since_unix_us: Some(BEGINNING + 2_000_000), ..none() }, vec![3, 2]),
        (Filter { until_unix_us: Some(BEGINNING + 2_000_000), ..none() }, vec![1]),
    ] {
        assert_eq!(slots(&records.list(&filter, 50).unwrap()), found, "{filter:?}");
    }
}

#[test]
fn the_code_of_an_open_verification_is_hidden_from_everybody() {
    let scratch = three();
    for (show, ended, open) in [
        (Show::Plain, ("+12025550142", "+12025550100"), ("+120********", "+4915112345678")),
        (Show::Masked, ("+120********", "+1202***0100"), ("+120********", "+4915*****5678")),
    ] {
        let mut records = scratch.open(show);
        assert_eq!(numbers(&records.one(id(1)).unwrap().unwrap()), ended);
        assert_eq!(numbers(&records.one(id(3)).unwrap().unwrap()), open);
    }
}

#[test]
fn looking_leaves_the_store_as_it_was() {
    let scratch = three();
    scratch.open(Show::Plain).close().unwrap();
    assert!(DataDir::open(&scratch.0, BEGINNING).unwrap().was_clean());
    // That life did not end cleanly, and what is looked at now does not end it.
    scratch.open(Show::Plain).close().unwrap();
    assert!(!DataDir::open(&scratch.0, BEGINNING).unwrap().was_clean());
}

#[test]
fn where_there_is_no_store_none_is_made() {
    let scratch = Scratch::new();
    let said = Records::open(&scratch.place(), Show::Plain).err().unwrap().to_string();
    assert!(said.contains("there is no store"), "{said}");
    assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 0);
}

/// A service that answers each request with the next of these, and tells what it was asked for.
fn service(scratch: &Scratch, answers: Vec<String>) -> JoinHandle<Vec<String>> {
    let listener = UnixListener::bind(scratch.0.join("onering.sock")).unwrap();
    std::thread::spawn(move || {
        // The first connection only looks whether somebody is there.
        listener.accept().unwrap();
        let mut asked = Vec::new();
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines();
            asked.push(lines.next().unwrap().unwrap());
            lines.find(|line| line.as_ref().is_ok_and(String::is_empty));
            // Whoever has heard enough hangs up.
            (&stream).write_all(answer.as_bytes()).ok();
        }
        asked
    })
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn json(slot: u32, from: &str) -> String {
    format!(r#"{{"cdr_id":"{}","from":"{from}","to":"+12025550100","outcome":"rang"}}"#, id(slot))
}

#[test]
fn a_service_is_asked_page_after_page() {
    let scratch = Scratch::new();
    let page = |data: String, next: &str| {
        answer("200 OK", &format!(r#"{{"data":[{data}],"next_cursor":{next}}}"#))
    };
    let (last, first) = (json(3, "+120********"), json(2, "+12025550142"));
    let answers = vec![page(last, r#""c&2""#), page(first, "null")];
    let service = service(&scratch, answers);
    let filter = Filter {
        since_unix_us: Some(BEGINNING),
        to: Destination::parse("+12025550100").ok(),
        trunk: Some("east & co".into()),
        ..Filter::default()
    };
    let found = scratch.open(Show::Plain).list(&filter, 50).unwrap();
    assert_eq!(slots(&found), [3, 2]);
    assert_eq!(numbers(&found[1]), ("+12025550142", "+12025550100"));
    let query = "since=2026-11-23T04%3A05%3A06.000000Z&to=%2B12025550100&trunk=east%20%26%20co";
    assert_eq!(
        service.join().unwrap(),
        [
            format!("GET /v1/cdrs?limit=50&{query} HTTP/1.1"),
            format!("GET /v1/cdrs?limit=49&{query}&cursor=c%262 HTTP/1.1"),
        ]
    );
}

#[test]
fn what_a_service_shows_in_plain_can_be_hidden_here() {
    let scratch = Scratch::new();
    let answers = vec![answer("200 OK", &json(2, "+12025550142")), answer("404 Not Found", "{}")];
    let service = service(&scratch, answers);
    let mut records = scratch.open(Show::Masked);
    let found = records.one(id(2)).unwrap().unwrap();
    assert_eq!(numbers(&found), ("+120********", "+1202***0100"));
    assert!(records.one(id(9)).unwrap().is_none());
    service.join().unwrap();
}

#[test]
fn an_export_comes_in_pieces_and_must_be_whole() {
    let scratch = Scratch::new();
    let (first, second) = (json(1, "+12025550142"), json(2, "+12025550142"));
    let (head, tail) = second.split_at(20);
    let head_line = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let begun = format!("{head_line}{}", chunk(&format!("{first}\n{head}")));
    let whole = format!("{begun}{}0\r\n\r\n", chunk(&format!("{tail}\n")));
    let cut = format!("{begun}0\r\n\r\n");
    let refused = answer("403 Forbidden", r#"{"detail":"this is not for you"}"#);
    let service = service(&scratch, vec![whole, cut, begun, refused]);
    let mut records = scratch.open(Show::Plain);
    let mut all = || {
        let mut found = Vec::new();
        let ended = records.all(&Filter::default(), |view| {
            found.push(view);
            Ok(())
        });
        (slots(&found), ended.err().map(|error| error.to_string()))
    };
    assert_eq!(all(), (vec![1, 2], None));
    assert_eq!(all(), (vec![1], Some("the service's answer broke off".into())));
    let (found, error) = all();
    assert!(found == [1] && error.is_some(), "{error:?}");
    assert_eq!(all(), (vec![], Some("the service refuses: this is not for you".into())));
    assert_eq!(service.join().unwrap()[0], "GET /v1/cdrs/export?format=jsonl HTTP/1.1");
}

#[test]
fn a_line_without_an_end_is_not_collected_for_ever() {
    let mut lines = Lines::default();
    let piece = vec![b'x'; 600_000];
    assert!(lines.take(&piece, |_| Ok(())).is_ok());
    assert!(lines.take(&piece, |_| Ok(())).is_err());
}

#[test]
fn only_what_may_stand_in_a_query_stands_there_as_it_is() {
    assert_eq!(escaped("aZ09-._~"), "aZ09-._~");
    assert_eq!(escaped("+ é"), "%2B%20%C3%A9");
}
