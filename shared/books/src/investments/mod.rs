//! Lots held elsewhere: recording, reading, changing and removing them.

mod purchase;
mod worth;

pub(crate) use purchase::Identity;
pub use purchase::{Mistake, Purchase};
pub use worth::InvestmentNow;

use app::counter::Counter;
use app::error::ServiceError;
use app::idempotency::{self, Created, KeyLookup, KeyedRoute};
use app::listing::{self, DayRange, Filter, ListPage, PageRequest};
use app::precondition::Precondition;
use app::{App, stored_responses};
use domain::{Currency, CustomerId, Day, Investment, PortfolioId, Price, Quantity, Symbol};
use market::CallBudget;
use market_data::market_clock::latest_day_anywhere;
use market_data::{MarketData, custom_instruments, instruments, tracked_symbols};
use rust_decimal::Decimal;
use serde::Serialize;
use store::retry::{Retry, retry};
use store::{DeleteExpect, Version, Write, documents, keys};
use uuid::Uuid;

use crate::portfolios;

use worth::LastPrices;

/// The most investments of a portfolio.
pub const MAX_INVESTMENTS: usize = 20_000;

pub(crate) const WHAT: &str = "investments";
pub(crate) const ROUTE: &str = "POST /portfolios/{id}/investments";

/// A change of an investment; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct InvestmentCorrection {
    /// The instrument held.
    pub ticker_symbol: Option<Symbol>,
    /// Units as of the purchase date.
    pub quantity: Option<Quantity>,
    /// Price per unit.
    pub purchase_price: Option<Price>,
    /// The purchase date.
    pub purchase_date: Option<Day>,
    /// The cost in addition to the price; zero or more.
    pub fee: Option<Decimal>,
}

/// Records a lot held elsewhere. The same idempotency key with the same request returns the first result, with its
/// value at that time.
///
/// Errors: [`ServiceError::NotFound`], [`ServiceError::UnknownSymbol`], [`ServiceError::Field`],
/// [`ServiceError::PortfolioClosed`], [`ServiceError::LimitReached`].
pub async fn record(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    purchase: &Purchase,
    idempotency_key: Option<&str>,
) -> Result<Created<InvestmentNow>, ServiceError> {
    let (route, request) = (KeyedRoute::with_id(ROUTE, portfolio.0), (portfolio, purchase));
    let attempt = idempotency::look_up(&market.app, customer, idempotency_key, route, &request).await?;
    let pending = match attempt {
        KeyLookup::Replay(first) => return read_answer(&market.app, customer, first).await,
        KeyLookup::First(pending) => pending,
    };
    portfolios::load(&market.app, customer, portfolio).await?;
    let (id, budget) = (market.app.new_id(), market.budget_for(customer));
    let investment = prepare(market, customer, portfolio, purchase, id, budget).await?;
    let shown = LastPrices::new(market, customer, budget).value(investment.clone()).await?;
    // Instruments and prices change: the first response can only be repeated if it is stored.
    let json =
        serde_json::to_vec(&shown).map_err(|error| ServiceError::fault("serializing an investment failed", error))?;
    let kept = idempotency_key.map(|_| stored_responses::inline(customer, id, &json)).transpose()?;
    let first = retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let mut writes = prepare_writes(&market.app, customer, &investment).await?;
        writes.extend(kept.clone());
        idempotency::commit(&market.app, pending.clone(), id, writes).await
    })
    .await?;
    match first {
        None => Ok(Created { value: shown, replayed: false }),
        Some(first) => read_answer(&market.app, customer, first).await,
    }
}

async fn read_answer(app: &App, customer: CustomerId, id: Uuid) -> Result<Created<InvestmentNow>, ServiceError> {
    Ok(Created { value: stored_responses::find(app, customer, id, WHAT).await?, replayed: true })
}

/// The investment as it is first stored, determined by the request, its id and the instrument.
async fn prepare(
    market: &MarketData,
    customer: CustomerId,
    portfolio_id: PortfolioId,
    purchase: &Purchase,
    id: Uuid,
    budget: CallBudget,
) -> Result<Investment, ServiceError> {
    let instrument = instruments::load(market, customer, &purchase.ticker_symbol, budget).await?;
    let identity = Identity { id, portfolio_id, created_at: App::made_at(id) };
    let recorded =
        purchase.recorded(&identity, &instrument, latest_day_anywhere(&market.app)).map_err(first_mistake)?;
    track(&market.app, portfolio_id, &purchase.ticker_symbol).await?;
    Ok(recorded)
}

/// Makes the refresh track an instrument that a portfolio is about to hold; a custom instrument needs no refresh.
pub(crate) async fn track(app: &App, portfolio: PortfolioId, symbol: &Symbol) -> Result<(), ServiceError> {
    if symbol.is_custom() { Ok(()) } else { tracked_symbols::track_for(app, portfolio, symbol).await }
}

fn first_mistake(mistakes: Vec<Mistake>) -> ServiceError {
    let (field, detail) = mistakes.into_iter().next().unwrap_or_default();
    ServiceError::Field { field, detail }
}

async fn prepare_writes(app: &App, customer: CustomerId, investment: &Investment) -> Result<Vec<Write>, ServiceError> {
    let portfolio = investment.portfolio_id;
    let held = portfolios::load(app, customer, portfolio).await?;
    held.require_open()?;
    let counter = Counter::read(app, keys::investment_count(portfolio)).await?;
    let key = keys::investment(portfolio, investment.id);
    let mut writes = vec![
        held.unchanged_but_dirty_from(investment.purchase_date)?,
        counter.add(1, MAX_INVESTMENTS, WHAT)?,
        Write::create(key.clone(), documents::body(&key, investment)?),
    ];
    writes.extend(custom_instruments::assert_unchanged(app, customer, [instrument_of(investment)]).await?);
    Ok(writes)
}

fn instrument_of(investment: &Investment) -> (&Symbol, Currency) {
    (&investment.ticker_symbol, investment.currency())
}

/// An investment of the customer with its current value.
pub async fn find(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    id: Uuid,
) -> Result<InvestmentNow, ServiceError> {
    portfolios::load(&market.app, customer, portfolio).await?;
    let (investment, _) = read(&market.app, portfolio, id).await?;
    LastPrices::new(market, customer, market.budget_for(customer)).value(investment).await
}

async fn read(app: &App, portfolio: PortfolioId, id: Uuid) -> Result<(Investment, Version), ServiceError> {
    let found = documents::read(app.table(), &keys::investment(portfolio, id)).await?;
    found.ok_or(ServiceError::NotFound { what: "investment" })
}

/// Which investments a list contains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InvestmentFilter {
    /// Investments of this instrument.
    pub symbol: Option<Symbol>,
    /// Investments that were purchased on these days.
    pub days: DayRange,
}

impl Filter<Investment> for InvestmentFilter {
    fn keeps(&self, investment: &Investment) -> bool {
        self.days.contains(investment.purchase_date)
            && self.symbol.as_ref().is_none_or(|symbol| *symbol == investment.ticker_symbol)
    }
}

/// A page of a portfolio's investments, in the order in which they were recorded.
pub async fn list(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    filter: &InvestmentFilter,
    page: &PageRequest,
) -> Result<ListPage<InvestmentNow>, ServiceError> {
    portfolios::load(&market.app, customer, portfolio).await?;
    let read = listing::read_page(&market.app, keys::investments(portfolio), filter, page).await?;
    let mut prices = LastPrices::new(market, customer, market.budget_for(customer));
    let mut items = Vec::with_capacity(read.items.len());
    for investment in read.items {
        items.push(prices.value(investment).await?);
    }
    Ok(ListPage { items, next: read.next })
}

/// Corrects an investment if it is still at the version that the correction is for.
///
/// Errors: [`ServiceError::PreconditionRequired`], [`ServiceError::PreconditionFailed`] and those of [`record`].
pub async fn correct(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    id: Uuid,
    precondition: &Precondition,
    correction: &InvestmentCorrection,
) -> Result<InvestmentNow, ServiceError> {
    let budget = market.budget_for(customer);
    let standing = retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let held = portfolios::load(&market.app, customer, portfolio).await?;
        let (before, version) = read(&market.app, portfolio, id).await?;
        precondition.require(before.version)?;
        let purchase = corrected(&before, correction);
        let instrument = instruments::load(market, customer, &purchase.ticker_symbol, budget).await?;
        let identity = Identity { id, portfolio_id: portfolio, created_at: before.created_at };
        let after =
            purchase.recorded(&identity, &instrument, latest_day_anywhere(&market.app)).map_err(first_mistake)?;
        let after = Investment { updated_at: before.updated_at, version: before.version, ..after };
        if after == before {
            return Ok::<_, ServiceError>(before);
        }
        held.require_open()?;
        track(&market.app, portfolio, &after.ticker_symbol).await?;
        let after = Investment { updated_at: market.app.now(), version: before.version + 1, ..after };
        let key = keys::investment(portfolio, id);
        let earliest = before.purchase_date.min(after.purchase_date);
        let body = documents::body(&key, &after)?;
        let mut writes = vec![held.unchanged_but_dirty_from(earliest)?, Write::update(key, body, version)];
        writes.extend(custom_instruments::assert_unchanged(&market.app, customer, [instrument_of(&after)]).await?);
        market.app.table().transact(writes).await?;
        Ok(after)
    })
    .await?;
    LastPrices::new(market, customer, budget).value(standing).await
}

fn corrected(before: &Investment, correction: &InvestmentCorrection) -> Purchase {
    Purchase {
        ticker_symbol: correction.ticker_symbol.clone().unwrap_or_else(|| before.ticker_symbol.clone()),
        quantity: correction.quantity.unwrap_or(before.quantity),
        purchase_price: correction.purchase_price.unwrap_or(before.purchase_price),
        purchase_date: correction.purchase_date.unwrap_or(before.purchase_date),
        fee: correction.fee.unwrap_or(before.fee.amount()),
        currency: None,
    }
}

/// Removes an investment.
///
/// Errors: [`ServiceError::NotFound`], [`ServiceError::PreconditionFailed`].
pub async fn remove(
    app: &App,
    customer: CustomerId,
    portfolio: PortfolioId,
    id: Uuid,
    precondition: &Precondition,
) -> Result<(), ServiceError> {
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let held = portfolios::load(app, customer, portfolio).await?;
        let (before, version) = read(app, portfolio, id).await?;
        precondition.allow(before.version)?;
        let counter = Counter::read(app, keys::investment_count(portfolio)).await?;
        let key = keys::investment(portfolio, id);
        let gone = Write::Delete { key, expect: DeleteExpect::Version(version) };
        let writes = vec![held.unchanged_but_dirty_from(before.purchase_date)?, counter.remove_one()?, gone];
        app.table().transact(writes).await?;
        Ok::<_, ServiceError>(())
    })
    .await
}
