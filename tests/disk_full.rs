//! The disk fills up under load, or takes no writes at all. What would begin is refused, and no phone rings for it; what is
//! under way ends with CANCEL and has its record; whoever asks whether the service is ready is told; and when the disk works
//! again, so does the service, by itself.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]
#![expect(clippy::indexing_slicing, clippy::string_slice, reason = "a test")]

mod support {
    pub(crate) mod asking;
    pub(crate) mod disk;
    #[expect(dead_code, reason = "each test uses a part of it")]
    pub(crate) mod running;
    #[expect(dead_code, reason = "each test uses a part of it")]
    pub(crate) mod tap;
}

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use onering::io::net::clock::Clock;
use serde_json::{Value, json};
use support::asking::{Answer, Ask};
use support::disk::Disk;
use support::running::{Running, Served, carrier, configuration, folder, serve_as};
use support::tap::{Laid, Tap};

/// How long anything may take before the test has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// How soon the service works again.
const SOON: Duration = Duration::from_secs(10);
/// Phones that ring when it happens.
const RINGING: usize = 40;

#[test]
fn a_full_disk_costs_no_call_its_record() {
    let folder = folder("disk_full");
    let Some(disk) = Disk::mount(&folder.join("data"), "100m") else {
        println!("NOT DONE: nothing may be mounted here");
        return;
    };
    let stage = Stage::new(&folder);
    // The log is on the same disk: what cannot be logged must not be in the way.
    let start = || serve_within(&disk, &stage.config);
    let mut scene = Scene::open(&stage, start());
    scene.ring();
    disk.fill();
    scene.assert_refuses();
    scene.assert_not_ready();
    // From the reserve, while the disk is full: a code counts, and calls are recorded.
    scene.assert_takes_a_code();
    scene.assert_all_recorded();
    scene.assert_not_ready();
    disk.empty();
    scene.assert_recovers();
    let export = || {
        let mut command = disk.onering();
        command.args(["cdr", "export", "--dir"]).arg(folder.join("data"));
        command
    };
    scene.end(start, export);
    stage.end();
}

#[test]
fn a_disk_that_takes_no_writes_costs_no_call_its_record() {
    let folder = folder("disk_broken");
    let stage = Stage::new(&folder);
    let start = || {
        serve_as(&stage.config, |command| {
            // A write beyond the limit is an error then, and no death.
            let ignoring = "trap '' XFSZ; exec \"$0\" \"$@\"";
            let mut within = Command::new("sh");
            within.args(["-c", ignoring, env!("CARGO_BIN_EXE_onering"), "serve", "-c"]);
            within.arg(&stage.config).stderr(log(&folder));
            *command = within;
        })
    };
    let mut scene = Scene::open(&stage, start());
    scene.ring();
    let id = scene.served.program.id();
    limit(id, "4096:unlimited");
    scene.assert_refuses();
    scene.assert_not_ready();
    // Nothing can be recorded, and nobody's phone rings on for that.
    let calls = scene.tap().calls().len();
    assert_eq!(scene.tap().await_cancels(calls, PATIENCE), calls);
    scene.assert_not_ready();
    limit(id, "unlimited:unlimited");
    scene.assert_recovers();
    scene.assert_takes_a_code();
    scene.assert_all_recorded();
    // And where nothing is left to be written, and nobody comes to ask for anything: it finds out by itself.
    limit(id, "4096:unlimited");
    scene.assert_refuses();
    limit(id, "unlimited:unlimited");
    scene.assert_ready();
    let export = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
        command.args(["cdr", "export", "--dir"]).arg(folder.join("data"));
        command
    };
    scene.end(start, export);
    stage.end();
}

#[test]
fn a_disk_without_room_for_the_reserve_begins_nothing_and_says_so() {
    let folder = folder("disk_small");
    let Some(disk) = Disk::mount(&folder.join("data"), "6m") else {
        println!("NOT DONE: nothing may be mounted here");
        return;
    };
    let stage = Stage::new(&folder);
    let mut scene = Scene::open(&stage, serve_within(&disk, &stage.config));
    scene.assert_not_ready();
    scene.assert_refuses();
    scene.assert_not_ready();
    let Scene { served, .. } = scene;
    assert!(served.program.stop().0.success());
    assert!(stage.tap.calls().is_empty());
    stage.end();
}

/// The most bytes that a file of this process may have.
fn limit(process: u32, bytes: &str) {
    let mut command = Command::new("prlimit");
    command.args(["--pid", &process.to_string(), &format!("--fsize={bytes}")]);
    assert!(command.status().unwrap().success());
}

fn log(folder: &Path) -> std::fs::File {
    OpenOptions::new().create(true).append(true).open(folder.join("serve.log")).unwrap()
}

fn serve_within(disk: &Disk, config: &Path) -> Served {
    let mut served = serve_as(config, |command| {
        let mut within = disk.onering();
        within.arg("serve").arg("-c").arg(config).stderr(log(&disk.path()));
        *command = within;
    });
    served.socket = disk.path().join("onering.sock");
    served
}

/// What is there for longer than the service.
struct Stage {
    carrier: Running,
    tap: Tap,
    config: PathBuf,
}

impl Stage {
    fn new(folder: &Path) -> Self {
        let laid = Laid::new();
        let advertised = laid.address().to_string();
        let (carrier, address) = carrier(&["--advertise", &advertised, "--json"]);
        // Much to say, and nowhere to say it.
        let config = configuration(folder, laid.address(), "[log]\nlevel = \"debug\"");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace("name = \"carrier\"", "name = \"carrier\"\nring_hold = \"4s\"");
        std::fs::write(&config, text).unwrap();
        Self { carrier, tap: laid.open(address, |_| {}), config }
    }

    /// The carrier has nothing to complain about.
    fn end(self) {
        let (status, said) = self.carrier.stop();
        let summary: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        assert!(status.success(), "{said}");
        assert_eq!((&summary["offences"], &summary["left_ringing"]), (&json!({}), &json!(0)));
    }
}

/// One service, and what it was asked.
struct Scene<'s> {
    stage: &'s Stage,
    served: Served,
    key: String,
    asked: usize,
    /// Number and id of what it took.
    taken: Vec<(String, String)>,
    /// Numbers that it refused.
    refused: Vec<String>,
}

impl<'s> Scene<'s> {
    fn open(stage: &'s Stage, served: Served) -> Self {
        // Made by an operator: on a disk that takes nothing there is none.
        let key = served.key(&["start", "check", "read", "reveal"]);
        Self { stage, served, key, asked: 0, taken: Vec::new(), refused: Vec::new() }
    }

    fn tap(&self) -> &'s Tap {
        &self.stage.tap
    }

    fn get(&self, path: &str) -> Answer {
        Ask::get(&self.key, path).of(self.served.api, || {}).unwrap()
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        Ask::post(&self.key, path, body).of(self.served.api, || {}).unwrap()
    }

    /// Asks for another number.
    fn start(&mut self) -> Answer {
        self.asked += 1;
        // In an exchange of its own for each eight, and ringing.
        let (exchange, digit) = (200 + self.asked / 8, 1 + self.asked % 8);
        let area = 212 + exchange / 600;
        let number = format!("+1{area}{:03}{digit}180", 200 + exchange % 600);
        let body = json!({ "to": number });
        let key = format!("key-{}", self.asked);
        let ask = Ask::post(&self.key, "/v1/verifications", &body).once(&key);
        let answer = ask.of(self.served.api, || {}).unwrap();
        if answer.status == 201 {
            self.taken.push((number, answer.body["id"].as_str().unwrap().to_owned()));
        } else {
            assert_eq!((answer.status, answer.code()), (503, "store_unavailable"), "{answer:?}");
            let after: u32 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&after), "{after}");
            self.refused.push(number);
        }
        answer
    }

    /// Many phones ring.
    fn ring(&mut self) {
        for _ in 0..RINGING {
            assert_eq!(self.start().status, 201);
        }
        assert_eq!(self.tap().await_calls(RINGING, PATIENCE), RINGING);
    }

    /// Soon nothing is taken any more, and then nothing again and again.
    fn assert_refuses(&mut self) {
        let tries = 2_000;
        let first = (0..tries).position(|_| self.start().status == 503);
        assert!(first.is_some(), "{tries} starts were taken");
        for _ in 0..20 {
            let answer = self.start();
            assert_eq!(answer.status, 503, "{answer:?}");
        }
    }

    /// Whoever asks is told, also when nobody has asked for anything for a while.
    fn assert_not_ready(&self) {
        let clock = Clock::start();
        let until = clock.instant() + Duration::from_secs(3);
        while clock.instant() < until {
            let ready = self.get("/readyz");
            assert_eq!(ready.status, 503, "{ready:?}");
            assert_eq!(ready.body["reasons"], json!(["store_unavailable"]), "{ready:?}");
        }
        assert_eq!(self.get("/healthz").status, 200);
    }

    /// The oldest verification is approved, as soon as the service says anything else than that it cannot.
    fn assert_takes_a_code(&self) {
        let (number, id) = &self.taken[0];
        let from = self.tap().calls_to(number)[0].from.clone();
        let body = json!({ "code": &from[from.len() - 4..] });
        let path = format!("/v1/verifications/{id}/check");
        let answer = until(SOON, || {
            let answer = self.post(&path, &body);
            if answer.status == 503 {
                assert_eq!(answer.code(), "store_unavailable");
            }
            (answer.status != 503).then_some(answer)
        });
        let answer = answer.expect("no code was taken");
        // It was taken, and whoever asked was told that it may not have been.
        let approved = answer.body["result"] == "approved" || answer.code() == "already_approved";
        assert!(approved, "{answer:?}");
    }

    /// Every call that was on the wire has its record.
    fn assert_all_recorded(&self) {
        let calls = self.tap().calls();
        assert_eq!(self.tap().await_cancels(calls.len(), PATIENCE), calls.len());
        let found = until(PATIENCE, || {
            let known = self.records();
            calls.iter().all(|call| known.contains_key(&call.call_id)).then_some(())
        });
        assert!(found.is_some(), "{} calls, {} records", calls.len(), self.records().len());
    }

    /// How often each Call-ID is there.
    fn records(&self) -> BTreeMap<String, usize> {
        let mut found = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/v1/cdrs?limit=200{cursor}"));
            assert_eq!(page.status, 200, "{page:?}");
            for cdr in page.body["data"].as_array().unwrap() {
                *found.entry(cdr["call_id"].as_str().unwrap().to_owned()).or_default() += 1;
            }
            let Some(next) = page.body["next_cursor"].as_str() else { return found };
            cursor = format!("&cursor={next}");
        }
    }

    fn assert_recovers(&mut self) {
        let taken = until(SOON, || (self.start().status == 201).then_some(()));
        assert!(taken.is_some(), "it does not recover");
        self.assert_ready();
        for _ in 0..5 {
            assert_eq!(self.start().status, 201);
        }
    }

    fn assert_ready(&self) {
        let ready = until(SOON, || (self.get("/readyz").status == 200).then_some(()));
        assert!(ready.is_some(), "{:?}", self.get("/readyz"));
    }

    /// Ends the service; what its store has is what was on the wire, and the next one knows it all.
    fn end(self, start: impl Fn() -> Served, export: impl Fn() -> Command) {
        let Self { stage, served, key, taken, refused, .. } = self;
        let (status, said) = served.program.stop();
        assert!(status.success(), "{status}: {said}");
        let output = export().output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for line in text.lines() {
            let cdr: Value = serde_json::from_str(line).unwrap();
            *found.entry(cdr["call_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        let calls = stage.tap.calls();
        for call in &calls {
            assert_eq!(found.get(&call.call_id), Some(&1), "{call:?}");
        }
        for number in &refused {
            assert!(stage.tap.calls_to(number).is_empty(), "{number} was refused and called");
        }
        let served = start();
        for (_, id) in &taken {
            let path = format!("/v1/verifications/{id}");
            let answer = Ask::get(&key, &path).of(served.api, || {}).unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let (status, _) = served.program.stop();
        assert!(status.success(), "{status}");
        assert_eq!(stage.tap.calls().len(), calls.len(), "the next life called somebody");
    }
}

/// Asks again until there is something, not longer than that.
fn until<T>(at_most: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let clock = Clock::start();
    let end = clock.instant() + at_most;
    loop {
        let answer = ask();
        if answer.is_some() || clock.instant() > end {
            return answer;
        }
    }
}
