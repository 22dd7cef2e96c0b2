//! What is open to everybody: becoming a customer, and a new password for a one-time token.

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

/// Longest name, telephone number or part of an address, in characters.
const MAX_TEXT: usize = 200;

/// Who registers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterRequest {
    /// E-mail address; trimmed and lower-cased.
    #[schema(format = Email, example = "ada@example.com")]
    email: String,
    /// Password of 8 to 256 bytes that a guesser who knows names and address does not find in 100,000 guesses.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    password: String,
    /// First name.
    #[schema(min_length = 1, max_length = 200, example = "Ada")]
    first_name: String,
    /// Last name.
    #[schema(min_length = 1, max_length = 200, example = "Lovelace")]
    last_name: String,
    /// Telephone number.
    #[schema(max_length = 200)]
    phone: Option<String>,
    /// Address.
    address: Option<Address>,
}

/// A one-time token and the password it sets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetRequest {
    /// The token that an operator made.
    token: String,
    /// The new password.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    new_password: String,
}

/// A text as it is kept: trimmed, not empty, not too long and without control characters.
pub(crate) fn text(given: &str) -> Result<String, String> {
    let text = given.trim();
    if text.is_empty() || text.chars().count() > MAX_TEXT || text.contains(char::is_control) {
        return Err(format!("a text has 1 to {MAX_TEXT} characters, none of them a control character"));
    }
    Ok(text.to_owned())
}

/// An address whose parts are texts.
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
    params(("Idempotency-Key" = Option<String>, Header, description = "Belongs to the e-mail address. The same key with the same request answers the first customer again; as a repetition proves the password, it counts as an attempt to sign in")),
    request_body = RegisterRequest,
    responses(
        (status = 201, description = "The customer; sign in at /sessions", body = Customer),
        responses::IdempotentPost, responses::NewEmail,
        (status = 422, description = "Fields that cannot be used, or a key that was used for another request or another password"),
        (status = 429, description = "Sixty registrations from the source address within an hour (`rate_limited`), or ten failed attempts at the password within fifteen minutes (`too_many_attempts`); `Retry-After` says when the next is taken"),
        (status = 503, description = "Passwords cannot be kept or checked for now (`hasher_unavailable`): nothing is made, and it counts as no attempt"),
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
    let (made, rate_limit) = limited_by_source::run(&app, LimitedAction::Registration, source, registering).await;
    let answer = |made: Created<Customer>| {
        let location = [(header::LOCATION, "/customers/me")];
        let tag = etag(made.value.version.0);
        (StatusCode::CREATED, location, tag, Replayed(made.replayed), axum::Json(made.value)).into_response()
    };
    Ok(with_rate_limit(made.map(answer).map_err(Problem::from), rate_limit))
}

/// Sets the password that a one-time token allows; every session ends.
#[utoipa::path(
    put,
    path = "/customers/password",
    operation_id = "reset_password",
    tag = "customers",
    request_body = ResetRequest,
    responses(
        (status = 204, description = "The password is set and the token used up"),
        responses::NewPassword,
        (status = 403, description = "A token that is unknown, expired or used"),
        (status = 503, description = "Passwords cannot be kept for now (`hasher_unavailable`): the token stays unused"),
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
