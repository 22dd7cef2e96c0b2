//! `GET /health`, `GET /openapi.json`, and `$default`: the response to every unknown route.

mod documented_routes;

use api::{Problem, ProblemCode};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Day;
use market_data::{MarketData, market_clock};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use documented_routes::OPENAPI_JSON;

/// The router of the function.
pub fn router(market: MarketData) -> Router {
    let (router, document) = routes().split_for_parts();
    let router = router.fallback(refuse_unknown_route).method_not_allowed_fallback(refuse_unknown_route);
    api::middleware::finish_responses(market, router, &document)
}

/// The function's part of the API document.
#[must_use]
pub fn openapi() -> OpenApi {
    api::document(routes())
}

fn routes() -> OpenApiRouter<MarketData> {
    OpenApiRouter::new().routes(routes!(check)).routes(routes!(send_openapi_document))
}

/// The health of the platform.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`, or `degraded` if the store does not respond.
    #[schema(pattern = "^(ok|degraded)$")]
    status: &'static str,
    /// Version of the build.
    version: &'static str,
    /// `ok`, or `unavailable` if the store does not respond.
    #[schema(pattern = "^(ok|unavailable)$")]
    store: &'static str,
    /// Source of the prices.
    source: &'static str,
    /// The last day for which a bar is expected.
    market_day: Day,
    /// When the last scheduled price refresh finished; null before the first.
    #[schema(format = DateTime, required)]
    last_refresh: Option<String>,
    /// Age of the newest price in seconds, by the market clock; null without a price.
    #[schema(required)]
    newest_quote_age_seconds: Option<u64>,
}

/// Checks the health of the platform.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "health",
    tag = "health",
    responses((status = 200, description = "The platform is healthy", body = Health), (status = 503, description = "The store does not respond", body = Health)),
    security(())
)]
async fn check(State(market): State<MarketData>) -> Response {
    let operations::health::Health { store_answers, last_refresh, newest_quote_age_seconds } =
        operations::health::check(&market).await;
    let health = Health {
        status: if store_answers { "ok" } else { "degraded" },
        version: env!("CARGO_PKG_VERSION"),
        store: if store_answers { "ok" } else { "unavailable" },
        source: market.provider().source(),
        market_day: market_clock::market_day(&market),
        last_refresh: last_refresh.map(domain::instant::text),
        newest_quote_age_seconds,
    };
    if store_answers {
        axum::Json(health).into_response()
    } else {
        let retry_after = [(header::RETRY_AFTER, "1")];
        (StatusCode::SERVICE_UNAVAILABLE, retry_after, axum::Json(health)).into_response()
    }
}

/// Sends this document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi_document",
    tag = "health",
    responses((status = 200, description = "The OpenAPI document", content_type = "application/json")),
    security(())
)]
async fn send_openapi_document() -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, OPENAPI_JSON).into_response()
}

async fn refuse_unknown_route(request: Request) -> Problem {
    match documented_routes::allowed_methods(request.uri().path()) {
        Some(methods) if !methods.contains(request.method().as_str()) => wrong_method(request.method(), methods),
        _ => Problem::new(ProblemCode::RouteNotFound, "The route does not exist. GET /openapi.json lists all routes."),
    }
}

fn wrong_method(method: &Method, allowed: &str) -> Problem {
    let detail = format!("The route does not support {method}. It supports {allowed}.");
    let problem = Problem::new(ProblemCode::MethodNotAllowed, detail);
    match HeaderValue::from_str(allowed) {
        Ok(value) => problem.with_header(header::ALLOW, value),
        Err(_) => problem,
    }
}
