//! The caller's own account: profile, password, export, erasure.

use accounts::{erasure, export as exports, own_account};
use api::{Caller, Fields, IfMatch, Json, MergePatch, Patch, Problem, etag, responses};
use app::App;
use app::exports::ExportLink;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{Address, Email};
use identity::Customer;
use identity::password::Password;
use identity::profile::{self, Person};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::registration::{address, text};

/// Changes to the caller's profile, as a JSON merge patch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CustomerPatch)]
pub(crate) struct ProfilePatch {
    /// New e-mail address to sign in with.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Email, nullable = false)]
    email: Patch<String>,
    /// New first name.
    #[serde(default)]
    #[schema(value_type = Option<domain::schema::ShortText>, nullable = false)]
    first_name: Patch<String>,
    /// New last name.
    #[serde(default)]
    #[schema(value_type = Option<domain::schema::ShortText>, nullable = false)]
    last_name: Patch<String>,
    /// New telephone number; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<domain::schema::ShortText>)]
    phone: Patch<String>,
    /// New postal address, complete; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<Address>)]
    address: Patch<Address>,
}

/// The parsed changes.
#[derive(Clone)]
struct ProfileChange {
    email: Patch<Email>,
    first_name: Patch<String>,
    last_name: Patch<String>,
    phone: Patch<String>,
    address: Patch<Address>,
}

/// The current and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordChangeRequest)]
pub(crate) struct PasswordRequest {
    /// Current password of the caller.
    #[schema(format = Password, min_length = 1)]
    current_password: String,
    /// New password of 8 to 256 characters.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    new_password: String,
}

/// The password, so that a stolen session cannot erase a customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErasureRequest {
    /// The customer's password.
    #[schema(format = Password, min_length = 1)]
    password: String,
}

impl ProfilePatch {
    fn parse(self) -> Result<ProfileChange, Problem> {
        let mut fields = Fields::default();
        let email = required(&mut fields, "email", self.email, |given: String| given.parse::<Email>());
        let first_name = required(&mut fields, "first_name", self.first_name, |given: String| text(&given));
        let last_name = required(&mut fields, "last_name", self.last_name, |given: String| text(&given));
        let phone = removable(&mut fields, "phone", self.phone, |given: String| text(&given));
        let address = removable(&mut fields, "address", self.address, |given: Address| address(&given));
        let change = email.zip(first_name.zip(last_name)).zip(phone.zip(address));
        let change = change.map(|((email, (first_name, last_name)), (phone, address))| ProfileChange {
            email,
            first_name,
            last_name,
            phone,
            address,
        });
        fields.finish(change)
    }
}

impl ProfileChange {
    fn apply(self, person: Person) -> Person {
        Person {
            email: set_or(self.email, person.email),
            first_name: set_or(self.first_name, person.first_name),
            last_name: set_or(self.last_name, person.last_name),
            phone: patched(self.phone, person.phone),
            address: patched(self.address, person.address),
        }
    }
}

fn patched<T>(patch: Patch<T>, before: Option<T>) -> Option<T> {
    match patch {
        Patch::Keep => before,
        Patch::Remove => None,
        Patch::Set(value) => Some(value),
    }
}

/// The new value of a required field.
fn set_or<T>(patch: Patch<T>, before: T) -> T {
    match patch {
        Patch::Keep | Patch::Remove => before,
        Patch::Set(value) => value,
    }
}

fn required<T, U, E: std::fmt::Display>(
    fields: &mut Fields,
    name: &str,
    patch: Patch<T>,
    parse: impl FnOnce(T) -> Result<U, E>,
) -> Option<Patch<U>> {
    if matches!(patch, Patch::Remove) {
        fields.refuse(name, "cannot be removed");
    }
    removable(fields, name, patch, parse)
}

fn removable<T, U, E: std::fmt::Display>(
    fields: &mut Fields,
    name: &str,
    patch: Patch<T>,
    parse: impl FnOnce(T) -> Result<U, E>,
) -> Option<Patch<U>> {
    match patch {
        Patch::Keep => Some(Patch::Keep),
        Patch::Remove => Some(Patch::Remove),
        Patch::Set(value) => fields.take(name, parse(value)).map(Patch::Set),
    }
}

/// Reads the caller's profile.
#[utoipa::path(
    get,
    path = "/customers/me",
    operation_id = "read_profile",
    tag = "customers",
    responses((status = 200, description = "The profile; `ETag` is its version", body = Customer))
)]
pub(crate) async fn read(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let stored = profile::find(&app, caller.customer_id).await?;
    Ok((etag(stored.version.0), axum::Json(stored.into_customer())).into_response())
}

/// Changes the caller's profile.
#[utoipa::path(
    patch,
    path = "/customers/me",
    operation_id = "change_profile",
    tag = "customers",
    params(("If-Match" = String, Header, description = "The `ETag` of the version that the change applies to")),
    request_body(content = ProfilePatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The changed profile", body = Customer),
        responses::ConditionalChange, responses::NewEmail,
    )
)]
pub(crate) async fn update(
    State(app): State<App>,
    caller: Caller,
    if_match: Result<IfMatch, Problem>,
    MergePatch(patch): MergePatch<ProfilePatch>,
) -> Result<Response, Problem> {
    let IfMatch(precondition) = if_match?;
    let change = patch.parse()?;
    let stored =
        own_account::update_profile(&app, caller.customer_id, &precondition, |person| change.clone().apply(person))
            .await?;
    Ok((etag(stored.version.0), axum::Json(stored.into_customer())).into_response())
}

/// Changes the caller's password.
///
/// Every session ends, including this one.
#[utoipa::path(
    put,
    path = "/customers/me/password",
    operation_id = "change_password",
    tag = "customers",
    request_body = PasswordRequest,
    responses(
        (status = 204, description = "The password is changed, and every session has ended"),
        responses::PasswordCheck, responses::NewPassword,
        (status = 403, description = "Incorrect current password"),
    )
)]
pub(crate) async fn change_password(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<PasswordRequest>,
) -> Result<StatusCode, Problem> {
    let (current, new) = (Password::typed(request.current_password), Password::typed(request.new_password));
    own_account::change_password(&app, caller.customer_id, current, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Erases the caller: removes personal data and keeps the ledger under an anonymous id.
#[utoipa::path(
    post,
    path = "/customers/me/erasure",
    operation_id = "erase_customer",
    tag = "customers",
    request_body = ErasureRequest,
    responses(
        (status = 204, description = "The customer is erased, and every session has ended"),
        responses::PasswordCheck,
        (status = 403, description = "The password is incorrect"),
        (status = 409, description = "The caller is the last administrator"),
    )
)]
pub(crate) async fn erase(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<ErasureRequest>,
) -> Result<StatusCode, Problem> {
    erasure::erase(&app, caller.customer_id, Password::typed(request.password)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Exports everything that is stored of the caller, as a link to a JSON file.
#[utoipa::path(
    get,
    path = "/customers/me/export",
    operation_id = "export_customer",
    tag = "customers",
    responses((status = 200, description = "A link that is valid for five minutes", body = ExportLink))
)]
pub(crate) async fn export(State(app): State<App>, caller: Caller) -> Result<axum::Json<ExportLink>, Problem> {
    Ok(axum::Json(exports::export(&app, caller.customer_id).await?))
}
