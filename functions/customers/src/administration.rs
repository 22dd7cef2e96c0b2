//! What administrators do: search customers, give roles and advisors, disable.

use accounts::administration::{self, AccountChange};
use accounts::search;
use api::{Caller, Fields, IdPath, IfMatch, MergePatch, Page, Patch, Problem, Query, etag, responses};
use app::App;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{CustomerId, Role};
use identity::audit::Actor;
use identity::{Customer, profile};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// Part of a name or an e-mail address, in any case.
    query: Option<String>,
    /// Items of a page, 1 to 200; 50 where not given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What an administrator changes, as a JSON merge patch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdministrationPatch {
    /// New role.
    #[serde(default)]
    #[schema(value_type = Option<Role>)]
    role: Patch<Role>,
    /// The client's advisor from now on; null for none.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    advisor_id: Patch<Uuid>,
    /// Whether the account is closed to its owner.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    disabled: Patch<bool>,
}

impl AdministrationPatch {
    fn parse(self) -> Result<AccountChange, Problem> {
        let mut fields = Fields::default();
        let role = fields.take("role", self.role.required());
        let disabled = fields.take("disabled", self.disabled.required());
        let advisor_id = match self.advisor_id {
            Patch::Keep => None,
            Patch::Remove => Some(None),
            Patch::Set(id) => Some(Some(CustomerId(id))),
        };
        let change = role.zip(disabled).map(|(role, disabled)| AccountChange { role, advisor_id, disabled });
        fields.finish(change)
    }
}

/// Customers by name or e-mail address, newest first.
#[utoipa::path(
    get,
    path = "/customers",
    operation_id = "search_customers",
    tag = "customers",
    params(SearchQuery),
    responses(
        (status = 200, description = "A page", body = Page<Customer>),
        responses::List, responses::Administration,
    )
)]
pub(crate) async fn search(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<SearchQuery>,
) -> Result<axum::Json<Page<Customer>>, Problem> {
    let mut fields = Fields::default();
    let limit = fields.take("limit", api::page::limit(query.limit.as_deref()));
    let limit = fields.finish(limit)?;
    let text = query.query.unwrap_or_default();
    let cursor = query.cursor.as_deref();
    let (items, next_cursor) = search::search(&app, caller.customer_id, text.trim(), limit, cursor).await?;
    Ok(axum::Json(Page { items, next_cursor }))
}

/// One customer.
#[utoipa::path(
    get,
    path = "/customers/{id}",
    operation_id = "read_customer",
    tag = "customers",
    params(("id" = String, Path, description = "Id of the customer")),
    responses(
        (status = 200, description = "The customer; `ETag` is the version", body = Customer),
        responses::Administration, responses::NamedCustomer,
    )
)]
pub(crate) async fn read(State(app): State<App>, IdPath(id): IdPath) -> Result<Response, Problem> {
    let stored = profile::find(&app, CustomerId(id)).await?;
    Ok((etag(stored.version.0), axum::Json(stored.into_customer())).into_response())
}

/// Changes a customer's role, advisor or disabling. A new role or disabling ends every session of the customer, and where
/// it is an advisor's, their clients have no advisor from then on.
#[utoipa::path(
    patch,
    path = "/customers/{id}",
    operation_id = "change_customer",
    tag = "customers",
    params(
        ("id" = String, Path, description = "Id of the customer"),
        ("If-Match" = String, Header, description = "The version that the change is meant for, as `ETag` gave it"),
    ),
    request_body(content = AdministrationPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The customer as they are now", body = Customer),
        responses::ConditionalChange, responses::Administration, responses::NamedCustomer,
        (status = 409, description = "Administrators keep their own rights, and the last one stays"),
    )
)]
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath,
    if_match: Result<IfMatch, Problem>,
    MergePatch(patch): MergePatch<AdministrationPatch>,
) -> Result<Response, Problem> {
    let IfMatch(precondition) = if_match?;
    let change = patch.parse()?;
    let by = Actor::Customer(caller.customer_id);
    let stored = administration::administer(&app, by, CustomerId(id), &precondition, change).await?;
    Ok((etag(stored.version.0), axum::Json(stored.into_customer())).into_response())
}
