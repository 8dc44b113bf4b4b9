//! Grammar-aware mutations of whole messages: whatever comes off the wire, reading all of it neither panics, nor
//! takes long, nor keeps memory.
//!
//! A fixed number of mutants runs with the other tests; `scripts/fuzz COUNT SEED` runs as many as asked. The same
//! seed gives the same mutants.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test by itself: it may panic and print"
)]

mod dictionary;
mod mutate;
mod touch;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use bytes::Bytes;
use nix::time::{ClockId, clock_gettime};
use onering::base::limits::{BODY_MAX, HEADER_BLOCK_MAX, LINE_MAX, REALMS_MAX};
use onering::sip::message::digest::{self, Policy};
use onering::sip::message::{Message, Name};

use mutate::Mutator;
use touch::Depth;

/// Mutants of one run where nobody says how many.
const COUNT: u64 = if cfg!(debug_assertions) { 10_000 } else { 300_000 };
/// CPU time that one message may take; without optimisation everything is some thirty times slower.
const CPU_MAX: Duration = Duration::from_millis(if cfg!(debug_assertions) { 400 } else { 10 });
/// Wall clock from which on a message is suspected and measured again by CPU time.
const SUSPECT: Duration = Duration::from_micros(if cfg!(debug_assertions) { 50_000 } else { 400 });
/// Of the crammed messages one in so many is read.
const CRAMMED_STEP: usize = if cfg!(debug_assertions) { 17 } else { 1 };
/// Bytes that may be allocated at one time while a message is read, for each byte of it, and besides.
const HELD_PER_BYTE: u64 = 40;
const HELD_MAX: u64 = 128 * 1024;
/// Share of mutants that must come as far as typed headers.
const TYPED_MIN: f64 = 0.30;
const THREADS: u64 = 2;
/// Mutants that the program itself is given.
const PROGRAM_RUNS: usize = 200;

/// What became of the mutants.
#[derive(Default)]
struct Tally {
    mutants: u64,
    parsed: u64,
    typed: u64,
    accepted: u64,
    values: u64,
    answered: u64,
    held_max: u64,
    /// CPU time of the slowest suspect.
    cpu_max: Duration,
    suspects: u64,
    offences: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.mutants += other.mutants;
        self.parsed += other.parsed;
        self.typed += other.typed;
        self.accepted += other.accepted;
        self.values += other.values;
        self.answered += other.answered;
        self.suspects += other.suspects;
        self.held_max = self.held_max.max(other.held_max);
        self.cpu_max = self.cpu_max.max(other.cpu_max);
        self.offences.extend(other.offences);
    }

    fn count(&mut self, depth: Depth) {
        self.parsed += u64::from(depth.parsed);
        self.typed += u64::from(depth.values > 0);
        self.accepted += u64::from(depth.accepted);
        self.answered += u64::from(depth.answered);
        self.values += u64::from(depth.values);
    }

    fn typed_share(&self) -> f64 {
        self.typed as f64 / self.mutants as f64
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let share = |part: u64| 100.0 * part as f64 / self.mutants as f64;
        write!(
            f,
            "{} mutants: parsed {:.1} %, typed headers reached {:.1} %, accepted {:.1} %, answered {:.1} %; \
             {} typed values read; {} offences; slowest {:.2} ms CPU ({} measured); most memory held {} KiB",
            self.mutants,
            share(self.parsed),
            share(self.typed),
            share(self.accepted),
            share(self.answered),
            self.values,
            self.offences.len(),
            self.cpu_max.as_secs_f64() * 1e3,
            self.suspects,
            self.held_max / 1024,
        )
    }
}

/// Every message of `sip-fixtures/`, valid or not.
fn seeds() -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    for folder in ["valid", "odd", "invalid"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sip-fixtures").join(folder);
        paths.extend(std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "sip"));
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).filter(|seed| seed.len() > 8).collect()
}

fn run(seeds: Vec<Vec<u8>>, seed: u64, count: u64) -> Tally {
    let mut mutator = Mutator::new(seeds, seed);
    let mut tally = Tally::default();
    let mut mutant = Vec::new();
    for number in 0..count {
        mutator.next(&mut mutant);
        tally.mutants += 1;
        judge(&mutant, &mut tally, |tally, what| {
            tally.offences.push(format!("{what}, seed {seed}, mutant {number}"));
        });
        if tally.offences.len() > 20 {
            break;
        }
    }
    tally
}

/// Reads one mutant and measures it.
#[expect(
    clippy::disallowed_methods,
    reason = "what a message costs is measured, nothing waits for it"
)]
fn judge(mutant: &[u8], tally: &mut Tally, offend: impl Fn(&mut Tally, &str)) {
    let bytes = Bytes::copy_from_slice(mutant);
    // The first clone allocates the count of them all, which stays with `bytes`.
    drop(bytes.clone());
    let mut depth = None;
    let start = std::time::Instant::now();
    let memory = allocation_counter::measure(|| {
        depth = catch_unwind(AssertUnwindSafe(|| touch::all(&bytes))).ok();
    });
    let wall = start.elapsed();
    let Some(depth) = depth else {
        eprintln!("panic on {}", mutant.escape_ascii());
        return offend(tally, "panic");
    };
    tally.count(depth);
    let held = memory.bytes_max;
    tally.held_max = tally.held_max.max(held);
    if held > HELD_MAX + HELD_PER_BYTE * mutant.len() as u64 || memory.bytes_current != 0 {
        eprintln!("{memory:?} for {} bytes: {}", mutant.len(), mutant.escape_ascii());
        offend(tally, "memory");
    }
    if wall > SUSPECT {
        tally.suspects += 1;
        let cpu = (0..3).map(|_| cpu_of(&bytes)).min().unwrap_or_default();
        tally.cpu_max = tally.cpu_max.max(cpu);
        if cpu > CPU_MAX {
            eprintln!("{cpu:?} for {} bytes: {}", mutant.len(), mutant.escape_ascii());
            offend(tally, "CPU time");
        }
    }
}

/// CPU time of this thread for one reading: noise of other processes does not count.
fn cpu_of(bytes: &Bytes) -> Duration {
    let used = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let before = used();
    touch::all(bytes);
    used() - before
}

/// One header over and over, as long as a line and a header block may be, full of one thing.
fn crammed(name: &str, unit: &[u8]) -> Vec<u8> {
    let mut message = b"INVITE sip:a@b SIP/2.0\r\n".to_vec();
    let fill = unit.repeat((LINE_MAX - name.len() - 40) / unit.len());
    while message.len() + LINE_MAX < HEADER_BLOCK_MAX {
        message.extend([name.as_bytes(), b": <sip:a@b>", &fill, b"\r\n"].concat());
    }
    message.extend_from_slice(b"\r\n");
    message
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn no_header_full_of_one_thing_takes_long_or_keeps_memory() {
    let mut tally = Tally::default();
    let units = || dictionary::GLUE.iter().chain(dictionary::PIECES).chain(dictionary::UNITS);
    let names = dictionary::NAMES.iter().filter(|name| !name.is_empty());
    let crams = names.flat_map(|name| units().map(move |unit| (name, unit)));
    for (name, unit) in crams.step_by(CRAMMED_STEP) {
        tally.mutants += 1;
        judge(&crammed(name, unit), &mut tally, |tally, what| {
            tally.offences.push(format!("{what}, {name} full of {}", unit.escape_ascii()));
        });
    }
    tally.mutants += 1;
    let realms = Message::parse(many_realms().into()).unwrap();
    let terms = digest::choose(realms.challenges(Name::WwwAuthenticate), Policy::Any);
    assert_eq!(terms.len(), REALMS_MAX);
    judge(&many_realms(), &mut tally, |tally, what| tally.offences.push(format!("{what}, realms")));
    eprintln!("{tally}");
    assert!(tally.offences.is_empty(), "{:#?}", tally.offences);
}

/// As many realms as fit into a message, each of which would want an answer of its own.
fn many_realms() -> Vec<u8> {
    let mut message = b"SIP/2.0 401 Unauthorized\r\n".to_vec();
    for line in 0..3 {
        message.extend_from_slice(b"WWW-Authenticate: Digest realm=\"\",nonce=\"\"");
        for realm in 0..250 {
            let challenge = format!(", Digest realm=\"{line}-{realm}\",nonce=\"\"");
            message.extend_from_slice(challenge.as_bytes());
        }
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(b"\r\n");
    message
}

#[test]
fn no_mutant_panics_takes_long_or_keeps_memory() {
    let count = from_environment("ONERING_MUTATIONS", COUNT);
    let seed = from_environment("ONERING_SEED", 1);
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let share = count / THREADS + u64::from(thread < count % THREADS);
                // The threads' seeds are far apart, so that no two runs share one.
                let own = seed ^ thread.wrapping_mul(0x5851_f42d_4c95_7f2d);
                scope.spawn(move || run(seeds(), own, share))
            })
            .collect();
        for thread in threads {
            tally.add(thread.join().unwrap());
        }
    });
    eprintln!("{tally}");
    assert!(tally.offences.is_empty(), "{:#?}", tally.offences);
    assert_eq!(tally.mutants, count);
    assert!(
        tally.typed_share() >= TYPED_MIN,
        "only {:.3} reach typed headers",
        tally.typed_share()
    );
}

/// The same through the program: its exit code says accept or reject, its answer is one JSON object, it says nothing else.
#[test]
fn sip_parse_ends_with_0_or_1_on_any_mutant() {
    let mut mutator = Mutator::new(seeds(), 2);
    let mut mutant = Vec::new();
    for _ in 0..PROGRAM_RUNS {
        mutator.next(&mut mutant);
        let output = sip_parse(&mutant);
        let shown = mutant.escape_ascii();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{:?} on {shown}", output.status);
        let verdict = if output.status.success() { "accept" } else { "reject" };
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["verdict"], verdict, "{shown}");
        assert_eq!(output.stderr, b"", "{shown}");
    }
}

fn sip_parse(message: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
    command.args(["sip", "parse", "--json", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may leave before it has read a datagram that is too long.
    let written = child.stdin.take().unwrap().write_all(message);
    assert!(written.is_ok() || message.len() > BODY_MAX);
    child.wait_with_output().unwrap()
}
