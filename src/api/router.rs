//! Which path is answered by what, the same around every answer, and the document that describes it all.

use super::Service;
use super::problem::{Code, Problem};
use super::{cdrs, events, health, keys, look, verifications};
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Response;
use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{Next, from_fn_with_state};
use rand::Rng as _;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[derive(OpenApi)]
#[openapi(
    info(title = "onering", description = "Verify telephone numbers by flash call: a call that rings for less than a second, \
        from a number whose last digits are the code.", license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    servers((url = "/", description = "Wherever this document came from")),
    tags(
        (name = "verifications", description = "Prove that somebody holds a number"),
        (name = "records", description = "One record for each call"),
        (name = "configuration", description = "What is configured, to look at"),
        (name = "keys", description = "Who may use the API"),
        (name = "operation", description = "How the service is; no key is needed"),
    ))]
struct Document;

fn routes() -> OpenApiRouter<Arc<Service>> {
    let mut document = Document::openapi();
    let bearer =
        Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("or_ID_SECRET").description(
            Some("An API key; `onering key create` makes one. On the Unix socket none is needed."),
        );
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("key", SecurityScheme::Http(bearer.build()));
    let none: [&str; 0] = [];
    document.security = Some(vec![SecurityRequirement::new("key", none)]);
    OpenApiRouter::with_openapi(document)
        .routes(routes!(verifications::start::start, verifications::list::list))
        .routes(routes!(verifications::look))
        .routes(routes!(verifications::check))
        .routes(routes!(verifications::next))
        .routes(routes!(verifications::cancel))
        .routes(routes!(verifications::calls))
        .routes(routes!(events::follow))
        .routes(routes!(cdrs::list))
        .routes(routes!(cdrs::export::export))
        .routes(routes!(cdrs::one))
        .routes(routes!(look::pools))
        .routes(routes!(look::explain))
        .routes(routes!(look::trunks))
        .routes(routes!(keys::make, keys::list))
        .routes(routes!(keys::revoke))
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(health::openapi))
}

/// Every path, for labels of metrics: what nobody made up.
const TEMPLATES: [&str; 19] = [
    "/v1/verifications",
    "/v1/verifications/{id}",
    "/v1/verifications/{id}/check",
    "/v1/verifications/{id}/next",
    "/v1/verifications/{id}/cancel",
    "/v1/verifications/{id}/attempts",
    "/v1/verifications/{id}/events",
    "/v1/cdrs",
    "/v1/cdrs/export",
    "/v1/cdrs/{cdr_id}",
    "/v1/pools",
    "/v1/routes/explain",
    "/v1/trunks",
    "/v1/keys",
    "/v1/keys/{id}",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
];
/// Whatever is not there.
const OTHER: &str = "other";

/// The API described: OpenAPI 3.1, as JSON.
#[must_use]
pub fn openapi() -> String {
    routes().into_openapi().to_pretty_json().unwrap_or_default()
}

/// The routes, with what is around each of them.
pub(super) fn router(service: Arc<Service>) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .fallback(health::nothing)
        .method_not_allowed_fallback(health::wrong_method)
        .layer(from_fn_with_state(Arc::clone(&service), around))
        .with_state(service)
}

/// Names of requests: different in each life of the service.
#[derive(Debug)]
pub(super) struct RequestIds {
    life: u32,
    next: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        Self { life: rand::rng().next_u32(), next: AtomicU64::new(1) }
    }
}

impl RequestIds {
    /// The next one.
    pub(super) fn draw(&self) -> String {
        let mut id = String::with_capacity(24);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // Writing to a string does not fail.
        write!(id, "req_{:08x}{number:08x}", self.life).ok();
        id
    }
}

/// Around every answer: its id, the headers that all have, the document of a problem, and what is counted.
async fn around(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let began = service.clock.instant();
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let known = |path: &str| TEMPLATES.into_iter().find(|template| *template == path);
    let route = matched.and_then(known).unwrap_or(OTHER);
    let method = request.method().clone();
    let request_id = service.ids.draw();
    let mut response = match service.requests.try_acquire() {
        Ok(_permit) => next.run(request).await,
        Err(_) => {
            let detail = "as many requests as are allowed are under way";
            Problem::new(Code::CapacityExceeded, detail).respond(&request_id)
        }
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let said = problem.respond(&request_id);
        let (parts, body) = said.into_parts();
        // What was there already, `Allow` for one, stays.
        response.headers_mut().extend(parts.headers);
        *response.body_mut() = body;
    }
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert(&REQUEST_ID, id);
    }
    let (code, after) = (response.status().as_u16(), service.clock.instant().since(began));
    service.metrics.answered(route, &method, code, after);
    // Of 64 bits: the log in JSON writes longer numbers as text.
    let after_us = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(request_id, route, %method, code, after_us, "answered");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_a_label() {
        let document = routes().into_openapi();
        for path in document.paths.paths.keys() {
            assert!(TEMPLATES.contains(&path.as_str()), "{path}");
        }
        assert_eq!(document.paths.paths.len(), TEMPLATES.len());
    }
}
