//! `[api]`, `[store]`, `[log]` and `[limits]`: the service around the calls.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::form::{Size, Text, Time, Whole, Word};
use super::report::Mistake;
use super::secret::keep_to_owner;
use super::table::{At, Key, Part, Section, Shape, Table, Unset};
use super::text;

/// The REST interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiConfig {
    /// Address and port; default `127.0.0.1:8080`. Port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// Its certificate; default none: plain HTTP.
    pub tls: Option<TlsConfig>,
    /// How much clients may make us hold, and for how long.
    pub limits: ApiLimits,
    /// Where the Unix socket for the other commands is; default `onering.sock` in the data directory.
    pub socket: PathBuf,
}

/// How much clients of the REST interface may make us hold, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiLimits {
    /// Connections over TCP, 1 to 65,536; default 1,024.
    pub connections_max: usize,
    /// Of them from one address, 1 to 65,536; default 256.
    pub connections_per_source_max: usize,
    /// Requests under way, 1 to 65,536; default 1,024.
    pub requests_max: usize,
    /// Streams of events and exports, 1 to 65,536; default 256.
    pub streams_max: usize,
    /// Bytes of a body, 1 KiB to 1 MiB; default 64 KiB.
    pub body_max: u64,
    /// For the head of a request to come in, 1 s to 60 s; default 5 s.
    pub head_within: Duration,
    /// For a body, from its head, 1 s to 60 s; default 10 s.
    pub body_within: Duration,
    /// Between two requests of a connection, 1 s to 10 min; default 60 s.
    pub idle_max: Duration,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// PEM file of the certificate chain.
    pub cert: PathBuf,
    /// PEM file of its private key, which not everybody may read.
    pub key: PathBuf,
}

/// What is kept on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// The data directory; default `data`.
    pub dir: PathBuf,
    /// How long records of calls are kept, 1 min to 10 years; default 30 days.
    pub retain_cdrs: Duration,
    /// How long verifications that ended are kept, from when they began, 1 min to 10 years; default 30 days.
    pub retain_verifications: Duration,
}

/// How log lines are written, to standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// How a line looks; default for people.
    pub format: LogFormat,
    /// Which lines: a level, or levels by module as in `info,onering::driver=debug`; default `info`.
    pub level: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// How much may be open at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Verifications, 1 to 5,000,000; default 200,000.
    pub verifications: usize,
    /// Calls in flight and just ended, together, 1 to 5,000,000; default 200,000.
    pub calls: usize,
}

const LISTEN: Key<Text<SocketAddr>> = Key::fixed(
    "listen",
    text::LISTEN,
    Unset::Default("\"127.0.0.1:8080\""),
    "Address and port of the REST interface. Only this machine reaches it unless told otherwise.",
);
const CONNECTIONS_MAX: Key<Whole> =
    Key::fixed("connections_max", MANY, Unset::Default("1024"), "Connections at a time.");
const CONNECTIONS_PER_SOURCE_MAX: Key<Whole> = Key::fixed(
    "connections_per_source_max",
    MANY,
    Unset::Default("256"),
    "Connections at a time from one address.",
);
const REQUESTS_MAX: Key<Whole> =
    Key::fixed("requests_max", MANY, Unset::Default("1024"), "Requests under way at a time.");
const STREAMS_MAX: Key<Whole> = Key::fixed(
    "streams_max",
    MANY,
    Unset::Default("256"),
    "Streams of events and exports at a time.",
);
const BODY_MAX: Key<Size> = Key::fixed(
    "body_max",
    Size(1 << 10..=1 << 20),
    Unset::Default("\"64KiB\""),
    "Most bytes of a request's body.",
);
const HEAD_WITHIN: Key<Time> = Key::fixed(
    "head_within",
    SOON,
    Unset::Default("\"5s\""),
    "How long the head of a request may take to come in.",
);
const BODY_WITHIN: Key<Time> = Key::fixed(
    "body_within",
    SOON,
    Unset::Default("\"10s\""),
    "How long its body may take, from its head on.",
);
const IDLE_MAX: Key<Time> = Key::fixed(
    "idle_max",
    Time(Duration::from_secs(1)..=Duration::from_secs(600)),
    Unset::Default("\"60s\""),
    "How long a connection may wait for its next request.",
);
const MANY: Whole = Whole(1..=65_536);
const SOON: Time = Time(Duration::from_secs(1)..=Duration::from_secs(60));
const SOCKET: Key<Text<PathBuf>> = Key::fixed(
    "socket",
    text::PATH,
    Unset::Nothing("\"data/onering.sock\""),
    "Unix socket for the other commands of this program. By default onering.sock in the data directory.",
);
const CERT: Key<Text<PathBuf>> = Key::fixed(
    "cert",
    text::PATH,
    Unset::Needed("\"tls.crt\""),
    "PEM file of the certificate chain.",
);
const TLS_KEY: Key<Text<PathBuf>> = Key::fixed(
    "key",
    text::PATH,
    Unset::Needed("\"tls.key\""),
    "PEM file of its private key, which not everybody may read.",
);

const TLS: Part = Part {
    name: "tls",
    shape: Shape::Inline(r#"{ cert = "tls.crt", key = "tls.key" }"#),
    section: &TLS_SECTION,
};

static TLS_SECTION: Section = Section {
    doc: "Certificate of the REST interface. By default it speaks plain HTTP",
    keys: &[&CERT, &TLS_KEY],
    parts: &[],
};

pub(super) const API: Part = Part { name: "api", shape: Shape::One, section: &API_SECTION };

static API_SECTION: Section = Section {
    doc: "The REST interface",
    keys: &[
        &LISTEN,
        &SOCKET,
        &CONNECTIONS_MAX,
        &CONNECTIONS_PER_SOURCE_MAX,
        &REQUESTS_MAX,
        &STREAMS_MAX,
        &BODY_MAX,
        &HEAD_WITHIN,
        &BODY_WITHIN,
        &IDLE_MAX,
    ],
    parts: &[&TLS],
};

const DIR: Key<Text<PathBuf>> = Key::fixed(
    "dir",
    text::PATH,
    Unset::Default("\"data\""),
    "The data directory. It is made if it is not there.",
);
const RETAINED: Time = Time(Duration::from_secs(60)..=Duration::from_secs(3650 * 86_400));
const RETAIN_CDRS: Key<Time> =
    Key::fixed("cdrs", RETAINED, Unset::Default("\"30d\""), "How long records of calls are kept.");
const RETAIN_VERIFICATIONS: Key<Time> = Key::fixed(
    "verifications",
    RETAINED,
    Unset::Default("\"30d\""),
    "How long verifications that ended are kept, from when they began.",
);

const RETAIN: Part = Part {
    name: "retain",
    shape: Shape::Inline(r#"{ cdrs = "30d", verifications = "30d" }"#),
    section: &RETAIN_SECTION,
};

static RETAIN_SECTION: Section = Section {
    doc: "How long what ended is kept",
    keys: &[&RETAIN_CDRS, &RETAIN_VERIFICATIONS],
    parts: &[],
};

pub(super) const STORE: Part = Part { name: "store", shape: Shape::One, section: &STORE_SECTION };

static STORE_SECTION: Section =
    Section { doc: "What is kept on disk", keys: &[&DIR], parts: &[&RETAIN] };

const FORMAT: Key<Word<LogFormat>> = Key::fixed(
    "format",
    Word(&[("pretty", LogFormat::Pretty), ("json", LogFormat::Json)]),
    Unset::Default("\"pretty\""),
    "How a line looks.",
);
const LEVEL: Key<Text<String>> = Key::fixed(
    "level",
    Text { expects: "error, warn, info, debug or trace, or these by module", read: level },
    Unset::Default("\"info\""),
    "Which lines: a level, or levels by module as in \"info,onering::driver=debug\".",
);

pub(super) const LOG: Part = Part { name: "log", shape: Shape::One, section: &LOG_SECTION };

static LOG_SECTION: Section =
    Section { doc: "Log lines, on standard error", keys: &[&FORMAT, &LEVEL], parts: &[] };

const VERIFICATIONS: Key<Whole> = Key::new(
    "verifications",
    Whole(1..=5_000_000),
    Unset::Default("200000"),
    "Verifications that may be open at a time.",
);
const CALLS: Key<Whole> = Key::fixed(
    "calls",
    Whole(1..=5_000_000),
    Unset::Default("200000"),
    "Calls that may be in flight or just ended at a time; each takes less than 1 KiB.",
);

pub(super) const LIMITS: Part =
    Part { name: "limits", shape: Shape::One, section: &LIMITS_SECTION };

static LIMITS_SECTION: Section =
    Section { doc: "How much may be open at a time", keys: &[&VERIFICATIONS, &CALLS], parts: &[] };

/// The REST interface of a service whose data directory is this one.
pub(super) fn read_api(table: &Table<'_>, data: &std::path::Path) -> ApiConfig {
    let listen = table.address(&LISTEN);
    let tls = read_tls(&table.part(&TLS));
    if !listen.value.ip().to_canonical().is_loopback() && tls.is_none() {
        table.note(
            Mistake::warning(listen.at, "the REST interface can be reached from other machines")
                .expected("keys and numbers pass in plain text")
                .help(format!(
                    "set api.tls = {}, or listen on 127.0.0.1",
                    r#"{ cert = "…", key = "…" }"#
                )),
        );
    }
    ApiConfig {
        listen: listen.value,
        tls,
        limits: read_api_limits(table),
        socket: read_socket(table, data),
    }
}

/// Where the Unix socket is, if the data directory is this.
pub(super) fn read_socket(table: &Table<'_>, data: &std::path::Path) -> PathBuf {
    let socket = table.find(&SOCKET);
    socket.map_or_else(|| data.join("onering.sock"), |path| table.context.folder.join(path.value))
}

fn read_api_limits(table: &Table<'_>) -> ApiLimits {
    ApiLimits {
        connections_max: table.get(&CONNECTIONS_MAX) as usize,
        connections_per_source_max: table.get(&CONNECTIONS_PER_SOURCE_MAX) as usize,
        requests_max: table.get(&REQUESTS_MAX) as usize,
        streams_max: table.get(&STREAMS_MAX) as usize,
        body_max: table.get(&BODY_MAX),
        head_within: table.get(&HEAD_WITHIN),
        body_within: table.get(&BODY_WITHIN),
        idle_max: table.get(&IDLE_MAX),
    }
}

fn read_tls(table: &Table<'_>) -> Option<TlsConfig> {
    if !table.is_there() {
        return None;
    }
    let (cert, key) = (table.placed(&CERT), table.placed(&TLS_KEY));
    let full = |path: &At<PathBuf>| table.context.folder.join(&path.value);
    for (path, secret) in [(&cert, false), (&key, true)] {
        if path.value.as_os_str().is_empty() {
            continue;
        }
        let full = full(path);
        let found = std::fs::File::open(&full).and_then(|file| file.metadata());
        let problem = match found {
            Err(error) => Some(format!("cannot read {}: {error}", full.display())),
            Ok(meta) if !meta.is_file() => Some(format!("{} is no file", full.display())),
            Ok(meta) if secret => keep_to_owner(&full, meta.permissions().mode()).err(),
            Ok(_) => None,
        };
        if let Some(problem) = problem {
            table.note(Mistake::error(path.at.clone(), problem));
        }
    }
    Some(TlsConfig { cert: full(&cert), key: full(&key) })
}

pub(super) fn read_store(table: &Table<'_>) -> StoreConfig {
    let retain = table.part(&RETAIN);
    StoreConfig {
        dir: read_dir(table),
        retain_cdrs: retain.get(&RETAIN_CDRS),
        retain_verifications: retain.get(&RETAIN_VERIFICATIONS),
    }
}

/// The data directory.
pub(super) fn read_dir(table: &Table<'_>) -> PathBuf {
    table.context.folder.join(table.get(&DIR))
}

pub(super) fn read_log(table: &Table<'_>) -> LogConfig {
    LogConfig { format: table.get(&FORMAT), level: table.get(&LEVEL) }
}

pub(super) fn read_limits(table: &Table<'_>) -> LimitsConfig {
    LimitsConfig {
        verifications: table.get(&VERIFICATIONS) as usize,
        calls: table.get(&CALLS) as usize,
    }
}

fn level(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("the level is empty".to_owned());
    }
    EnvFilter::builder()
        .parse(text)
        .map(|_| text.to_owned())
        .map_err(|error| format!("{text:?} is no level: {error}"))
}
