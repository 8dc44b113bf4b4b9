//! Verifications: begin, look, check, call again, cancel.

pub(super) mod list;
pub(super) mod start;

use super::Service;
use super::auth::{ANY, By, CHECK, Caller, READ, START};
use super::problem::{Code, Document, Problem, ended};
use super::read::{Field, Json, Kind, Shape, TakesJson, plus};
use super::view::{Attempt, Numbers, Verification, attempts};
use crate::base::id::SessionId;
use crate::base::number::Destination;
use crate::verify::command::{Answer, Command, Refusal, Verdict};
use crate::verify::matcher::Claim;
use crate::verify::snapshot::Snapshot;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

pub(super) fn numbers(caller: &Caller) -> Numbers {
    if caller.reveals() { Numbers::Plain } else { Numbers::Masked }
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    // A verification has about a thousand bytes; memory takes everything.
    let mut text = Vec::with_capacity(1024);
    serde_json::to_writer(&mut text, body).ok();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// An id in a path. One that is not even written like an id is of nothing, too.
pub(super) fn id<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// How a verification stands: from the engine while it is open, from the store when it has ended.
pub(super) async fn find(
    service: &Service,
    caller: &Caller,
    id: SessionId,
) -> Result<Snapshot, Problem> {
    let look = Command::Look { tenant: caller.tenant.clone(), id };
    let snapshot = match service.handle.ask(look).await {
        Ok(Answer::Session(snapshot)) => Some(*snapshot),
        Ok(Answer::Started(..) | Answer::Replayed(_) | Answer::Checked(..)) => None,
        Err(Refusal::NotOpen | Refusal::Ended(..) | Refusal::Draining) => {
            service.stored(move |reader| reader.session(id)).await?
        }
        Err(refusal) => return Err(refusal.into()),
    };
    snapshot.filter(|snapshot| caller.sees(&snapshot.tenant)).ok_or_else(Problem::not_found)
}

/// Look at a verification
///
/// It costs no try, however often.
#[utoipa::path(get, path = "/v1/verifications/{id}", tag = "verifications", operation_id = "look", security(("key" = ["read"]), ("key" = ["start"]), ("key" = ["check"])),
    params(("id" = String, Path, description = "The verification")),
    responses(
        (status = 200, description = "How it stands", body = Verification<'static>),
        (status = "4XX", description = "Not found, or not allowed", body = Document<'static>, content_type = "application/problem+json")))]
pub(super) async fn look(
    State(service): State<Arc<Service>>,
    By(caller): By<ANY>,
    Path(text): Path<String>,
    _: TakesJson,
) -> Result<Response<Body>, Problem> {
    let snapshot = find(&service, &caller, id(&text)?).await?;
    Ok(json(StatusCode::OK, &Verification::new(&snapshot, numbers(&caller))))
}

/// A code, or the whole number that called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Check)]
pub(super) struct CheckBody {
    /// The last digits of the number that called.
    #[schema(example = "0142", max_length = 32)]
    code: Option<String>,
    /// The whole number, as the phone shows it.
    #[schema(example = "+1 202 555 0142", max_length = 32)]
    caller_id: Option<String>,
}

impl Shape for CheckBody {
    const FIELDS: &'static [Field] =
        &[("code", Kind::Text, false), ("caller_id", Kind::Text, false)];
}

/// What is said of a code.
#[derive(Serialize, ToSchema)]
pub(super) struct Checked<'a> {
    /// `approved`: right. `invalid`: wrong. `no_attempt_yet`: nobody has been called yet. `diverted`: right, but another
    /// phone or a machine may have had the call.
    #[schema(value_type = String, pattern = "^(approved|invalid|no_attempt_yet|diverted)$", example = "approved")]
    result: &'static str,
    /// Approved by the digits of a call that may not have rung.
    late: bool,
    /// Wrong codes that may still be given.
    #[schema(example = 3)]
    attempts_remaining: u8,
    /// How it stands now.
    verification: Verification<'a>,
}

/// Give a code
///
/// A wrong one is no error: the answer says so, and how many more may be given. Where the answer is 503
/// `store_unavailable`, the code may count all the same once the store works again: look at the verification before asking
/// its owner for another try.
#[utoipa::path(post, path = "/v1/verifications/{id}/check", tag = "verifications", operation_id = "check", security(("key" = ["check"])),
    params(("id" = String, Path, description = "The verification")),
    request_body = CheckBody,
    responses(
        (status = 200, description = "What is said of the code", body = Checked<'static>),
        (status = "4XX", description = "Not judged", body = Document<'static>, content_type = "application/problem+json"),
        (status = "5XX", description = "Not judged; try again later", body = Document<'static>, content_type = "application/problem+json")))]
pub(super) async fn check(
    State(service): State<Arc<Service>>,
    By(caller): By<CHECK>,
    Path(text): Path<String>,
    _: TakesJson,
    Json(body): Json<CheckBody>,
) -> Result<Response<Body>, Problem> {
    let id = id(&text)?;
    let claim = claim(&body)?;
    let command = Command::Check { tenant: caller.tenant.clone(), id, claim };
    let (verdict, snapshot) = match service.handle.ask(command).await {
        Ok(Answer::Checked(verdict, snapshot)) => (verdict, snapshot),
        Ok(Answer::Started(..) | Answer::Replayed(_) | Answer::Session(_)) => {
            return Err(Problem::not_found());
        }
        Err(refusal) => return Err(refused(&service, &caller, id, refusal).await),
    };
    let checked = Checked {
        result: verdict.name(),
        late: matches!(verdict, Verdict::Approved { late: true }),
        attempts_remaining: snapshot.tries_left,
        verification: Verification::new(&snapshot, numbers(&caller)),
    };
    Ok(json(StatusCode::OK, &checked))
}

/// The claim in a body. What is wrong with it is said without its digits.
fn claim(body: &CheckBody) -> Result<Claim, Problem> {
    let (pointer, text) = match (&body.code, &body.caller_id) {
        (Some(code), None) => ("/code", code),
        (None, Some(caller_id)) => ("/caller_id", caller_id),
        (None, None) | (Some(_), Some(_)) => {
            let detail = "give either code or caller_id".to_owned();
            return Err(Problem::at(Code::InvalidRequest, "/code", detail));
        }
    };
    Claim::read(text).map_err(|error| Problem::at(Code::InvalidCode, pointer, error.to_string()))
}

/// Why nothing was done about a verification. Of one that is not open the store knows whether it ever was, and how it ended.
async fn refused(service: &Service, caller: &Caller, id: SessionId, refusal: Refusal) -> Problem {
    if refusal != Refusal::NotOpen {
        return refusal.into();
    }
    let stored = match service.stored(move |reader| reader.session(id)).await {
        Ok(stored) => stored.filter(|snapshot| caller.sees(&snapshot.tenant)),
        Err(problem) => return problem,
    };
    match stored {
        Some(snapshot) => {
            let code = ended(snapshot.status, snapshot.reason);
            Problem::new(code, format!("the verification is {}", snapshot.status))
        }
        None => Problem::not_found(),
    }
}

/// Call again
///
/// The next call comes from another number, with another code; the codes of earlier calls stay good.
#[utoipa::path(post, path = "/v1/verifications/{id}/next", tag = "verifications", operation_id = "next", security(("key" = ["start"])),
    params(("id" = String, Path, description = "The verification")),
    responses(
        (status = 200, description = "Another call follows", body = Verification<'static>),
        (status = "4XX", description = "No other call", body = Document<'static>, content_type = "application/problem+json"),
        (status = "5XX", description = "No other call; try again later", body = Document<'static>, content_type = "application/problem+json")))]
pub(super) async fn next(
    State(service): State<Arc<Service>>,
    By(caller): By<START>,
    Path(text): Path<String>,
    _: TakesJson,
) -> Result<Response<Body>, Problem> {
    let id = id(&text)?;
    let command = Command::Next { tenant: caller.tenant.clone(), id };
    told(&service, &caller, id, command).await
}

/// End a verification
///
/// Its call is cancelled, and its codes are worth nothing from then on.
#[utoipa::path(post, path = "/v1/verifications/{id}/cancel", tag = "verifications", operation_id = "cancel", security(("key" = ["start"])),
    params(("id" = String, Path, description = "The verification")),
    responses(
        (status = 200, description = "Ended", body = Verification<'static>),
        (status = "4XX", description = "It had ended before, or is not there", body = Document<'static>, content_type = "application/problem+json"),
        (status = "5XX", description = "Not ended; try again later", body = Document<'static>, content_type = "application/problem+json")))]
pub(super) async fn cancel(
    State(service): State<Arc<Service>>,
    By(caller): By<START>,
    Path(text): Path<String>,
    _: TakesJson,
) -> Result<Response<Body>, Problem> {
    let id = id(&text)?;
    let command = Command::Cancel { tenant: caller.tenant.clone(), id };
    told(&service, &caller, id, command).await
}

async fn told(
    service: &Service,
    caller: &Caller,
    id: SessionId,
    command: Command,
) -> Result<Response<Body>, Problem> {
    match service.handle.ask(command).await {
        Ok(Answer::Session(snapshot)) => {
            Ok(json(StatusCode::OK, &Verification::new(&snapshot, numbers(caller))))
        }
        Ok(Answer::Started(..) | Answer::Replayed(_) | Answer::Checked(..)) => {
            Err(Problem::not_found())
        }
        Err(refusal) => Err(refused(service, caller, id, refusal).await),
    }
}

/// The calls of a verification.
#[derive(Serialize, ToSchema)]
pub(super) struct Attempts<'a> {
    data: Vec<Attempt<'a>>,
}

/// The calls of a verification
#[utoipa::path(get, path = "/v1/verifications/{id}/attempts", tag = "verifications", operation_id = "attempts", security(("key" = ["read"])),
    params(("id" = String, Path, description = "The verification")),
    responses(
        (status = 200, description = "Its calls, in order", body = Attempts<'static>),
        (status = "4XX", description = "Not found, or not allowed", body = Document<'static>, content_type = "application/problem+json")))]
pub(super) async fn calls(
    State(service): State<Arc<Service>>,
    By(caller): By<READ>,
    Path(text): Path<String>,
    _: TakesJson,
) -> Result<Response<Body>, Problem> {
    let snapshot = find(&service, &caller, id(&text)?).await?;
    Ok(json(StatusCode::OK, &Attempts { data: attempts(&snapshot, numbers(&caller)) }))
}

/// Most things on one page, and how many if nobody says.
const PAGE_MAX: usize = 200;
const PAGE: usize = 50;

pub(super) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked {
        None => Ok(PAGE),
        Some(limit) if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::new(Code::InvalidRequest, format!("limit is 1 to {PAGE_MAX}"))),
    }
}

pub(super) fn destination(text: &str) -> Result<Destination, Problem> {
    Destination::parse(&plus(text))
        .map_err(|error| Problem::new(Code::InvalidRequest, format!("to: {error}")))
}

pub(super) fn bad_cursor() -> Problem {
    Problem::new(Code::InvalidRequest, "cursor: give the next_cursor of the page before, unchanged")
}
