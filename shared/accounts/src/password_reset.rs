//! One-time tokens that set a new password. The operator creates one and hands it over, or the customer requests one,
//! which is sent to their verified e-mail address.
//!
//! A request for a token does the same for every address, so that neither its response nor its time shows who is a
//! customer: it counts, and publishes an event. Who has the address is looked up when the event arrives.

use app::App;
use app::bus::{Event, NotPublished};
use app::error::ServiceError;
use app::mail::MailError;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, Email};
use identity::audit::{self, Actor};
use identity::password::Password;
use identity::profile::{self, StoredProfile};
use identity::tokens;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::retry::{Retry, retry};
use store::{DeleteExpect, Expect, Write, documents, keys};

use crate::own_account;
use crate::token_emails::{self, LIFETIME, NewToken, Purpose};

/// How long a token of the operator is valid.
const OPERATOR_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// The type of the event that a new password was requested.
pub const PASSWORD_RESET_REQUESTED: &str = "password_reset.requested";

/// The data of [`PASSWORD_RESET_REQUESTED`].
#[derive(Debug, Serialize, Deserialize)]
pub struct PasswordResetRequested {
    /// The address of the account, which may not exist.
    pub email: Email,
}

#[derive(Serialize, Deserialize)]
struct ResetGrant {
    customer_id: CustomerId,
    /// The account's epoch. Any later change of the password or end of all sessions invalidates the token.
    epoch: u64,
    /// Of a token that was sent by e-mail: when the address was verified. If that is no longer so, the token is invalid.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "domain::instant")]
    email_verified_at: Option<DateTime<Utc>>,
}

impl ResetGrant {
    fn is_valid_for(&self, stored: &StoredProfile) -> bool {
        let profile = &stored.profile;
        let is_address_verified = match self.email_verified_at {
            None => true,
            verified_at => profile.is_open() && profile.email_verified_at == verified_at,
        };
        profile.session_epoch == self.epoch && profile.erased_at.is_none() && is_address_verified
    }

    /// Who sets the password.
    fn actor(&self) -> Actor {
        match self.email_verified_at {
            None => Actor::Operator,
            Some(_) => Actor::Customer(self.customer_id),
        }
    }
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
    let found = profile::find_by_email(app, email).await?.ok_or(ServiceError::NotFound { what: "customer" })?;
    let grant =
        ResetGrant { customer_id: found.profile.id, epoch: found.profile.session_epoch, email_verified_at: None };
    let new = NewToken::new(app, OPERATOR_LIFETIME)?;
    store(app, &grant, &new, "password_token_granted").await?;
    Ok(PasswordToken { token: new.token, expires_at: new.expires_at })
}

/// Requests an e-mail with a token for the account of this address. If the address got too many, nothing is sent.
///
/// Errors: [`ServiceError::Mail`] if the platform sends no e-mail, or the request cannot be passed on.
pub async fn request(app: &App, email: Email) -> Result<(), ServiceError> {
    token_emails::require_sender(app)?;
    match token_emails::count_to(app, &email, Purpose::PasswordReset).await {
        Err(ServiceError::TooManyRequests { .. }) => return Ok(()),
        counted => counted?,
    }
    let detail = json!(PasswordResetRequested { email });
    let event = Event { detail_type: PASSWORD_RESET_REQUESTED, detail };
    app.bus().publish(event).await.map_err(|NotPublished(cause)| MailError::Refused(cause).into())
}

/// Sends a token to this address if it is the verified address of a customer. Done for each
/// [`PASSWORD_RESET_REQUESTED`]; a repeated event sends another token.
pub async fn send_token(app: &App, email: &Email) -> Result<(), ServiceError> {
    let Some(found) = profile::find_by_email(app, email).await? else { return Ok(()) };
    if found.profile.verified_email() != Some(email) {
        tracing::info!(customer = %found.profile.id, "no token is sent: the address is not verified, or the account is closed");
        return Ok(());
    }
    let grant = ResetGrant {
        customer_id: found.profile.id,
        epoch: found.profile.session_epoch,
        email_verified_at: found.profile.email_verified_at,
    };
    let new = NewToken::new(app, LIFETIME)?;
    store(app, &grant, &new, "password_token_sent").await?;
    Ok(app.mail().send(&token_emails::password_reset(email.clone(), &new.token)).await?)
}

async fn store(app: &App, grant: &ResetGrant, new: &NewToken, what: &str) -> Result<(), ServiceError> {
    let key = keys::password_token(&new.hash);
    let body = documents::body(&key, grant)?;
    let put = Write::Put { key, body, expires_at: Some(new.expires_at.timestamp()), expect: Expect::Absent };
    let event = audit::record(app, grant.customer_id, grant.actor(), what, json!({}))?;
    app.table().transact(vec![put, event]).await?;
    Ok(())
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
        if !grant.is_valid_for(&stored) {
            return Err(ServiceError::InvalidToken);
        }
        let used = Write::Delete { key: key.clone(), expect: DeleteExpect::Version(version) };
        own_account::set_password(app, grant.customer_id, grant.epoch, grant.actor(), hash.clone(), vec![used]).await
    })
    .await
}
