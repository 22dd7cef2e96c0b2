//! `POST /sessions` signs in, `GET /sessions` lists, `GET /sessions/{id}` reads one, `DELETE /sessions/current` and `DELETE /sessions` sign out;
//! `POST /live-tickets` issues a ticket for a live connection.

use accounts::sign_out;
use api::{Caller, Fields, IdPath, Json, Problem, Source, responses, with_rate_limit};
use app::App;
use app::limited_by_source::{self, LimitedAction};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Email;
use identity::password::Password;
use identity::sessions::{self, SessionKind, SessionView, SignedIn};
use notifications::live::{self, LiveTicket};
use serde::{Deserialize, Serialize};
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
    OpenApiRouter::new()
        .routes(routes!(sign_in, list, sign_out_everywhere))
        .routes(routes!(read))
        .routes(routes!(sign_out))
        .routes(routes!(issue_live_ticket))
}

/// A request to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInRequest {
    /// E-mail address, case-insensitive.
    #[schema(format = Email, example = "ada@example.com")]
    email: String,
    /// The customer's password.
    #[schema(format = Password, min_length = 1)]
    password: String,
    /// `api` (default) for a program; `browser` for a session that also ends after 30 minutes without a request.
    kind: Option<SessionKind>,
}

/// Signs a customer in.
///
/// The token is shown only once and stored as its hash, so that the response cannot be replayed: an `Idempotency-Key`
/// has no effect, and every successful request begins a new session.
#[utoipa::path(
    post,
    path = "/sessions",
    operation_id = "sign_in",
    tag = "sessions",
    request_body = SignInRequest,
    responses(
        (status = 201, description = "The new session", body = SignedIn),
        responses::StrictBody,
        (status = 401, description = "Incorrect e-mail address or password"),
        (status = 403, description = "The account is disabled"),
        (status = 429, description = "Ten failed attempts for the account within fifteen minutes (`too_many_attempts`), or thirty from the source address within an hour (`rate_limited`); `Retry-After` has the seconds to wait"),
        (status = 503, description = "Passwords cannot be checked for now; no attempt is counted"),
    ),
    security(())
)]
async fn sign_in(
    State(app): State<App>,
    Source(source): Source,
    Json(request): Json<SignInRequest>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let email = fields.take("email", request.email.parse::<Email>());
    let email = fields.finish(email)?;
    let kind = request.kind.unwrap_or(SessionKind::Api);
    let signing_in = sessions::sign_in(&app, &email, Password::typed(request.password), kind);
    let (signed_in, rate_limit) = limited_by_source::run(&app, LimitedAction::SignIn, source, signing_in).await;
    let response = |signed_in: SignedIn| {
        let location = [(header::LOCATION, "/sessions/current")];
        (StatusCode::CREATED, location, axum::Json(signed_in)).into_response()
    };
    Ok(with_rate_limit(signed_in.map(response).map_err(Problem::from), rate_limit))
}

/// The caller's sessions.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionList)]
struct Sessions {
    /// The active sessions, newest first.
    items: Vec<SessionView>,
}

/// Lists the caller's active sessions, newest first.
#[utoipa::path(
    get,
    path = "/sessions",
    operation_id = "list_sessions",
    tag = "sessions",
    responses((status = 200, description = "The active sessions", body = Sessions))
)]
async fn list(State(app): State<App>, caller: Caller) -> Result<axum::Json<Sessions>, Problem> {
    let items = sessions::list(&app, caller.customer_id, Some(&caller.session)).await?;
    Ok(axum::Json(Sessions { items }))
}

/// Reads an active session of the caller.
#[utoipa::path(
    get,
    path = "/sessions/{id}",
    operation_id = "read_session",
    tag = "sessions",
    params(("id" = String, Path, description = "Id of the session")),
    responses(
        (status = 200, description = "The active session", body = SessionView),
        (status = 404, description = "The caller has no such session, or it has ended"),
    )
)]
async fn read(State(app): State<App>, caller: Caller, IdPath(id): IdPath) -> Result<axum::Json<SessionView>, Problem> {
    Ok(axum::Json(sessions::find(&app, caller.customer_id, id, Some(&caller.session)).await?))
}

/// Ends the session of this request.
#[utoipa::path(
    delete,
    path = "/sessions/current",
    operation_id = "sign_out",
    tag = "sessions",
    responses((status = 204, description = "The session has ended: its token is no longer valid, and its live connections are closed"))
)]
async fn sign_out(State(app): State<App>, caller: Caller) -> Result<StatusCode, Problem> {
    sign_out::end_session(&app, caller.customer_id, &caller.session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends every session of the caller, including this one.
#[utoipa::path(
    delete,
    path = "/sessions",
    operation_id = "sign_out_everywhere",
    tag = "sessions",
    responses((status = 204, description = "All sessions have ended: their tokens are no longer valid, and all live connections are closed"))
)]
async fn sign_out_everywhere(State(app): State<App>, caller: Caller) -> Result<StatusCode, Problem> {
    sign_out::end_all(&app, caller.customer_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Issues a one-time ticket for a live connection.
///
/// It is shown only once: connect the WebSocket to `/live?ticket=TICKET` within 60 seconds. It is valid once, and only
/// while the session of this request is active.
#[utoipa::path(
    post,
    path = "/live-tickets",
    operation_id = "issue_live_ticket",
    tag = "sessions",
    responses((status = 201, description = "The new ticket", body = LiveTicket))
)]
async fn issue_live_ticket(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let ticket = live::issue_ticket(&app, caller.customer_id, &caller.session).await?;
    Ok((StatusCode::CREATED, axum::Json(ticket)).into_response())
}
