//! Lots held elsewhere as they were stored before there were activities: an item each, and a counter.
//!
//! Until the first change of a history they are read as its purchases. That change packs them into segments; from then
//! on no figure counts these items, and they are removed.

use app::error::ServiceError;
use app::{App, listing};
use domain::{Investment, PortfolioId};
use ledger::{Activity, Refusal};
use store::limits::{MAX_PAGE_ITEMS, MAX_WRITES};
use store::{DeleteExpect, Query, StoreError, Write, documents, keys};

/// The purchases of a portfolio whose history was never changed.
pub(super) async fn read(app: &App, portfolio: PortfolioId) -> Result<Vec<Activity>, ServiceError> {
    let mut activities = Vec::new();
    for item in listing::read_all(app, keys::investments(portfolio)).await? {
        let investment: Investment = documents::parse(&item)?;
        let activity = Activity::try_from(investment);
        activities.push(activity.map_err(|error: Refusal| StoreError::corrupt(&item.key, &error))?);
    }
    Ok(activities)
}

/// Removes the items of packed purchases. Returns whether all are gone: of many, a part is left for the next call.
pub(super) async fn remove(app: &App, portfolio: PortfolioId) -> Result<bool, ServiceError> {
    let list = keys::investments(portfolio);
    // One page a change: a partition of DynamoDB takes 1,000 writes a second, and the request waits for it.
    let page = app.table().query(&Query::forward(list.partition, list.range, MAX_PAGE_ITEMS)).await?;
    let all = page.items.into_iter().map(|item| item.key).chain([keys::investment_count(portfolio)]);
    let gone: Vec<Write> = all.map(|key| Write::Delete { key, expect: DeleteExpect::Any }).collect();
    for writes in gone.chunks(MAX_WRITES) {
        app.table().transact(writes.to_vec()).await?;
    }
    Ok(page.next.is_none())
}
