//! One-time tokens that set a new password. The operator creates them and hands them over.

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, Email};
use identity::audit::{self, Actor};
use identity::password::Password;
use identity::{profile, tokens};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::retry::{Retry, retry};
use store::{DeleteExpect, Expect, Write, documents, keys};

use crate::own_account;

/// How long a token is valid.
const LIFETIME_HOURS: i64 = 24;

#[derive(Serialize, Deserialize)]
struct ResetGrant {
    customer_id: CustomerId,
    /// The account's epoch. Any later change of the password or end of all sessions invalidates the token.
    epoch: u64,
}

/// A one-time token, shown only once.
#[derive(Debug, Serialize)]
pub struct PasswordToken {
    /// The token for `PUT /customers/password`.
    pub token: String,
    /// When it expires.
    #[serde(with = "domain::instant")]
    pub expires_at: DateTime<Utc>,
}

/// Creates a token for the customer with this e-mail address. Errors: [`ServiceError::NotFound`].
pub async fn grant(app: &App, email: &Email) -> Result<PasswordToken, ServiceError> {
    let token = tokens::new()?;
    let hash = tokens::hash(&token).ok_or_else(|| ServiceError::fault("token", "a new token is malformed"))?;
    let found = profile::find_by_email(app, email).await?.ok_or(ServiceError::NotFound { what: "customer" })?;
    let expires_at = app.now() + TimeDelta::hours(LIFETIME_HOURS);
    let customer = found.profile.id;
    let key = keys::password_token(&hash);
    let grant = ResetGrant { customer_id: customer, epoch: found.profile.session_epoch };
    let body = documents::body(&key, &grant)?;
    let put = Write::Put { key, body, expires_at: Some(expires_at.timestamp()), expect: Expect::Absent };
    let event = audit::record(app, customer, Actor::Operator, "password_token_granted", json!({}))?;
    app.table().transact(vec![put, event]).await?;
    Ok(PasswordToken { token, expires_at })
}

/// Sets a new password by a one-time token and ends every session.
///
/// Errors: [`ServiceError::InvalidToken`] for one that is unknown, expired or used; [`ServiceError::Field`] for a
/// password that is refused.
pub async fn redeem(app: &App, token: &str, new: Password) -> Result<(), ServiceError> {
    new.check_length_of("new_password")?;
    let key = keys::password_token(&tokens::hash(token).ok_or(ServiceError::InvalidToken)?);
    // Before the password is evaluated and hashed, so that guessing tokens costs little.
    let (granted, _) = documents::read::<ResetGrant>(app.table(), &key).await?.ok_or(ServiceError::InvalidToken)?;
    let customer = profile::find(app, granted.customer_id).await?;
    new.check_for("new_password", customer.profile.person.as_ref()).await?;
    let hash = app.hasher().hash(new).await?;
    let (key, hash) = (&key, &hash);
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let (grant, version) =
            documents::read::<ResetGrant>(app.table(), key).await?.ok_or(ServiceError::InvalidToken)?;
        let stored = profile::find(app, grant.customer_id).await?;
        if stored.profile.session_epoch != grant.epoch || stored.profile.erased_at.is_some() {
            return Err(ServiceError::InvalidToken);
        }
        let used = Write::Delete { key: key.clone(), expect: DeleteExpect::Version(version) };
        own_account::set_password(app, grant.customer_id, grant.epoch, Actor::Operator, hash.clone(), vec![used]).await
    })
    .await
}
