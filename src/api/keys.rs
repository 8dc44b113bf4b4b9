//! Keys over the API: make, list, revoke.

use super::Service;
use super::auth::{ADMIN, By, Caller, NewKey, Scope, Scopes};
use super::problem::{Code, Document, Fault, Problem};
use super::read::{Field, Json, Kind, Shape, TakesJson};
use super::verifications::json;
use super::view::{Shown, time};
use crate::base::calendar::Civil;
use crate::io::store::sqlite::KeyRow;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::sync::Arc;
use utoipa::ToSchema;

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey)]
pub(super) struct KeyBody {
    /// Whose things it will see; your own, unless you may do everything.
    #[schema(example = "shop")]
    tenant: String,
    /// What it may do: `start`, `check`, `read`, `reveal`, `admin`.
    #[schema(example = json!(["start", "check"]))]
    scopes: Vec<String>,
    /// What it is for.
    #[schema(example = "web shop", max_length = 100)]
    name: Option<String>,
}

impl Shape for KeyBody {
    const FIELDS: &'static [Field] =
        &[("tenant", Kind::Text, true), ("scopes", Kind::Texts, true), ("name", Kind::Text, false)];
}

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct Key {
    /// Its name in the service.
    #[schema(example = "4f2a9c01d3e8b756")]
    id: String,
    /// Whose things it sees; everybody's where null.
    tenant: Option<String>,
    /// What it may do.
    scopes: Vec<&'static str>,
    /// What it is for.
    name: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Shown<Civil>,
    /// Since when it is worth nothing.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Shown<Civil>>,
    /// The key itself; shown here and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<String>,
}

/// Keys.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyList {
    data: Vec<Key>,
}

impl Key {
    fn new(row: &KeyRow, key: Option<String>) -> Self {
        Self {
            id: row.id.to_string(),
            tenant: row.tenant.as_deref().map(str::to_owned),
            scopes: Scopes::named(row.scopes.iter().map(|name| &**name)).names().collect(),
            name: Some(row.name.to_string()).filter(|name| !name.is_empty()),
            created_at: time(row.created_us),
            revoked_at: row.revoked_us.map(time),
            key,
        }
    }
}

/// Longest name of a key, in characters.
const NAME_MAX: usize = 100;

/// Whether a name can be shown on a terminal.
#[must_use]
pub fn is_name(name: &str) -> bool {
    name.chars().count() <= NAME_MAX && !name.chars().any(char::is_control)
}

/// Make a key
#[utoipa::path(post, path = "/v1/keys", tag = "keys", operation_id = "make_key", security(("key" = ["admin"])), request_body = KeyBody,
    responses(
        (status = 201, description = "Made; its secret is in this answer only", body = Key),
        (status = "4XX", description = "Not made", body = Document<'static>, content_type = "application/problem+json"),
        (status = "5XX", description = "Not made; try again later", body = Document<'static>, content_type = "application/problem+json")))]
pub(super) async fn make(
    State(service): State<Arc<Service>>,
    By(caller): By<ADMIN>,
    _: TakesJson,
    Json(body): Json<KeyBody>,
) -> Result<Response<Body>, Problem> {
    let known = service.rules().tenants.contains_key(body.tenant.as_str());
    if !caller.sees(&body.tenant) || !known {
        let detail = "there is no such tenant".to_owned();
        return Err(Problem::at(Code::UnknownTenant, "/tenant", detail));
    }
    let scopes = scopes(&body.scopes)?;
    if !body.name.as_deref().is_none_or(is_name) {
        let detail = format!("at most {NAME_MAX} characters that can be seen");
        return Err(Problem::at(Code::InvalidRequest, "/name", detail));
    }
    let now = service.clock.now().unix_us;
    let made = NewKey::make(&body.tenant, scopes, body.name.as_deref().unwrap_or_default(), now);
    match service.admin.create_key(made.row.clone()).await {
        Ok(true) => service.keys.put(&made.row),
        Ok(false) => return Err(unwritable("another key has its id")),
        Err(error) => return Err(unwritable(error)),
    }
    tracing::info!(key = %made.row.id, tenant = body.tenant, ?scopes, "key made");
    Ok(json(StatusCode::CREATED, &Key::new(&made.row, Some(made.text))))
}

fn scopes(names: &[String]) -> Result<Scopes, Problem> {
    let wrong: Vec<Fault> = names
        .iter()
        .enumerate()
        .filter(|(_, name)| Scope::named(name).is_none())
        .map(|(place, _)| Fault {
            pointer: format!("/scopes/{place}").into(),
            detail: "scopes are start, check, read, reveal and admin".to_owned(),
        })
        .collect();
    if let Some(first) = wrong.first() {
        let detail = format!("{}: {}", first.pointer, first.detail);
        return Err(Problem { errors: wrong, ..Problem::new(Code::InvalidRequest, detail) });
    }
    if names.is_empty() {
        let detail = "a key has at least one scope".to_owned();
        return Err(Problem::at(Code::InvalidRequest, "/scopes", detail));
    }
    Ok(Scopes::named(names.iter().map(String::as_str)))
}

/// List keys
#[utoipa::path(get, path = "/v1/keys", tag = "keys", operation_id = "list_keys", security(("key" = ["admin"])),
    responses(
        (status = 200, description = "All keys, without their secrets", body = KeyList),
        (status = "4XX", description = "Not allowed", body = Document<'static>, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    By(caller): By<ADMIN>,
    _: TakesJson,
) -> Result<Response<Body>, Problem> {
    let rows = service.stored(|reader| reader.keys()).await?;
    let own = rows.iter().filter(|row| sees(&caller, row));
    let data = own.map(|row| Key::new(row, None)).collect();
    Ok(json(StatusCode::OK, &KeyList { data }))
}

/// Revoke a key
///
/// It is worth nothing from this answer on.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "keys", operation_id = "revoke_key", security(("key" = ["admin"])),
    params(("id" = String, Path, description = "The key; only the part between the two underscores")),
    responses(
        (status = 204, description = "Revoked, now or before"),
        (status = "4XX", description = "Not found, or not allowed", body = Document<'static>, content_type = "application/problem+json"),
        (status = "5XX", description = "Not revoked; try again later", body = Document<'static>, content_type = "application/problem+json")))]
pub(super) async fn revoke(
    State(service): State<Arc<Service>>,
    By(caller): By<ADMIN>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let rows = service.stored(|reader| reader.keys()).await?;
    let own = |row: &&KeyRow| *row.id == *id && sees(&caller, row);
    let mut row = rows.iter().find(own).cloned().ok_or_else(Problem::not_found)?;
    if row.revoked_us.is_none() {
        let now = service.clock.now().unix_us;
        // False: somebody else was quicker.
        service.admin.revoke_key(Arc::clone(&row.id), now).await.map_err(unwritable)?;
        row.revoked_us = Some(now);
        service.keys.put(&row);
        tracing::info!(key = %row.id, tenant = row.tenant.as_deref(), "key revoked");
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A key that sees everything is seen by whoever sees everything.
fn sees(caller: &Caller, row: &KeyRow) -> bool {
    row.tenant.as_deref().map_or_else(|| caller.sees_all(), |tenant| caller.sees(tenant))
}

fn unwritable(why: impl Display) -> Problem {
    tracing::error!(%why, "a key cannot be kept as it is to be");
    Problem::new(Code::StoreUnavailable, "keys cannot be kept")
}

/// A key as the API shows it; with the key itself where it has just been made.
#[must_use]
pub fn key_json(row: &KeyRow, key: Option<&str>) -> serde_json::Value {
    serde_json::to_value(Key::new(row, key.map(str::to_owned))).unwrap_or_default()
}
