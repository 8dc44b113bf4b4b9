//! Pages of verifications.

#![expect(unused_qualifications, reason = "the macro that describes parameters writes them")]

use super::{bad_cursor, destination, json, limit, numbers};
use crate::api::Service;
use crate::api::auth::{By, READ};
use crate::api::problem::{Code, Document, Problem};
use crate::api::read::{Asked, TakesJson};
use crate::api::view::Verification;
use crate::io::store::sqlite::SessionQuery;
use crate::verify::snapshot::Snapshot;
use crate::verify::status::Status;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Which verifications.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Which {
    /// Of this number.
    #[param(nullable = false, example = "+12025550142")]
    to: Option<String>,
    /// With this name of yours.
    #[param(nullable = false)]
    client_reference: Option<String>,
    /// That stand like this.
    #[param(nullable = false, pattern = "^(pending|approved|failed|expired|canceled)$")]
    status: Option<String>,
    /// At most so many; 1 to 200, 50 by default.
    #[param(nullable = false, minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// From where the last page ended.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Verifications, the newest first.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Verifications<'a> {
    data: Vec<Verification<'a>>,
    /// For the next page; null at the end.
    next_cursor: Option<String>,
}

/// List verifications
///
/// The newest first. A pending one is shown as it was stored last; look at it for its phase.
#[utoipa::path(get, path = "/v1/verifications", tag = "verifications", operation_id = "list", security(("key" = ["read"])),
    params(Which),
    responses(
        (status = 200, description = "One page", body = Verifications<'static>),
        (status = "4XX", description = "Not understood, or not allowed", body = Document<'static>, content_type = "application/problem+json")))]
pub(in crate::api) async fn list(
    State(service): State<Arc<Service>>,
    By(caller): By<READ>,
    Asked(which): Asked<Which>,
    _: TakesJson,
) -> Result<Response<Body>, Problem> {
    let limit = limit(which.limit)?;
    let status = |name: &str| {
        Status::named(name).ok_or_else(|| {
            let detail = "status is pending, approved, failed, expired or canceled";
            Problem::new(Code::InvalidRequest, detail)
        })
    };
    let before = |cursor: &str| {
        let id = format!("ver_{}", cursor.strip_prefix('v').unwrap_or_default());
        id.parse().map_err(|_| bad_cursor())
    };
    let query = SessionQuery {
        tenant: caller.tenant.clone(),
        to: which.to.as_deref().map(destination).transpose()?,
        client_reference: which.client_reference.map(Arc::from),
        status: which.status.as_deref().map(status).transpose()?,
        before: which.cursor.as_deref().map(before).transpose()?,
        limit: limit + 1,
    };
    let mut found = service.stored(move |reader| reader.sessions(&query)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let cursor = |last: &Snapshot| format!("v{}", last.id.to_string().trim_start_matches("ver_"));
    let next_cursor = found.last().filter(|_| more).map(cursor);
    let numbers = numbers(&caller);
    let data = found.iter().map(|snapshot| Verification::new(snapshot, numbers)).collect();
    Ok(json(StatusCode::OK, &Verifications { data, next_cursor }))
}
