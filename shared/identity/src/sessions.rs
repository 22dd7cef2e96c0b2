//! Signing in, and listing sessions. A session is identified by an opaque token, which is stored as its hash.

use app::error::ServiceError;
use app::{App, listing};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, Email};
use serde::{Deserialize, Serialize};
use store::retry::{Retry, retry};
use store::{Expect, StoreError, Version, Write, documents, keys};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::attempts::{self, CheckedAccount};
use crate::password::Password;
use crate::profile::{self, Customer, StoredProfile};
use crate::tokens;

/// The longest lifetime of a session.
pub const LIFETIME_HOURS: i64 = 12;
/// How long a session that has ended stays stored, counted from the end of the longest lifetime. Its token is recognised
/// as that of an ended session until then.
pub const REMEMBERED_HOURS: i64 = 24;
/// A browser session ends when it is not used for this long.
pub const BROWSER_IDLE_MINUTES: i64 = 30;

/// The kind of client that uses a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionKind {
    /// A program: the session ends after 12 hours.
    Api,
    /// A browser: the session also ends after 30 minutes without a request.
    Browser,
}

/// A session as stored under the hash of its token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: Uuid,
    pub(crate) customer_id: CustomerId,
    pub(crate) kind: SessionKind,
    pub(crate) epoch: u64,
    #[serde(with = "domain::instant")]
    pub(crate) created_at: DateTime<Utc>,
    #[serde(with = "domain::instant")]
    pub(crate) expires_at: DateTime<Utc>,
    #[serde(with = "domain::instant")]
    pub(crate) last_seen: DateTime<Utc>,
}

/// The index item of a session in the customer's partition.
#[derive(Serialize, Deserialize)]
struct IndexItem {
    token_sha256: String,
}

/// A session of the caller.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionView {
    /// Id of the session.
    pub id: Uuid,
    /// The kind of client that uses it.
    pub kind: SessionKind,
    /// When it began.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// When it expires.
    #[serde(with = "domain::instant")]
    pub expires_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    #[serde(with = "domain::instant")]
    pub last_seen: DateTime<Utc>,
    /// Whether it is the session of this request.
    pub current: bool,
}

/// A new session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewSession)]
pub struct SignedIn {
    /// The token, shown only once. Send it as `Authorization: Bearer TOKEN`.
    pub token: String,
    /// When the session expires.
    #[serde(with = "domain::instant")]
    pub expires_at: DateTime<Utc>,
    /// The customer who signed in.
    pub customer: Customer,
}

impl Session {
    /// Whether it has not expired at `now`.
    pub(crate) fn is_unexpired(&self, now: DateTime<Utc>) -> bool {
        let idle = now - self.last_seen;
        let is_used = self.kind == SessionKind::Api || idle < TimeDelta::minutes(BROWSER_IDLE_MINUTES);
        now < self.expires_at && is_used
    }

    /// When its items are removed, in seconds since 1970.
    fn removed_at(&self) -> i64 {
        (self.created_at + TimeDelta::hours(LIFETIME_HOURS + REMEMBERED_HOURS)).timestamp()
    }

    /// The write that replaces the session with this token hash by this one, if it is still at `version`.
    pub(crate) fn replaced_at(&self, token_sha256: &str, version: Version) -> Result<Write, StoreError> {
        let key = keys::session(token_sha256);
        let body = documents::body(&key, self)?;
        Ok(Write::Put { key, body, expires_at: Some(self.removed_at()), expect: Expect::Version(version) })
    }
}

/// Finds the customer with this e-mail address and password. Every failed check counts against the account.
///
/// Errors: [`ServiceError::InvalidCredentials`] for both an unknown address and a wrong password,
/// [`ServiceError::TooManyAttempts`], [`ServiceError::Hasher`].
async fn check_credentials(app: &App, email: &Email, password: Password) -> Result<StoredProfile, ServiceError> {
    let Some(found) = profile::find_by_email(app, email).await? else {
        attempts::check(app, CheckedAccount::Unknown(email), password, None).await?;
        return Err(ServiceError::InvalidCredentials);
    };
    if verify_password(app, &found, password).await? { Ok(found) } else { Err(ServiceError::InvalidCredentials) }
}

/// Whether the password is this customer's. A failed check counts against the account.
pub async fn verify_password(app: &App, stored: &StoredProfile, password: Password) -> Result<bool, ServiceError> {
    let (account, hash) = (CheckedAccount::Known(stored.profile.id), stored.profile.password_hash.as_deref());
    attempts::check(app, account, password, hash).await
}

/// Signs in. Errors: those of [`check_credentials`], and [`ServiceError::AccountDisabled`].
pub async fn sign_in(
    app: &App,
    email: &Email,
    password: Password,
    kind: SessionKind,
) -> Result<SignedIn, ServiceError> {
    let stored = check_credentials(app, email, password).await?;
    if !stored.profile.is_open() {
        return Err(ServiceError::AccountDisabled);
    }
    let token = tokens::new()?;
    let now = app.now();
    let session = Session {
        id: app.new_id(),
        customer_id: stored.profile.id,
        kind,
        epoch: stored.profile.session_epoch,
        created_at: now,
        expires_at: now + TimeDelta::hours(LIFETIME_HOURS),
        last_seen: now,
    };
    let hash = tokens::hash(&token).ok_or_else(|| ServiceError::fault("token", "a new token is malformed"))?;
    let (key, index_key) = (keys::session(&hash), keys::session_of(session.customer_id, &hash));
    let body = documents::body(&key, &session)?;
    let index_item = documents::body(&index_key, &IndexItem { token_sha256: hash })?;
    let expires_at = Some(session.removed_at());
    let put = |key, body| Write::Put { key, body, expires_at, expect: Expect::Absent };
    app.table().transact(vec![put(key, body), put(index_key, index_item)]).await?;
    Ok(SignedIn { token, expires_at: session.expires_at, customer: stored.into_customer() })
}

/// Ends the session with this token hash: it expires now. Its items stay until they would be removed anyway, so that its
/// token is recognised as that of an ended session.
pub async fn end(app: &App, token_sha256: &str) -> Result<(), ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let found = documents::read::<Session>(app.table(), &keys::session(token_sha256)).await?;
        let now = app.now();
        let Some((session, version)) = found.filter(|(session, _)| session.is_unexpired(now)) else { return Ok(()) };
        let ended = Session { expires_at: now, ..session };
        app.table().transact(vec![ended.replaced_at(token_sha256, version)?]).await?;
        Ok::<_, ServiceError>(())
    })
    .await
}

/// An active session of a customer. `current` is the hash of the token of this request.
///
/// Errors: [`ServiceError::NotFound`] for one that has ended, too.
pub async fn find(
    app: &App,
    customer: CustomerId,
    id: Uuid,
    current: Option<&str>,
) -> Result<SessionView, ServiceError> {
    let active = list(app, customer, current).await?;
    active.into_iter().find(|session| session.id == id).ok_or(ServiceError::NotFound { what: "session" })
}

/// Lists the active sessions of a customer, newest first.
pub async fn list(app: &App, customer: CustomerId, current: Option<&str>) -> Result<Vec<SessionView>, ServiceError> {
    let epoch = profile::find(app, customer).await?.profile.session_epoch;
    let mut hashes = Vec::new();
    for item in listing::read_all(app, keys::sessions(customer)).await? {
        hashes.push(documents::parse::<IndexItem>(&item)?.token_sha256);
    }
    let now = app.now();
    let mut active = Vec::new();
    for chunk in hashes.chunks(store::limits::MAX_KEYS) {
        let listed: Vec<_> = chunk.iter().map(|hash| keys::session(hash)).collect();
        for (hash, item) in chunk.iter().zip(app.table().get_many(&listed).await?) {
            let Some(item) = item else { continue };
            let session: Session = documents::parse(&item)?;
            if session.epoch == epoch && session.is_unexpired(now) {
                active.push((hash.clone(), session));
            }
        }
    }
    let active = active.into_iter();
    let mut views: Vec<SessionView> = active
        .map(|(hash, session)| SessionView {
            current: Some(hash.as_str()) == current,
            id: session.id,
            kind: session.kind,
            created_at: session.created_at,
            expires_at: session.expires_at,
            last_seen: session.last_seen,
        })
        .collect();
    views.sort_by_key(|session| std::cmp::Reverse(session.id));
    Ok(views)
}
