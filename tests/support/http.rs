//! HTTP as it is on the wire: requests with any head and body, answers with theirs, streams as they come.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take before the test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The status line and the headers, as they came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// A connection.
pub(crate) struct Line(BufReader<TcpStream>);

impl Line {
    pub(crate) fn open(api: SocketAddr) -> Self {
        let stream = TcpStream::connect(api).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends bytes as they are; whether they were taken.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.get_mut().write_all(bytes).is_ok()
    }

    /// Reads one answer; none where the other side closed before it said anything.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let head = self.head()?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let answer = Answer { status, head, body: Vec::new() };
        let mut body = Vec::new();
        if answer.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk() {
                body.extend(chunk);
            }
        } else {
            let length = answer.header("content-length").map_or(0, |text| text.parse().unwrap());
            body.resize(length, 0);
            self.0.read_exact(&mut body).ok()?;
        }
        Some(Answer { body, ..answer })
    }

    /// Reads the head of an answer whose body comes little by little.
    pub(crate) fn head(&mut self) -> Option<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        Some(head)
    }

    /// The next chunk; none at the end.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut size = String::new();
        self.0.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim_end(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        self.0.read_exact(&mut chunk).ok()?;
        chunk.truncate(size);
        (size > 0).then_some(chunk)
    }

    /// Asks, and keeps the connection.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let answered = self.send(request(method, path, headers, body).as_bytes());
        let answer = self.answer().filter(|_| answered);
        answer.unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }
}

/// A request as text.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What a key is sent as.
pub(crate) fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

/// Asks once, with a key.
pub(crate) fn ask(api: SocketAddr, method: &str, path: &str, key: &str, body: &str) -> Answer {
    let key = bearer(key);
    Line::open(api).ask(method, path, &[("Authorization", &key)], body)
}

/// A stream of server-sent events.
pub(crate) struct Events {
    line: Line,
    buffer: String,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: Option<u64>,
    pub(crate) name: String,
    pub(crate) data: Value,
    /// As it came.
    pub(crate) text: String,
}

impl Events {
    /// Follows a verification, behind the event of this number.
    pub(crate) fn follow(api: SocketAddr, key: &str, id: &str, after: Option<u64>) -> Self {
        let mut line = Line::open(api);
        let (key, after) = (bearer(key), after.map(|after| after.to_string()));
        let mut headers = vec![("Authorization", key.as_str()), ("Accept", "text/event-stream")];
        headers.extend(after.as_deref().map(|after| ("Last-Event-ID", after)));
        line.send(
            request("GET", &format!("/v1/verifications/{id}/events"), &headers, "").as_bytes(),
        );
        let head = line.head().unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
        Self { line, buffer: String::new() }
    }
}

impl Iterator for Events {
    type Item = Event;

    /// The next event; none at the end of the stream.
    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((text, rest)) = self.buffer.split_once("\n\n") {
                let (text, rest) = (text.to_owned(), rest.to_owned());
                self.buffer = rest;
                let field = |name: &str| {
                    let mut lines = text.lines();
                    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                };
                if let Some(name) = field("event") {
                    let id = field("id").map(|id| id.parse().unwrap());
                    let data = serde_json::from_str(field("data").unwrap()).unwrap();
                    return Some(Event { id, name: name.to_owned(), data, text: text.clone() });
                }
                // A comment.
                continue;
            }
            let chunk = self.line.chunk()?;
            self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}
