//! Slots: the times that the schedule stands for, each of which is done once.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use store::{DeleteExpect, Key, StoreError, Version, Write, documents, keys};

use super::{LastRun, Refreshed};
use crate::App;
use crate::error::ServiceError;

const JOB: &str = "refresh-prices";

/// How long one run keeps others of its slot away; a run that died is taken over after that.
const LEASE_MINUTES: i64 = 10;

/// How long the record of a slot keeps a second delivery from acting.
const SLOT_DAYS: i64 = 2;

/// One run of a slot: under way until the lease ends, or done.
#[derive(Serialize, Deserialize)]
struct Run {
    leased_until: DateTime<Utc>,
    done: Option<Refreshed>,
}

/// A slot that this run has taken.
pub(super) struct Claim {
    slot: DateTime<Utc>,
    key: Key,
    taken_at: Option<Version>,
}

/// Takes a slot; none where it is done, or where a run of the same or a later slot has finished, which did its work.
///
/// Errors: a conflict where another delivery is at it, so that whoever retries finds out how it ended.
pub(super) async fn claim(app: &App, slot: DateTime<Utc>) -> Result<Option<Claim>, ServiceError> {
    if last_run(app).await?.and_then(|last| last.slot).is_some_and(|last| last >= slot) {
        return Ok(None);
    }
    let key = keys::job_run(JOB, &slot.to_rfc3339());
    let standing = documents::read::<Run>(app.table(), &key).await?;
    match &standing {
        Some((run, _)) if run.done.is_some() => return Ok(None),
        Some((run, _)) if run.leased_until > app.now() => return Err(StoreError::Conflict { write: 0 }.into()),
        _ => {}
    }
    let run = Run { leased_until: app.now() + TimeDelta::minutes(LEASE_MINUTES), done: None };
    let taken_at = put_run(app, &key, &run, standing.map(|(_, version)| version)).await?;
    Ok(Some(Claim { slot, key, taken_at }))
}

impl Claim {
    /// The slot is done.
    pub(super) async fn finish(self, app: &App, run: LastRun) -> Result<(), ServiceError> {
        let done = Run { leased_until: app.now(), done: Some(run.did.clone()) };
        put_run(app, &self.key, &done, self.taken_at).await?;
        remember_last(app, LastRun { slot: Some(self.slot), ..run }).await
    }

    /// The slot is free again, so that a retry does the work.
    pub(super) async fn give_back(self, app: &App) {
        let Some(taken_at) = self.taken_at else { return };
        let given_back = Write::Delete { key: self.key, expect: DeleteExpect::Version(taken_at) };
        if let Err(error) = app.table().transact(vec![given_back]).await {
            tracing::warn!(%error, "the slot stays taken until its lease ends");
        }
    }
}

/// The last finished run, if there was one.
pub(super) async fn last_run(app: &App) -> Result<Option<LastRun>, ServiceError> {
    Ok(documents::read::<LastRun>(app.table(), &keys::job_last(JOB)).await?.map(|(run, _)| run))
}

async fn remember_last(app: &App, run: LastRun) -> Result<(), ServiceError> {
    let key = keys::job_last(JOB);
    let standing = documents::read::<LastRun>(app.table(), &key).await?;
    if standing.as_ref().is_some_and(|(last, _)| last.slot > run.slot) {
        return Ok(());
    }
    match documents::put(app.table(), key, &run, standing.map(|(_, version)| version)).await {
        // A parallel run of another slot was last.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn put_run(app: &App, key: &Key, run: &Run, at: Option<Version>) -> Result<Option<Version>, ServiceError> {
    let body = documents::body(key, run)?;
    let expires_at = Some((app.now() + TimeDelta::days(SLOT_DAYS)).timestamp());
    let put = Write::Put { key: key.clone(), body, expires_at, expect: at.into() };
    Ok(app.table().transact(vec![put]).await?.first().copied().flatten())
}
