//! Slots: the scheduled times of the refresh, each of which is done once.

use std::time::Duration;

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, TimeDelta, Utc};
use market_data::last_run::{self, LastRun, REFRESH_JOB as JOB, RefreshSummary};
use serde::{Deserialize, Serialize};
use store::{DeleteExpect, Key, StoreError, Version, Write, documents, keys};
use uuid::Uuid;

/// How long a run keeps other deliveries of its slot away after its last heartbeat. After that a run that died is taken
/// over. Lambda retries a minute after a failure, when the lease has expired.
const LEASE_SECONDS: i64 = 55;

/// The time between heartbeats.
pub(super) const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// How long the record of a slot prevents a second delivery from acting.
const SLOT_DAYS: i64 = 2;

/// One run of a slot: in progress until the lease expires, or done.
#[derive(Serialize, Deserialize)]
struct RefreshRun {
    /// Identifies the run, so that it recognises its own lease after a lost response to a write.
    #[serde(default)]
    holder: Option<Uuid>,
    #[serde(with = "domain::instant")]
    leased_until: DateTime<Utc>,
    done: Option<RefreshSummary>,
}

impl RefreshRun {
    fn under_way(app: &App, holder: Uuid) -> Self {
        let leased_until = app.now() + TimeDelta::seconds(LEASE_SECONDS);
        Self { holder: Some(holder), leased_until, done: None }
    }
}

/// A slot that this run has acquired.
pub(super) struct SlotLease {
    holder: Uuid,
    slot: DateTime<Utc>,
    key: Key,
    taken_at: Option<Version>,
}

/// Acquires a slot; none if it is done, or if a run of this or a later slot has finished, which did its work.
///
/// Errors: a conflict if another delivery is in progress. It must be an error: after a success the event would not be
/// delivered again, even if the other run died.
pub(super) async fn acquire(app: &App, slot: DateTime<Utc>) -> Result<Option<SlotLease>, ServiceError> {
    if last_run::read(app).await?.and_then(|last| last.slot).is_some_and(|last| last >= slot) {
        return Ok(None);
    }
    let key = keys::job_run(JOB, &slot.to_rfc3339());
    let standing = documents::read::<RefreshRun>(app.table(), &key).await?;
    match &standing {
        Some((run, _)) if run.done.is_some() => return Ok(None),
        Some((run, _)) if run.leased_until > app.now() => return Err(StoreError::Conflict { write: 0 }.into()),
        _ => {}
    }
    let holder = app.new_id();
    let taken_at =
        put_run(app, &key, &RefreshRun::under_way(app, holder), standing.map(|(_, version)| version)).await?;
    Ok(Some(SlotLease { holder, slot, key, taken_at }))
}

impl SlotLease {
    /// A heartbeat: renews the lease. If that fails, the next heartbeat tries again.
    ///
    /// Errors: a conflict if the slot belongs to another run.
    pub(super) async fn renew(&mut self, app: &App) -> Result<(), ServiceError> {
        let renewed = put_run(app, &self.key, &RefreshRun::under_way(app, self.holder), self.taken_at).await;
        let error = match renewed {
            Ok(taken_at) => {
                self.taken_at = taken_at;
                return Ok(());
            }
            Err(error) => error,
        };
        // After a lost response it is unknown whether the write succeeded.
        match documents::read::<RefreshRun>(app.table(), &self.key).await {
            Ok(Some((run, version))) if run.holder == Some(self.holder) => self.taken_at = Some(version),
            Ok(_) => return Err(StoreError::Conflict { write: 0 }.into()),
            Err(_) => {}
        }
        tracing::warn!(%error, "the lease of the slot was not renewed");
        Ok(())
    }

    /// Marks the slot as done.
    pub(super) async fn finish(self, app: &App, run: LastRun) -> Result<(), ServiceError> {
        let done = RefreshRun { holder: Some(self.holder), leased_until: app.now(), done: Some(run.summary.clone()) };
        put_run(app, &self.key, &done, self.taken_at).await?;
        remember_last(app, LastRun { slot: Some(self.slot), ..run }).await
    }

    /// Releases the slot, so that a retry does the work.
    pub(super) async fn release(self, app: &App) {
        let Some(taken_at) = self.taken_at else { return };
        let released = Write::Delete { key: self.key, expect: DeleteExpect::Version(taken_at) };
        if let Err(error) = app.table().transact(vec![released]).await {
            tracing::warn!(%error, "the slot was not released and stays taken until its lease expires");
        }
    }
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

async fn put_run(app: &App, key: &Key, run: &RefreshRun, at: Option<Version>) -> Result<Option<Version>, ServiceError> {
    let body = documents::body(key, run)?;
    let expires_at = Some((app.now() + TimeDelta::days(SLOT_DAYS)).timestamp());
    let put = Write::Put { key: key.clone(), body, expires_at, expect: at.into() };
    Ok(app.table().transact(vec![put]).await?.first().copied().flatten())
}
