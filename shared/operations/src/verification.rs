//! Verification of the books: every balance, position and lot is recomputed from the entries and trades, customer by
//! customer.
//!
//! A run verifies each shard of the list of customers in batches (`shard.rs`), and stores a checkpoint after each. A run
//! that was interrupted continues at its checkpoints; a run that has finished is followed by a new one. Any number of
//! processes may work on a run at the same time: in AWS a state machine works on several shards at once, and on one
//! machine [`verify_all`] works on one after the other.

mod customer_books;
mod report;
mod run;
mod shard;

pub use customer_books::CUSTOMER_TIME_LIMIT;
pub use report::{MAX_LISTED, Results, Unsound, VerificationReport};
pub use run::{Interrupted, Run, start};
pub use shard::{BATCH, verify_shard};

use accounts::customers::Shard;
use app::App;
use app::error::ServiceError;
use chrono::{DateTime, Utc};
use market_data::MarketData;
use serde::{Deserialize, Serialize};
use store::{StoreError, Version, Write, documents, keys};
use tokio::time::Instant;

use run::JOB;

/// The last run that finished, as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LastVerification {
    #[serde(with = "domain::instant")]
    started_at: DateTime<Utc>,
    #[serde(with = "domain::instant")]
    finished_at: DateTime<Utc>,
    customers: usize,
    unsound_count: usize,
    unverified_count: usize,
}

/// Verifies the books of every customer, freezes wallets whose books do not add up, unfreezes those that add up again,
/// and finishes interrupted erasures.
///
/// The run is unfinished if `until` has come before its end; the next call then continues it.
pub async fn verify_all(
    market: &MarketData,
    interrupted: Interrupted,
    until: Option<Instant>,
) -> Result<VerificationReport, ServiceError> {
    start(&market.app, interrupted).await?;
    loop {
        let mut all_finished = true;
        for shard in Shard::all() {
            all_finished &= verify_shard(market, shard, until).await?;
        }
        let report = finish(&market.app).await?;
        // If all shards were finished and the run is not, another process has started a run in between.
        if report.finished_at.is_some() || !all_finished {
            return Ok(report);
        }
    }
}

/// Finishes the run if all shards are finished, and reports what it has found so far.
///
/// Errors: those of the store, and a fault if no run was started.
pub async fn finish(app: &App) -> Result<VerificationReport, ServiceError> {
    loop {
        let (run, version) = run::read_started(app).await?;
        let report = read_report(app, &run).await?;
        if report.unfinished_shards > 0 || report.finished_at.is_some() {
            return Ok(report);
        }
        let finished_at = app.now();
        match store_end(app, &run, version, finished_at, &report.results).await {
            Ok(()) => return Ok(VerificationReport { finished_at: Some(finished_at), ..report }),
            // Another process has finished this run, or started another.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// When the last run finished; `None` before the first.
pub async fn read_last_finish(app: &App) -> Result<Option<DateTime<Utc>>, ServiceError> {
    let last = documents::read::<LastVerification>(app.table(), &keys::job_last(JOB)).await?;
    Ok(last.map(|(last, _)| last.finished_at))
}

async fn read_report(app: &App, run: &Run) -> Result<VerificationReport, ServiceError> {
    let checkpoints = shard::read_checkpoints(app, run.id).await?;
    let unfinished_shards = checkpoints.iter().filter(|checkpoint| !checkpoint.finished).count();
    let mut results = Results::default();
    for checkpoint in checkpoints {
        results.append(checkpoint.results);
    }
    Ok(VerificationReport { started_at: run.started_at, finished_at: run.finished_at, unfinished_shards, results })
}

async fn store_end(
    app: &App,
    run: &Run,
    version: Version,
    finished_at: DateTime<Utc>,
    results: &Results,
) -> Result<(), StoreError> {
    let (current, last) = (keys::job_current(JOB), keys::job_last(JOB));
    let last_version = app.table().get(&last).await?.map(|item| item.version);
    let summary = LastVerification {
        started_at: run.started_at,
        finished_at,
        customers: results.customers,
        unsound_count: results.unsound_count,
        unverified_count: results.in_use + results.failed,
    };
    let run = Run { finished_at: Some(finished_at), ..run.clone() };
    let run = Write::update(current.clone(), documents::body(&current, &run)?, version);
    let body = documents::body(&last, &summary)?;
    let summary = Write::Put { key: last, body, expires_at: None, expect: last_version.into() };
    app.table().transact(vec![run, summary]).await.map(drop)
}
