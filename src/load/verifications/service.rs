//! What is asked of the service, and what it answers.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, InvalidHeaderValue};
use hyper::{Method, Request};
use serde::Deserialize;

use crate::base::number::{CallerId, Destination};

/// A service to be loaded.
#[derive(Clone, Debug)]
pub struct Service {
    /// Where it listens.
    pub(super) address: SocketAddr,
    host: HeaderValue,
    /// What stands before `/v1`; empty by default.
    base: String,
    authorization: HeaderValue,
}

impl Service {
    /// The service at `address`, called `host` in requests, its paths under `base`, with this key.
    ///
    /// # Errors
    /// The host or the key has a character that no header can have.
    pub fn new(
        address: SocketAddr,
        host: &str,
        base: &str,
        key: &str,
    ) -> Result<Self, InvalidHeaderValue> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {key}"))?;
        authorization.set_sensitive(true);
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { address, host: HeaderValue::from_str(host)?, base, authorization })
    }

    /// `POST /v1/verifications`.
    pub(super) fn start(&self, to: Destination) -> Result<Request<Full<Bytes>>, Fault> {
        let body = format!(r#"{{"to":"+{}"}}"#, to.reveal().as_str());
        self.post(format!("{}/v1/verifications", self.base), body)
    }

    /// `POST /v1/verifications/{id}/check` with the last `code_length` digits.
    pub(super) fn check(
        &self,
        id: &str,
        code_length: u8,
        caller: CallerId,
    ) -> Result<Request<Full<Bytes>>, Fault> {
        let digits = caller.reveal();
        let digits = digits.as_str();
        let code = digits.get(digits.len().saturating_sub(code_length.into())..).unwrap_or(digits);
        let body = format!(r#"{{"code":"{code}"}}"#);
        self.post(format!("{}/v1/verifications/{id}/check", self.base), body)
    }

    /// `GET /metrics`.
    pub(super) fn metrics(&self) -> Result<Request<Full<Bytes>>, Fault> {
        let request = Request::get(format!("{}/metrics", self.base)).header(HOST, &self.host);
        request.body(Full::default()).map_err(|_| Fault::Unreadable)
    }

    fn post(&self, path: String, body: String) -> Result<Request<Full<Bytes>>, Fault> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, &self.host)
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.body(Full::new(body.into())).map_err(|_| Fault::Unreadable)
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// What came of a start.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Posted {
    /// A call is to come.
    New { id: Box<str>, code_length: u8 },
    /// It belongs to an earlier start, and so does its call.
    Deduplicated,
}

impl Answer {
    /// Of a start.
    pub(super) fn posted(&self) -> Result<Posted, Fault> {
        let started: Started<'_> = self.read()?;
        if started.deduplicated {
            return Ok(Posted::Deduplicated);
        }
        // It becomes part of a path.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if started.id.is_empty() || !started.id.bytes().all(plain) {
            return Err(Fault::Unreadable);
        }
        Ok(Posted::New { id: started.id.into(), code_length: started.code_length })
    }

    /// Of a check: what it says.
    pub(super) fn checked(&self) -> Result<Cow<'_, str>, Fault> {
        self.read::<Checked<'_>>().map(|checked| checked.result)
    }

    /// The fields that are wanted out of the body of a success.
    fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Fault> {
        if !(200..300).contains(&self.status) {
            return Err(self.refusal());
        }
        serde_json::from_slice(&self.body).map_err(|_| Fault::Unreadable)
    }

    /// What a status that is no success says.
    pub(super) fn refusal(&self) -> Fault {
        let code = serde_json::from_slice(&self.body).map(|problem: Problem<'_>| problem.code);
        let code = code.map_or_else(|_| format!("http_{}", self.status), Cow::into_owned);
        Fault::Refused { status: self.status, code }
    }
}

#[derive(Deserialize)]
struct Started<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    code_length: u8,
    #[serde(default)]
    deduplicated: bool,
}

#[derive(Deserialize)]
struct Checked<'a> {
    #[serde(borrow)]
    result: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Problem<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
}

/// Why a request has not the answer that it should have.
#[derive(Debug)]
pub enum Fault {
    /// The service said no.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The problem's code; `http_STATUS` where the answer has none.
        code: String,
    },
    /// No connection.
    Unreachable(io::Error),
    /// The connection ended before the answer did, or the answer is no HTTP.
    Broken(String),
    /// No answer within 30 s.
    Silent,
    /// The answer is not what the API promises.
    Unreadable,
}

impl Fault {
    /// Its name among the errors.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Unreachable(_) => "unreachable",
            Self::Broken(_) => "broken",
            Self::Silent => "no_answer",
            Self::Unreadable => "unreadable",
        }
    }

    /// Whether every further request would meet the same: the key is not known, or may not do this.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Refused { status, code } => *status == 401 || code == "scope_missing",
            Self::Unreachable(_) | Self::Broken(_) | Self::Silent | Self::Unreadable => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, code } => write!(f, "answered {status} {code}"),
            Self::Unreachable(error) => write!(f, "cannot be reached: {error}"),
            Self::Broken(error) => write!(f, "broke off: {error}"),
            Self::Silent => f.write_str("did not answer"),
            Self::Unreadable => f.write_str("answered what is no answer of a onering service"),
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    fn service(base: &str) -> Service {
        Service::new("127.0.0.1:80".parse().unwrap(), "h:80", base, "or_1_s").unwrap()
    }

    fn answer(status: u16, body: &'static str) -> Answer {
        Answer { status, body: Bytes::from_static(body.as_bytes()) }
    }

    async fn body(request: Request<Full<Bytes>>) -> Bytes {
        request.into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn a_start_and_a_check_are_written_as_the_api_wants_them() {
        let to = Destination::parse("+12025550142").unwrap();
        let request = service("/onering/").start(to).unwrap();
        assert_eq!(
            (request.method(), request.uri().path()),
            (&Method::POST, "/onering/v1/verifications")
        );
        assert_eq!(request.headers()["authorization"], "Bearer or_1_s");
        assert_eq!(request.headers()["host"], "h:80");
        assert_eq!(request.headers()["content-type"], "application/json");
        assert_eq!(body(request).await, r#"{"to":"+12025550142"}"#);
        let caller = CallerId::parse("+12025550199").unwrap();
        let request = service("").check("ver_1", 6, caller).unwrap();
        assert_eq!(request.uri().path(), "/v1/verifications/ver_1/check");
        assert_eq!(body(request).await, r#"{"code":"550199"}"#);
        assert!(!format!("{:?}", service("")).contains("or_1_s"));
    }

    #[test]
    fn only_what_is_needed_is_read() {
        let new =
            answer(201, r#"{"status":"pending","id":"ver_1","code_length":4,"attempts":[{}]}"#);
        assert_eq!(new.posted().unwrap(), Posted::New { id: "ver_1".into(), code_length: 4 });
        let same = answer(200, r#"{"id":"ver_1","code_length":4,"deduplicated":true}"#);
        assert_eq!(same.posted().unwrap(), Posted::Deduplicated);
        assert_eq!(
            answer(200, r#"{"late":false,"result":"approved"}"#).checked().unwrap(),
            "approved"
        );
    }

    #[test]
    fn what_is_wrong_has_a_name() {
        for (status, body, name, last) in [
            (503, r#"{"code":"capacity_exceeded","status":503}"#, "capacity_exceeded", false),
            (502, "<html>", "http_502", false),
            (401, r#"{"code":"unauthenticated"}"#, "unauthenticated", true),
            (403, r#"{"code":"scope_missing"}"#, "scope_missing", true),
            (403, r#"{"code":"destination_denied"}"#, "destination_denied", false),
            (201, "{}", "unreadable", false),
            (201, r#"{"id":"../x","code_length":4}"#, "unreadable", false),
            (201, r#"{"id":"","code_length":4}"#, "unreadable", false),
        ] {
            let fault = answer(status, body).posted().unwrap_err();
            assert_eq!((fault.name(), fault.is_final()), (name, last), "{body}");
        }
    }
}
