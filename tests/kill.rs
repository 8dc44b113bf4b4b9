//! The service is killed again and again under load, at random moments and at bad ones, and started again on the same data
//! directory and port. Nothing that it said is untrue afterwards: every call on the wire has exactly one record, every
//! verification that was answered is there, no try and no code comes back, and nobody is called twice.
//!
//! `scripts/kill` runs it with more kills, and with a packet capture as the witness of what was on the wire.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]
#![expect(clippy::indexing_slicing, clippy::string_slice, reason = "a test")]

mod support {
    pub(crate) mod asking;
    pub(crate) mod cases;
    #[expect(dead_code, reason = "each test uses a part of it")]
    pub(crate) mod running;
    #[expect(dead_code, reason = "each test uses a part of it")]
    pub(crate) mod tap;
}

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::Signal;
use onering::base::clock::Instant;
use onering::base::rng::Rng;
use onering::io::net::clock::Clock;
use serde_json::Value;
use support::asking::Ask;
use support::cases::{Case, Moment, Trap, World};
use support::running::{Served, carrier, configuration, folder, serve};
use support::tap::Laid;

/// Who plays the application.
const WORKERS: usize = 24;
/// How long the last record may be waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a life ends.
#[derive(Clone, Copy, Debug)]
enum Kill {
    /// Some time after it could be asked.
    After(Duration),
    /// At the n-th of something.
    At(Moment, u64),
    /// After half a second, and once more so long after it was started again, with all of that to be taken up.
    Starting(Duration),
}

impl Kill {
    fn draw(place: u64, rng: &mut Rng) -> Self {
        match place % 5 {
            0 => Self::After(Duration::from_millis(300 + rng.secret_below(1_700))),
            1 => Self::At(Moment::Invite, 30 + rng.secret_below(120)),
            2 => Self::At(Moment::Start, 30 + rng.secret_below(120)),
            3 => Self::At(Moment::Check, 30 + rng.secret_below(120)),
            _ => Self::Starting(Duration::from_millis(rng.secret_below(150))),
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text}: not a number")),
        Err(_) => default,
    }
}

type Cases = Vec<Arc<Mutex<Case>>>;

#[test]
fn nothing_that_was_said_is_untrue_after_kills() {
    let (kills, rate) = (setting("ONERING_KILLS", 5), setting("ONERING_KILL_RATE", 100));
    let seed = setting("ONERING_KILL_SEED", 1);
    let mut rng = Rng::from_seed(seed);
    let folder = folder("kill");
    let laid = Laid::new();
    let advertised = laid.address().to_string();
    let (carrier, far_end) = carrier(&["--advertise", &advertised]);
    let sip = free_port();
    let config = configure(&folder, &laid, sip);
    let capture =
        std::env::var("ONERING_KILL_CAPTURE").is_ok().then(|| Capture::start(&folder, sip));
    let (tell, sprung) = sync_channel(1);
    let trap = Arc::new(Trap::new(tell));
    let heard = Arc::clone(&trap);
    let tap = laid.open(far_end, move |_| heard.passing(Moment::Invite));
    let mut served = serve(&config);
    let key = served.key(&["start", "check", "read", "reveal"]);
    let world = World::new(key, tap, trap);
    let mut cases = Cases::new();
    for place in 0..kills {
        let kill = Kill::draw(place, &mut rng);
        live(&world, &mut cases, &served, (kill, rate, &sprung), &mut rng);
        served.program.kill();
        if let Kill::Starting(after) = kill {
            die_young(&config, after);
        }
        served = serve(&config);
        println!(
            "kill {}: {kill:?}; {} verifications, {} calls",
            place + 1,
            cases.len(),
            world.tap.calls().len()
        );
    }
    settle(&world, &cases, &served);
    let listed = listed(&world, &served);
    let (status, _) = served.program.stop();
    assert!(status.success(), "{status}");
    let exported = exported(&folder);
    drop(carrier);
    let calls: Vec<String> = world.tap.calls().into_iter().map(|call| call.call_id).collect();
    let wire = capture.map_or_else(|| calls.iter().cloned().collect(), Capture::end);
    let relayed: BTreeSet<String> = calls.iter().cloned().collect();
    assert!(relayed.is_subset(&wire), "the capture has {} of {} calls", wire.len(), relayed.len());
    judge_records(&world, &wire, &listed);
    assert_eq!(call_ids(&listed), call_ids(&exported), "the service and its store differ");
    assert_sound(&folder.join("data/onering.db"));
    let wrong = world.blamed();
    assert!(wrong.is_empty(), "seed {seed}, {} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let interrupted = listed.iter().filter(|cdr| cdr["outcome"] == "interrupted").count();
    let late = cases.iter().filter(|case| case.lock().unwrap().approved_late).count();
    println!(
        "{kills} kills, seed {seed}: {} verifications, {} calls on the wire, {} records, {interrupted} interrupted, {late} approved late",
        cases.len(),
        wire.len(),
        listed.len()
    );
    // Else nothing was tried.
    assert!(interrupted > 0 && late > 0, "{interrupted} interrupted, {late} late");
}

/// A port that is taken again after each death; on an address where nobody is given one by chance.
fn free_port() -> SocketAddr {
    UdpSocket::bind("127.77.1.1:0").unwrap().local_addr().unwrap()
}

/// Two trunks, so that a refused call goes on over the second; and a pool whose codes are all below 5000.
fn configure(folder: &Path, laid: &Laid, sip: SocketAddr) -> PathBuf {
    let target = laid.address();
    let more = format!(
        "[[trunk]]\nname = \"second\"\ntarget = \"{target}\"\n\n\
         [[profile]]\nname = \"default\"\nlifetime = \"10m\"\n"
    );
    let file = configuration(folder, target, &more);
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text
        .replacen("listen = \"127.0.0.1:0\"", &format!("listen = \"{sip}\""), 1)
        .replace("+12025559999", "+12025554999")
        .replace("trunks = [\"carrier\"]", "trunks = [\"carrier\", \"second\"]");
    std::fs::write(&file, text).unwrap();
    file
}

/// The service under load, until it is killed.
fn live(
    world: &World,
    cases: &mut Cases,
    served: &Served,
    (kill, rate, sprung): (Kill, u64, &Receiver<()>),
    rng: &mut Rng,
) {
    while sprung.try_recv().is_ok() {}
    let clock = Clock::start();
    let began = clock.instant();
    let end = match kill {
        Kill::After(time) => began + time,
        Kill::Starting(_) => began + Duration::from_millis(500),
        // It comes long before.
        Kill::At(..) => began + Duration::from_secs(20),
    };
    let when = if let Kill::At(moment, count) = kill { Some((moment, count)) } else { None };
    world.trap.arm(served.program.id(), when);
    world.up(served.api);
    let (give, take) = sync_channel::<Arc<Mutex<Case>>>(100_000);
    let take = Mutex::new(take);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(case) = next(&take) {
                    case.lock().unwrap().visit(world, false);
                }
            });
        }
        let mut due = began;
        while wait(sprung, due.min(end).since(clock.instant())) && clock.instant() < end {
            due = due + Duration::from_micros(1_000_000 / rate);
            if cases.len() > 10 {
                // What happened to an earlier one is true still.
                let old = rng.secret_below(cases.len() as u64) as usize;
                give.send(Arc::clone(&cases[old])).unwrap();
            }
            let case = Arc::new(Mutex::new(Case::new(cases.len(), rng)));
            cases.push(Arc::clone(&case));
            give.send(case).unwrap();
        }
        world.trap.disarm();
        served.program.signal(Signal::SIGKILL);
        world.down();
        drop(give);
    });
}

fn next<T>(take: &Mutex<Receiver<T>>) -> Option<T> {
    take.lock().unwrap().recv().ok()
}

/// Waits so long; not if the trap has sprung.
fn wait(sprung: &Receiver<()>, time: Duration) -> bool {
    sprung.recv_timeout(time).is_err()
}

/// Started, and killed before anybody could ask it much.
fn die_young(config: &Path, after: Duration) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
    command.arg("serve").arg("-c").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let (_nobody, never) = sync_channel(1);
    wait(&never, after);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// In the last life everything comes to its end, and every key still gives what it gave.
fn settle(world: &World, cases: &Cases, served: &Served) {
    world.up(served.api);
    each(cases, |case| case.visit(world, true));
    each(cases, |case| {
        case.look(world);
    });
    let calls = world.tap.calls().len();
    each(cases, |case| {
        case.start(world);
        case.judge(world, world.tap.calls_to(&case.number).len());
    });
    assert_eq!(world.tap.calls().len(), calls, "a known key called somebody");
}

fn each(cases: &Cases, act: impl Fn(&mut Case) + Sync) {
    let place = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(case) = cases.get(place.fetch_add(1, Ordering::Relaxed)) {
                    act(&mut case.lock().unwrap());
                }
            });
        }
    });
}

/// All records, page by page, once every call has one.
fn listed(world: &World, served: &Served) -> Vec<Value> {
    let clock = Clock::start();
    let until = clock.instant() + PATIENCE;
    loop {
        let records = pages(world, served);
        let known = call_ids(&records);
        let missing = world.tap.calls().iter().any(|call| !known.contains_key(&call.call_id));
        if !missing || past(until, &clock) {
            return records;
        }
    }
}

fn past(until: Instant, clock: &Clock) -> bool {
    clock.instant() > until
}

fn pages(world: &World, served: &Served) -> Vec<Value> {
    let mut records = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/cdrs?limit=200{cursor}");
        let page = Ask::get(&world.key, &path).of(served.api, || {}).unwrap();
        assert_eq!(page.status, 200, "{}", page.body);
        records.extend(page.body["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page.body["next_cursor"].as_str() else { return records };
        cursor = format!("&cursor={}", escaped(next));
    }
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// What the store that was left says, by itself.
fn exported(folder: &Path) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
    let output =
        command.args(["cdr", "export", "--dir"]).arg(folder.join("data")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

/// How often each Call-ID is there.
fn call_ids(records: &[Value]) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for record in records {
        *found.entry(record["call_id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    found
}

/// Every call has one record, and after one whose end nobody saw there is no other.
fn judge_records(world: &World, wire: &BTreeSet<String>, records: &[Value]) {
    let found = call_ids(records);
    for call_id in wire {
        match found.get(call_id) {
            Some(1) => {}
            other => world.blame(format!("{call_id} has {} records", other.unwrap_or(&0))),
        }
    }
    for (call_id, count) in found.iter().filter(|(_, count)| **count > 1) {
        world.blame(format!("{call_id} has {count} records"));
    }
    let mut attempts: BTreeMap<&str, Vec<(u64, &str)>> = BTreeMap::new();
    for record in records {
        let outcome = record["outcome"].as_str().unwrap();
        let sent = wire.contains(record["call_id"].as_str().unwrap());
        if !sent && !["interrupted", "not_attempted"].contains(&outcome) {
            world.blame(format!("a call that never was came to something: {record}"));
        }
        let verification = record["verification"].as_str().unwrap();
        let attempt = record["attempt"].as_u64().unwrap();
        attempts.entry(verification).or_default().push((attempt, outcome));
    }
    for (verification, mut calls) in attempts {
        calls.sort_unstable();
        let numbers: Vec<u64> = calls.iter().map(|call| call.0).collect();
        let cut = calls.iter().position(|call| call.1 == "interrupted");
        if numbers != (1..=numbers.len() as u64).collect::<Vec<_>>()
            || cut.is_some_and(|cut| cut + 1 < calls.len())
        {
            world.blame(format!("{verification} has the calls {calls:?}"));
        }
    }
}

/// The database itself has no doubt.
fn assert_sound(database: &Path) {
    let database = rusqlite::Connection::open(database).unwrap();
    let said: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok");
    let open: i64 =
        database.query_row("SELECT count(*) FROM open_attempt", [], |row| row.get(0)).unwrap();
    assert_eq!(open, 0, "calls without a record");
}

/// What tshark sees leave the service's port.
struct Capture {
    tshark: Child,
    said: BufReader<ChildStderr>,
    file: PathBuf,
    service: SocketAddr,
}

impl Capture {
    fn start(folder: &Path, service: SocketAddr) -> Self {
        let file = folder.join("wire.pcapng");
        let mut command = Command::new("tshark");
        let filter = format!("udp and host {} and port {}", service.ip(), service.port());
        command.args(["-n", "-q", "-i", "lo", "-B", "32", "-f", &filter, "-w"]);
        command.arg(&file).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut tshark = command.spawn().unwrap();
        let mut said = BufReader::new(tshark.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("Capture started") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "tshark does not capture");
        }
        Self { tshark, said, file, service }
    }

    /// Every Call-ID of an INVITE that left.
    fn end(mut self) -> BTreeSet<String> {
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.tshark.id()).unwrap());
        nix::sys::signal::kill(id, Signal::SIGINT).unwrap();
        let mut said = String::new();
        self.said.read_to_string(&mut said).unwrap();
        assert!(self.tshark.wait().unwrap().success(), "{said}");
        assert!(!said.contains("dropped") || said.contains(" 0 packets dropped"), "{said}");
        let port = self.service.port();
        let mut command = Command::new("tshark");
        command.args(["-n", "-d", &format!("udp.port=={port},sip"), "-r"]).arg(&self.file).args([
            "-Y",
            &format!("sip.Method == \"INVITE\" && udp.srcport == {port}"),
            "-T",
            "fields",
            "-e",
            "sip.Call-ID",
        ]);
        let output = command.stderr(Stdio::null()).output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.tshark.kill().ok();
        self.tshark.wait().ok();
    }
}
