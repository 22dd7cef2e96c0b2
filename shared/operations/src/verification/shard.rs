//! One shard of the customers, batch by batch, with a checkpoint after each.

use accounts::customers::{self, Shard};
use app::App;
use app::error::ServiceError;
use domain::CustomerId;
use futures::{StreamExt as _, stream};
use market_data::MarketData;
use serde::{Deserialize, Serialize};
use store::{Key, StoreError, Version, documents, keys};
use tokio::time::Instant;
use uuid::Uuid;

use super::customer_books::verify_customer;
use super::report::Results;
use super::run::{self, JOB};

/// The most customers between two checkpoints.
pub const BATCH: usize = 50;
/// Customers whose books are read concurrently.
const AT_ONCE: usize = 8;

/// How far a run has come in a shard.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    run: Uuid,
    /// The last customer who was verified; customers are verified in the order of their ids.
    after: Option<CustomerId>,
    /// Whether all customers of the shard were verified.
    pub(super) finished: bool,
    /// What was found.
    pub(super) results: Results,
}

/// The checkpoint of a run in each shard.
pub(super) async fn read_checkpoints(app: &App, run: Uuid) -> Result<Vec<Checkpoint>, ServiceError> {
    let keys: Vec<Key> = Shard::all().map(checkpoint_key).collect();
    let items = app.table().get_many(&keys).await?;
    let stored = items.iter().map(|item| item.as_ref().map(documents::parse).transpose());
    Ok(stored.map(|checkpoint| Ok(of_run(checkpoint?, run))).collect::<Result<_, StoreError>>()?)
}

/// Verifies the customers of a shard that the current run has not verified yet, oldest first. Returns whether the shard
/// is finished; it is not if `until` has come before.
///
/// If this is interrupted, the next call continues with the batch that was in progress. If another call works on the
/// same shard, both continue from the later of their checkpoints, and each result counts once.
///
/// Errors: those of the store, and a fault if no run was started.
pub async fn verify_shard(market: &MarketData, shard: Shard, until: Option<Instant>) -> Result<bool, ServiceError> {
    let app = &market.app;
    loop {
        let (run, _) = run::read_started(app).await?;
        let (checkpoint, version) = read_checkpoint(app, shard, run.id).await?;
        if checkpoint.finished || run.finished_at.is_some() {
            return Ok(true);
        }
        let page = customers::read_page(app, shard, checkpoint.after, BATCH).await?;
        let Some(advanced) = advance(market, checkpoint, &page, until).await else { return Ok(false) };
        match documents::put(app.table(), checkpoint_key(shard), &advanced, version).await {
            Ok(_) => {
                tracing::info!(%shard, finished = advanced.finished, customers = advanced.results.customers, "verified");
            }
            // Another call has verified these customers too, and stored it first.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The checkpoint after a page of customers, or after those of them that were begun before `until`; `None` if that is
/// no customer.
async fn advance(
    market: &MarketData,
    checkpoint: Checkpoint,
    page: &customers::Page,
    until: Option<Instant>,
) -> Option<Checkpoint> {
    let in_time = |customer| async move {
        let is_late = until.is_some_and(|until| Instant::now() >= until);
        if is_late { None } else { Some(verify_customer(market, customer).await) }
    };
    // Mapped on the iterator: the `map` of a stream makes a future that cannot be boxed as `Send`.
    let results: Vec<_> = page.ids.iter().copied().map(in_time).collect();
    let mut results = stream::iter(results).buffered(AT_ONCE);
    let mut advanced = checkpoint;
    let mut verified = 0;
    // In the order of the page. After the first customer who came too late, none was begun.
    while let Some(Some(result)) = results.next().await {
        advanced.after = Some(result.customer);
        advanced.results.add(result);
        verified += 1;
    }
    if verified == 0 && !page.ids.is_empty() {
        return None;
    }
    advanced.finished = page.is_last && verified == page.ids.len();
    Some(advanced)
}

async fn read_checkpoint(app: &App, shard: Shard, run: Uuid) -> Result<(Checkpoint, Option<Version>), ServiceError> {
    let stored = documents::read::<Checkpoint>(app.table(), &checkpoint_key(shard)).await?;
    let (checkpoint, version) = stored.unzip();
    Ok((of_run(checkpoint, run), version))
}

/// The stored checkpoint, or that of a run that has only started if the stored one is of another run.
fn of_run(stored: Option<Checkpoint>, run: Uuid) -> Checkpoint {
    let start = || Checkpoint { run, ..Checkpoint::default() };
    stored.filter(|checkpoint| checkpoint.run == run).unwrap_or_else(start)
}

fn checkpoint_key(shard: Shard) -> Key {
    keys::job_shard(JOB, &shard.to_string())
}
