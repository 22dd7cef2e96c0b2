//! From a token to a caller, on every request: two strongly consistent reads, and nothing is remembered between.

use chrono::TimeDelta;
use domain::{CustomerId, Role};
use store::{Expect, StoreError, Version, Write, documents, keys};

use super::profile;
use super::sessions::Session;
use super::tokens;
use crate::App;
use crate::error::ServiceError;

/// `last_seen` is written at most this often.
const SEEN_SECONDS: i64 = 60;

/// Whom a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorized {
    /// The customer.
    pub customer_id: CustomerId,
    /// What they may do.
    pub role: Role,
    /// Hash of the token, by which the session is known.
    pub session: String,
}

/// Whom this token speaks for now; `None` where it is unknown, expired, or ended in any way.
pub async fn authorize(app: &App, token: &str) -> Result<Option<Authorized>, ServiceError> {
    let Some(hash) = tokens::hash(token) else { return Ok(None) };
    let Some((session, version)) = documents::read::<Session>(app.table(), &keys::session(&hash)).await? else {
        return Ok(None);
    };
    let profile = profile::find(app, session.customer_id).await?.profile;
    if !session.is_alive(app.now()) || session.epoch != profile.session_epoch || !profile.is_open() {
        return Ok(None);
    }
    touch(app, &hash, session, version).await?;
    Ok(Some(Authorized { customer_id: profile.id, role: profile.role, session: hash }))
}

/// Notes that the session is in use. A lost race means that another request has noted it, or that it was ended.
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
