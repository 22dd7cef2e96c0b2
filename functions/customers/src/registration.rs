//! Public routes: registration, and a new password by a one-time token.

use accounts::password_reset;
use api::{Fields, IdempotencyKey, Json, Problem, Replayed, Source, etag, responses, with_rate_limit};
use app::limited_by_source::{self, LimitedAction};
use app::{App, Created};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{Address, Email};
use identity::password::Password;
use identity::profile::Person;
use identity::{Customer, registration};
use serde::Deserialize;
use utoipa::ToSchema;

/// The longest name, telephone number or part of an address, in characters.
const MAX_TEXT: usize = 200;

/// A new customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RegistrationRequest)]
pub(crate) struct RegisterRequest {
    /// E-mail address; trimmed and lower-cased.
    #[schema(format = Email, example = "ada@example.com")]
    email: String,
    /// Password of 8 to 256 characters. Guessing it must take at least 100,000 guesses, even with knowledge of names and
    /// address.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    password: String,
    /// First name of the customer.
    #[schema(value_type = domain::schema::ShortText)]
    first_name: String,
    /// Last name of the customer.
    #[schema(value_type = domain::schema::ShortText)]
    last_name: String,
    /// Telephone number as written.
    #[schema(value_type = Option<domain::schema::ShortText>)]
    phone: Option<String>,
    /// Postal address of the customer.
    address: Option<Address>,
}

/// A one-time token and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordResetRequest)]
pub(crate) struct ResetRequest {
    /// One-time token from the operator or from an e-mail.
    #[schema(min_length = 1)]
    token: String,
    /// New password of 8 to 256 characters.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    new_password: String,
}

/// Validates a text: trimmed, not empty, not too long and without control characters.
pub(crate) fn text(given: &str) -> Result<String, String> {
    let text = given.trim();
    if text.is_empty() || text.chars().count() > MAX_TEXT || text.contains(char::is_control) {
        return Err(format!("must have 1 to {MAX_TEXT} characters, without control characters"));
    }
    Ok(text.to_owned())
}

/// Validates the parts of an address.
pub(crate) fn address(given: &Address) -> Result<Address, String> {
    let part = |name: &str, given: &str| text(given).map_err(|error| format!("{name}: {error}"));
    Ok(Address {
        street: part("street", &given.street)?,
        city: part("city", &given.city)?,
        state: given.state.as_deref().map(|state| part("state", state)).transpose()?,
        zip_code: part("zip_code", &given.zip_code)?,
        country: part("country", &given.country)?,
    })
}

impl RegisterRequest {
    fn parse(self) -> Result<(Person, Password), Problem> {
        let mut fields = Fields::default();
        let email = fields.take("email", self.email.parse::<Email>());
        let password = fields.take("password", Password::of_length(self.password));
        let first_name = fields.take("first_name", text(&self.first_name));
        let last_name = fields.take("last_name", text(&self.last_name));
        let phone = fields.take_optional("phone", self.phone.as_deref().map(text));
        let address = fields.take_optional("address", self.address.as_ref().map(address));
        let name = first_name.zip(last_name);
        let person = email.zip(name).zip(phone.zip(address));
        let person = person.map(|((email, (first_name, last_name)), (phone, address))| Person {
            email,
            first_name,
            last_name,
            phone,
            address,
        });
        fields.finish(person.zip(password))
    }
}

/// Registers a client.
#[utoipa::path(
    post,
    path = "/customers",
    operation_id = "register",
    tag = "customers",
    params(("Idempotency-Key" = Option<String>, Header, description = "A key belongs to the e-mail address. A repeated request with the same key gets the first response; because it confirms the password, it is limited like an attempt to sign in")),
    request_body = RegisterRequest,
    responses(
        (status = 201, description = "The new customer; sign in at /sessions", body = Customer),
        responses::IdempotentPost, responses::NewEmail,
        (status = 422, description = "Invalid fields, or a key that was used for a different request or password"),
        (status = 429, description = "Sixty registrations from the source address within an hour (`rate_limited`), or ten failed attempts at the password within fifteen minutes (`too_many_attempts`); `Retry-After` has the seconds to wait"),
        (status = 503, description = "Passwords cannot be hashed or checked for now (`hasher_unavailable`); nothing is created, and no attempt is counted"),
    ),
    security(())
)]
pub(crate) async fn register(
    State(app): State<App>,
    Source(source): Source,
    key: Result<IdempotencyKey, Problem>,
    Json(request): Json<RegisterRequest>,
) -> Result<Response, Problem> {
    let IdempotencyKey(key) = key?;
    let (person, password) = request.parse()?;
    let registering = registration::register_once(&app, person, password, key.as_deref());
    let (created, rate_limit) = limited_by_source::run(&app, LimitedAction::Registration, source, registering).await;
    let response = |created: Created<Customer>| {
        let location = [(header::LOCATION, "/customers/me")];
        let tag = etag(created.value.version.0);
        (StatusCode::CREATED, location, tag, Replayed(created.replayed), axum::Json(created.value)).into_response()
    };
    Ok(with_rate_limit(created.map(response).map_err(Problem::from), rate_limit))
}

/// Sets a new password by a one-time token.
///
/// Every session ends.
#[utoipa::path(
    put,
    path = "/customers/password",
    operation_id = "reset_password",
    tag = "customers",
    request_body = ResetRequest,
    responses(
        (status = 204, description = "The password is set, and the token is used"),
        responses::NewPassword,
        (status = 403, description = "The token is unknown, expired or already used"),
        (status = 503, description = "Passwords cannot be hashed for now (`hasher_unavailable`); the token stays unused"),
    ),
    security(())
)]
pub(crate) async fn reset_password(
    State(app): State<App>,
    Json(request): Json<ResetRequest>,
) -> Result<StatusCode, Problem> {
    password_reset::redeem(&app, &request.token, Password::typed(request.new_password)).await?;
    Ok(StatusCode::NO_CONTENT)
}
