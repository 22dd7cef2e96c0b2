//! Removes a portfolio that never traded, with its contents.

use app::App;
use app::counter::Counter;
use app::error::ServiceError;
use app::precondition::Precondition;
use domain::{CustomerId, PortfolioId};
use store::limits::MAX_WRITES;
use store::retry::{Retry, retry};
use store::{DeleteExpect, Query, Write, keys};

use super::change::assert_wallet_unchanged;
use super::record::{LoadedPortfolio, PortfolioRecord, load_also_removing};

/// Removes a portfolio and its contents. It is gone for all other requests from the first write on; if the rest is
/// interrupted, the same call continues.
///
/// Errors: [`ServiceError::PreconditionFailed`], [`ServiceError::PortfolioHasTrades`].
pub async fn remove(
    app: &App,
    customer: CustomerId,
    id: PortfolioId,
    precondition: &Precondition,
) -> Result<(), ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let held = load_also_removing(app, customer, id).await?;
        if held.record.removing {
            return Ok(());
        }
        precondition.allow(held.record.portfolio.version)?;
        hide(app, &held).await
    })
    .await?;
    remove_contents(app, id).await?;
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let held = match load_also_removing(app, customer, id).await {
            Ok(held) => held,
            // Another request finished the same removal.
            Err(ServiceError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let count = Counter::read(app, keys::portfolio_count(customer)).await?;
        app.table().transact(vec![held.removed(), count.remove_one()?]).await?;
        Ok(())
    })
    .await
}

/// Marks it as being removed, so that nothing is added from here on.
async fn hide(app: &App, held: &LoadedPortfolio) -> Result<(), ServiceError> {
    let portfolio = &held.record.portfolio;
    // The wallet's head is read before the trades: any trade in between changes it.
    let not_traded = assert_wallet_unchanged(app, portfolio.customer_id).await?;
    let trades = keys::trades(portfolio.id);
    if !app.table().query(&Query::forward(trades.partition, trades.range, 1)).await?.items.is_empty() {
        return Err(ServiceError::PortfolioHasTrades);
    }
    let marked = PortfolioRecord { removing: true, ..held.record.clone() };
    app.table().transact(vec![held.replaced_by(&marked)?, not_traded]).await?;
    Ok(())
}

async fn remove_contents(app: &App, id: PortfolioId) -> Result<(), ServiceError> {
    let contents = keys::portfolio_contents(id);
    let first = Query::forward(contents.partition, contents.range, MAX_WRITES);
    loop {
        let page = app.table().query(&first).await?;
        let gone = page.items.into_iter().map(|item| Write::Delete { key: item.key, expect: DeleteExpect::Any });
        let gone: Vec<_> = gone.collect();
        if gone.is_empty() {
            return Ok(());
        }
        app.table().transact(gone).await?;
    }
}
