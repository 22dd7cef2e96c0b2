//! `GET /health`.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Day;
use market_data::{MarketData, market_clock};
use serde::Serialize;
use utoipa::ToSchema;

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
    /// When the last verification of all books finished; null before the first.
    #[schema(format = DateTime, required)]
    last_verification: Option<String>,
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
pub(crate) async fn check(State(market): State<MarketData>) -> Response {
    let operations::health::Health { store_answers, last_refresh, last_verification, newest_quote_age_seconds } =
        operations::health::check(&market).await;
    let health = Health {
        status: if store_answers { "ok" } else { "degraded" },
        version: env!("CARGO_PKG_VERSION"),
        store: if store_answers { "ok" } else { "unavailable" },
        source: market.provider().source(),
        market_day: market_clock::market_day(&market),
        last_refresh: last_refresh.map(domain::instant::text),
        last_verification: last_verification.map(domain::instant::text),
        newest_quote_age_seconds,
    };
    if store_answers {
        axum::Json(health).into_response()
    } else {
        let retry_after = [(header::RETRY_AFTER, "1")];
        (StatusCode::SERVICE_UNAVAILABLE, retry_after, axum::Json(health)).into_response()
    }
}
