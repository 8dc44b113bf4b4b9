//! Requests as they come: bodies with their limits and mistakes, queries, and what may be answered.

use super::Service;
use super::problem::{Code, Fault, Problem};
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts};
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What a field of a body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string.
    Text,
    /// An object.
    Object,
    /// An array of strings.
    Texts,
}

/// A field of a body: its name, what it holds, and whether it must be there.
pub(crate) type Field = (&'static str, Kind, bool);

/// A body that is a JSON object with these fields and no others.
pub(crate) trait Shape: DeserializeOwned {
    /// Its fields.
    const FIELDS: &'static [Field];
}

/// A body, read.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Shape> FromRequest<Arc<Service>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, service: &Arc<Service>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        content_type(&parts.headers)?;
        let bytes = body_within(&parts.headers, body, &service.limits).await?;
        object::<T>(&bytes).map(Self)
    }
}

/// How much of a body is taken, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    /// Bytes.
    pub(crate) bytes: usize,
    /// From its head to its last byte.
    pub(crate) within: std::time::Duration,
}

fn content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let media = value.to_str().unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = "the body is JSON; send Content-Type: application/json";
    Err(Problem::new(Code::UnsupportedMediaType, detail))
}

async fn body_within(
    headers: &HeaderMap,
    body: Body,
    limits: &BodyLimits,
) -> Result<Bytes, Problem> {
    let too_large =
        || Problem::new(Code::TooLarge, format!("a body has at most {} bytes", limits.bytes));
    let said = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if said.is_some_and(|said: u64| said > limits.bytes as u64) {
        return Err(too_large());
    }
    let all = Limited::new(body, limits.bytes).collect();
    match tokio::time::timeout(limits.within, all).await {
        Ok(Ok(all)) => Ok(all.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        // Whoever sent half a body will hardly read this.
        Ok(Err(_)) => Err(Problem::new(Code::InvalidRequest, "the body ended too early")),
        Err(_) => {
            let secs = limits.within.as_secs();
            Err(Problem::new(Code::TooSlow, format!("a body arrives within {secs} s of its head")))
        }
    }
}

/// Reads a body. Only one that is wrong is looked at a second time, for all of its mistakes.
fn object<T: Shape>(bytes: &[u8]) -> Result<T, Problem> {
    match serde_json::from_slice(bytes) {
        Ok(read) => Ok(read),
        Err(error) => Err(mistakes(bytes, &error, T::FIELDS)),
    }
}

fn mistakes(bytes: &[u8], error: &serde_json::Error, fields: &[Field]) -> Problem {
    let (line, column) = (error.line(), error.column());
    let value = match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => value,
        Err(_) if bytes.iter().all(u8::is_ascii_whitespace) => {
            return Problem::new(Code::InvalidJson, "the body is empty; it is a JSON object");
        }
        Err(error) => {
            // The reader's own words, without the place, which follows in ours.
            let said = error.to_string();
            let said = said.split(" at line ").next().unwrap_or_default().to_owned();
            let (line, column) = (error.line(), error.column());
            let detail = format!("line {line}, column {column}: {said}");
            return Problem::new(Code::InvalidJson, detail);
        }
    };
    let Value::Object(object) = value else {
        return Problem::new(Code::InvalidRequest, "the body is a JSON object");
    };
    let mut errors = unknown(&object, fields);
    let code = if errors.is_empty() { Code::InvalidRequest } else { Code::UnknownField };
    errors.extend(wrong(&object, fields));
    let detail = match errors.first() {
        Some(fault) => format!("{}: {}", fault.pointer, fault.detail),
        // What the second look does not see: a field that is there twice.
        None => format!("line {line}, column {column}: a field is there twice"),
    };
    Problem { errors, ..Problem::new(code, detail) }
}

fn unknown(object: &Map<String, Value>, fields: &[Field]) -> Vec<Fault> {
    let known: Vec<&str> = fields.iter().map(|(name, ..)| *name).collect();
    let unknown = object.keys().filter(|name| !known.contains(&name.as_str()));
    let nearest = |name: &str| {
        let near = |known: &&&str| strsim::damerau_levenshtein(known, name) <= 2;
        match known.iter().find(near) {
            Some(near) => format!("there is no such field; did you mean {near}?"),
            None => format!("there is no such field; there are {}", known.join(", ")),
        }
    };
    unknown.map(|name| Fault { pointer: pointer(name).into(), detail: nearest(name) }).collect()
}

fn wrong(object: &Map<String, Value>, fields: &[Field]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (name, kind, required) in fields {
        let detail = match object.get(*name) {
            None | Some(Value::Null) if *required => Some("it is needed"),
            None | Some(Value::Null) => None,
            Some(value) => wrong_kind(value, *kind),
        };
        if let Some(detail) = detail {
            faults.push(Fault { pointer: pointer(name).into(), detail: detail.to_owned() });
        }
    }
    faults
}

fn wrong_kind(value: &Value, kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Text => (!value.is_string()).then_some("it is a string"),
        Kind::Object => (!value.is_object()).then_some("it is an object"),
        Kind::Texts => {
            let texts = value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
            (!texts).then_some("it is an array of strings")
        }
    }
}

/// A member as a JSON pointer (RFC 6901 §3), shortened where somebody sends a novel.
fn pointer(name: &str) -> String {
    let name: String = name.chars().take(64).collect();
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A query, read.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Service>> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Service>) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|error| Problem::new(Code::InvalidRequest, error.body_text()))
    }
}

/// A number in a query: a `+` that was not escaped has become a blank.
pub(crate) fn plus(text: &str) -> String {
    text.strip_prefix(' ').map_or_else(|| text.to_owned(), |digits| format!("+{digits}"))
}

/// Whoever asks takes JSON. Everybody else is refused.
pub(crate) struct TakesJson;

impl FromRequestParts<Arc<Service>> for TakesJson {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Service>) -> Result<Self, Problem> {
        accepts(&parts.headers, "application/json").map(|()| Self)
    }
}

/// Refused where whoever asks does not take this kind of answer.
pub(crate) fn accepts(headers: &HeaderMap, media: &str) -> Result<(), Problem> {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut asked = values.peekable();
    let any = asked.peek().is_none();
    if any || asked.any(|value| value.split(',').any(|range| takes(range, media))) {
        return Ok(());
    }
    Err(Problem::new(Code::NotAcceptable, format!("the answer is {media}")))
}

/// Whether a media range takes in a media type.
fn takes(range: &str, media: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    if parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000")) {
        return false;
    }
    let (kind, _) = media.split_once('/').unwrap_or((media, ""));
    range == "*/*"
        || range.eq_ignore_ascii_case(media)
        || range.strip_suffix("/*").is_some_and(|asked| asked.eq_ignore_ascii_case(kind))
}
