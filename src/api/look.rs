//! What is configured, to look at: pools, routes, trunks.

#![expect(unused_qualifications, reason = "the macro that describes parameters writes them")]

use super::Service;
use super::auth::{By, READ};
use super::problem::{Code, Document, Problem};
use super::read::{Asked, TakesJson, plus};
use super::verifications::json;
use super::view::{Called, Shown};
use crate::numbers::odds::Odds;
use crate::numbers::plan;
use crate::numbers::pool::Pool;
use crate::numbers::route::{self, Why};
use crate::verify::rules::{Rules, TrunkRules};
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// A pool: numbers to call from.
#[derive(Serialize, ToSchema)]
pub(super) struct PoolView<'a> {
    /// Its name.
    #[schema(value_type = String)]
    name: &'a str,
    /// How many numbers it has.
    numbers: usize,
    /// What they are worth, for each length of code that a profile asks for.
    codes: Vec<Worth>,
}

/// What codes of one length are worth.
#[derive(Serialize, ToSchema)]
pub(super) struct Worth {
    /// Digits of the code.
    code_length: u8,
    /// Wrong codes that may be given.
    tries: u8,
    /// Distinct codes.
    distinct: u32,
    /// Binary logarithm of them.
    bits: f64,
    /// Chance to be right within the tries, 0 to 1.
    guess_odds: f64,
}

/// Pools.
#[derive(Serialize, ToSchema)]
pub(super) struct Pools<'a> {
    data: Vec<PoolView<'a>>,
}

fn pool<'a>(pool: &'a Pool, rules: &Rules) -> PoolView<'a> {
    let asked: BTreeSet<(u8, u8)> =
        rules.profiles.values().map(|profile| (profile.code_length, profile.tries)).collect();
    let worth = |(code_length, tries): (u8, u8)| {
        let odds = Odds { distinct: pool.distinct(code_length), tries };
        let (distinct, bits) = (odds.distinct, (odds.bits() * 10.0).round() / 10.0);
        Worth { code_length, tries, distinct, bits, guess_odds: odds.guess() }
    };
    PoolView {
        name: &pool.name,
        numbers: pool.len(),
        codes: asked.into_iter().map(worth).collect(),
    }
}

/// List pools
#[utoipa::path(get, path = "/v1/pools", tag = "configuration", operation_id = "pools", security(("key" = ["read"])),
    responses(
        (status = 200, description = "The pools", body = Pools<'static>),
        (status = "4XX", description = "Not allowed", body = Document<'static>, content_type = "application/problem+json")))]
pub(super) async fn pools(
    State(service): State<Arc<Service>>,
    _: By<READ>,
    _: TakesJson,
) -> Result<Response<Body>, Problem> {
    let rules = service.rules();
    let data = rules.pools.iter().map(|each| pool(each, &rules)).collect();
    Ok(json(StatusCode::OK, &Pools { data }))
}

/// A trunk: a carrier that takes our calls.
#[derive(Serialize, ToSchema)]
pub(super) struct TrunkView<'a> {
    /// Its name.
    #[schema(value_type = String)]
    name: &'a str,
    /// The addresses that its calls go to.
    targets: Vec<String>,
    /// Whether it can be called.
    callable: bool,
    /// Why not.
    problem: Option<String>,
    /// Calls on it that are not recorded yet.
    calls_active: i64,
    /// How long its calls ring, milliseconds.
    ring_hold_ms: u64,
    /// How long they may go without ringing, milliseconds.
    no_alert_ms: u64,
}

/// Trunks.
#[derive(Serialize, ToSchema)]
pub(super) struct Trunks<'a> {
    data: Vec<TrunkView<'a>>,
}

/// List trunks
#[utoipa::path(get, path = "/v1/trunks", tag = "configuration", operation_id = "trunks", security(("key" = ["read"])),
    responses(
        (status = 200, description = "The trunks, in the order of configuration", body = Trunks<'static>),
        (status = "4XX", description = "Not allowed", body = Document<'static>, content_type = "application/problem+json")))]
pub(super) async fn trunks(
    State(service): State<Arc<Service>>,
    _: By<READ>,
    _: TakesJson,
) -> Result<Response<Body>, Problem> {
    let rules = service.rules();
    let ms =
        |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let data = rules.trunks.iter().map(|TrunkRules { name, pace }| {
        let way = service.health.way(name);
        let targets = way.iter().flat_map(|way| &way.targets).map(ToString::to_string).collect();
        TrunkView {
            name,
            targets,
            callable: way.as_ref().is_some_and(|way| !way.targets.is_empty()),
            problem: way.and_then(|way| way.problem),
            calls_active: service.metrics.calls_active(name),
            ring_hold_ms: ms(pace.hold),
            no_alert_ms: ms(pace.no_alert),
        }
    });
    Ok(json(StatusCode::OK, &Trunks { data: data.collect() }))
}

/// For which number.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Explain {
    /// The number: `+` and its country's code.
    #[param(example = "+12025550142")]
    to: String,
}

/// Who would call a number, and why.
#[derive(Serialize, ToSchema)]
pub(super) struct Explanation<'a> {
    /// The number, its middle hidden.
    #[schema(value_type = String)]
    to: Shown<Called>,
    /// Where it is, ISO 3166-1 alpha-2.
    country: Option<String>,
    /// Whether numbers there may be called.
    allowed: bool,
    /// What is said of each route, in the order of configuration.
    routes: Vec<RouteView<'a>>,
}

/// What is said of a route.
#[derive(Serialize, ToSchema)]
pub(super) struct RouteView<'a> {
    /// Its name.
    #[schema(value_type = String)]
    name: &'a str,
    /// Whether it serves the number.
    chosen: bool,
    /// Why, or why not.
    why: String,
    /// Its trunks, in the order they are tried.
    #[schema(value_type = Vec<String>)]
    trunks: Vec<&'a str>,
    /// Its pool.
    #[schema(value_type = Option<String>)]
    pool: Option<&'a str>,
}

/// Explain the route of a number
#[utoipa::path(get, path = "/v1/routes/explain", tag = "configuration", operation_id = "explain_route", security(("key" = ["read"])), params(Explain),
    responses(
        (status = 200, description = "Who would call it, and why", body = Explanation<'static>),
        (status = "4XX", description = "No number, or not allowed", body = Document<'static>, content_type = "application/problem+json")))]
pub(super) async fn explain(
    State(service): State<Arc<Service>>,
    _: By<READ>,
    Asked(explain): Asked<Explain>,
    _: TakesJson,
) -> Result<Response<Body>, Problem> {
    let rules = service.rules();
    let found = plan::read(&plus(&explain.to), None)
        .map_err(|error| Problem::new(Code::InvalidNumber, format!("to: {error}")))?;
    let country = found.country;
    let said = route::explain(&rules.routes, found.to, country);
    let routes = said.into_iter().map(|(route, why)| RouteView {
        name: &route.name,
        chosen: matches!(why, Why::Chosen(_)),
        why: why.to_string(),
        trunks: names(&rules, &route.trunks),
        pool: rules.pools.get(route.pool).map(|pool| &*pool.name),
    });
    let explanation = Explanation {
        to: Shown(Called::Masked(found.to)),
        country: country.map(|country| country.to_string()),
        allowed: country.is_some_and(|country| rules.countries.contains(&country)),
        routes: routes.collect(),
    };
    Ok(json(StatusCode::OK, &explanation))
}

fn names<'a>(rules: &'a Rules, trunks: &[u16]) -> Vec<&'a str> {
    let trunks = trunks.iter().filter_map(|place| rules.trunks.get(usize::from(*place)));
    trunks.map(|trunk| &*trunk.name).collect()
}
