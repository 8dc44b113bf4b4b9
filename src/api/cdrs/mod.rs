//! Records of calls: one, a page of them, or all of them as a stream.

#![expect(unused_qualifications, reason = "the macro that describes parameters writes them")]

pub(super) mod export;

use super::Service;
use super::auth::{By, Caller, READ};
use super::problem::{Code, Document, Problem};
use super::read::{Asked, TakesJson};
use super::verifications::{bad_cursor, destination, id, json, limit};
use crate::base::calendar::parse_rfc3339;
use crate::call::outcome::Outcome;
use crate::io::store::sqlite::{CdrQuery, Direction};
use crate::verify::cdr::{Kept, Show, View};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Records.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Of this verification.
    #[param(nullable = false)]
    verification: Option<String>,
    /// Of calls to this number.
    #[param(nullable = false, example = "+12025550142")]
    to: Option<String>,
    /// Of calls over this trunk.
    #[param(nullable = false)]
    trunk: Option<String>,
    /// That came to this.
    #[param(nullable = false, example = "rang")]
    outcome: Option<String>,
    /// Of calls from then on: RFC 3339, or a day.
    #[param(nullable = false, example = "2026-11-23")]
    since: Option<String>,
    /// Of calls before then.
    #[param(nullable = false, example = "2026-11-24T00:00:00Z")]
    until: Option<String>,
    /// At most so many; 1 to 200, 50 by default.
    #[param(nullable = false, minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// From where the last page ended.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Records, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Records {
    /// Their fields are explained in `docs/CDR.md`.
    #[schema(value_type = Vec<Object>)]
    data: Vec<View>,
    /// For the next page; null at the end.
    next_cursor: Option<String>,
}

fn show(caller: &Caller) -> Show {
    if caller.reveals() { Show::Plain } else { Show::Masked }
}

fn view(kept: &Kept, show: Show) -> Result<View, Problem> {
    kept.view(show).map_err(|error| {
        tracing::error!(cdr_id = %error.id, "a record cannot be read");
        Problem::new(Code::StoreUnavailable, error.to_string())
    })
}

fn moment(name: &str, text: &str) -> Result<u64, Problem> {
    parse_rfc3339(text)
        .map_err(|error| Problem::new(Code::InvalidRequest, format!("{name}: {error}")))
}

fn outcome(name: &str) -> Result<Outcome, Problem> {
    Outcome::named(name).ok_or_else(|| {
        let detail = "outcome: there is none of this name; docs/OUTCOMES.md has all";
        Problem::new(Code::InvalidRequest, detail)
    })
}

/// List records of calls
#[utoipa::path(get, path = "/v1/cdrs", tag = "records", operation_id = "records", security(("key" = ["read"])), params(Which),
    responses(
        (status = 200, description = "One page", body = Records),
        (status = "4XX", description = "Not understood, or not allowed", body = Document<'static>, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    By(caller): By<READ>,
    Asked(which): Asked<Which>,
    _: TakesJson,
) -> Result<Response<Body>, Problem> {
    let limit = limit(which.limit)?;
    let session = |text: &str| {
        text.parse().map_err(|_| Problem::new(Code::InvalidRequest, "verification: this is no id"))
    };
    let cursor = |cursor: &str| {
        let digits = cursor.strip_prefix('c').unwrap_or_default();
        u64::from_str_radix(digits, 16).map_err(|_| bad_cursor())
    };
    let query = CdrQuery {
        tenant: caller.tenant.clone(),
        session: which.verification.as_deref().map(session).transpose()?,
        to: which.to.as_deref().map(destination).transpose()?,
        trunk: which.trunk.map(Arc::from),
        outcome: which.outcome.as_deref().map(outcome).transpose()?,
        since_unix_us: which.since.as_deref().map(|text| moment("since", text)).transpose()?,
        until_unix_us: which.until.as_deref().map(|text| moment("until", text)).transpose()?,
        after: which.cursor.as_deref().map(cursor).transpose()?,
        direction: Direction::NewestFirst,
        limit: limit + 1,
    };
    let mut found = service.stored(move |reader| reader.cdrs(&query)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|last| format!("c{:x}", last.row));
    let show = show(&caller);
    let data = found.iter().map(|kept| view(kept, show)).collect::<Result<_, _>>()?;
    Ok(json(StatusCode::OK, &Records { data, next_cursor }))
}

/// Look at the record of a call
#[utoipa::path(get, path = "/v1/cdrs/{cdr_id}", tag = "records", operation_id = "record", security(("key" = ["read"])),
    params(("cdr_id" = String, Path, description = "The record")),
    responses(
        (status = 200, description = "The record; docs/CDR.md explains its fields", body = serde_json::Value),
        (status = "4XX", description = "Not found, or not allowed", body = Document<'static>, content_type = "application/problem+json")))]
pub(super) async fn one(
    State(service): State<Arc<Service>>,
    By(caller): By<READ>,
    Path(text): Path<String>,
    _: TakesJson,
) -> Result<Response<Body>, Problem> {
    let id = id(&text)?;
    let found = service.stored(move |reader| reader.cdr(id)).await?;
    // A bare call belongs to nobody; only who sees all sees it.
    let own = |kept: &Kept| match kept.tenant.as_deref() {
        Some(tenant) => caller.sees(tenant),
        None => caller.sees_all(),
    };
    let kept = found.filter(own).ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::OK, &view(&kept, show(&caller))?))
}
