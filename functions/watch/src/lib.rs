//! `/watchlist`: the symbols that a customer watches, with last prices; `/alerts`: alerts on prices.

mod alerts;
mod request;
mod watchlist;

use axum::Router;
use market_data::MarketData;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The router of the function.
pub fn router(market: MarketData) -> Router {
    api::close(market, routes())
}

/// The function's part of the API document.
#[must_use]
pub fn openapi() -> OpenApi {
    api::document(routes())
}

fn routes() -> OpenApiRouter<MarketData> {
    OpenApiRouter::new()
        .routes(routes!(watchlist::list))
        .routes(routes!(watchlist::read, watchlist::put, watchlist::remove))
        .routes(routes!(alerts::create, alerts::list))
        .routes(routes!(alerts::read, alerts::remove))
        .routes(routes!(alerts::list_firings))
}
