//! The run in progress: one item, which all that verify read.

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use store::{StoreError, Version, documents, keys};
use uuid::Uuid;

/// The name under which runs are stored.
pub(super) const JOB: &str = "verification";
/// For how long after its start an interrupted run is continued: by the next nightly run, so that customers at the end of
/// a shard have their turn too. After that its first results are too old to count, and the next run starts anew.
const RESUMED_WITHIN: TimeDelta = TimeDelta::hours(36);

/// What happens to a run that was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// It is continued, unless it is too old.
    Continue,
    /// It is abandoned, and all books are verified from now on.
    Abandon,
}

/// A run of the verification.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    pub(super) id: Uuid,
    /// When it started.
    #[serde(with = "domain::instant")]
    pub started_at: DateTime<Utc>,
    /// When the books of all customers had been verified.
    #[serde(default, with = "domain::instant")]
    pub(super) finished_at: Option<DateTime<Utc>>,
}

impl Run {
    fn can_be_continued(&self, now: DateTime<Utc>) -> bool {
        self.finished_at.is_none() && now - self.started_at < RESUMED_WITHIN
    }
}

/// The run in progress, or the last one if it has finished.
///
/// Errors: those of the store, and a fault if no run was ever started.
pub(super) async fn read_started(app: &App) -> Result<(Run, Version), ServiceError> {
    let stored = documents::read::<Run>(app.table(), &keys::job_current(JOB)).await?;
    stored.ok_or_else(|| ServiceError::Fault("no verification was started".to_owned()))
}

/// Continues the interrupted run, or starts one.
///
/// Of two that start at the same time one succeeds, and the other continues its run.
pub async fn start(app: &App, mut interrupted: Interrupted) -> Result<Run, ServiceError> {
    loop {
        let stored = documents::read::<Run>(app.table(), &keys::job_current(JOB)).await?;
        if let Some((run, _)) = &stored
            && interrupted == Interrupted::Continue
            && run.can_be_continued(app.now())
        {
            tracing::info!(started_at = %run.started_at, "continuing the verification");
            return Ok(run.clone());
        }
        let run = Run { id: app.new_id(), started_at: app.now(), finished_at: None };
        let version = stored.map(|(_, version)| version);
        match documents::put(app.table(), keys::job_current(JOB), &run, version).await {
            Ok(_) => return Ok(run),
            // The run that was started in between covers everything that this one would.
            Err(StoreError::Conflict { .. }) => interrupted = Interrupted::Continue,
            Err(error) => return Err(error.into()),
        }
    }
}
