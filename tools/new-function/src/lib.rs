//! `GET /new-function`: the caller and the time.

use api::{Caller, Problem};
use app::App;
use axum::Router;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::CustomerId;
use serde::Serialize;
use utoipa::ToSchema;
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
    OpenApiRouter::new().routes(routes!(read))
}

/// The caller and the time.
#[derive(Serialize, ToSchema)]
struct NewFunctionAnswer {
    /// The caller.
    customer_id: CustomerId,
    /// When the response was made.
    #[serde(with = "domain::instant")]
    answered_at: DateTime<Utc>,
}

/// Returns the caller and the time.
#[utoipa::path(
    get,
    path = "/new-function",
    operation_id = "read_new_function",
    tag = "new-function",
    responses((status = 200, description = "The caller and the time", body = NewFunctionAnswer))
)]
async fn read(State(app): State<App>, caller: Caller) -> Result<axum::Json<NewFunctionAnswer>, Problem> {
    Ok(axum::Json(NewFunctionAnswer { customer_id: caller.customer_id, answered_at: app.now() }))
}
