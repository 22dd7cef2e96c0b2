//! Reads, lists, names and removes the stored backtests of a customer.

use app::error::ServiceError;
use app::listing::{self, DayRange, Filter, ListPage, PageRequest};
use app::precondition::Precondition;
use app::{App, stored_responses};
use domain::portfolio::PortfolioName;
use domain::{CustomerId, Symbol};
use serde::Serialize;
use store::retry::{Retry, retry};
use store::{DeleteExpect, Item, Version, Write, documents, keys};
use uuid::Uuid;

use crate::backtest_records::{BacktestRun, BacktestSummary};

const MISSING: ServiceError = ServiceError::NotFound { what: "backtest" };

/// A stored backtest, without trades and equity.
#[derive(Clone, Debug)]
pub struct StoredBacktest {
    /// The backtest, as in lists.
    pub summary: BacktestSummary,
    /// Its version, which changes with its name.
    pub version: u64,
}

/// A customer's backtest, without trades and equity.
///
/// Errors: [`ServiceError::NotFound`] if there is none with this id.
pub async fn find(app: &App, customer: CustomerId, id: Uuid) -> Result<StoredBacktest, ServiceError> {
    let found = documents::read(app.table(), &keys::backtest(customer, id)).await?;
    let (summary, Version(version)) = found.ok_or(MISSING)?;
    Ok(StoredBacktest { summary, version })
}

/// A customer's backtest, and the JSON of its [`BacktestRun`], which has no name, byte for byte as it was first stored.
pub async fn find_whole(app: &App, customer: CustomerId, id: Uuid) -> Result<(StoredBacktest, Vec<u8>), ServiceError> {
    let (listed, json) = read_both(app, customer, id).await?;
    Ok((StoredBacktest { summary: documents::parse(&listed)?, version: listed.version.0 }, json))
}

/// The JSON of a customer's [`BacktestRun`], as in [`find_whole`], and the version of the backtest.
pub async fn find_json(app: &App, customer: CustomerId, id: Uuid) -> Result<(Vec<u8>, u64), ServiceError> {
    let (listed, json) = read_both(app, customer, id).await?;
    Ok((json, listed.version.0))
}

async fn read_both(app: &App, customer: CustomerId, id: Uuid) -> Result<(Item, Vec<u8>), ServiceError> {
    let both = [keys::backtest(customer, id), keys::stored_response(customer, id)];
    let [Some(listed), Some(run)] = app.table().get_many(&both).await?.try_into().unwrap_or([None, None]) else {
        return Err(MISSING);
    };
    let json = stored_responses::load_json(app, &run).await?.ok_or(MISSING)?;
    Ok((listed, json))
}

/// A customer's whole backtest.
pub async fn find_run(app: &App, customer: CustomerId, id: Uuid) -> Result<BacktestRun, ServiceError> {
    let (StoredBacktest { summary, .. }, json) = find_whole(app, customer, id).await?;
    let run: BacktestRun =
        serde_json::from_slice(&json).map_err(|error| ServiceError::fault("stored backtest", error))?;
    Ok(BacktestRun { name: summary.name, ..run })
}

/// Which backtests a list contains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BacktestFilter {
    /// Backtests of this instrument.
    pub symbol: Option<Symbol>,
}

impl Filter<BacktestSummary> for BacktestFilter {
    fn keeps(&self, backtest: &BacktestSummary) -> bool {
        self.symbol.as_ref().is_none_or(|symbol| *symbol == backtest.request.symbol)
    }
}

/// A page of the customer's backtests that were run on these days (UTC), in the order in which they were run.
pub async fn list(
    app: &App,
    customer: CustomerId,
    days: DayRange,
    filter: &BacktestFilter,
    page: &PageRequest,
) -> Result<ListPage<BacktestSummary>, ServiceError> {
    let list = if days == DayRange::default() {
        keys::backtests(customer)
    } else {
        let (first, last) = days.ends();
        keys::backtests_between(customer, App::first_id_of(first), App::last_id_of(last))
    };
    listing::read_page(app, list, filter, page).await
}

/// A change of a backtest's name.
#[derive(Clone, Debug)]
pub enum NameChange {
    /// The name stays.
    Keep,
    /// The backtest has no name any more.
    Remove,
    /// The new name.
    Set(PortfolioName),
}

/// Names a backtest, or removes its name.
///
/// Errors: [`ServiceError::PreconditionRequired`], [`ServiceError::PreconditionFailed`].
pub async fn rename(
    app: &App,
    customer: CustomerId,
    id: Uuid,
    precondition: &Precondition,
    change: NameChange,
) -> Result<StoredBacktest, ServiceError> {
    let key = keys::backtest(customer, id);
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let stored = find(app, customer, id).await?;
        precondition.require(stored.version)?;
        let name = match change.clone() {
            NameChange::Keep => return Ok(stored),
            NameChange::Remove => None,
            NameChange::Set(name) => Some(String::from(name)),
        };
        if name == stored.summary.name {
            return Ok(stored);
        }
        let summary = BacktestSummary { name, ..stored.summary };
        let read_at = Some(Version(stored.version));
        let Version(version) = documents::put(app.table(), key.clone(), &summary, read_at).await?;
        Ok(StoredBacktest { summary, version })
    })
    .await
}

/// Removes a backtest and its stored JSON. Afterwards no request finds it, and neither does a repeated request with
/// the idempotency key of the run.
///
/// Errors: [`ServiceError::PreconditionFailed`].
pub async fn remove(
    app: &App,
    customer: CustomerId,
    id: Uuid,
    precondition: &Precondition,
) -> Result<(), ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let StoredBacktest { version, .. } = find(app, customer, id).await?;
        precondition.allow(version)?;
        let expect = DeleteExpect::Version(Version(version));
        app.table().transact(vec![Write::Delete { key: keys::backtest(customer, id), expect }]).await?;
        Ok::<_, ServiceError>(())
    })
    .await?;
    stored_responses::remove(app, customer, id).await;
    Ok(())
}
