//! What the platform shows of itself without a token: its home page, its API reference and document, and its health.
//! `$default`, the response to every request that no other route takes, is here too.

mod check;
mod documented_routes;
mod pages;
mod public_file;
mod reference;
mod unknown_route;

use axum::Router;
use axum::middleware::from_fn;
use market_data::MarketData;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The router of the function.
pub fn router(market: MarketData) -> Router {
    let (router, document) = routes().split_for_parts();
    let router = router.fallback(unknown_route::refuse).method_not_allowed_fallback(unknown_route::refuse);
    api::middleware::finish_responses(market, router, &document)
}

/// The router of the function behind an API with CORS settings for these origins.
///
/// API Gateway answers a preflight itself, except that an API with a `$default` route passes it on to that and adds its
/// headers to the response, according to the AWS documentation of such routes. A browser then needs a success.
pub fn router_for_origins(market: MarketData, allowed_origins: &[String]) -> Router {
    let router = router(market);
    if allowed_origins.is_empty() { router } else { router.layer(from_fn(unknown_route::answer_preflight)) }
}

/// The function's part of the API document.
#[must_use]
pub fn openapi() -> OpenApi {
    api::document(routes())
}

fn routes() -> OpenApiRouter<MarketData> {
    OpenApiRouter::new()
        .routes(routes!(pages::send_home_page))
        .routes(routes!(pages::send_reference))
        .routes(routes!(pages::send_file))
        .routes(routes!(pages::send_openapi_document))
        .routes(routes!(check::check))
}
