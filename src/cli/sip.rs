//! `onering sip`: look at SIP messages.
//!
//! `sip parse` reads one message as a datagram would bring it. Text that is no UTF-8 is shown as Latin-1, one
//! character a byte, so no byte is lost.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Exit, Failure, Stdout};
use crate::base::limits::BODY_MAX;
use crate::sip::message::{Header, Kind, Message, Problem, Start, Verdict, validate};

/// Look at SIP messages
#[derive(Debug, Args)]
pub(super) struct Sip {
    #[command(subcommand)]
    command: SipCommand,
}

#[derive(Debug, Subcommand)]
enum SipCommand {
    Parse(Parse),
}

/// Read one SIP message and print it, or say where and why it is malformed
///
/// Exit status: 0 if it is well formed, 1 if its syntax is invalid, 2 if the file cannot be read.
#[derive(Debug, Args)]
struct Parse {
    /// The message as it stands on the wire; - reads standard input
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Sip {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        match self.command {
            SipCommand::Parse(command) => command.run(out),
        }
    }
}

impl Parse {
    fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        let bytes = read(&self.file).map_err(|error| {
            Failure::Usage(format!("cannot read {}: {error}", self.file.display()))
        })?;
        let seen = Seen::of(Bytes::from(bytes));
        let report = seen.report();
        if self.json {
            let text = serde_json::to_string_pretty(&report).map_err(io::Error::from)?;
            writeln!(out, "{text}")?;
        } else {
            print(out, &seen, &report)?;
        }
        Ok(if seen.verdict == Verdict::Accept { Exit::Done } else { Exit::Failed })
    }
}

/// One byte more than a datagram may have is enough to tell that it is too long.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = BODY_MAX as u64 + 1;
    if file == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        File::open(file)?.take(most).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// What was read of a file.
struct Seen {
    bytes: Bytes,
    /// The message, or as much of one as could be saved.
    message: Option<Message>,
    problems: Vec<Flaw>,
    verdict: Verdict,
}

/// A problem, wherever it was noticed.
#[derive(Serialize)]
struct Flaw {
    code: &'static str,
    owed: Option<u16>,
    at: usize,
    text: String,
}

impl From<Problem> for Flaw {
    fn from(problem: Problem) -> Self {
        Self { code: problem.code(), owed: problem.owed, at: problem.at, text: problem.to_string() }
    }
}

impl Seen {
    fn of(bytes: Bytes) -> Self {
        match Message::parse(bytes.clone()) {
            Ok(message) => {
                let problems = validate(&message);
                let verdict = Verdict::of(&problems);
                let problems = problems.into_iter().map(Flaw::from).collect();
                Self { bytes, message: Some(message), problems, verdict }
            }
            Err(malformed) => {
                let (code, at) = (malformed.code(), malformed.at());
                let mut problems = vec![Flaw { code, owed: None, at, text: malformed.to_string() }];
                let message = match finish(&bytes) {
                    Some(message) => {
                        // What is missing may have been cut off; what is there can be judged.
                        let seen = validate(&message).into_iter();
                        let seen = seen.filter(|problem| problem.kind() == Kind::Syntax);
                        problems.extend(seen.map(Flaw::from));
                        Some(message)
                    }
                    None => first_line(&bytes),
                };
                Self { bytes, message, problems, verdict: Verdict::Reject }
            }
        }
    }

    fn report(&self) -> Report<'_> {
        let mut report = Report {
            kind: None,
            method: None,
            uri: None,
            version: None,
            status: None,
            reason: None,
            headers: Vec::new(),
            body_len: 0,
            verdict: self.verdict.as_str(),
            problems: &self.problems,
        };
        let Some(message) = &self.message else {
            let line = self.bytes.trim_ascii_start();
            let response = line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"));
            report.kind = response.then_some("response");
            return report;
        };
        match message.start() {
            Start::Request { name, uri, version, .. } => {
                report.kind = Some("request");
                report.method = Some(text(name));
                report.uri = Some(text(uri));
                report.version = Some(text(version));
            }
            Start::Response { version, status, reason } => {
                report.kind = Some("response");
                report.version = Some(text(version));
                report.status = Some(status);
                report.reason = Some(text(reason));
            }
        }
        let line = |header: Header<'_>| Line {
            name: text(header.text).into_owned(),
            value: text(&header.value.unfolded()).into_owned(),
        };
        report.headers = message.headers().map(line).collect();
        report.body_len = message.body().len();
        report
    }
}

/// The message as it would be, had it not been cut off before its empty line.
fn finish(bytes: &[u8]) -> Option<Message> {
    let end: &[u8] = if bytes.ends_with(b"\n") { b"\r\n" } else { b"\r\n\r\n" };
    Message::parse([bytes, end].concat().into()).ok()
}

/// The start line alone.
fn first_line(bytes: &[u8]) -> Option<Message> {
    let line = bytes.trim_ascii_start().split(|byte| *byte == b'\n').next()?;
    Message::parse([line, b"\n\n"].concat().into()).ok()
}

/// UTF-8 as it is; anything else as Latin-1, so that every byte is one character.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// `sip parse --json`. What is not known, or is not of this kind, is `null`.
#[derive(Serialize)]
struct Report<'a> {
    kind: Option<&'static str>,
    method: Option<Cow<'a, str>>,
    uri: Option<Cow<'a, str>>,
    version: Option<Cow<'a, str>>,
    status: Option<u16>,
    reason: Option<Cow<'a, str>>,
    headers: Vec<Line>,
    body_len: usize,
    verdict: &'static str,
    problems: &'a [Flaw],
}

#[derive(Serialize)]
struct Line {
    name: String,
    value: String,
}

/// The same for people. Control characters are escaped: the message may come from anybody.
fn print(out: &mut Stdout, seen: &Seen, report: &Report<'_>) -> io::Result<()> {
    let shown = |text: &Option<Cow<'_, str>>| plain(text.as_deref().unwrap_or_default());
    match (report.kind, report.status) {
        (Some("request"), _) => {
            let (method, uri) = (shown(&report.method), shown(&report.uri));
            writeln!(out, "request   {method} {uri} {}", shown(&report.version))?;
        }
        (Some(_), Some(status)) => {
            let (version, reason) = (shown(&report.version), shown(&report.reason));
            writeln!(out, "response  {version} {status} {reason}")?;
        }
        (Some(kind), None) => writeln!(out, "{kind}")?,
        (None, _) => writeln!(out, "no message")?,
    }
    for header in &report.headers {
        writeln!(out, "  {}: {}", plain(&header.name), plain(&header.value))?;
    }
    writeln!(out, "body      {} bytes", report.body_len)?;
    writeln!(out, "verdict   {}", report.verdict)?;
    for flaw in &seen.problems {
        let (line, column) = place(&seen.bytes, flaw.at);
        let owed = flaw.owed.map_or_else(|| "-".to_owned(), |status| status.to_string());
        let (code, text) = (flaw.code, &flaw.text);
        writeln!(
            out,
            "problem   {owed:<3} {code} at byte {} (line {line}, column {column}): {text}",
            flaw.at
        )?;
    }
    Ok(())
}

fn plain(text: &str) -> String {
    let escape = |sign: char| {
        let escaped = sign.is_control().then(|| sign.escape_default());
        escaped.into_iter().flatten().chain((!sign.is_control()).then_some(sign))
    };
    text.chars().flat_map(escape).collect()
}

/// Line and column of a byte, both from 1.
fn place(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = bytes.get(..at).unwrap_or(bytes);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    (line, at - start + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(bytes: &[u8]) -> serde_json::Value {
        let seen = Seen::of(Bytes::copy_from_slice(bytes));
        serde_json::to_value(seen.report()).unwrap()
    }

    #[test]
    fn a_request_with_its_fields_in_order() {
        let seen =
            Seen::of("OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h\r\n ;branch=x\r\n\r\n".into());
        let text = serde_json::to_string(&seen.report()).unwrap();
        let start = "{\"kind\":\"request\",\"method\":\"OPTIONS\",\"uri\":\"sip:a@b\",\"version\":\"SIP/2.0\",\
                     \"status\":null,\"reason\":null,\"headers\":[{\"name\":\"v\",\
                     \"value\":\"SIP/2.0/UDP h ;branch=x\"}],\"body_len\":0,\"verdict\":\"accept\",\
                     \"problems\":[{\"code\":\"missing-header\",\"owed\":400,\"at\":0,\"text\":\"";
        assert!(text.starts_with(start), "{text}");
    }

    #[test]
    fn bytes_that_are_no_utf8_are_latin_1() {
        let seen = json(b"SIP/2.0 200 caf\xe9\r\nSubject: \xc3\xa9\r\nX: \xff\0\r\n\r\n");
        assert_eq!(seen["reason"], "caf\u{e9}");
        assert_eq!(seen["headers"][0]["value"], "\u{e9}");
        assert_eq!(seen["headers"][1]["value"], "\u{ff}\0");
    }

    #[test]
    fn what_was_cut_off_is_still_shown() {
        let seen = json(b"INVITE sip:a@b SIP/2.0\r\nFrom: \"open <sip:a@b>\r\nTo: <sip");
        assert_eq!((&seen["kind"], &seen["verdict"]), (&"request".into(), &"reject".into()));
        assert_eq!(seen["headers"].as_array().unwrap().len(), 2);
        let codes: Vec<_> =
            seen["problems"].as_array().unwrap().iter().map(|flaw| &flaw["code"]).collect();
        assert_eq!(codes, ["truncated", "address", "address"]);
    }

    #[test]
    fn what_cannot_be_read_at_all() {
        let big = json(b"SIP/2.0 4294967301 no\r\n\r\n");
        assert_eq!((&big["kind"], &big["status"]), (&"response".into(), &serde_json::Value::Null));
        assert_eq!(big["problems"][0]["code"], "status-code");
        let many = format!("INVITE sip:a@b SIP/2.0\r\n{}\r\n", "X: y\r\n".repeat(300));
        let many = json(many.as_bytes());
        assert_eq!((&many["method"], &many["verdict"]), (&"INVITE".into(), &"reject".into()));
        let none = json(b"\0\x01");
        assert_eq!((&none["kind"], &none["verdict"]), (&serde_json::Value::Null, &"reject".into()));
        assert_eq!(json(b"")["problems"][0]["code"], "empty");
    }

    #[test]
    fn nothing_from_outside_reaches_the_terminal_unescaped() {
        assert_eq!(plain("a\x1b[2Jb\u{9b}\u{e9}\n"), "a\\u{1b}[2Jb\\u{9b}\u{e9}\\n");
    }

    #[test]
    fn places_count_from_one() {
        assert_eq!(place(b"ab\ncd", 0), (1, 1));
        assert_eq!(place(b"ab\ncd", 4), (2, 2));
        assert_eq!(place(b"ab\ncd", 99), (2, 97));
    }
}
