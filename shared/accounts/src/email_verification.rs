//! Verified e-mail addresses: a customer proves that the address is theirs by a one-time token that was sent to it.
//!
//! A change of the address ends the verification, and so do a bounce and a complaint. An address that is not verified
//! gets no other e-mails than the one with this token.

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, Utc};
use domain::{CustomerId, Email};
use identity::audit::{self, Actor};
use identity::profile::{self, Profile};
use identity::tokens;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::keys::sha256_hex;
use store::retry::{Retry, retry};
use store::{DeleteExpect, Expect, Write, documents, keys};

use crate::token_emails::{self, LIFETIME, NewToken, Purpose};

#[derive(Serialize, Deserialize)]
struct VerificationGrant {
    customer_id: CustomerId,
    /// Hash of the address that the token was sent to.
    email_sha256: String,
}

/// Why an address is no longer verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undeliverable {
    /// Its mail server refused an e-mail for good.
    Bounce,
    /// Its owner reported an e-mail as unwanted.
    Complaint,
}

/// Sends a token to the customer's e-mail address, unless it is verified already.
///
/// Errors: [`ServiceError::Mail`]; [`ServiceError::TooManyRequests`] if the customer requested too many, or the address
/// got too many.
pub async fn send_token(app: &App, customer: CustomerId) -> Result<(), ServiceError> {
    token_emails::require_sender(app)?;
    let profile = profile::find(app, customer).await?.profile;
    if profile.email_verified_at.is_some() {
        return Ok(());
    }
    let email = profile.person.ok_or(ServiceError::NotFound { what: "customer" })?.email;
    token_emails::count_by(app, customer).await?;
    token_emails::count_to(app, &email, Purpose::Verification).await?;
    let NewToken { token, hash, expires_at } = NewToken::new(app, LIFETIME)?;
    let key = keys::verification_token(&hash);
    let grant = VerificationGrant { customer_id: customer, email_sha256: sha256_hex(email.as_str()) };
    let body = documents::body(&key, &grant)?;
    let put = Write::Put { key, body, expires_at: Some(expires_at.timestamp()), expect: Expect::Absent };
    app.table().transact(vec![put]).await?;
    Ok(app.mail().send(&token_emails::verification(email, &token)).await?)
}

/// Verifies the address that the token was sent to. It must still be the customer's.
///
/// Errors: [`ServiceError::InvalidToken`] for a token that is unknown, expired or used, or was sent to an earlier address.
pub async fn confirm(app: &App, token: &str) -> Result<(), ServiceError> {
    let key = &keys::verification_token(&tokens::hash(token).ok_or(ServiceError::InvalidToken)?);
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let (grant, version) =
            documents::read::<VerificationGrant>(app.table(), key).await?.ok_or(ServiceError::InvalidToken)?;
        let stored = profile::find(app, grant.customer_id).await?;
        let person = stored.profile.person.as_ref().filter(|_| stored.profile.is_open());
        if person.is_none_or(|person| sha256_hex(person.email.as_str()) != grant.email_sha256) {
            return Err(ServiceError::InvalidToken);
        }
        let now = app.now();
        let verified = Profile { email_verified_at: Some(now), updated_at: now, ..stored.profile.clone() };
        let used = Write::Delete { key: key.clone(), expect: DeleteExpect::Version(version) };
        let by = Actor::Customer(grant.customer_id);
        let event = audit::record(app, grant.customer_id, by, "email_verified", json!({}))?;
        let mut writes = stored.replaced_by(&verified)?;
        writes.extend([used, event]);
        app.table().transact(writes).await?;
        Ok(())
    })
    .await
}

/// Ends the verification of an address: `at` this time an e-mail was sent that could not be delivered, or a complaint was
/// made. Nothing happens if no customer has the address, or if it was verified after that time.
pub async fn end(app: &App, email: &Email, at: DateTime<Utc>, cause: Undeliverable) -> Result<(), ServiceError> {
    let what = match cause {
        Undeliverable::Bounce => "email_bounced",
        Undeliverable::Complaint => "email_complaint",
    };
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let Some(stored) = profile::find_by_email(app, email).await? else { return Ok(()) };
        let is_of_this = stored.profile.person.as_ref().is_some_and(|person| person.email == *email);
        if !is_of_this || stored.profile.email_verified_at.is_none_or(|verified_at| verified_at > at) {
            return Ok(());
        }
        let customer = stored.profile.id;
        let unverified = Profile { email_verified_at: None, updated_at: app.now(), ..stored.profile.clone() };
        let event = audit::record(app, customer, Actor::Operator, what, json!({}))?;
        let mut writes = stored.replaced_by(&unverified)?;
        writes.push(event);
        app.table().transact(writes).await?;
        tracing::warn!(%customer, ?cause, "the customer's e-mail address is no longer verified");
        Ok(())
    })
    .await
}
