//! SIGTERM while phones ring: nothing new is taken, every call is cancelled, acknowledged and recorded, codes still count,
//! and the next start finds nothing open. A second SIGTERM does not wait for calls.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]
#![expect(clippy::indexing_slicing, clippy::string_slice, reason = "a test")]

mod support {
    #[expect(dead_code, reason = "each test uses a part of it")]
    pub(crate) mod asking;
    #[expect(dead_code, reason = "each test uses a part of it")]
    pub(crate) mod running;
    #[expect(dead_code, reason = "each test uses a part of it")]
    pub(crate) mod tap;
}

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use onering::io::net::clock::Clock;
use serde_json::{Value, json};
use support::asking::{Answer, Ask};
use support::running::{Running, Served, carrier, configuration, folder, serve};
use support::tap::{Laid, Tap};

const PATIENCE: Duration = Duration::from_secs(30);
/// Phones that ring when the signal comes.
const RINGING: usize = 60;

/// A service, its carrier, and an application.
struct Stage {
    folder: PathBuf,
    config: PathBuf,
    carrier: Running,
    tap: Tap,
    asked: AtomicUsize,
}

impl Stage {
    fn new(name: &str, t1: &str) -> Self {
        let folder = folder(name);
        let laid = Laid::new();
        let advertised = laid.address().to_string();
        let (carrier, address) = carrier(&["--advertise", &advertised, "--json"]);
        let config = configuration(&folder, laid.address(), "");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text
            .replace("name = \"carrier\"", "name = \"carrier\"\nring_hold = \"5s\"")
            .replace("[sip]", &format!("[sip]\nt1 = \"{t1}\""));
        std::fs::write(&config, text).unwrap();
        let asked = AtomicUsize::new(0);
        Self { folder, config, carrier, tap: laid.open(address, |_| {}), asked }
    }

    /// Asks for another number that ends like this. None where nobody answers.
    fn start(&self, served: &Served, key: &str, tail: &str) -> Option<(String, Answer)> {
        let place = self.asked.fetch_add(1, Ordering::Relaxed);
        // In an exchange of its own for each eight.
        let (area, exchange) = (212 + place / 4800, 200 + place / 8 % 600);
        let number = format!("+1{area}{exchange}{}{tail}", 1 + place % 8);
        let body = json!({ "to": number });
        let answer = Ask::post(key, "/v1/verifications", &body).of(served.api, || {})?;
        Some((number, answer))
    }

    /// One whose phone rings now: number and id.
    fn ring(&self, served: &Served, key: &str, tail: &str) -> (String, String) {
        let (number, answer) = self.start(served, key, tail).unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
        let id = answer.body["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/verifications/{id}");
        let rings = until(|| {
            let shown = Ask::get(key, &path).of(served.api, || {}).unwrap();
            (shown.body["phase"] == "ringing").then_some(())
        });
        assert!(rings.is_some(), "it does not ring");
        (number, id)
    }

    fn check(&self, served: &Served, key: &str, (number, id): &(String, String)) -> Option<Answer> {
        let from = self.tap.calls_to(number)[0].from.clone();
        let body = json!({ "code": &from[from.len() - 4..] });
        Ask::post(key, &format!("/v1/verifications/{id}/check"), &body).of(served.api, || {})
    }

    fn records(&self, served: &Served, key: &str, outcome: &str) -> Vec<Value> {
        let path = format!("/v1/cdrs?limit=200&outcome={outcome}");
        let page = Ask::get(key, &path).of(served.api, || {}).unwrap();
        page.body["data"].as_array().unwrap().clone()
    }

    /// The carrier has nothing to complain about.
    fn end(self) {
        let (status, said) = self.carrier.stop();
        assert!(status.success(), "{said}");
        let summary: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        assert_eq!((&summary["offences"], &summary["left_ringing"]), (&json!({}), &json!(0)));
    }
}

#[test]
fn every_call_is_ended_and_recorded_and_nothing_new_begins() {
    let stage = Stage::new("sigterm", "50ms");
    let served = serve(&stage.config);
    let key = served.key(&["start", "check", "read"]);
    // Its end comes late: the carrier never says that it has ended.
    let slow = stage.ring(&served, &key, "187");
    let ringing: Vec<_> = (0..RINGING).map(|_| stage.ring(&served, &key, "180")).collect();
    let taken = AtomicUsize::new(0);
    let refused = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut mine = 0;
                // Until nobody answers any more, or it has been said often enough.
                while let Some((number, answer)) = stage.start(&served, &key, "180") {
                    if answer.status == 201 {
                        assert_eq!(mine, 0, "one more was taken");
                        taken.fetch_add(1, Ordering::AcqRel);
                        continue;
                    }
                    assert_eq!((answer.status, answer.code()), (503, "draining"), "{answer:?}");
                    assert!(answer.header("retry-after").is_some(), "{answer:?}");
                    assert!(stage.tap.calls_to(&number).is_empty(), "{number} was called");
                    refused.fetch_add(1, Ordering::AcqRel);
                    mine += 1;
                    if mine == 200 {
                        break;
                    }
                }
            });
        }
        until(|| (taken.load(Ordering::Acquire) > 20).then_some(())).unwrap();
        served.program.signal(Signal::SIGTERM);
        let ready = until(|| {
            let ready = Ask::get("", "/readyz").of(served.api, || {}).unwrap();
            (ready.status == 503).then_some(ready)
        });
        assert_eq!(ready.unwrap().body["reasons"], json!(["draining"]));
        // Whoever has a code may still give it.
        let answer = stage.check(&served, &key, &ringing[0]).unwrap();
        assert_eq!(answer.body["result"], "approved", "{answer:?}");
        let answer = stage.check(&served, &key, &slow).unwrap();
        assert_eq!(answer.body["result"], "approved", "{answer:?}");
    });
    let Served { program, socket, .. } = served;
    let (status, said) = program.end();
    assert!(status.success(), "{status}: {said}");
    assert!(!socket.exists(), "its socket is left");
    assert!(refused.load(Ordering::Acquire) > 0);
    let calls = stage.tap.calls().len();
    assert!(calls > RINGING, "{calls}");
    assert_eq!(stage.tap.await_cancels(calls, PATIENCE), calls, "calls were not cancelled");
    assert_eq!(open(&stage.folder), 0);
    let served = serve(&stage.config);
    assert_eq!(stage.records(&served, &key, "interrupted"), Vec::<Value>::new());
    // A code of a call that the end cut short counts in the next life.
    let answer = stage.check(&served, &key, &ringing[1]).unwrap();
    assert_eq!(answer.body["result"], "approved", "{answer:?}");
    assert!(served.program.stop().0.success());
    assert_eq!(stage.tap.calls().len(), calls, "the next life called somebody");
    stage.end();
}

#[test]
fn a_second_signal_does_not_wait_for_calls() {
    let stage = Stage::new("sigterm_twice", "500ms");
    let served = serve(&stage.config);
    let key = served.key(&["start", "check", "read"]);
    let slow = stage.ring(&served, &key, "187");
    served.program.signal(Signal::SIGTERM);
    assert_eq!(stage.tap.await_cancels(1, PATIENCE), 1);
    let clock = Clock::start();
    served.program.signal(Signal::SIGTERM);
    let (status, _) = served.program.end();
    // 32 s is what the call would have taken.
    assert!(clock.instant().as_micros() < 20_000_000, "it waited");
    assert_eq!(status.code(), Some(1));
    let log = std::fs::read_to_string(stage.folder.join("serve.log")).unwrap();
    let last = log.lines().last().unwrap();
    assert!(last.contains("the next start records them as interrupted"), "{last}");
    assert_eq!(open(&stage.folder), 1);
    let served = serve(&stage.config);
    let calls = stage.tap.calls();
    let records = until(|| {
        let records = stage.records(&served, &key, "interrupted");
        (!records.is_empty()).then_some(records)
    });
    assert_eq!(records.unwrap()[0]["call_id"], calls[0].call_id.as_str());
    let answer = stage.check(&served, &key, &slow).unwrap();
    assert_eq!((&answer.body["result"], &answer.body["late"]), (&json!("approved"), &json!(true)));
    assert!(served.program.stop().0.success());
    assert_eq!(stage.tap.calls().len(), 1, "it was called again");
    stage.end();
}

/// Calls without a record, by the database that was left.
fn open(folder: &Path) -> i64 {
    let database = rusqlite::Connection::open(folder.join("data/onering.db")).unwrap();
    database.query_row("SELECT count(*) FROM open_attempt", [], |row| row.get(0)).unwrap()
}

/// Asks again until there is something.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let clock = Clock::start();
    loop {
        let answer = ask();
        if answer.is_some() || clock.instant().as_micros() > PATIENCE.as_micros() as u64 {
            return answer;
        }
    }
}
