//! A data directory that cannot be used, and ports that others have: `serve` ends with one sentence that names the place and
//! what would be right. Nothing is left half-started, nothing of the good data is lost, and under the right conditions all of
//! it is back.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]
#![expect(clippy::indexing_slicing, clippy::string_slice, reason = "a test")]

mod support {
    #[expect(dead_code, reason = "each test uses a part of it")]
    pub(crate) mod asking;
    pub(crate) mod disk;
    #[expect(dead_code, reason = "each test uses a part of it")]
    pub(crate) mod running;
}

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use onering::io::net::clock::Clock;
use serde_json::{Value, json};
use support::asking::Ask;
use support::disk::Disk;
use support::running::{Running, carrier, configuration, folder, serve};

/// Somebody who is not root and owns nothing here.
const NOBODY: u32 = 65_534;

/// Good data: one verification and its record; and where the service listens.
struct Good {
    carrier: Option<Running>,
    config: PathBuf,
    data: PathBuf,
    sip: SocketAddr,
    api: SocketAddr,
    key: String,
    id: String,
    cdr: Value,
}

impl Good {
    /// A service verifies somebody and ends. It listens on an address of its own, where nobody is given a port by chance.
    fn make(name: &str, place: u8) -> Self {
        let folder = folder(name);
        // Others must come so far.
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        let (carrier, far_end) = carrier(&["--behaviour", "busy"]);
        let config = configuration(&folder, far_end, "");
        let own = Ipv4Addr::new(127, 77, 0, place);
        let (sip, api) = (SocketAddr::from((own, 5060)), SocketAddr::from((own, 8080)));
        let text = fs::read_to_string(&config).unwrap();
        let text = text.replacen("127.0.0.1:0", &sip.to_string(), 1);
        let text = text.replacen("127.0.0.1:0", &api.to_string(), 1);
        fs::write(&config, text).unwrap();
        let served = serve(&config);
        let key = served.key(&["start", "read"]);
        let body = json!({ "to": "+12125550142" });
        let begun = Ask::post(&key, "/v1/verifications", &body).of(served.api, || {}).unwrap();
        assert_eq!(begun.status, 201, "{begun:?}");
        let id = begun.body["id"].as_str().unwrap().to_owned();
        let cdr = until(|| {
            let page = Ask::get(&key, "/v1/cdrs").of(served.api, || {}).unwrap();
            page.body["data"].as_array().unwrap().first().cloned()
        });
        assert!(served.program.stop().0.success());
        let data = folder.join("data");
        Self { carrier: Some(carrier), config, data, sip, api, key, id, cdr }
    }

    /// Everything is back.
    fn assert_whole(&self) {
        let served = serve(&self.config);
        let get = |path: &str| Ask::get(&self.key, path).of(served.api, || {}).unwrap();
        let session = get(&format!("/v1/verifications/{}", self.id));
        assert_eq!((session.status, &session.body["id"]), (200, &json!(self.id)), "{session:?}");
        assert_eq!(get("/v1/cdrs").body["data"], json!([self.cdr]));
        assert_eq!(get("/readyz").status, 200);
        assert!(served.program.stop().0.success());
    }

    /// `serve` with something changed about the command ends with 1 and one sentence that has all of this in it.
    fn assert_fails(&self, change: impl FnOnce(&mut Command), says: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
        command.arg("serve").arg("-c").arg(&self.config);
        change(&mut command);
        let (code, said) = end(&mut command);
        assert_eq!(code, Some(1), "{said}");
        assert_one_sentence(&said, says);
        self.assert_nothing_left();
    }

    fn assert_nothing_left(&self) {
        UdpSocket::bind(self.sip).unwrap();
        TcpListener::bind(self.api).unwrap();
        assert!(!self.data.join("onering.sock").exists(), "a socket is left");
    }

    fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.data.join("onering.db")).unwrap()
    }
}

/// Runs it to its end: exit code, and what it said on standard error. It says nothing on standard output.
fn end(command: &mut Command) -> (Option<i32>, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{said}");
    (output.status.code(), said)
}

fn assert_one_sentence(said: &str, says: &[&str]) {
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("error: "), "{said}");
    for part in says {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

fn as_nobody(command: &mut Command) {
    command.uid(NOBODY).gid(NOBODY);
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let clock = Clock::start();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Duration::from_micros(clock.instant().as_micros()) < Duration::from_secs(30));
    }
}

#[test]
fn one_that_another_instance_has() {
    let good = Good::make("dir_in_use", 1);
    let served = serve(&good.config);
    // The other has other ports, and the same directory.
    let text = fs::read_to_string(&good.config).unwrap();
    let text = text
        .replace(&good.sip.to_string(), "127.0.0.1:0")
        .replace(&good.api.to_string(), "127.0.0.1:0");
    let other = good.config.with_file_name("other.toml");
    fs::write(&other, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
    let (code, said) = end(command.arg("serve").arg("-c").arg(&other));
    assert_eq!(code, Some(1), "{said}");
    let says = [shown(&good.data), "another instance uses this data directory".to_owned()];
    assert_one_sentence(&said, &says.each_ref().map(String::as_str));
    // And the first has not noticed.
    assert_eq!(served.operator("GET", "/readyz", None).0, 200);
    let answer = Ask::get(&good.key, "/v1/cdrs").of(served.api, || {}).unwrap();
    assert_eq!(answer.body["data"], json!([good.cdr]));
    assert!(served.program.stop().0.success());
    good.assert_whole();
}

#[test]
fn one_whose_database_another_program_has_locked() {
    let good = Good::make("dir_locked", 2);
    let other = good.database();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let says = [&shown(&good.data.join("onering.db")), "another program has locked the database"];
    good.assert_fails(|_| {}, &says);
    drop(other);
    good.assert_whole();
}

#[test]
fn one_that_cannot_be_written() {
    let good = Good::make("dir_unwritable", 3);
    let root = fs::metadata(&good.data).unwrap().uid() == 0;
    let belongs = "must belong to the user that the service runs as";
    let says = [&shown(&good.data), "cannot be written (Permission denied", belongs];
    if root {
        // Root may write everywhere; so it is somebody else who comes.
        good.assert_fails(as_nobody, &says);
        // Not even with a directory that everybody may enter.
        fs::set_permissions(&good.data, Permissions::from_mode(0o755)).unwrap();
        good.assert_fails(as_nobody, &says);
        fs::set_permissions(&good.data, Permissions::from_mode(0o700)).unwrap();
    } else {
        fs::set_permissions(&good.data, Permissions::from_mode(0o500)).unwrap();
        let lock = good.data.join("lock");
        fs::set_permissions(&lock, Permissions::from_mode(0o400)).unwrap();
        good.assert_fails(|_| {}, &says);
        fs::set_permissions(&lock, Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(&good.data, Permissions::from_mode(0o700)).unwrap();
    }
    good.assert_whole();
}

#[test]
fn one_on_a_disk_that_is_read_only() {
    let good = Good::make("dir_read_only", 4);
    let (config, data) = (good.config.clone(), good.data.clone());
    let script = "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" || exit 77; \
                  exec \"$1\" serve -c \"$2\"";
    let within = |command: &mut Command| {
        *command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script]).arg(&data);
        command.arg(env!("CARGO_BIN_EXE_onering")).arg(&config);
    };
    let mut command = Command::new("true");
    within(&mut command);
    if !matches!(end(&mut command).0, Some(1)) {
        println!("NOT DONE: nothing may be mounted here");
        return;
    }
    good.assert_fails(within, &[&shown(&good.data), "cannot be written (Read-only file system"]);
    good.assert_whole();
}

#[test]
fn one_that_is_a_file() {
    let good = Good::make("dir_file", 5);
    let away = good.data.with_file_name("away");
    fs::rename(&good.data, &away).unwrap();
    fs::write(&good.data, "notes\n").unwrap();
    let says = [&shown(&good.data), "there is something that is no directory"];
    good.assert_fails(|_| {}, &says);
    assert_eq!(fs::read_to_string(&good.data).unwrap(), "notes\n");
    // Nor can one be made in a file.
    let text = fs::read_to_string(&good.config).unwrap();
    let inside = good.data.join("inside");
    fs::write(&good.config, text.replace(&shown(&good.data), &shown(&inside))).unwrap();
    good.assert_fails(|_| {}, &[&shown(&inside), "there is something that is no directory"]);
    fs::write(&good.config, text).unwrap();
    fs::remove_file(&good.data).unwrap();
    fs::rename(&away, &good.data).unwrap();
    good.assert_whole();
}

#[test]
fn one_on_a_disk_that_is_full() {
    let folder = folder("dir_full");
    let data = folder.join("data");
    let Some(disk) = Disk::mount(&data, "80m") else {
        println!("NOT DONE: nothing may be mounted here");
        return;
    };
    let config = configuration(&folder, "127.0.0.1:9".parse().unwrap(), "");
    let run = || {
        let mut command = disk.onering();
        command.arg("serve").arg("-c").arg(&config);
        end(&mut command)
    };
    disk.fill();
    let (code, said) = run();
    assert_eq!(code, Some(1), "{said}");
    assert_one_sentence(&said, &[&shown(&data), "there is no room on this disk; make some"]);
    disk.empty();
    let start = || {
        let mut served = support::running::serve_as(&config, |command| {
            let mut within = disk.onering();
            let log = fs::File::create(folder.join("within.log")).unwrap();
            within.arg("serve").arg("-c").arg(&config).stderr(log);
            *command = within;
        });
        served.socket = disk.path().join("onering.sock");
        served
    };
    let served = start();
    let key = served.key(&["read"]);
    assert!(served.program.stop().0.success());
    // The same with data in it.
    disk.fill();
    let (code, said) = run();
    assert_eq!(code, Some(1), "{said}");
    assert_one_sentence(&said, &[&shown(&data), "there is no room on this disk; make some"]);
    disk.empty();
    let served = start();
    assert_eq!(Ask::get(&key, "/v1/cdrs").of(served.api, || {}).unwrap().status, 200);
    assert!(served.program.stop().0.success());
}

#[test]
fn one_that_a_newer_version_made() {
    let good = Good::make("dir_newer", 6);
    let known: i64 =
        good.database().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    good.database().pragma_update(None, "user_version", known + 1).unwrap();
    let file = shown(&good.data.join("onering.db"));
    let found = format!("it is of version {}", known + 1);
    let right = "use the program that wrote it or a later";
    good.assert_fails(|_| {}, &[&file, &found, right]);
    good.database().pragma_update(None, "user_version", known).unwrap();
    good.assert_whole();
}

#[test]
fn one_whose_database_is_none() {
    let good = Good::make("dir_no_database", 7);
    let file = good.data.join("onering.db");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, "not what it was\n".repeat(1000)).unwrap();
    good.assert_fails(|_| {}, &[&shown(&file), "this is no database", "put back a copy"]);
    assert!(fs::read_to_string(&file).unwrap().starts_with("not what it was"));
    fs::write(&file, &bytes).unwrap();
    good.assert_whole();
    // One of somebody else.
    fs::remove_file(&file).unwrap();
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("CREATE TABLE recipe (name TEXT); PRAGMA user_version = 1").unwrap();
    drop(other);
    let theirs = fs::read(&file).unwrap();
    good.assert_fails(|_| {}, &[&shown(&file), "this is a database of another program"]);
    assert!(fs::read(&file).unwrap() == theirs, "theirs was changed");
    fs::write(&file, &bytes).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    good.assert_whole();
}

#[test]
fn one_whose_secret_is_open_or_wrong_or_gone() {
    let good = Good::make("dir_secret", 8);
    let file = good.data.join("secret");
    let mode = |mode| fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    let own = fs::read_to_string(&file).unwrap();
    for open in [0o644, 0o640, 0o660] {
        mode(open);
        let found = format!("others may read it (mode {open:04o})");
        good.assert_fails(|_| {}, &[&shown(&file), &found, "chmod 600"]);
    }
    mode(0o600);
    let another = own.lines().map(|line| match line.split_once(' ') {
        Some(("claim", key)) => format!("claim {}\n", key.chars().rev().collect::<String>()),
        _ => format!("{line}\n"),
    });
    let wrong: [(String, &str); 3] = [
        (another.collect(), "the database was made with another one"),
        (own[..own.len() / 2].to_owned(), "it is not as it was written"),
        (String::new(), "it is not as it was written"),
    ];
    for (text, says) in wrong {
        fs::write(&file, &text).unwrap();
        good.assert_fails(|_| {}, &[&shown(&file), says, "put back the one"]);
        // It is not mended over our heads.
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    fs::remove_file(&file).unwrap();
    good.assert_fails(|_| {}, &[&shown(&file), "it is missing", "put it back"]);
    assert!(!file.exists(), "another one was made");
    fs::write(&file, own).unwrap();
    mode(0o600);
    good.assert_whole();
}

#[test]
fn ports_and_names_that_others_have() {
    let mut good = Good::make("dir_ports", 9);
    let (sip, api) = (good.sip, good.api);
    let socket = good.data.join("onering.sock");
    let ends = |good: &Good, says: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
        let (code, said) = end(command.arg("serve").arg("-c").arg(&good.config));
        assert_eq!(code, Some(1), "{said}");
        assert_one_sentence(&said, says);
    };
    let taken = UdpSocket::bind(sip).unwrap();
    let port = sip.to_string();
    ends(&good, &["cannot listen on udp", &port, "the port is taken by another program"]);
    drop(taken);
    good.assert_nothing_left();
    let taken = TcpListener::bind(api).unwrap();
    let port = api.to_string();
    ends(&good, &["cannot listen on", &port, "another process has this port"]);
    drop(taken);
    good.assert_nothing_left();
    let taken = UnixListener::bind(&socket).unwrap();
    ends(&good, &["cannot listen on", &shown(&socket), "another process does"]);
    drop(taken);
    // Its name is left, as by a process that was killed: that is in nobody's way.
    good.assert_whole();
    fs::write(&socket, "notes\n").unwrap();
    ends(&good, &["cannot listen on", &shown(&socket), "something that is no socket is there"]);
    assert_eq!(fs::read_to_string(&socket).unwrap(), "notes\n");
    fs::remove_file(&socket).unwrap();
    good.assert_whole();
    // An address that this machine does not have.
    let text = fs::read_to_string(&good.config).unwrap();
    for (own, other) in [(sip, "192.0.2.1:5060"), (api, "192.0.2.1:8080")] {
        fs::write(&good.config, text.replace(&own.to_string(), other)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
        let (code, said) = end(command.arg("serve").arg("-c").arg(&good.config));
        assert_eq!(code, Some(1), "{said}");
        // Before it there may be a warning that others would reach it.
        let last = said.lines().rfind(|line| line.starts_with("error: ")).unwrap();
        assert!(
            last.contains(other) && last.contains("this machine has no such address"),
            "{said}"
        );
    }
    fs::write(&good.config, text).unwrap();
    good.assert_whole();
    assert!(good.carrier.take().unwrap().stop().0.success());
}

#[test]
fn a_configuration_with_mistakes_touches_no_data() {
    let good = Good::make("dir_config", 10);
    let text = fs::read_to_string(&good.config).unwrap();
    let other = good.data.with_file_name("elsewhere");
    let wrong = text.replace("[store]", "[stoer]").replace(&shown(&good.data), &shown(&other));
    fs::write(&good.config, wrong).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
    let (code, said) = end(command.arg("serve").arg("-c").arg(&good.config));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("stoer") && said.contains("store"), "{said}");
    assert!(said.lines().last().unwrap().starts_with("error: "), "{said}");
    assert!(!other.exists(), "a directory was made");
    good.assert_nothing_left();
    fs::write(&good.config, text).unwrap();
    good.assert_whole();
}
