//! SIGHUP under load: no request fails, no call is lost, a file with mistakes changes nothing and says why, a good one counts
//! from the next start on. A trunk that is removed keeps its calls until they have ended.
//!
//! `scripts/reload` runs the same with larger numbers: `ONERING_RELOADS` (20), `ONERING_RINGING` (100).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail the test"
)]

mod support {
    pub(crate) mod far_end;
    #[expect(dead_code, reason = "a part of it is enough here")]
    pub(crate) mod running;
}

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use onering::io::net::clock::Clock;
use serde_json::{Value, json};

use support::far_end::FarEnd;
use support::running::{Log, Served, ask, folder, serve_with_log};

fn number_of(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// The file of a service over these trunks, the first of which is called.
fn text(folder: &Path, trunks: &[(&str, &FarEnd)]) -> String {
    let mut text = format!(
        "[sip]\nlisten = \"127.0.0.1:0\"\n\n[api]\nlisten = \"127.0.0.1:0\"\n\n[store]\ndir = \"{}\"\n\n\
         [log]\nformat = \"json\"\nlevel = \"info,onering::driver=debug\"\n\n",
        folder.join("data").display()
    );
    for (name, far_end) in trunks {
        let target = far_end.address;
        text +=
            &format!("[[trunk]]\nname = \"{name}\"\ntarget = \"{target}\"\nring_hold = \"5s\"\n\n");
    }
    text += &format!(
        "[[pool]]\nname = \"numbers\"\nnumbers = [\"+12025550000-+12025559999\"]\n\n\
         [[route]]\ntrunks = [\"{}\"]\npool = \"numbers\"\n\n[destinations]\ncountries = [\"US\"]\n",
        trunks[0].0
    );
    text
}

/// What can be wrong with a file: what becomes what, with a mark where the mistake is, and what is said.
const MISTAKES: [(&str, &str, &str); 16] = [
    ("[[pool]]", "[[pool§", "no TOML"),
    ("name = \"carrier\"", "name = \"carrier§", "no TOML"),
    ("ring_hold = \"5s\"", "§ring_hodl = \"5s\"", "there is no key trunk.ring_hodl"),
    ("ring_hold = \"5s\"", "ring_hold = §5", "trunk.ring_hold"),
    ("ring_hold = \"5s\"", "ring_hold = §\"6s\"", "trunk.ring_hold"),
    ("ring_hold = \"5s\"", "ring_hold = §\"5\"", "a duration needs a unit"),
    ("pool = \"numbers\"", "pool = §\"nmubers\"", "nmubers"),
    ("trunks = [\"carrier\"]", "trunks = [§\"courier\"]", "courier"),
    ("countries = [\"US\"]", "countries = [§\"UX\"]", "UX"),
    ("[\"+12025550000-+12025559999", "[§\"+12025550000-+12025549999", "comes before its beginning"),
    (
        "ring_hold = \"5s\"",
        "auth = { username = \"acme\", password = §{ env = \"ONERING_NOT_THERE\" } }",
        "ONERING_NOT_THERE",
    ),
    (
        "ring_hold = \"5s\"",
        "auth = { username = \"acme\", password = §{ file = \"not-there\" } }",
        "not-there",
    ),
    ("[destinations]", "[§detsinations]", "there is no key detsinations"),
    ("format = \"json\"", "format = §\"jsno\"", "log.format"),
    (
        "[[route]]",
        "[[route]]\nname = \"a\"\ntrunks = [\"carrier\"]\npool = \"numbers\"\n\n[[route]]\nname = §\"a\"",
        "two routes",
    ),
    ("listen = \"127.0.0.1:0\"", "listen = §\"127.0.0.1\"", "sip.listen"),
];

/// A service under test, its file, and what it has logged.
struct Case {
    folder: PathBuf,
    file: PathBuf,
    served: Served,
    log: Log,
}

impl Case {
    fn start(name: &str, text: impl FnOnce(&Path) -> String) -> Self {
        let folder = folder(name);
        let file = folder.join("onering.toml");
        fs::write(&file, text(&folder)).unwrap();
        let (served, log) = serve_with_log(&file);
        Self { folder, file, served, log }
    }

    /// Puts this in the file and tells the service; what it says of it.
    fn reload(&self, text: &[u8]) -> Vec<Value> {
        fs::write(&self.file, text).unwrap();
        self.hang_up()
    }

    fn hang_up(&self) -> Vec<Value> {
        self.served.program.signal(Signal::SIGHUP);
        self.log.until(|line| {
            let said = line["message"].as_str().unwrap_or_default();
            said == "configuration read again" || said.starts_with("the configuration has mistakes")
        })
    }

    fn metric(&self, name: &str) -> Option<String> {
        let (status, text) = self.served.operator("GET", "/metrics", None);
        assert_eq!(status, 200);
        let line = text.as_str().unwrap().lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim().to_owned())
    }

    /// How often a configuration was taken, and how often not; the stamp of the one in force, and since when.
    fn reloads(&self) -> (u32, u32, String, f64) {
        let count = |result: &str| {
            let name = format!("onering_config_reloads_total{{result=\"{result}\"}}");
            self.metric(&name).map_or(0, |count| count.parse().unwrap())
        };
        let stamp = self.metric("onering_config_info{").unwrap();
        let since = self.metric("onering_config_last_reload_success_timestamp_seconds");
        (count("success"), count("failure"), stamp, since.unwrap().parse().unwrap())
    }

    /// Ends it in order; the records that it left.
    fn end(self) -> Vec<Value> {
        let Self { folder, served, log, .. } = self;
        let (status, said) = served.program.stop();
        assert_eq!(status.code(), Some(0), "{said}\n{:#?}", log.rest());
        export(&["--dir", folder.join("data").to_str().unwrap()])
    }
}

/// `onering cdr export`.
fn export(place: &[&str]) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
    let ran = command.args(["cdr", "export"]).args(place).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let lines = String::from_utf8(ran.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Applications that verify one number after the other, until they are told to stop.
struct Load<'a> {
    served: &'a Served,
    far_end: &'a FarEnd,
    key: String,
    next: AtomicU32,
    stop: AtomicBool,
    wrong: Mutex<Vec<String>>,
}

impl<'a> Load<'a> {
    fn new(served: &'a Served, far_end: &'a FarEnd) -> Self {
        let (key, next, stop) =
            (served.key(&["start", "check"]), AtomicU32::new(0), AtomicBool::new(false));
        Self { served, far_end, key, next, stop, wrong: Mutex::default() }
    }

    /// A number that nobody else has.
    fn number(&self) -> String {
        format!("+1202{}", 2_000_000 + self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn run(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            if let Err(wrong) = self.verify(&json!({"to": self.number()})) {
                self.wrong.lock().unwrap().push(wrong);
            }
        }
    }

    /// Starts, sees the call, and gives its code.
    fn verify(&self, wish: &Value) -> Result<(), String> {
        let api = self.served.api;
        let (status, made) = ask(api, "POST", "/v1/verifications", Some(&self.key), Some(wish));
        if status != 201 {
            return Err(format!("{status} {made}"));
        }
        let check = format!("/v1/verifications/{}/check", made["id"].as_str().unwrap());
        let code = json!({"code": self.far_end.code(wish["to"].as_str().unwrap())});
        let (status, judged) = ask(api, "POST", &check, Some(&self.key), Some(&code));
        let approved = status == 200 && judged["result"] == "approved";
        approved.then_some(()).ok_or_else(|| format!("{status} {judged}"))
    }
}

/// The file with one mistake, and its line and column.
fn broken(good: &str, (before, after, _): (&str, &str, &str)) -> (String, u64, u64) {
    assert!(good.contains(before), "{before} is not in the file");
    let marked = good.replacen(before, after, 1);
    let (until, _) = marked.split_once('§').unwrap();
    let column = until.chars().rev().take_while(|c| *c != '\n').count() as u64 + 1;
    (marked.replacen('§', "", 1), until.matches('\n').count() as u64 + 1, column)
}

#[test]
fn under_load_good_files_count_and_others_change_nothing() {
    let far_end = FarEnd::start(Ipv4Addr::LOCALHOST);
    let case = Case::start("reload", |folder| text(folder, &[("carrier", &far_end)]));
    let good = fs::read_to_string(&case.file).unwrap();
    let (_, _, first_stamp, began) = case.reloads();
    let rounds = number_of("ONERING_RELOADS", 20);
    let load = Load::new(&case.served, &far_end);
    std::thread::scope(|scope| {
        (0..4).for_each(|_| drop(scope.spawn(|| load.run())));
        // However this ends, they stop.
        let _stopping = Stopping(&load.stop);
        let mut in_force = None;
        for round in 0..rounds {
            if round.is_multiple_of(2) {
                takes(&case, &load, &good, round);
                in_force = Some(round);
            } else {
                refuses(&case, &good, MISTAKES[round as usize / 2 % MISTAKES.len()]);
            }
            let profile = format!("p{}", in_force.unwrap());
            load.verify(&json!({"to": load.number(), "profile": profile})).unwrap();
            if round % 5 == 3 {
                operate(&case, &load);
            }
        }
    });
    assert_eq!(*load.wrong.lock().unwrap(), [""; 0]);
    let (taken, refused, stamp, since) = case.reloads();
    assert_eq!((taken, refused), (rounds.div_ceil(2), rounds / 2));
    assert!(stamp != first_stamp && since >= began, "{stamp} {since}");
    drop(load);
    every_call_has_its_record(case, &[far_end]);
}

struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A file with another profile: there is none of that name before, and is one from then on.
fn takes(case: &Case, load: &Load<'_>, good: &str, round: u32) {
    let profile = format!("p{round}");
    let wish = json!({"to": load.number(), "profile": profile});
    let (status, refused) = case.served.post(&load.key, "/v1/verifications", &wish);
    assert_eq!((status, &refused["code"]), (422, &json!("unknown_profile")), "{refused}");
    let before = case.reloads();
    let said = case.reload(format!("{good}\n[[profile]]\nname = \"{profile}\"\n").as_bytes());
    assert_eq!(said.last().unwrap()["message"], "configuration read again", "{said:#?}");
    let after = case.reloads();
    assert_eq!((after.0, after.1), (before.0 + 1, before.1));
    assert!(after.2 != before.2 && after.3 >= before.3, "{after:?} after {before:?}");
}

/// A file with a mistake: it is named with its place, and what was in force stays.
fn refuses(case: &Case, good: &str, mistake: (&str, &str, &str)) {
    let before = case.reloads();
    let (text, line, column) = broken(good, mistake);
    let said = case.reload(text.as_bytes());
    let named = |said: &Value| {
        let of = |name: &str| said[name].as_str().unwrap_or_default().contains(mistake.2);
        said["level"] == "ERROR"
            && (&said["line"], &said["column"]) == (&json!(line), &json!(column))
            && (of("problem") || of("expected"))
    };
    let told: Vec<_> = said.iter().filter(|line| line["level"] == "ERROR").collect();
    assert!(said.iter().any(named), "{mistake:?} at {line}:{column}: {told:#?}");
    let after = case.reloads();
    assert_eq!(after, (before.0, before.1 + 1, before.2, before.3));
}

/// What operators do meanwhile, over the Unix socket.
fn operate(case: &Case, load: &Load<'_>) {
    let key = case.served.key(&["read"]);
    let (status, listed) = case.served.get(&key, "/v1/cdrs?limit=1");
    assert_eq!((status, listed["data"].is_array()), (200, true), "{listed}");
    let seen = load.far_end.calls().len();
    // Whatever mistakes the file has, where the service is can be read from it, if only it is TOML.
    let text = fs::read_to_string(&case.file).unwrap();
    let data = case.folder.join("data");
    let records = match text.parse::<toml::Table>() {
        Ok(_) => export(&["-c", case.file.to_str().unwrap()]),
        Err(_) => export(&["--dir", data.to_str().unwrap()]),
    };
    assert!(records.len() <= load.far_end.calls().len(), "{} of {seen}", records.len());
}

/// Ends the service: what the far ends saw has one record each, and they have nothing against it.
fn every_call_has_its_record(case: Case, far_ends: &[FarEnd]) -> Vec<Value> {
    let records = case.end();
    let seen = far_ends.iter().flat_map(FarEnd::calls);
    let seen: Vec<String> = seen.map(|call| call.call_id).collect();
    let recorded: BTreeSet<&str> =
        records.iter().map(|record| record["call_id"].as_str().unwrap()).collect();
    let missing: Vec<_> = seen.iter().filter(|id| !recorded.contains(id.as_str())).collect();
    assert!(missing.is_empty() && !seen.is_empty(), "{} of {}", missing.len(), seen.len());
    assert_eq!(records.len(), recorded.len(), "two records of one call");
    records
}

#[test]
fn a_removed_trunk_keeps_its_calls_to_their_end() {
    let count = number_of("ONERING_RINGING", 100) as usize;
    // It has an address of its own, which nothing else keeps among those that may answer.
    let leaving = FarEnd::start(Ipv4Addr::new(127, 0, 0, 2));
    let staying = FarEnd::start(Ipv4Addr::LOCALHOST);
    let both = [("leaving", &leaving), ("staying", &staying)];
    let case = Case::start("removed-trunk", |folder| text(folder, &both));
    let key = case.served.key(&["start"]);
    let next = AtomicU32::new(0);
    std::thread::scope(|scope| {
        let start = || {
            while let n @ 0.. = next.fetch_add(1, Ordering::Relaxed)
                && (n as usize) < count
            {
                let wish = json!({"to": format!("+1202{}", 2_000_000 + n)});
                let (status, made) = case.served.post(&key, "/v1/verifications", &wish);
                assert_eq!(status, 201, "{made}");
            }
        };
        (0..8).for_each(|_| drop(scope.spawn(start)));
    });
    leaving.wait_for(count);
    let said = case.reload(text(&case.folder, &both[1..]).as_bytes());
    assert_eq!(said.last().unwrap()["message"], "configuration read again", "{said:#?}");
    let ended = |line: &Value| line["message"] == "call ended" && line["trunk"] == "leaving";
    let early = said.iter().filter(|line| ended(line)).count();
    println!("{} phones rang when their trunk was removed", count - early);
    assert_eq!(early, 0, "calls had ended before their trunk was removed");
    // Whoever comes now is called over the other one.
    let wish = json!({"to": "+12029000000"});
    let (status, made) = case.served.post(&key, "/v1/verifications", &wish);
    assert_eq!(status, 201, "{made}");
    staying.display("+12029000000");
    let mut left = count;
    case.log.until(|line| {
        left -= usize::from(ended(line));
        left == 0
    });
    let far_ends = [leaving, staying];
    let records = every_call_has_its_record(case, &far_ends);
    let of = |trunk: &str| records.iter().filter(|record| record["trunk"] == trunk).count();
    assert_eq!((of("leaving"), of("staying")), (count, 1));
    for record in records.iter().filter(|record| record["trunk"] == "leaving") {
        assert_eq!(record["outcome"], "rang", "{record}");
        assert!(record["hold_us"].as_u64().is_some_and(|us| us >= 5_000_000), "{record}");
    }
    for (far_end, calls) in far_ends.into_iter().zip([count, 1]) {
        let report = far_end.end();
        assert!(report.clean, "{}", report.text);
        assert_eq!(report.json["cancels"], calls, "{}", report.json);
    }
}

#[test]
fn countries_pools_and_trunks_count_from_the_next_start_on() {
    let (first, second) = (FarEnd::start(Ipv4Addr::LOCALHOST), FarEnd::start(Ipv4Addr::LOCALHOST));
    let case = Case::start("next-start", |folder| text(folder, &[("carrier", &first)]));
    let good = fs::read_to_string(&case.file).unwrap();
    let key = case.served.key(&["start"]);
    let start = |to: &str| case.served.post(&key, "/v1/verifications", &json!({"to": to}));
    let (status, refused) = start("+442079460000");
    assert_eq!((status, &refused["code"]), (403, &json!("destination_denied")), "{refused}");
    let more = format!(
        "[[trunk]]\nname = \"second\"\ntarget = \"{}\"\n\n[[pool]]\nname = \"british\"\n\
         numbers = [\"+442079470000-+442079470999\"]\n\n[[route]]\nname = \"britain\"\nprefix = \"+44\"\n\
         trunks = [\"second\"]\npool = \"british\"\n\n[destinations]",
        second.address
    );
    let text =
        good.replacen("[destinations]", &more, 1).replacen("[\"US\"]", "[\"US\", \"GB\"]", 1);
    let said = case.reload(text.as_bytes());
    assert_eq!(said.last().unwrap()["message"], "configuration read again", "{said:#?}");
    let (status, made) = start("+442079460000");
    assert_eq!(status, 201, "{made}");
    assert!(second.display("+442079460000").starts_with("+442079470"));
    assert_eq!(first.calls().len(), 0);
    let (status, _) = start("+12025550142");
    assert_eq!(status, 201);
    assert!(first.display("+12025550142").starts_with("+1202555"));
    every_call_has_its_record(case, &[first, second]);
}

#[test]
fn what_needs_a_restart_is_named_and_the_rest_counts() {
    let far_end = FarEnd::start(Ipv4Addr::LOCALHOST);
    let case = Case::start("needs-restart", |folder| text(folder, &[("carrier", &far_end)]));
    let good = fs::read_to_string(&case.file).unwrap();
    let key = case.served.key(&["start"]);
    let other = good
        .replacen("listen = \"127.0.0.1:0\"", "listen = \"127.0.0.2:0\"", 2)
        .replacen("/data\"", "/elsewhere\"\n\n[store.retain]\ncdrs = \"1d\"", 1)
        .replacen("info,", "warn,", 1)
        .replacen("[\"US\"]", "[\"US\", \"CA\"]", 1);
    let other = format!("{other}\n[limits]\ncalls = 1000\n");
    let named = [
        "api.listen",
        "api.socket",
        "limits.calls",
        "log.level",
        "sip.listen",
        "store.dir",
        "store.retain",
    ];
    // Each time: what is not in force yet is named again.
    for _ in 0..2 {
        let said = case.reload(other.as_bytes());
        let lines = said.iter().filter(|line| line["message"] == "counts only after a restart");
        let mut settings: Vec<&str> = lines.map(|line| line["setting"].as_str().unwrap()).collect();
        settings.sort_unstable();
        assert_eq!(settings, named, "{said:#?}");
    }
    let (status, made) =
        case.served.post(&key, "/v1/verifications", &json!({"to": "+14165550123"}));
    assert_eq!(status, 201, "{made}");
    assert!(!case.folder.join("elsewhere").exists());
    far_end.display("+14165550123");
    every_call_has_its_record(case, &[far_end]);
}

#[test]
fn a_file_that_is_gone_or_no_text_changes_nothing() {
    let far_end = FarEnd::start(Ipv4Addr::LOCALHOST);
    let case = Case::start("no-file", |folder| text(folder, &[("carrier", &far_end)]));
    let before = case.reloads();
    let latin = case.reload(b"[sip]\nlisten = \"\xfc\"\n");
    let place = latin.iter().find(|line| line["message"] == "configuration").unwrap();
    assert_eq!((&place["line"], &place["column"]), (&json!(2), &json!(11)), "{place}");
    fs::remove_file(&case.file).unwrap();
    let gone = case.hang_up();
    let said = gone.iter().find(|line| line["message"] == "configuration").unwrap();
    assert!(said["problem"].as_str().unwrap().contains("No such file"), "{said}");
    let empty = case.reload(b"");
    assert!(empty.iter().any(|line| line["problem"] == "there is no [[trunk]]"), "{empty:#?}");
    let after = case.reloads();
    assert_eq!(after, (before.0, before.1 + 3, before.2, before.3));
    let key = case.served.key(&["start"]);
    let (status, made) =
        case.served.post(&key, "/v1/verifications", &json!({"to": "+12025550142"}));
    assert_eq!(status, 201, "{made}");
    far_end.display("+12025550142");
    every_call_has_its_record(case, &[far_end]);
}

#[test]
fn a_record_file_that_cannot_be_written_is_behind_until_it_can() {
    let far_end = FarEnd::start(Ipv4Addr::LOCALHOST);
    let case = Case::start("record-file", |folder| {
        let path = folder.join("cdr.jsonl");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let text = text(folder, &[("carrier", &far_end)]);
        format!("{text}\n[[cdr.file]]\npath = \"{}\"\n", path.display())
    });
    let path = case.folder.join("cdr.jsonl");
    let lag = |of: &str| {
        case.metric(&format!("onering_cdr_sink_lag_{of}{{sink=\"{}\"}}", path.display()))
    };
    let load = Load::new(&case.served, &far_end);
    (0..3).for_each(|_| load.verify(&json!({"to": load.number()})).unwrap());
    eventually(|| lag("records").is_some_and(|count| count == "3"));
    eventually(|| lag("seconds").is_some_and(|age| age != "0"));
    fs::remove_file(&path).unwrap();
    case.hang_up();
    eventually(|| lag("records").is_some_and(|count| count == "0"));
    assert_eq!(lag("seconds").as_deref(), Some("0"));
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
    drop(load);
    every_call_has_its_record(case, &[far_end]);
}

/// Asks again until it is so.
fn eventually(is: impl Fn() -> bool) {
    let clock = Clock::start();
    let patience = clock.instant() + Duration::from_secs(60);
    while !is() {
        assert!(clock.instant() < patience, "never");
    }
}
