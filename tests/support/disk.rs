//! A small disk of its own for a data directory: a tmpfs that only its holder, and whoever enters its namespace, sees.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The disk. It goes with its holder, which ends when we do.
pub(crate) struct Disk {
    holder: Child,
    /// Whether it has a namespace of users too, as where we are not root.
    own_users: bool,
}

/// Mounts, says so, and waits for our end.
const HOLD: &str =
    "mount -t tmpfs -o size=\"$1\",mode=700 none \"$0\" && cd \"$0\" && echo ready && exec cat";

impl Disk {
    /// Mounts one of this size over a folder; none where that may not be done.
    pub(crate) fn mount(over: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(over).unwrap();
        [false, true].into_iter().find_map(|own_users| {
            let mut command = Command::new("unshare");
            command.args(if own_users { &["-r", "-m"][..] } else { &["-m"] });
            command.args(["sh", "-c", HOLD]).arg(over).arg(size);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut holder = command.spawn().ok()?;
            let mut line = String::new();
            let mut out = BufReader::new(holder.stdout.take()?);
            out.read_line(&mut line).ok()?;
            if line == "ready\n" {
                return Some(Self { holder, own_users });
            }
            holder.wait().ok();
            None
        })
    }

    /// Its root, as it can be reached from outside.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/cwd", self.holder.id()))
    }

    /// `onering` within.
    pub(crate) fn onering(&self) -> Command {
        let holder = self.holder.id();
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{holder}/ns/mnt"));
        if self.own_users {
            command.args([&format!("--user=/proc/{holder}/ns/user"), "--preserve-credentials"]);
        }
        command.arg("--").arg(env!("CARGO_BIN_EXE_onering"));
        command
    }

    /// Fills what is left of it.
    pub(crate) fn fill(&self) {
        let mut filler = fs::File::create(self.path().join("filler")).unwrap();
        for size in [65_536, 4096, 1] {
            let block = vec![0; size];
            while filler.write_all(&block).is_ok() {}
        }
    }

    /// Makes room again.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.holder.kill().ok();
        self.holder.wait().ok();
    }
}
