//! What a test on the wire needs around it: a folder of its own, free ports, programs that end.
//!
//! Each program runs under `timeout`, so that nothing is left behind whatever happens, and writes to files, so that
//! nothing blocks.

use std::fs::{self, File};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// A folder of its own for a test, emptied; what is in it stays for who wants to look.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sipp").join(name);
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The first of ten UDP ports in a row that nobody has now.
///
/// They lie below the range from which the system gives ports to those who ask for any, so that nobody gets one of
/// them by chance before the program that is meant to have it starts.
pub(crate) fn ports() -> u16 {
    const FIRST: u16 = 20_000;
    const BLOCKS: u16 = 1_200;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() % u32::from(BLOCKS)).unwrap();
    for _ in 0..BLOCKS {
        let block = (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % BLOCKS;
        let port = FIRST + 10 * block;
        if (port..port + 10).all(|port| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()) {
            return port;
        }
    }
    panic!("no ten free UDP ports in a row between {FIRST} and 32000");
}

/// A running program.
pub(crate) struct Program {
    name: &'static str,
    child: Child,
    folder: PathBuf,
}

impl Program {
    /// Starts a program in `folder`, to be ended after `seconds`. What it writes goes to `NAME.out` and `NAME.err`.
    pub(crate) fn start(
        name: &'static str,
        command: &str,
        arguments: &[String],
        folder: &Path,
        seconds: u32,
    ) -> Self {
        let file = |kind: &str| File::create(folder.join(format!("{name}.{kind}"))).unwrap();
        let child = Command::new("timeout")
            .args(["--foreground", "--signal=KILL", &seconds.to_string(), command])
            .args(arguments)
            .current_dir(folder)
            .env("SIPP_PASSWORD", "secret")
            .stdin(Stdio::null())
            .stdout(Stdio::from(file("out")))
            .stderr(Stdio::from(file("err")))
            .spawn()
            .unwrap_or_else(|error| panic!("timeout {command}: {error}"));
        Self { name, child, folder: folder.to_owned() }
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// What it wrote to standard output.
    pub(crate) fn out(&self) -> String {
        read(&self.folder.join(format!("{}.out", self.name)))
    }

    /// Sends it a signal; `timeout` hands it on.
    pub(crate) fn signal(&self, name: &str) {
        let (signal, pid) = (format!("-{name}"), self.child.id().to_string());
        let sent = Command::new("kill").args([&signal, &pid]).status().unwrap();
        assert!(sent.success(), "kill {signal} {pid}");
    }
}

impl Drop for Program {
    /// One that still runs is ended by way of `timeout`, which takes its program along.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal("TERM");
            self.child.wait().ok();
        }
    }
}

/// A file as text, whatever is in it; empty if there is none.
pub(crate) fn read(file: &Path) -> String {
    fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// Waits until somebody has bound this UDP port, as the kernel's own list shows.
pub(crate) fn until_bound(port: u16) {
    let ours = format!(":{port:04X} ");
    for _ in 0..1_000 {
        let bound = ["/proc/net/udp", "/proc/net/udp6"].iter().any(|list| {
            fs::read_to_string(list).unwrap_or_default().lines().any(|line| {
                line.split_once(": ").is_some_and(|(_, rest)| {
                    rest.split_once(' ')
                        .is_some_and(|(local, _)| format!("{local} ").ends_with(&ours))
                })
            })
        });
        if bound {
            return;
        }
        // Another program: there is no event to wait for.
        std::thread::park_timeout(Duration::from_millis(5));
    }
    panic!("nobody has bound UDP port {port} after 5 s");
}

/// Whether a program is there to be started.
pub(crate) fn installed(program: &str) -> bool {
    let found =
        Command::new(program).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok()
}
