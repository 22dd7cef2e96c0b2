//! Routes for administrators: search customers, set roles and advisors, disable.

use accounts::administration::{self, AccountChange};
use accounts::search::{self, AccountState, CustomerFilter};
use api::{
    Caller, Fields, IdPath, IfMatch, ListQuery, MergePatch, Page, Patch, Problem, Query, etag, responses, variant,
};
use app::App;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{CustomerId, Role};
use identity::audit::Actor;
use identity::{Customer, profile};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// One page of customers.
type CustomerPage = Page<Customer>;

/// The customers to search.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// Part of a name or e-mail address, case-insensitive.
    query: Option<String>,
    /// Only customers with this role.
    #[param(value_type = Option<Role>)]
    role: Option<String>,
    /// `active`: only customers who can sign in. `disabled`: only those whose account an administrator has disabled. An
    /// erased customer is not active.
    #[param(inline, value_type = Option<AccountState>)]
    state: Option<String>,
}

impl SearchQuery {
    fn parse(self, fields: &mut Fields) -> Option<CustomerFilter> {
        let role = fields.take_optional("role", self.role.as_deref().map(variant));
        let state = fields.take_optional("state", self.state.as_deref().map(variant));
        let text = self.query.unwrap_or_default().trim().to_owned();
        role.zip(state).map(|(role, state)| CustomerFilter { text, role, state })
    }
}

/// A change by an administrator, as a JSON merge patch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CustomerAdministrationPatch)]
pub(crate) struct AdministrationPatch {
    /// New role of the customer.
    #[serde(default)]
    #[schema(value_type = Option<Role>, nullable = false)]
    role: Patch<Role>,
    /// New advisor of the client; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    advisor_id: Patch<Uuid>,
    /// Whether the account is disabled.
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
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

/// Searches customers by name or e-mail address, role and state, in the order of their registration.
#[utoipa::path(
    get,
    path = "/customers",
    operation_id = "search_customers",
    tag = "customers",
    params(SearchQuery, ListQuery),
    responses(
        (status = 200, description = "One page of customers", body = CustomerPage),
        responses::List, responses::Administration,
    )
)]
pub(crate) async fn search(
    State(app): State<App>,
    caller: Caller,
    Query(filters): Query<SearchQuery>,
    Query(page): Query<ListQuery>,
) -> Result<axum::Json<CustomerPage>, Problem> {
    let mut fields = Fields::default();
    let request = filters.parse(&mut fields).zip(page.parse(&mut fields));
    let (filter, page) = fields.finish(request)?;
    Ok(axum::Json(search::search(&app, caller.customer_id, &filter, &page).await?.into()))
}

/// Reads a customer.
#[utoipa::path(
    get,
    path = "/customers/{id}",
    operation_id = "read_customer",
    tag = "customers",
    params(("id" = String, Path, description = "Id of the customer")),
    responses(
        (status = 200, description = "The customer; `ETag` is its version", body = Customer),
        responses::Administration, responses::NamedCustomer,
    )
)]
pub(crate) async fn read(State(app): State<App>, IdPath(id): IdPath) -> Result<Response, Problem> {
    let stored = profile::find(&app, CustomerId(id)).await?;
    Ok((etag(stored.version.0), axum::Json(stored.into_customer())).into_response())
}

/// Changes a customer's role or advisor, or disables or enables the account.
///
/// A new role or disabling ends every session of the customer. The clients of a former advisor no longer have one.
#[utoipa::path(
    patch,
    path = "/customers/{id}",
    operation_id = "change_customer",
    tag = "customers",
    params(
        ("id" = String, Path, description = "Id of the customer"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that the change applies to"),
    ),
    request_body(content = AdministrationPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The changed customer", body = Customer),
        responses::ConditionalChange, responses::Administration, responses::NamedCustomer,
        (status = 409, description = "Administrators cannot remove their own rights, and the last one must remain"),
    )
)]
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    id: Result<IdPath, Problem>,
    if_match: Result<IfMatch, Problem>,
    MergePatch(patch): MergePatch<AdministrationPatch>,
) -> Result<Response, Problem> {
    let IfMatch(precondition) = if_match?;
    let change = patch.parse()?;
    let IdPath(id) = id?;
    let by = Actor::Customer(caller.customer_id);
    let stored = administration::administer(&app, by, CustomerId(id), &precondition, change).await?;
    Ok((etag(stored.version.0), axum::Json(stored.into_customer())).into_response())
}
