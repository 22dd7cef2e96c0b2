//! Authorizes every request by its token: two strongly consistent reads, without a cache.

use std::collections::{BTreeMap, BTreeSet};

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, Role};
use serde::{Deserialize, Serialize};
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

/// Why a request has no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It has no token.
    NoToken,
    /// No session with its token is stored: there was none, or it was removed.
    UnknownToken,
    /// The session of its token has ended.
    SessionEnded,
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
    pub fn unchanged(&self) -> Vec<Write> {
        let session = Write::Check { key: keys::session(&self.hash), expect: Expect::Version(self.version) };
        [session].into_iter().chain(self.customer.unchanged()).collect()
    }
}

/// Authorizes a token. Text that cannot be a token is refused without a read.
pub async fn authorize(app: &App, token: &str) -> Result<Result<Authorized, Refusal>, ServiceError> {
    match tokens::hash(token) {
        Some(hash) => authorize_session(app, &hash).await,
        None => Ok(Err(Refusal::UnknownToken)),
    }
}

/// Authorizes the session with this token hash: for every request, and every message of a live connection.
pub async fn authorize_session(app: &App, hash: &str) -> Result<Result<Authorized, Refusal>, ServiceError> {
    let ActiveSession { customer, session, version, .. } = match find_active_session(app, hash).await? {
        Ok(active) => active,
        Err(refusal) => return Ok(Err(refusal)),
    };
    touch(app, hash, session, version).await?;
    let profile = customer.profile;
    Ok(Ok(Authorized { customer_id: profile.id, role: profile.role, session: hash.to_owned() }))
}

/// Finds the session with this token hash, if it is active.
pub async fn find_active_session(app: &App, hash: &str) -> Result<Result<ActiveSession, Refusal>, ServiceError> {
    let Some((session, version)) = documents::read::<Session>(app.table(), &keys::session(hash)).await? else {
        return Ok(Err(Refusal::UnknownToken));
    };
    let customer = profile::find(app, session.customer_id).await?;
    if !is_active(&session, &customer.profile, app.now()) {
        return Ok(Err(Refusal::SessionEnded));
    }
    Ok(Ok(ActiveSession { customer, session, version, hash: hash.to_owned() }))
}

/// Finds those of many sessions, given with their customers, that are active.
pub async fn find_active_sessions(
    app: &App,
    sessions: BTreeMap<String, CustomerId>,
) -> Result<BTreeSet<String>, ServiceError> {
    let customers: BTreeSet<CustomerId> = sessions.values().copied().collect();
    let customers: Vec<_> = customers.into_iter().collect();
    let found = profile::find_many(app, &customers).await?.into_iter().flatten();
    let profiles: BTreeMap<_, _> = found.map(|stored| (stored.profile.id, stored.profile)).collect();
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
    match app.table().transact(vec![session.replaced_at(hash, version)?]).await {
        Ok(_) | Err(StoreError::Conflict { .. } | StoreError::Throttled) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
