//! Everywhere that somebody can look.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::search::Kind;
use crate::stage::{FILES, Open, Stage};
use crate::support::http::{Answer, Line, bearer};
use crate::support::phones::Ring;

/// What was seen, and where.
pub(crate) struct Found {
    pub(crate) place: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Reads,
    Reveals,
}

impl Who {
    fn key(self, stage: &Stage) -> &str {
        match self {
            Self::Reads => &stage.reads,
            Self::Reveals => &stage.reveals,
        }
    }
}

/// Asks as somebody, on one connection.
struct Asker {
    line: Line,
    key: String,
}

impl Asker {
    fn new(stage: &Stage, who: Who) -> Self {
        Self { line: Line::open(stage.served.api), key: bearer(who.key(stage)) }
    }

    fn ask(&mut self, method: &str, path: &str, accept: &str, body: &str) -> Answer {
        let headers = [("Authorization", self.key.as_str()), ("Accept", accept)];
        self.line.ask(method, path, &headers, body)
    }

    fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, "*/*", "")
    }
}

/// A number as a query holds it.
fn query(to: &str) -> String {
    to.replace('+', "%2B")
}

/// Every path of the description that can be read, for everything that there is.
fn paths(document: &Value, open: &[Open], cdrs: &[String]) -> Vec<String> {
    let mut paths = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        if methods.get("get").is_none() || path.ends_with("/events") {
            // Streams are followed all the while.
            continue;
        }
        if path.contains("{cdr_id}") {
            paths.extend(cdrs.iter().map(|id| path.replace("{cdr_id}", id)));
        } else if path.contains("{id}") {
            paths.extend(open.iter().map(|one| path.replace("{id}", &one.id)));
        } else if path == "/v1/routes/explain" {
            paths.extend(open.iter().map(|one| format!("{path}?to={}", query(&one.to))));
        } else {
            assert!(!path.contains('{'), "{path} is not known here");
            paths.push(path.clone());
        }
    }
    for one in open {
        let (id, to) = (&one.id, query(&one.to));
        paths.push(format!("/v1/verifications?to={to}&status=pending&limit=1"));
        paths.push(format!("/v1/cdrs?verification={id}"));
        paths.push(format!("/v1/cdrs?to={to}"));
    }
    for more in [
        "/v1/verifications?status=pending",
        "/v1/verifications?status=approved",
        "/v1/verifications?client_reference=none",
        "/v1/verifications?limit=2",
        "/v1/cdrs?trunk=quick",
        "/v1/cdrs?outcome=rang",
        "/v1/cdrs?since=2020-01-01&until=2100-01-01&limit=200",
        "/v1/cdrs/export?format=jsonl",
        "/v1/cdrs/export?format=csv&profile=default",
        "/v1/cdrs/export?format=csv&profile=asterisk",
        "/v1/cdrs/export?format=csv&profile=freeswitch",
        "/v1/cdrs/export?format=csv&profile=cgrates",
        "/v1/cdrs/export?since=2020-01-01",
        "/v1/verifications/ver_06f5yjgzv8000000000g7ne9ep7wmrk2",
        "/v1/nothing",
        "/v1/routes/explain?to=%2B1",
        "/v1/verifications?status=none",
    ] {
        paths.push(more.to_owned());
    }
    paths
}

/// What the API answers, heads and bodies.
pub(crate) fn answers(stage: &Stage, who: Who, open: &[Open]) -> Vec<Found> {
    let mut asker = Asker::new(stage, who);
    let document = asker.get("/openapi.json").json();
    let list = asker.get("/v1/cdrs?limit=200").json();
    let cdrs = list["data"].as_array().unwrap().iter();
    let cdrs: Vec<_> = cdrs.map(|cdr| cdr["cdr_id"].as_str().unwrap().to_owned()).collect();
    let mut all = Vec::new();
    let mut add = |place: String, answer: Answer| {
        let kind = match place.as_str() {
            "GET /metrics" => Kind::Log,
            "GET /openapi.json" => Kind::Examples,
            _ => Kind::Text,
        };
        let bytes = [answer.head.as_bytes(), &answer.body].concat();
        all.push(Found { place: format!("{who:?} {place}"), bytes, kind });
    };
    for path in paths(&document, open, &cdrs) {
        add(format!("GET {path}"), asker.get(&path));
    }
    let open_metrics = asker.ask("GET", "/metrics", "application/openmetrics-text", "");
    add("GET /metrics".to_owned(), open_metrics);
    // What a key that only reads may not do is said in answers, too.
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|method| *method != "get") {
            for one in open {
                let path = path.replace("{id}", &one.id);
                let answer =
                    asker.ask(&method.to_uppercase(), &path, "*/*", "{\"code\":\"00000000\"}");
                assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
                add(format!("{method} {path}"), answer);
            }
        }
    }
    all
}

/// What is to be seen without a key: logs, files, the process, what commands print. `all` while nothing has ended; then
/// whatever may show the numbers of what ended is left out.
pub(crate) fn outside(stage: &Stage, open: &[Open], all: bool) -> Vec<Found> {
    let mut found = Vec::new();
    let mut add = |place: &str, bytes: Vec<u8>, kind| {
        found.push(Found { place: place.to_owned(), bytes, kind });
    };
    add("the log", stage.log().into_bytes(), Kind::Log);
    let process = format!("/proc/{}", stage.served.program.id());
    for name in ["cmdline", "environ", "comm"] {
        add(name, fs::read(format!("{process}/{name}")).unwrap(), Kind::Bytes);
    }
    for answer in stage.answered.borrow().iter() {
        let bytes = [answer.head.as_bytes(), &answer.body].concat();
        for claim in stage.claims.borrow().iter() {
            assert!(
                !answer.text().contains(claim.as_str()),
                "a claim is repeated: {}",
                answer.text()
            );
        }
        add("an answer to the application", bytes, Kind::Text);
    }
    for (name, _, _, numbers) in FILES {
        if all || *numbers == "masked" {
            add(name, fs::read(stage.folder.join(name)).unwrap_or_default(), Kind::Text);
        }
    }
    if all {
        for entry in fs::read_dir(stage.folder.join("data")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                add(path.to_str().unwrap(), fs::read(&path).unwrap(), Kind::Bytes);
            }
        }
    }
    for arguments in commands(stage, open, all) {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        add(&arguments[..2].join(" "), said(&arguments), Kind::Text);
    }
    found
}

/// Commands that look at numbers or records.
fn commands(stage: &Stage, open: &[Open], all: bool) -> Vec<Vec<String>> {
    let config = stage.folder.join("onering.toml");
    let (config, dir) = (config.to_str().unwrap(), stage.folder.join("data"));
    let dir = dir.to_str().unwrap();
    let mut commands = vec![
        vec!["pool", "list", "-c", config],
        vec!["pool", "list", "--json", "-c", config],
        vec!["check", "-c", config],
        vec!["check", "--json", "-c", config],
        vec!["cdr", "list", "--masked", "--dir", dir],
        vec!["cdr", "export", "--masked", "--dir", dir],
    ];
    let id = record(stage, open);
    if all {
        commands.extend([
            vec!["cdr", "list", "--dir", dir],
            vec!["cdr", "list", "--json", "--dir", dir],
            vec!["cdr", "show", &id, "--dir", dir],
            vec!["cdr", "show", &id, "--json", "--dir", dir],
            vec!["cdr", "export", "--dir", dir],
        ]);
        for profile in ["default", "asterisk", "freeswitch", "cgrates"] {
            commands.push(vec![
                "cdr",
                "export",
                "--format",
                "csv",
                "--profile",
                profile,
                "--dir",
                dir,
            ]);
        }
    }
    commands.into_iter().map(|words| words.into_iter().map(str::to_owned).collect()).collect()
}

/// What a command prints, on either side.
fn said(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_onering")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    [output.stdout, output.stderr].concat()
}

/// The record of the last verification's call.
fn record(stage: &Stage, open: &[Open]) -> String {
    let path = format!("/v1/cdrs?verification={}", open.last().unwrap().id);
    let list = Asker::new(stage, Who::Reads).get(&path).json();
    list["data"][0]["cdr_id"].as_str().unwrap().to_owned()
}

/// What is shown of verifications that ended: to `reveal` the number that called, to `read` not; files in plain have it,
/// masked ones do not.
pub(crate) fn ended(stage: &Stage, ended: &[(Open, Ring)]) {
    const MASKED: &str = "+120********";
    let dir = stage.folder.join("data");
    let exported = said(&["cdr", "export", "--dir", dir.to_str().unwrap()]);
    let exported = String::from_utf8(exported).unwrap();
    for (one, ring) in ended {
        for (who, from, to) in [
            (Who::Reads, MASKED, format!("{}***{}", &one.to[..5], &one.to[8..])),
            (Who::Reveals, ring.from.as_str(), one.to.clone()),
        ] {
            let mut asker = Asker::new(stage, who);
            let shown = asker.get(&format!("/v1/verifications/{}", one.id)).json();
            assert_eq!(
                (&shown["attempts"][0]["caller_id"], &shown["to"]),
                (&from.into(), &to.as_str().into()),
                "{who:?}"
            );
            let calls = asker.get(&format!("/v1/verifications/{}/attempts", one.id)).json();
            assert_eq!(calls["data"][0]["caller_id"], from, "{who:?}");
            let records = asker.get(&format!("/v1/cdrs?verification={}", one.id)).json();
            let record = &records["data"][0];
            assert_eq!(
                (&record["from"], &record["to"]),
                (&from.into(), &to.as_str().into()),
                "{who:?}"
            );
        }
        assert!(exported.contains(&ring.from), "cdr export has no {}", ring.from);
        for (name, format, _, numbers) in FILES.iter().filter(|(.., numbers)| *numbers == "plain") {
            let path = stage.folder.join(name);
            // CGRateS has no column for the calling number.
            let digits = if name.contains("cgrates") { &one.to[1..] } else { &ring.from[1..] };
            // It is written as soon as the verification has ended, by a thread of its own.
            let found = (0..200_000).any(|_| {
                std::thread::yield_now();
                fs::read_to_string(&path).unwrap_or_default().contains(digits)
            });
            assert!(found, "{name} ({format}, {numbers}) has no {digits}");
        }
    }
}
