//! What administrators change of an account: role, advisor and disabling.

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

/// What an administrator changes; `None` leaves a part as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// The role.
    pub role: Option<Role>,
    /// The advisor; the inner `None` is none.
    pub advisor_id: Option<Option<CustomerId>>,
    /// Whether the account is closed to its owner.
    pub disabled: Option<bool>,
}

/// Changes role, advisor or disabling; a new role or disabling ends every session and closes all live connections, and
/// clients of an advisor who advises no longer have none.
///
/// Errors: those of [`Precondition::require`]; [`ServiceError::OwnAccount`] for an administrator who would shut themselves
/// out; [`ServiceError::LastAdministrator`] for the last one, whoever asks; [`ServiceError::Field`] for an advisor who is
/// none.
pub async fn administer(
    app: &App,
    by: Actor,
    customer: CustomerId,
    expected: &Precondition,
    change: AccountChange,
) -> Result<StoredProfile, ServiceError> {
    let change = &change;
    // Where an earlier change was cut short.
    advice::end(app, by, customer).await?;
    let unlisted = &administrators::UnlistedAdministrators::default();
    let (stands, sessions_ended) = retry(Retry::within(app::CONFLICT_BUDGET), || async move {
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
        let shut_out = after.role != Role::Administrator || after.disabled;
        if by == Actor::Customer(customer) && shut_out {
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
            // More clients are left of the earlier time than one call ends: to be sent again.
            return Err(StoreError::Throttled.into());
        }
        after.advice_to_end |= before.advises() && !after.advises();
        after.updated_at = app.now();
        let mut writes = vec![stored.replaced_by(&after)?];
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
    if stands.advice_to_end
        && let Err(error) = advice::end(app, by, customer).await
    {
        // The change itself stands; the nightly round does the rest.
        tracing::warn!(%customer, %error, "clients of somebody who advises no longer were not all told");
    }
    profile::find(app, customer).await
}

/// Moves a client from one advisor to another; the new one is asserted to be an advisor still.
async fn prepare_advisor_writes(app: &App, before: &Profile, after: &Profile) -> Result<Vec<Write>, ServiceError> {
    if before.advisor_id == after.advisor_id {
        return Ok(Vec::new());
    }
    let own = keys::advisor_of(after.id);
    let standing = app.table().get(&own).await?.map(|item| item.version);
    let mut writes = Vec::new();
    if let Some(old) = before.advisor_id {
        writes.push(Write::Delete { key: keys::client_of(old, after.id), expect: DeleteExpect::Any });
    }
    match after.advisor_id {
        None => writes.push(Write::Delete { key: own, expect: DeleteExpect::Any }),
        Some(new) => {
            let no_advisor =
                || ServiceError::Field { field: "advisor_id", detail: "no advisor has this id".to_owned() };
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
                expect: standing.into(),
            });
            writes.push(Write::create(client.clone(), documents::body(&client, &after.id)?));
            writes.push(Write::Check { key: keys::customer(new), expect: store::Expect::Version(advisor.version) });
        }
    }
    Ok(writes)
}

/// Sets the role of whoever signs in with this address: for the operator, who makes the first administrator.
pub async fn set_role(app: &App, email: &Email, role: Role) -> Result<Customer, ServiceError> {
    let found = profile::find_by_email(app, email).await?.ok_or(ServiceError::NotFound { what: "customer" })?;
    let change = AccountChange { role: Some(role), ..AccountChange::default() };
    Ok(administer(app, Actor::Operator, found.profile.id, &Precondition::Any, change).await?.into_customer())
}
