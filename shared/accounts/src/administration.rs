//! Changes to an account by administrators: role, advisor and disabling.

use app::error::ServiceError;
use app::{App, Precondition};
use books::wallets;
use domain::{CustomerId, Email, Role};
use identity::audit::{self, Actor};
use identity::profile::{self, Customer, Profile, StoredProfile};
use notifications::live;
use serde_json::json;
use store::retry::{Retry, retry};
use store::{DeleteExpect, StoreError, Write, documents, keys};

use crate::{administrators, advice};

/// A change by an administrator; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// The role.
    pub role: Option<Role>,
    /// The advisor; the inner `None` removes it.
    pub advisor_id: Option<Option<CustomerId>>,
    /// Whether the account is disabled.
    pub disabled: Option<bool>,
}

/// Changes role, advisor or disabling. A new role or disabling ends every session and closes all live connections. The
/// clients of a customer who no longer advises lose their advisor.
///
/// Errors: those of [`Precondition::require`]; [`ServiceError::OwnAccount`] for administrators who would remove their
/// own rights; [`ServiceError::LastAdministrator`]; [`ServiceError::Field`] for an advisor that does not exist.
pub async fn administer(
    app: &App,
    by: Actor,
    customer: CustomerId,
    expected: &Precondition,
    change: AccountChange,
) -> Result<StoredProfile, ServiceError> {
    let change = &change;
    // An earlier change may have been interrupted.
    advice::end(app, by, customer).await?;
    let unlisted = &administrators::UnlistedAdministrators::default();
    let (changed, sessions_ended) = retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let stored = profile::find(app, customer).await?;
        expected.require(stored.version.0)?;
        if stored.profile.erased_at.is_some() {
            return Err(ServiceError::NotFound { what: "customer" });
        }
        let before = &stored.profile;
        let mut after = before.clone();
        after.role = change.role.unwrap_or(before.role);
        after.disabled = change.disabled.unwrap_or(before.disabled);
        after.advisor_id = change.advisor_id.unwrap_or(before.advisor_id);
        let loses_rights = after.role != Role::Administrator || after.disabled;
        if by == Actor::Customer(customer) && loses_rights {
            return Err(ServiceError::OwnAccount);
        }
        if after.role != Role::Client {
            after.advisor_id = None;
        }
        let sessions_end = after.role != before.role || after.disabled != before.disabled;
        if sessions_end {
            after.end_sessions();
        }
        if before.advice_to_end && after.advises() {
            // One call could not remove all clients of the earlier time: the client repeats the request.
            return Err(StoreError::Throttled.into());
        }
        after.advice_to_end |= before.advises() && !after.advises();
        after.updated_at = app.now();
        let mut writes = stored.replaced_by(&after)?;
        writes.extend(administrators::prepare_listing(app, before, &after, unlisted).await?);
        writes.extend(prepare_advisor_writes(app, before, &after).await?);
        if after.disabled != before.disabled {
            writes.push(wallets::prepare_freeze(app, customer, after.disabled || after.books_in_doubt).await?);
        }
        let detail = json!({ "role": after.role, "advisor_id": after.advisor_id, "disabled": after.disabled });
        writes.push(audit::record(app, customer, by, "administered", detail)?);
        app.table().transact(writes).await?;
        Ok::<_, ServiceError>((after, sessions_end))
    })
    .await?;
    if sessions_ended {
        live::close_all(app, customer).await;
    }
    if changed.advice_to_end
        && let Err(error) = advice::end(app, by, customer).await
    {
        // The change itself is stored; the nightly verification does the rest.
        tracing::warn!(%customer, %error, "clients of a former advisor were not all updated");
    }
    profile::find(app, customer).await
}

/// The writes that move a client from one advisor to another. They assert that the new one is still an advisor.
async fn prepare_advisor_writes(app: &App, before: &Profile, after: &Profile) -> Result<Vec<Write>, ServiceError> {
    if before.advisor_id == after.advisor_id {
        return Ok(Vec::new());
    }
    let own = keys::advisor_of(after.id);
    let stored = app.table().get(&own).await?.map(|item| item.version);
    let mut writes = Vec::new();
    if let Some(old) = before.advisor_id {
        writes.push(Write::Delete { key: keys::client_of(old, after.id), expect: DeleteExpect::Any });
    }
    match after.advisor_id {
        None => writes.push(Write::Delete { key: own, expect: DeleteExpect::Any }),
        Some(new) => {
            let no_advisor =
                || ServiceError::Field { field: "advisor_id", detail: "must be the id of an advisor".to_owned() };
            let advisor = match profile::find(app, new).await {
                Err(ServiceError::NotFound { .. }) => return Err(no_advisor()),
                found => found?,
            };
            if new == after.id || !advisor.profile.advises() {
                return Err(no_advisor());
            }
            let client = keys::client_of(new, after.id);
            writes.push(Write::Put {
                body: documents::body(&own, &new)?,
                key: own,
                expires_at: None,
                expect: stored.into(),
            });
            writes.push(Write::create(client.clone(), documents::body(&client, &after.id)?));
            writes.extend(advisor.unchanged());
        }
    }
    Ok(writes)
}

/// Sets the role of the customer with this e-mail address: for the operator, who appoints the first administrator.
pub async fn set_role(app: &App, email: &Email, role: Role) -> Result<Customer, ServiceError> {
    let found = profile::find_by_email(app, email).await?.ok_or(ServiceError::NotFound { what: "customer" })?;
    let change = AccountChange { role: Some(role), ..AccountChange::default() };
    Ok(administer(app, Actor::Operator, found.profile.id, &Precondition::Any, change).await?.into_customer())
}
