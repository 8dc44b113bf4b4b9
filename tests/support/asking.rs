//! Asking a service that may die in between: no answer is an answer.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// What came back, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.head.lines().find_map(|line| line.strip_prefix(name));
        found.and_then(|rest| rest.strip_prefix(':')).map(str::trim)
    }

    /// The name of the problem, if it is one.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// What is asked.
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) key: &'a str,
    pub(crate) idempotency: Option<&'a str>,
    pub(crate) body: Option<&'a Value>,
}

impl<'a> Ask<'a> {
    pub(crate) fn get(key: &'a str, path: &'a str) -> Self {
        Self { method: "GET", path, key, idempotency: None, body: None }
    }

    pub(crate) fn post(key: &'a str, path: &'a str, body: &'a Value) -> Self {
        Self { method: "POST", path, key, idempotency: None, body: Some(body) }
    }

    pub(crate) fn once(mut self, idempotency: &'a str) -> Self {
        self.idempotency = Some(idempotency);
        self
    }

    /// Asks; `sent` is called once the question has left. None where no whole answer came.
    pub(crate) fn of(&self, api: SocketAddr, sent: impl FnOnce()) -> Option<Answer> {
        let mut stream = TcpStream::connect(api).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        let Self { method, path, key, .. } = self;
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        if !key.is_empty() {
            head += &format!("Authorization: Bearer {key}\r\n");
        }
        if let Some(once) = self.idempotency {
            head += &format!("Idempotency-Key: {once}\r\n");
        }
        let body = self.body.map(ToString::to_string).unwrap_or_default();
        head +=
            &format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).ok()?;
        sent();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        whole(&answer)
    }
}

/// Answers of the API say how long they are.
fn whole(answer: &[u8]) -> Option<Answer> {
    let end = memchr::memmem::find(answer, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = &answer[end + 4..];
    let answer = Answer { status, head, body: serde_json::from_slice(body).ok()? };
    let length: usize = answer.header("content-length")?.parse().ok()?;
    (length == body.len()).then_some(answer)
}
