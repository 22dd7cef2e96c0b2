//! Authorizes every request by its token: two strongly consistent reads, without a cache.

use std::collections::{BTreeMap, BTreeSet};

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, Role};
use store::limits::MAX_KEYS;
use store::{Expect, StoreError, Version, Write, documents, keys};

use crate::profile::{self, Profile, StoredProfile};
use crate::sessions::Session;
use crate::tokens;

/// `last_seen` is written at most this often.
const SEEN_SECONDS: i64 = 60;

/// The caller that a token authorizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorized {
    /// The customer.
    pub customer_id: CustomerId,
    /// Their role.
    pub role: Role,
    /// Hash of the token, which identifies the session.
    pub session: String,
}

/// An active session with its customer, as they were read.
pub struct ActiveSession {
    customer: StoredProfile,
    session: Session,
    version: Version,
    hash: String,
}

impl ActiveSession {
    /// The writes that let a transaction pass only if session and customer have not changed.
    #[must_use]
    pub fn unchanged(&self) -> [Write; 2] {
        let (session, customer) = (keys::session(&self.hash), keys::customer(self.customer.profile.id));
        [(session, self.version), (customer, self.customer.version)]
            .map(|(key, version)| Write::Check { key, expect: Expect::Version(version) })
    }
}

/// Authorizes a token; `None` if it is unknown or its session has expired or ended.
pub async fn authorize(app: &App, token: &str) -> Result<Option<Authorized>, ServiceError> {
    match tokens::hash(token) {
        Some(hash) => authorize_session(app, &hash).await,
        None => Ok(None),
    }
}

/// Authorizes the session with this token hash: for every request, and every message of a live connection.
pub async fn authorize_session(app: &App, hash: &str) -> Result<Option<Authorized>, ServiceError> {
    let Some(ActiveSession { customer, session, version, .. }) = find_active_session(app, hash).await? else {
        return Ok(None);
    };
    touch(app, hash, session, version).await?;
    let profile = customer.profile;
    Ok(Some(Authorized { customer_id: profile.id, role: profile.role, session: hash.to_owned() }))
}

/// Finds the session with this token hash, if it is active.
pub async fn find_active_session(app: &App, hash: &str) -> Result<Option<ActiveSession>, ServiceError> {
    let Some((session, version)) = documents::read::<Session>(app.table(), &keys::session(hash)).await? else {
        return Ok(None);
    };
    let customer = profile::find(app, session.customer_id).await?;
    let is_active = is_active(&session, &customer.profile, app.now());
    Ok(is_active.then(|| ActiveSession { customer, session, version, hash: hash.to_owned() }))
}

/// Finds those of many sessions, given with their customers, that are active.
pub async fn find_active_sessions(
    app: &App,
    sessions: BTreeMap<String, CustomerId>,
) -> Result<BTreeSet<String>, ServiceError> {
    let customers: BTreeSet<CustomerId> = sessions.values().copied().collect();
    let mut profiles = BTreeMap::new();
    for chunk in customers.into_iter().collect::<Vec<_>>().chunks(MAX_KEYS) {
        let keys: Vec<_> = chunk.iter().map(|customer| keys::customer(*customer)).collect();
        for item in app.table().get_many(&keys).await?.into_iter().flatten() {
            let profile: Profile = documents::parse(&item)?;
            profiles.insert(profile.id, profile);
        }
    }
    let mut active = BTreeSet::new();
    for chunk in sessions.into_keys().collect::<Vec<_>>().chunks(MAX_KEYS) {
        let keys: Vec<_> = chunk.iter().map(|hash| keys::session(hash)).collect();
        for (hash, item) in chunk.iter().zip(app.table().get_many(&keys).await?) {
            let Some(session) = item.map(|item| documents::parse::<Session>(&item)).transpose()? else { continue };
            let profile = profiles.get(&session.customer_id);
            if profile.is_some_and(|profile| is_active(&session, profile, app.now())) {
                active.insert(hash.clone());
            }
        }
    }
    Ok(active)
}

fn is_active(session: &Session, profile: &Profile, now: DateTime<Utc>) -> bool {
    session.is_unexpired(now) && session.epoch == profile.session_epoch && profile.is_open()
}

/// Updates `last_seen`. A conflict means that another request has updated it, or that the session has ended.
async fn touch(app: &App, hash: &str, session: Session, version: Version) -> Result<(), ServiceError> {
    let now = app.now();
    if now - session.last_seen < TimeDelta::seconds(SEEN_SECONDS) {
        return Ok(());
    }
    let session = Session { last_seen: now, ..session };
    let expires_at = Some(session.expires_at.timestamp());
    let key = keys::session(hash);
    let seen = Write::Put { body: documents::body(&key, &session)?, key, expires_at, expect: Expect::Version(version) };
    match app.table().transact(vec![seen]).await {
        Ok(_) | Err(StoreError::Conflict { .. } | StoreError::Throttled) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
