//! Reading activities: one, a page of them, and the versions of one.

use app::App;
use app::error::ServiceError;
use app::listing::{self, DayRange, ListPage, PageRequest};
use domain::{CustomerId, PortfolioId, Symbol};
use ledger::{Activity, ActivityType};
use market_data::MarketData;
use serde::Serialize;
use store::keys::List;
use store::retry::{Retry, retry};
use store::{Range, documents, keys};
use uuid::Uuid;

use super::{ActivityRecord, History, ONE};
use crate::portfolios;

/// Which activities a list contains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ActivityFilter {
    /// Activities of this type.
    pub kind: Option<ActivityType>,
    /// Activities of this instrument.
    pub symbol: Option<Symbol>,
    /// Activities of these days.
    pub days: DayRange,
}

impl ActivityFilter {
    fn keeps(&self, activity: &Activity) -> bool {
        self.days.contains(activity.date)
            && self.kind.is_none_or(|kind| kind == activity.activity_type())
            && self.symbol.as_ref().is_none_or(|symbol| Some(symbol) == activity.symbol())
    }
}

/// An activity of the customer.
///
/// Errors: [`ServiceError::NotFound`].
pub async fn find(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    id: Uuid,
) -> Result<ActivityRecord, ServiceError> {
    Ok(read(market, customer, portfolio).await?.find(id)?.clone().into())
}

/// The versions of an activity, the current one first. Those of a removed activity are its earlier ones.
///
/// Errors: [`ServiceError::NotFound`].
pub async fn list_versions(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    id: Uuid,
) -> Result<Vec<ActivityRecord>, ServiceError> {
    let history = read(market, customer, portfolio).await?;
    let mut all: Vec<ActivityRecord> = history.find(id).ok().cloned().map(ActivityRecord::from).into_iter().collect();
    for item in listing::read_all(&market.app, keys::activity_versions(portfolio, id)).await?.iter().rev() {
        all.push(documents::parse::<Activity>(item)?.into());
    }
    if all.is_empty() { Err(ServiceError::NotFound { what: ONE }) } else { Ok(all) }
}

/// A page of a portfolio's activities, by day; within a day by id.
///
/// Errors: [`store::StoreError::ForeignCursor`] for the cursor of another list.
pub async fn list(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    filter: &ActivityFilter,
    page: &PageRequest,
) -> Result<ListPage<ActivityRecord>, ServiceError> {
    let history = read(market, customer, portfolio).await?;
    let kept = history.activities().filter(|activity| filter.keeps(activity));
    let places = kept.map(|activity| (place(activity), activity)).collect();
    let list = List { range: Range::All, ..keys::activities(portfolio) };
    let read = listing::page_of(list, listing::fingerprint(filter)?, page, places)?;
    Ok(read.map(|activity: &Activity| activity.clone().into()))
}

/// The place of an activity in a list, as text in the same order.
fn place(activity: &Activity) -> String {
    format!("{}#{}", activity.date, activity.id)
}

async fn read(market: &MarketData, customer: CustomerId, portfolio: PortfolioId) -> Result<History, ServiceError> {
    portfolios::load(&market.app, customer, portfolio).await?;
    read_history(&market.app, portfolio).await
}

/// The history of a portfolio, read again if it changes meanwhile.
pub(crate) async fn read_history(app: &App, portfolio: PortfolioId) -> Result<History, ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || History::read(app, portfolio)).await
}
