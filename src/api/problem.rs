//! What went wrong, as it is told: problem documents (RFC 9457), from one table of codes.

use crate::base::id::SessionId;
use crate::verify::command::Refusal;
use crate::verify::status::{Reason, Status};
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// What a problem is called. The names do not change; programs may depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the table below has a title for each")]
pub enum Code {
    InvalidJson,
    InvalidRequest,
    UnknownField,
    Unauthenticated,
    ScopeMissing,
    DestinationDenied,
    UnknownTenant,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    TooSlow,
    VerificationInProgress,
    IdempotencyInFlight,
    NoStepsLeft,
    CallUnderWay,
    AlreadyApproved,
    AttemptsExhausted,
    Expired,
    Canceled,
    Failed,
    TooLarge,
    UnsupportedMediaType,
    InvalidNumber,
    NumberMissingPlus,
    InvalidCode,
    UnknownProfile,
    IdempotencyConflict,
    NoRoute,
    CapacityExceeded,
    TooManyConnections,
    StoreUnavailable,
    NoEligibleNumber,
    Draining,
}

/// One row of the table: name, status, title, and after how many milliseconds it is worth another try, if ever.
type Row = (&'static str, u16, &'static str, Option<u32>);

impl Code {
    /// All of them.
    pub const ALL: [Self; 33] = [
        Self::InvalidJson,
        Self::InvalidRequest,
        Self::UnknownField,
        Self::Unauthenticated,
        Self::ScopeMissing,
        Self::DestinationDenied,
        Self::UnknownTenant,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::TooSlow,
        Self::VerificationInProgress,
        Self::IdempotencyInFlight,
        Self::NoStepsLeft,
        Self::CallUnderWay,
        Self::AlreadyApproved,
        Self::AttemptsExhausted,
        Self::Expired,
        Self::Canceled,
        Self::Failed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidNumber,
        Self::NumberMissingPlus,
        Self::InvalidCode,
        Self::UnknownProfile,
        Self::IdempotencyConflict,
        Self::NoRoute,
        Self::CapacityExceeded,
        Self::TooManyConnections,
        Self::StoreUnavailable,
        Self::NoEligibleNumber,
        Self::Draining,
    ];

    const fn row(self) -> Row {
        match self {
            Self::InvalidJson => ("invalid_json", 400, "The body is not JSON", None),
            Self::InvalidRequest => ("invalid_request", 400, "The request is not understood", None),
            Self::UnknownField => ("unknown_field", 400, "There is no such field", None),
            Self::Unauthenticated => ("unauthenticated", 401, "A valid API key is needed", None),
            Self::ScopeMissing => ("scope_missing", 403, "The API key may not do this", None),
            Self::DestinationDenied => {
                ("destination_denied", 403, "Numbers there are not called", None)
            }
            Self::UnknownTenant => ("unknown_tenant", 403, "There is no such tenant", None),
            Self::NotFound => ("not_found", 404, "There is no such thing", None),
            Self::MethodNotAllowed => ("method_not_allowed", 405, "This cannot be done here", None),
            Self::NotAcceptable => ("not_acceptable", 406, "The answer has no such form", None),
            Self::TooSlow => ("too_slow", 408, "The request took too long to arrive", Some(1_000)),
            Self::VerificationInProgress => {
                ("verification_in_progress", 409, "The number is being verified", None)
            }
            Self::IdempotencyInFlight => {
                ("idempotency_in_flight", 409, "The first request is not answered yet", Some(1_000))
            }
            Self::NoStepsLeft => ("no_steps_left", 409, "No further call may be asked for", None),
            Self::CallUnderWay => ("call_under_way", 409, "A call is under way", Some(1_000)),
            Self::AlreadyApproved => ("already_approved", 409, "It is approved already", None),
            Self::AttemptsExhausted => ("attempts_exhausted", 410, "Every try was wrong", None),
            Self::Expired => ("expired", 410, "Its lifetime is over", None),
            Self::Canceled => ("canceled", 410, "It was cancelled", None),
            Self::Failed => ("failed", 410, "It failed", None),
            Self::TooLarge => ("too_large", 413, "The body is too large", None),
            Self::UnsupportedMediaType => ("unsupported_media_type", 415, "The body is JSON", None),
            Self::InvalidNumber => ("invalid_number", 422, "This is no number to call", None),
            Self::NumberMissingPlus => ("number_missing_plus", 422, "The country is missing", None),
            Self::InvalidCode => ("invalid_code", 422, "This cannot be a code", None),
            Self::UnknownProfile => ("unknown_profile", 422, "There is no such profile", None),
            Self::IdempotencyConflict => {
                ("idempotency_conflict", 422, "The key stood for another request", None)
            }
            Self::NoRoute => ("no_route", 422, "No route serves the number", None),
            Self::CapacityExceeded => {
                ("capacity_exceeded", 429, "As much as is allowed is under way", Some(1_000))
            }
            Self::TooManyConnections => (
                "too_many_connections",
                503,
                "As many connections as are allowed are open",
                Some(1_000),
            ),
            Self::StoreUnavailable => {
                ("store_unavailable", 503, "Records cannot be kept or read", Some(2_000))
            }
            Self::NoEligibleNumber => {
                ("no_eligible_number", 503, "No number to call from is free", Some(30_000))
            }
            Self::Draining => ("draining", 503, "The service is ending", Some(5_000)),
        }
    }

    /// Its name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The status that goes with it.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().1).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.map(Self::name);
        let schema = Object::builder().schema_type(Type::String).enum_values(Some(names));
        schema.description(Some("What a problem is called.")).into()
    }
}

impl ToSchema for Code {}

/// One mistake in a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// Where: a JSON pointer (RFC 6901) into the body.
    #[schema(example = "/to")]
    pub(crate) pointer: Cow<'static, str>,
    /// What is wrong, and what would be right.
    pub(crate) detail: String,
}

/// A problem on its way to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) errors: Vec<Fault>,
    pub(crate) existing: Option<SessionId>,
}

/// The document, as RFC 9457 has it.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document<'a> {
    /// Names the kind of problem; does not change.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "urn:onering:problem:invalid_number")]
    kind: String,
    /// The kind of problem in words.
    title: &'a str,
    /// The status of the response.
    status: u16,
    /// This problem in words.
    detail: &'a str,
    /// The last part of `type`.
    #[schema(value_type = Code, example = "invalid_number")]
    code: &'a str,
    /// Whether the same request may be granted later.
    retryable: bool,
    /// After how long it is worth another try.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_after_ms: Option<u32>,
    /// The places in the body.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [Fault],
    /// The verification that is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "ver_06f5yjgzv8000000000g7ne9ep7wmrk2")]
    existing: Option<String>,
    /// The request, as in the header `x-request-id`.
    request_id: &'a str,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), existing: None }
    }

    /// A mistake at one place of the body.
    pub(crate) fn at(code: Code, pointer: &'static str, detail: String) -> Self {
        let errors = vec![Fault { pointer: pointer.into(), detail: detail.clone() }];
        Self { code, detail: detail.into(), errors, existing: None }
    }

    /// The one answer for what is not there and for what is somebody else's.
    pub(crate) fn not_found() -> Self {
        Self::new(Code::NotFound, "there is nothing of this id")
    }

    pub(crate) fn unauthenticated() -> Self {
        let detail = "no valid API key; send Authorization: Bearer and the key";
        Self::new(Code::Unauthenticated, detail)
    }

    /// The document for this request.
    pub(crate) fn json(&self, request_id: &str) -> Vec<u8> {
        let (code, status, title, retry_after_ms) = self.code.row();
        let document = Document {
            kind: format!("urn:onering:problem:{code}"),
            title,
            status,
            detail: &self.detail,
            code,
            retryable: retry_after_ms.is_some(),
            retry_after_ms,
            errors: &self.errors,
            existing: self.existing.map(|id| id.to_string()),
            request_id,
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }

    /// Seconds for `Retry-After`, rounded up; every answer of 429 and 503 has them.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        self.code.row().3.map(|ms| ms.div_ceil(1000))
    }

    /// The whole response, for this request.
    pub(crate) fn respond(&self, request_id: &str) -> Response<Body> {
        let mut response = Response::new(Body::from(self.json(request_id)));
        *response.status_mut() = self.code.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    /// Without its document: that needs the id of the request, which only the outermost layer knows.
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.code.status();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (code, pointer) = match refusal {
            Refusal::UnknownTenant => (Code::UnknownTenant, None),
            Refusal::UnknownProfile => (Code::UnknownProfile, Some("/profile")),
            Refusal::DestinationDenied => (Code::DestinationDenied, Some("/to")),
            Refusal::NoRoute => (Code::NoRoute, Some("/to")),
            Refusal::NoEligibleNumber => (Code::NoEligibleNumber, None),
            Refusal::InProgress(_) => (Code::VerificationInProgress, None),
            Refusal::IdempotencyConflict => (Code::IdempotencyConflict, None),
            Refusal::IdempotencyInFlight => (Code::IdempotencyInFlight, None),
            Refusal::Capacity => (Code::CapacityExceeded, None),
            Refusal::StoreDown => (Code::StoreUnavailable, None),
            Refusal::Draining => (Code::Draining, None),
            Refusal::NotOpen => return Self::not_found(),
            Refusal::Ended(status, reason) => (ended(status, reason), None),
            Refusal::NoStepsLeft => (Code::NoStepsLeft, None),
            Refusal::CallUnderWay => (Code::CallUnderWay, None),
        };
        let mut problem = match pointer {
            Some(pointer) => Self::at(code, pointer, refusal.to_string()),
            None => Self::new(code, refusal.to_string()),
        };
        if let Refusal::InProgress(id) = refusal {
            problem.existing = Some(id);
        }
        problem
    }
}

/// What is said to whoever wants something of a verification that has ended.
pub(crate) const fn ended(status: Status, reason: Option<Reason>) -> Code {
    match (status, reason) {
        (Status::Approved, _) => Code::AlreadyApproved,
        (Status::Failed, Some(Reason::AttemptsExhausted)) => Code::AttemptsExhausted,
        (Status::Failed, _) => Code::Failed,
        (Status::Expired, _) => Code::Expired,
        (Status::Canceled, _) => Code::Canceled,
        // The store has not seen its end yet.
        (Status::Pending, _) => Code::StoreUnavailable,
    }
}
