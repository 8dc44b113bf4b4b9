//! Begin a verification: what a start must look like, and whose it is.

#![expect(unused_qualifications, reason = "the macro that describes parameters writes them")]

use super::{json, numbers};
use crate::api::Service;
use crate::api::auth::{By, Caller, START};
use crate::api::problem::{Code, Document, Problem};
use crate::api::read::{Asked, Field, Json, Kind, Shape, TakesJson};
use crate::api::view::{Link, Verification};
use crate::base::number::{Country, Destination};
use crate::numbers::plan::{self, PlanError};
use crate::verify::command::{Answer, Command, Fresh, Idempotency, Refusal, Start};
use crate::verify::rules::Rules;
use crate::verify::snapshot::Snapshot;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::header::{HeaderName, HeaderValue, LOCATION};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Longest `client_reference`, in characters.
const REFERENCE_MAX: usize = 255;
/// Longest `metadata`, as compact JSON.
const METADATA_MAX: usize = 4096;
const IDEMPOTENCY_KEY: &str = "idempotency-key";
static REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What to verify.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Start)]
pub(in crate::api) struct StartBody {
    /// The number: `+` and its country's code, or as it is dialled in `region`.
    #[schema(example = "+12025550142", max_length = 64)]
    to: String,
    /// Where the number would be dialled as it is written, ISO 3166-1 alpha-2.
    #[schema(example = "US", pattern = "^[A-Za-z]{2}$")]
    region: Option<String>,
    /// By which profile; the tenant's own if none is named.
    #[schema(example = "login")]
    profile: Option<String>,
    /// Your own name for it; it can be searched for.
    #[schema(example = "order-1", max_length = 255)]
    client_reference: Option<String>,
    /// Comes back with it; at most 4 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
}

impl Shape for StartBody {
    const FIELDS: &'static [Field] = &[
        ("to", Kind::Text, true),
        ("region", Kind::Text, false),
        ("profile", Kind::Text, false),
        ("client_reference", Kind::Text, false),
        ("metadata", Kind::Object, false),
    ];
}

/// Whose, where whoever asks may do everything.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Whose {
    /// For which tenant; only on the Unix socket, and there only where there are several.
    #[param(nullable = false)]
    tenant: Option<String>,
}

/// Begin a verification
///
/// Answered once it is stored; its call follows at once.
#[utoipa::path(post, path = "/v1/verifications", tag = "verifications", operation_id = "start", security(("key" = ["start"])),
    params(
        Whose,
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body give the same verification for a day", min_length = 1, max_length = 255),
    ),
    request_body = StartBody,
    responses(
        (status = 201, description = "Begun", body = Verification<'static>, headers(
            ("Location" = String, description = "Where it is"),
            ("Idempotent-Replayed" = String, description = "`true` where the key had made it before"))),
        (status = 200, description = "One of this number is under way, and is given back", body = Verification<'static>),
        (status = "4XX", description = "Nothing was begun", body = Document<'static>, content_type = "application/problem+json"),
        (status = "5XX", description = "Nothing was begun; try again later", body = Document<'static>, content_type = "application/problem+json")))]
pub(in crate::api) async fn start(
    State(service): State<Arc<Service>>,
    By(caller): By<START>,
    Asked(whose): Asked<Whose>,
    _: TakesJson,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<StartBody>,
) -> Result<Response<Body>, Problem> {
    let rules = service.rules();
    let tenant = tenant(&caller, whose, &rules)?;
    let start = command(body, tenant, key.as_deref(), &rules)?;
    match service.handle.ask(Command::Start(Box::new(start))).await? {
        Answer::Started(snapshot, fresh) => Ok(started(&caller, &snapshot, fresh)),
        Answer::Replayed(id) => {
            let stored = service.stored(move |reader| reader.session(id)).await?;
            let snapshot = stored.ok_or_else(Problem::not_found)?;
            Ok(started(&caller, &snapshot, Fresh::Replayed))
        }
        Answer::Checked(..) | Answer::Session(_) => Err(Refusal::NotOpen.into()),
    }
}

fn started(caller: &Caller, snapshot: &Snapshot, fresh: Fresh) -> Response<Body> {
    let verification = Verification::new(snapshot, numbers(caller));
    let (status, verification) = match fresh {
        Fresh::New | Fresh::Replayed => (StatusCode::CREATED, verification),
        Fresh::Duplicate => (StatusCode::OK, verification.deduplicated()),
    };
    let mut response = json(status, &verification);
    let location = HeaderValue::from_str(&Link(snapshot.id, "").to_string());
    if let (StatusCode::CREATED, Ok(location)) = (status, location) {
        response.headers_mut().insert(LOCATION, location);
    }
    if fresh == Fresh::Replayed {
        response.headers_mut().insert(&REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// Whose verification it will be.
fn tenant(caller: &Caller, whose: Whose, rules: &Rules) -> Result<Arc<str>, Problem> {
    let wanted = whose.tenant.as_deref();
    if let Some(own) = &caller.tenant {
        return match wanted {
            Some(wanted) if *wanted != **own => Err(Refusal::UnknownTenant.into()),
            _ => Ok(Arc::clone(own)),
        };
    }
    let mut names = rules.tenants.keys();
    match (wanted, names.next(), names.next()) {
        (Some(wanted), ..) => Ok(wanted.into()),
        (None, Some(only), None) => Ok(Arc::clone(only)),
        (None, ..) => {
            let detail = "there are several tenants; say which with ?tenant=";
            Err(Problem::new(Code::InvalidRequest, detail))
        }
    }
}

/// The `Idempotency-Key` of a request.
pub(in crate::api) struct IdempotencyKey(Option<String>);

impl FromRequestParts<Arc<Service>> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Service>) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let visible = |text: &&str| {
            (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        match (value.to_str().ok().filter(visible), values.next()) {
            (Some(text), None) => Ok(Self(Some(text.to_owned()))),
            _ => {
                let detail = "there is one Idempotency-Key, of 1 to 255 visible ASCII characters";
                Err(Problem::new(Code::InvalidRequest, detail))
            }
        }
    }
}

/// The body as a command. Every text in it is checked for its form here.
fn command(
    body: StartBody,
    tenant: Arc<str>,
    key: Option<&str>,
    rules: &Rules,
) -> Result<Start, Problem> {
    let idempotency = key.map(|key| idempotency(&tenant, key, &body));
    let StartBody { to, region, profile, client_reference, metadata } = body;
    let region = region.as_deref().map(country).transpose()?;
    let Callee { to, country, test } = number(&to, region, &tenant, rules)?;
    let too_long = |text: &String| text.chars().count() > REFERENCE_MAX;
    if client_reference.as_ref().is_some_and(too_long) {
        let detail = format!("at most {REFERENCE_MAX} characters");
        return Err(Problem::at(Code::InvalidRequest, "/client_reference", detail));
    }
    let metadata = metadata.map(|object| Value::Object(object).to_string());
    if metadata.as_ref().is_some_and(|json| json.len() > METADATA_MAX) {
        let detail = format!("at most {METADATA_MAX} bytes");
        return Err(Problem::at(Code::InvalidRequest, "/metadata", detail));
    }
    Ok(Start {
        tenant,
        profile: profile.map(Arc::from),
        to,
        country,
        test,
        idempotency,
        client_reference: client_reference.map(Arc::from),
        metadata: metadata.map(Arc::from),
    })
}

/// The key belongs to its tenant; the request is hashed as it was understood, so that blanks do not matter.
fn idempotency(tenant: &str, key: &str, body: &StartBody) -> Idempotency {
    let mut of_key = Sha256::new_with_prefix((tenant.len() as u64).to_be_bytes());
    of_key.update(tenant);
    of_key.update(key);
    let body = serde_json::to_vec(body).unwrap_or_default();
    Idempotency { key: of_key.finalize().into(), body: Sha256::digest(body).into() }
}

fn country(text: &str) -> Result<Country, Problem> {
    Country::parse(text).ok_or_else(|| {
        let detail = "a region is two letters, like US or GB".to_owned();
        Problem::at(Code::InvalidRequest, "/region", detail)
    })
}

/// A number to be called.
struct Callee {
    to: Destination,
    country: Option<Country>,
    test: bool,
}

/// The number, by the tenant's test numbers first: those need not exist.
fn number(
    text: &str,
    region: Option<Country>,
    tenant: &str,
    rules: &Rules,
) -> Result<Callee, Problem> {
    let tenant = rules.tenants.get(tenant);
    let tests = |number: &Destination| tenant.is_some_and(|tenant| tenant.tests(*number));
    if let Some(to) = Destination::parse(text).ok().filter(tests) {
        return Ok(Callee { to, country: None, test: true });
    }
    match plan::read(text, region) {
        Ok(found) => Ok(Callee { to: found.to, country: found.country, test: false }),
        Err(error) => {
            let (code, pointer) = match error {
                PlanError::NoPlus => (Code::NumberMissingPlus, "/to"),
                PlanError::UnknownRegion(_) => (Code::InvalidRequest, "/region"),
                PlanError::TooMuch { .. }
                | PlanError::NotANumber { .. }
                | PlanError::LatePlus { .. }
                | PlanError::UnknownCode
                | PlanError::TooShort
                | PlanError::TooLong
                | PlanError::NotPossible(_)
                | PlanError::NotValid(_) => (Code::InvalidNumber, "/to"),
            };
            Err(Problem::at(code, pointer, error.to_string()))
        }
    }
}
