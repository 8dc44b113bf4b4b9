//! A service that runs as an operator would run it: `onering serve` over a configuration and a data directory of its own,
//! and a carrier beside it. Each is ended by its own id, whatever becomes of the test.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;

/// How long anything here may take before the test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder of its own for a test, emptied; what is in it stays for who wants to look.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("running").join(name);
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A program that says where it listens.
pub(crate) struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    ended: bool,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out, ended: false }
    }

    /// The next line that it says; empty at its end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(id, signal).unwrap();
    }

    /// Waits for its end, and what it said until then.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.out.read_to_string(&mut said).unwrap();
        self.ended = true;
        (self.child.wait().unwrap(), said)
    }

    /// SIGTERM, and its end.
    pub(crate) fn stop(self) -> (ExitStatus, String) {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        self.end()
    }

    /// SIGKILL: no last word.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.ended = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// `onering carrier` with these arguments, on a port that the system chose.
pub(crate) fn carrier(arguments: &[&str]) -> (Running, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
    command.args(["carrier", "--listen", "127.0.0.1:0"]).args(arguments);
    let mut carrier = Running::start(&mut command);
    let line = carrier.line();
    // `listening on ADDRESS`, or a JSON object with it.
    let address = line.split(['"', ' ']).find_map(|word| word.parse().ok());
    (carrier, address.unwrap_or_else(|| panic!("no address in {line:?}")))
}

/// A configuration over one carrier, any ports, and a pool of ten thousand numbers; `more` is appended.
pub(crate) fn configuration(folder: &Path, carrier: SocketAddr, more: &str) -> PathBuf {
    let file = folder.join("onering.toml");
    let data = folder.join("data");
    let text = format!(
        "[sip]\nlisten = \"127.0.0.1:0\"\n\n[api]\nlisten = \"127.0.0.1:0\"\n\n[store]\ndir = \"{}\"\n\n\
         [[trunk]]\nname = \"carrier\"\ntarget = \"{carrier}\"\n\n\
         [[pool]]\nname = \"numbers\"\nnumbers = [\"+12025550000-+12025559999\"]\n\n\
         [[route]]\ntrunks = [\"carrier\"]\npool = \"numbers\"\n\n\
         [destinations]\ncountries = [\"US\"]\n\n{more}\n",
        data.display()
    );
    fs::write(&file, text).unwrap();
    file
}

/// A service that runs.
pub(crate) struct Served {
    pub(crate) program: Running,
    pub(crate) api: SocketAddr,
    /// Its Unix socket, where the configuration does not say another.
    pub(crate) socket: PathBuf,
}

/// `onering serve` over this configuration. Its log lines go to `serve.log` beside it.
pub(crate) fn serve(config: &Path) -> Served {
    serve_as(config, |_| {})
}

/// The same, with something changed about the command.
pub(crate) fn serve_as(config: &Path, change: impl FnOnce(&mut Command)) -> Served {
    let folder = config.parent().unwrap();
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("serve.log"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
    command.arg("serve").arg("-c").arg(config).stderr(log.unwrap());
    change(&mut command);
    let mut program = Running::start(&mut command);
    let line = program.line();
    let api = line.rsplit('/').next().and_then(|address| address.parse().ok());
    let api = api.unwrap_or_else(|| {
        let log = fs::read_to_string(folder.join("serve.log")).unwrap_or_default();
        panic!("no address in {line:?}\n{log}")
    });
    let calls = program.line();
    assert!(calls.starts_with("calling from udp "), "{calls}");
    Served { program, api, socket: folder.join("data/onering.sock") }
}

impl Served {
    /// Asks as an operator on this machine: over the Unix socket, without a key.
    pub(crate) fn operator(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        exchange(stream, method, path, None, body)
    }

    /// A key with these scopes.
    pub(crate) fn key(&self, scopes: &[&str]) -> String {
        let wish = serde_json::json!({ "tenant": "default", "scopes": scopes, "name": "test" });
        let (status, made) = self.operator("POST", "/v1/keys", Some(&wish));
        assert_eq!(status, 201, "{made}");
        made["key"].as_str().unwrap().to_owned()
    }

    pub(crate) fn get(&self, key: &str, path: &str) -> (u16, Value) {
        ask(self.api, "GET", path, Some(key), None)
    }

    pub(crate) fn post(&self, key: &str, path: &str, body: &Value) -> (u16, Value) {
        ask(self.api, "POST", path, Some(key), Some(body))
    }
}

/// One question over a connection of its own; the answer's status and its JSON (or its text, as a JSON string).
pub(crate) fn ask(
    api: SocketAddr,
    method: &str,
    path: &str,
    key: Option<&str>,
    body: Option<&Value>,
) -> (u16, Value) {
    let stream = TcpStream::connect(api).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    exchange(stream, method, path, key, body)
}

fn exchange(
    mut stream: impl std::io::Read + std::io::Write,
    method: &str,
    path: &str,
    key: Option<&str>,
    body: Option<&Value>,
) -> (u16, Value) {
    let key = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    let body = body.map(ToString::to_string).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{key}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = memchr::memmem::find(&answer, b"\r\n\r\n").unwrap();
    let (head, body) = answer.split_at(end + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body =
        if head.contains("transfer-encoding: chunked") { unchunk(body) } else { body.to_vec() };
    let text = String::from_utf8_lossy(&body).into_owned();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = memchr::memmem::find(body, b"\r\n").unwrap();
        let size = std::str::from_utf8(&body[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[end + 2 + size + 2..];
    }
}

/// Log lines of a service that writes each as a JSON object; they are kept beside its configuration too.
pub(crate) struct Log {
    lines: std::sync::mpsc::Receiver<String>,
    reader: Option<std::thread::JoinHandle<()>>,
}

/// `onering serve` over a configuration that says `[log] format = "json"`.
pub(crate) fn serve_with_log(config: &Path) -> (Served, Log) {
    let (reader, writer) = std::io::pipe().unwrap();
    let served = serve_as(config, |command| {
        command.stderr(writer);
    });
    let file = config.parent().unwrap().join("serve.log");
    // Longer than any test's log: the service must never wait for the test.
    let (tell, lines) = std::sync::mpsc::sync_channel(1_000_000);
    let read = move || {
        let mut file = fs::File::create(file).unwrap();
        for line in BufReader::new(reader).lines() {
            let line = line.unwrap();
            writeln!(file, "{line}").unwrap();
            tell.send(line).ok();
        }
    };
    (served, Log { lines, reader: Some(std::thread::spawn(read)) })
}

impl Log {
    /// The lines up to the first that fits, which is the last of them.
    pub(crate) fn until(&self, mut fits: impl FnMut(&Value) -> bool) -> Vec<Value> {
        let mut seen = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no such line in the log: {seen:#?}"));
            let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            assert!(line.is_object(), "{line}");
            let last = fits(&line);
            seen.push(line);
            if last {
                return seen;
            }
        }
    }

    /// What is left of the lines, once the service has ended.
    pub(crate) fn rest(mut self) -> Vec<String> {
        self.reader.take().unwrap().join().unwrap();
        self.lines.try_iter().collect()
    }
}
