//! E-mails with a one-time token: to verify the caller's address, and to set a new password.

use accounts::{email_verification, password_reset};
use api::{Caller, Fields, Json, Problem, Source, with_rate_limit};
use app::App;
use app::limited_by_source::{self, LimitedAction};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::Email;
use serde::Deserialize;
use utoipa::ToSchema;

/// The one-time token from the verification e-mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailConfirmation {
    /// One-time token from the e-mail.
    #[schema(min_length = 1)]
    token: String,
}

/// The address of the account whose password is lost.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordResetEmailRequest {
    /// E-mail address of the account.
    #[schema(format = Email, example = "ada@example.com")]
    email: String,
}

/// Sends a one-time token to the caller's e-mail address, to verify it.
///
/// The token is valid for 15 minutes. If the address is verified already, nothing is sent.
#[utoipa::path(
    post,
    path = "/customers/email-verification",
    operation_id = "send_email_verification",
    tag = "customers",
    responses(
        (status = 202, description = "The e-mail is on its way, or the address is verified already"),
        (status = 429, description = "Five e-mails were requested within an hour, by the caller or for the address; `Retry-After` has the seconds to wait"),
        (status = 503, description = "The e-mail service is not available, or the platform sends no e-mail (`mail_unavailable`)"),
    )
)]
pub(crate) async fn send_verification(State(app): State<App>, caller: Caller) -> Result<StatusCode, Problem> {
    email_verification::send_token(&app, caller.customer_id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Verifies an e-mail address by the one-time token that was sent to it.
///
/// No session is needed, so that the token can be used on another device.
#[utoipa::path(
    post,
    path = "/customers/email-verification/confirm",
    operation_id = "confirm_email",
    tag = "customers",
    request_body = EmailConfirmation,
    responses(
        (status = 204, description = "The address is verified, and the token is used"),
        (status = 403, description = "The token is unknown, expired or already used, or the account has another address by now"),
        (status = 429, description = "Thirty invalid tokens from the source address within an hour; `Retry-After` has the seconds to wait"),
    ),
    security(())
)]
pub(crate) async fn confirm(
    State(app): State<App>,
    Source(source): Source,
    Json(request): Json<EmailConfirmation>,
) -> Result<Response, Problem> {
    let confirming = email_verification::confirm(&app, &request.token);
    let (confirmed, rate_limit) =
        limited_by_source::run(&app, LimitedAction::EmailConfirmation, source, confirming).await;
    let response = |()| StatusCode::NO_CONTENT.into_response();
    Ok(with_rate_limit(confirmed.map(response).map_err(Problem::from), rate_limit))
}

/// Requests an e-mail with a one-time token that sets a new password.
///
/// The token is valid for 15 minutes and is sent to the verified address of an account only. The response is the same
/// for every address, so that it does not show who is a customer. An address gets at most five such e-mails an hour.
#[utoipa::path(
    post,
    path = "/customers/password-reset",
    operation_id = "request_password_reset",
    tag = "customers",
    request_body = PasswordResetEmailRequest,
    responses(
        (status = 202, description = "If it is the verified address of an account, the e-mail is on its way"),
        (status = 429, description = "Thirty requests from the source address within an hour; `Retry-After` has the seconds to wait"),
        (status = 503, description = "The request cannot be passed on for now, or the platform sends no e-mail (`mail_unavailable`)"),
    ),
    security(())
)]
pub(crate) async fn request_password_reset(
    State(app): State<App>,
    Source(source): Source,
    Json(request): Json<PasswordResetEmailRequest>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let email = fields.take("email", request.email.parse::<Email>());
    let requesting = password_reset::request(&app, fields.finish(email)?);
    let (requested, rate_limit) = limited_by_source::run(&app, LimitedAction::PasswordReset, source, requesting).await;
    let response = |()| StatusCode::ACCEPTED.into_response();
    Ok(with_rate_limit(requested.map(response).map_err(Problem::from), rate_limit))
}
