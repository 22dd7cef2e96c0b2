//! `/watchlist`, what a customer watches with the last prices, and `/alerts`, what they want to be told of.

mod alerts;
mod condition;
mod watchlist;

use axum::Router;
use services::App;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The function's routes, ready to serve.
pub fn router(app: App) -> Router {
    api::close(app, routes())
}

/// The function's part of the API document.
#[must_use]
pub fn openapi() -> OpenApi {
    routes().split_for_parts().1
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(watchlist::list))
        .routes(routes!(watchlist::read, watchlist::put, watchlist::remove))
        .routes(routes!(alerts::create, alerts::list))
        .routes(routes!(alerts::read, alerts::remove))
        .routes(routes!(alerts::history))
}
