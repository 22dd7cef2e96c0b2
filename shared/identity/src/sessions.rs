//! Signing in and out. A session is an opaque token, kept as its hash, that speaks for a customer for a while.

use app::error::ServiceError;
use app::{App, listing};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, Email};
use serde::{Deserialize, Serialize};
use store::{Expect, Write, documents, keys};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::attempts::{self, CheckedAccount};
use crate::password::Password;
use crate::profile::{self, Customer, StoredProfile};
use crate::tokens;

/// The longest life of a session.
pub const LIFETIME_HOURS: i64 = 12;
/// A session of a browser ends when it is not used for this long.
pub const BROWSER_IDLE_MINUTES: i64 = 30;

/// What a session is used from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionKind {
    /// A program: lives for [`LIFETIME_HOURS`].
    Api,
    /// A browser: also ends after [`BROWSER_IDLE_MINUTES`] without a request.
    Browser,
}

/// A session as kept under the hash of its token.
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

/// What stands in the customer's partition: where the session is.
#[derive(Serialize, Deserialize)]
struct IndexItem {
    token_sha256: String,
}

/// A session as its owner sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ShownSession)]
pub struct SessionView {
    /// Id.
    pub id: Uuid,
    /// What it is used from.
    pub kind: SessionKind,
    /// When it began.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// When it ends at the latest.
    #[serde(with = "domain::instant")]
    pub expires_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    #[serde(with = "domain::instant")]
    pub last_seen: DateTime<Utc>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// What signing in gives.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedIn {
    /// The token, shown this once: send it as `Authorization: Bearer TOKEN`.
    pub token: String,
    /// When the session ends at the latest.
    #[serde(with = "domain::instant")]
    pub expires_at: DateTime<Utc>,
    /// Who signed in.
    pub customer: Customer,
}

impl Session {
    /// Whether it still speaks for its customer at `now`, as far as its own time goes.
    pub(crate) fn is_alive(&self, now: DateTime<Utc>) -> bool {
        let idle = now - self.last_seen;
        let awake = self.kind == SessionKind::Api || idle < TimeDelta::minutes(BROWSER_IDLE_MINUTES);
        now < self.expires_at && awake
    }
}

/// The customer of this address, if the password is theirs; every failed check counts against the account.
///
/// Errors: [`ServiceError::InvalidCredentials`] alike for an unknown address and a wrong password,
/// [`ServiceError::TooManyAttempts`], [`ServiceError::Hasher`].
async fn check_credentials(app: &App, email: &Email, password: Password) -> Result<StoredProfile, ServiceError> {
    let Some(found) = profile::find_by_email(app, email).await? else {
        // An address that is known leads to a profile: one that is not costs a read of the same kind.
        app.table().get(&keys::customer(CustomerId(app.new_id()))).await?;
        attempts::check(app, CheckedAccount::Unknown(email), password, None).await?;
        return Err(ServiceError::InvalidCredentials);
    };
    if verify_password(app, &found, password).await? { Ok(found) } else { Err(ServiceError::InvalidCredentials) }
}

/// Whether the password is this customer's; a failed check counts against the account.
pub async fn verify_password(app: &App, stored: &StoredProfile, password: Password) -> Result<bool, ServiceError> {
    let (account, hash) = (CheckedAccount::Known(stored.profile.id), stored.profile.password_hash.as_deref());
    attempts::check(app, account, password, hash).await
}

/// Signs in. Errors: those of [`check_credentials`], and [`ServiceError::AccountDisabled`] for the owner of a closed account.
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
    let hash = tokens::hash(&token).ok_or_else(|| ServiceError::fault("token", "a new token has another form"))?;
    let (kept, index_key) = (keys::session(&hash), keys::session_of(session.customer_id, &hash));
    let body = documents::body(&kept, &session)?;
    let index_item = documents::body(&index_key, &IndexItem { token_sha256: hash })?;
    let expires_at = Some(session.expires_at.timestamp());
    let put = |key, body| Write::Put { key, body, expires_at, expect: Expect::Absent };
    app.table().transact(vec![put(kept, body), put(index_key, index_item)]).await?;
    Ok(SignedIn { token, expires_at: session.expires_at, customer: stored.into_customer() })
}

/// The sessions that still speak for a customer, newest first.
pub async fn list(app: &App, customer: CustomerId, current: Option<&str>) -> Result<Vec<SessionView>, ServiceError> {
    let epoch = profile::find(app, customer).await?.profile.session_epoch;
    let mut hashes = Vec::new();
    for item in listing::read_all(app, keys::sessions(customer)).await? {
        hashes.push(documents::parse::<IndexItem>(&item)?.token_sha256);
    }
    let now = app.now();
    let mut active = Vec::new();
    for some in hashes.chunks(store::limits::MAX_KEYS) {
        let listed: Vec<_> = some.iter().map(|hash| keys::session(hash)).collect();
        for (hash, item) in some.iter().zip(app.table().get_many(&listed).await?) {
            let Some(item) = item else { continue };
            let session: Session = documents::parse(&item)?;
            if session.epoch == epoch && session.is_alive(now) {
                active.push((hash.clone(), session));
            }
        }
    }
    let active = active.into_iter();
    let mut shown: Vec<SessionView> = active
        .map(|(hash, session)| SessionView {
            current: Some(hash.as_str()) == current,
            id: session.id,
            kind: session.kind,
            created_at: session.created_at,
            expires_at: session.expires_at,
            last_seen: session.last_seen,
        })
        .collect();
    shown.sort_by_key(|session| std::cmp::Reverse(session.id));
    Ok(shown)
}
