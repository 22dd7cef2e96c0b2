//! `POST /customers` registers; `/customers/me` is the caller's profile, password, export and erasure; e-mails with a
//! one-time token verify an address and reset a password; administrators search and change customers.

mod administration;
mod email;
mod own;
mod registration;

use app::App;
use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The router of the function.
pub fn router(app: App) -> Router {
    api::close(app, routes())
}

/// The function's part of the API document.
#[must_use]
pub fn openapi() -> OpenApi {
    api::document(routes())
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(registration::register, administration::search))
        .routes(routes!(own::read, own::update))
        .routes(routes!(own::change_password))
        .routes(routes!(own::erase))
        .routes(routes!(own::export))
        .routes(routes!(registration::reset_password))
        .routes(routes!(email::send_verification))
        .routes(routes!(email::confirm))
        .routes(routes!(email::request_password_reset))
        .routes(routes!(administration::read, administration::change))
}
