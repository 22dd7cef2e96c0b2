//! Changes by customers to their own account: the profile and the password.

use app::error::ServiceError;
use app::{App, Precondition};
use domain::CustomerId;
use identity::audit::{self, Actor};
use identity::password::Password;
use identity::profile::{self, Person, Profile, StoredProfile};
use identity::sessions;
use notifications::live;
use serde_json::json;
use store::retry::{Retry, retry};
use store::{DeleteExpect, StoreError, Write, documents, keys};

/// Changes the customer's personal data, at a version that `expected` allows.
///
/// Errors: those of [`Precondition::require`], [`ServiceError::EmailTaken`].
pub async fn update_profile(
    app: &App,
    customer: CustomerId,
    expected: &Precondition,
    change: impl Fn(Person) -> Person,
) -> Result<StoredProfile, ServiceError> {
    let change = &change;
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let stored = profile::find(app, customer).await?;
        expected.require(stored.version.0)?;
        let before = stored.profile.person.clone().ok_or(ServiceError::NotFound { what: "customer" })?;
        let person = change(before.clone());
        let moved = (person.email != before.email).then(|| (before.email.clone(), person.email.clone()));
        let mut changed = Profile { person: Some(person), updated_at: app.now(), ..stored.profile.clone() };
        if moved.is_some() {
            changed.email_verified_at = None;
        }
        let mut writes = stored.replaced_by(&changed)?;
        let address = writes.len();
        if let Some((old, new)) = &moved {
            let key = keys::email(new);
            writes.push(Write::create(key.clone(), documents::body(&key, &customer)?));
            writes.push(Write::Delete { key: keys::email(old), expect: DeleteExpect::Any });
        }
        writes.push(audit::record(app, customer, Actor::Customer(customer), "profile_changed", json!({}))?);
        match app.table().transact(writes).await {
            Ok(_) => profile::find(app, customer).await,
            Err(StoreError::Conflict { write }) if moved.is_some() && write == address => Err(ServiceError::EmailTaken),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// Replaces the current password by a new one, and ends every session.
///
/// Errors: [`ServiceError::Field`] for a new password that is refused; those of the check of the current one.
pub async fn change_password(
    app: &App,
    customer: CustomerId,
    current: Password,
    new: Password,
) -> Result<(), ServiceError> {
    new.check_for("new_password", profile::find(app, customer).await?.profile.person.as_ref()).await?;
    let epoch = check_password(app, customer, current).await?;
    let hash = app.hasher().hash(new).await?;
    set_password(app, customer, epoch, Actor::Customer(customer), hash, Vec::new()).await
}

/// Checks a customer's password, and returns the epoch of the account at that time. A failed check counts against the
/// account.
pub(crate) async fn check_password(app: &App, customer: CustomerId, password: Password) -> Result<u64, ServiceError> {
    let stored = profile::find(app, customer).await?;
    let right = sessions::verify_password(app, &stored, password).await?;
    if right { Ok(stored.profile.session_epoch) } else { Err(ServiceError::WrongPassword) }
}

/// Refuses a request whose password or token was valid for an earlier epoch of the account only.
pub(crate) fn require_epoch(stored: &StoredProfile, epoch: u64) -> Result<(), ServiceError> {
    if stored.profile.session_epoch == epoch { Ok(()) } else { Err(ServiceError::InvalidToken) }
}

/// Writes the hash of a new password and ends every session, in one transaction with `also`, if the account still has
/// `epoch`. Then closes the customer's live connections.
pub(crate) async fn set_password(
    app: &App,
    customer: CustomerId,
    epoch: u64,
    by: Actor,
    hash: String,
    also: Vec<Write>,
) -> Result<(), ServiceError> {
    let (hash, also) = (&hash, &also);
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let stored = profile::find(app, customer).await?;
        require_epoch(&stored, epoch)?;
        if stored.profile.person.is_none() {
            return Err(ServiceError::NotFound { what: "customer" });
        }
        let mut changed =
            Profile { password_hash: Some(hash.clone()), updated_at: app.now(), ..stored.profile.clone() };
        changed.end_sessions();
        let event = audit::record(app, customer, by, "password_changed", json!({}))?;
        let writes = stored.replaced_by(&changed)?.into_iter().chain([event]).chain(also.clone());
        app.table().transact(writes.collect()).await?;
        Ok::<_, ServiceError>(())
    })
    .await?;
    live::close_all(app, customer).await;
    Ok(())
}
