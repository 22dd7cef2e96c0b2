//! Lots held elsewhere: the open lots of a portfolio's activities, each by the id of the activity that brought its units.
//!
//! Recording one records a purchase, and correcting or removing one changes that activity. A lot of unknown cost is no
//! investment, because an investment has a price.

mod open_lots;
mod purchase;
mod worth;

pub(crate) use open_lots::{RecordedInvestment, find_open, open_investments};
pub(crate) use purchase::Identity;
pub use purchase::{Mistake, Purchase};
pub use worth::InvestmentNow;

use std::collections::BTreeMap;

use app::App;
use app::error::{FieldMistake, ServiceError};
use app::idempotency::{self, Created, KeyLookup, KeyedRoute};
use app::listing::{self, DayRange, ListPage, PageRequest};
use app::precondition::Precondition;
use domain::{CustomerId, Day, PortfolioId, Price, Quantity, Symbol};
use ledger::Activity;
use market::CallBudget;
use market_data::market_clock::latest_day_anywhere;
use market_data::{MarketData, instruments, tracked_symbols};
use rust_decimal::Decimal;
use serde::Serialize;
use store::keys;
use uuid::Uuid;

use crate::activities::{self, ActivityChange, MAX_ACTIVITIES, Target};
use crate::portfolios;

use purchase::{column_of, refuse_later};
use worth::InstrumentNow;

/// The most investments of a portfolio: each is one of its activities.
pub const MAX_INVESTMENTS: usize = MAX_ACTIVITIES;

pub(crate) const ROUTE: &str = "POST /portfolios/{id}/investments";
const WHAT: &str = "investment";

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
/// Errors: [`ServiceError::NotFound`], [`ServiceError::UnknownSymbol`], [`ServiceError::Fields`],
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
        KeyLookup::Replay(first) => return activities::read_answer(&market.app, customer, first).await,
        KeyLookup::First(pending) => pending,
    };
    let method = portfolios::load(&market.app, customer, portfolio).await?.record.portfolio.lot_method;
    let (id, budget) = (market.app.new_id(), market.budget_for(customer));
    let activity = prepare(market, customer, portfolio, purchase, id, budget).await?;
    let instrument = InstrumentNow::load(market, customer, &purchase.ticker_symbol, budget).await?;
    // Instruments and prices change: the first response can only be repeated if it is stored.
    activities::append(market, customer, &activity, pending, |history| {
        Ok(instrument.book_in(history, method)?.value(&as_recorded(&activity)?)?)
    })
    .await
}

/// The purchase as it is first recorded, determined by the request, its id and the instrument.
async fn prepare(
    market: &MarketData,
    customer: CustomerId,
    portfolio_id: PortfolioId,
    purchase: &Purchase,
    id: Uuid,
    budget: CallBudget,
) -> Result<Activity, ServiceError> {
    let instrument = instruments::load(market, customer, &purchase.ticker_symbol, budget).await?;
    let identity = Identity { id, portfolio_id, created_at: App::made_at(id) };
    purchase.recorded(&identity, &instrument, latest_day_anywhere(&market.app)).map_err(|mistakes| {
        let mistakes = mistakes.into_iter().map(|(field, detail)| FieldMistake { field, detail });
        ServiceError::Fields(mistakes.collect())
    })
}

/// Makes the refresh track an instrument that a portfolio is about to hold; a custom instrument needs no refresh.
pub(crate) async fn track(app: &App, portfolio: PortfolioId, symbol: &Symbol) -> Result<(), ServiceError> {
    if symbol.is_custom() { Ok(()) } else { tracked_symbols::track_for(app, portfolio, symbol).await }
}

/// An investment of the customer with its current value. One that sales have used up has none left.
///
/// Errors: [`ServiceError::NotFound`].
pub async fn find(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    id: Uuid,
) -> Result<InvestmentNow, ServiceError> {
    let method = portfolios::load(&market.app, customer, portfolio).await?.record.portfolio.lot_method;
    let history = activities::read_history(&market.app, portfolio).await?;
    let investment = as_recorded(history.find(id).map_err(as_investment)?)?;
    let budget = market.budget_for(customer);
    let instrument = InstrumentNow::load(market, customer, investment.symbol, budget).await?;
    Ok(instrument.book_in(&history, method)?.value(&investment)?)
}

/// Which investments a list contains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InvestmentFilter {
    /// Investments of this instrument.
    pub symbol: Option<Symbol>,
    /// Investments that were purchased on these days.
    pub days: DayRange,
}

impl InvestmentFilter {
    fn keeps(&self, activity: &Activity) -> bool {
        self.days.contains(activity.date) && self.symbol.as_ref().is_none_or(|symbol| Some(symbol) == activity.symbol())
    }
}

/// A page of a portfolio's open lots, in the order in which they were recorded.
///
/// Errors: [`store::StoreError::ForeignCursor`] for the cursor of another list.
pub async fn list(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    filter: &InvestmentFilter,
    page: &PageRequest,
) -> Result<ListPage<InvestmentNow>, ServiceError> {
    let method = portfolios::load(&market.app, customer, portfolio).await?.record.portfolio.lot_method;
    let history = activities::read_history(&market.app, portfolio).await?;
    let budget = market.budget_for(customer);
    let open = find_open(market, &history, method, budget).await?;
    let kept = open_investments(&history, &open).filter(|investment| filter.keeps(investment.activity));
    let place = |investment: &RecordedInvestment<'_>| keys::investment(portfolio, investment.activity.id).sk;
    let kept = kept.map(|investment| (place(&investment), investment)).collect();
    let fingerprint =
        if *filter == InvestmentFilter::default() { String::new() } else { listing::fingerprint(filter)? };
    let read = listing::page_of(keys::investments(portfolio), fingerprint, page, kept)?;
    let by_instrument = activities::by_instrument(history.activities());
    let (mut books, mut items) = (BTreeMap::new(), Vec::with_capacity(read.items.len()));
    for investment in &read.items {
        let symbol = investment.symbol;
        if !books.contains_key(symbol) {
            let instrument = InstrumentNow::load(market, customer, symbol, budget).await?;
            books.insert(symbol, instrument.book(by_instrument.get(symbol), method)?);
        }
        if let Some(book) = books.get(symbol) {
            items.extend(book.value_open(investment)?);
        }
    }
    Ok(ListPage { items, next: read.next })
}

/// Corrects an investment if it is still at the version that the correction is for.
///
/// Errors: [`ServiceError::PreconditionRequired`], [`ServiceError::PreconditionFailed`], [`ServiceError::NotCorrectable`],
/// [`ServiceError::HistoryConflict`] if a later activity needs its units, and those of [`record`].
pub async fn correct(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    id: Uuid,
    precondition: &Precondition,
    correction: &InvestmentCorrection,
) -> Result<InvestmentNow, ServiceError> {
    if let Some(date) = correction.purchase_date {
        let later = refuse_later(date, latest_day_anywhere(&market.app));
        later.map_err(|(field, detail)| ServiceError::Field { field, detail })?;
    }
    let target = Target {
        portfolio,
        id,
        accepts: |activity| match as_recorded(activity)? {
            investment if investment.is_purchase() => Ok(()),
            _ => {
                Err(ServiceError::NotCorrectable { activity_id: activity.id, activity_type: activity.activity_type() })
            }
        },
    };
    let corrected = activities::correct_target(market, customer, &target, precondition, &correction.into()).await;
    let (activity, history) = corrected.map_err(as_investment)?;
    let method = portfolios::load(&market.app, customer, portfolio).await?.record.portfolio.lot_method;
    let investment = as_recorded(&activity)?;
    let instrument = InstrumentNow::load(market, customer, investment.symbol, market.budget_for(customer)).await?;
    Ok(instrument.book_in(&history, method)?.value(&investment)?)
}

impl From<&InvestmentCorrection> for ActivityChange {
    fn from(correction: &InvestmentCorrection) -> Self {
        Self {
            date: correction.purchase_date,
            symbol: correction.ticker_symbol.clone().map(Some),
            quantity: correction.quantity.map(Quantity::units),
            unit_price: correction.purchase_price.map(|price| Some(price.amount())),
            fee: correction.fee,
            ..Self::default()
        }
    }
}

/// Removes an investment: the activity that brought its units.
///
/// Errors: [`ServiceError::NotFound`], [`ServiceError::PreconditionFailed`], [`ServiceError::HistoryConflict`] if a later
/// activity needs its units.
pub async fn remove(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    id: Uuid,
    precondition: &Precondition,
) -> Result<(), ServiceError> {
    let target = Target { portfolio, id, accepts: |activity| as_recorded(activity).map(drop) };
    activities::remove_target(market, customer, &target, precondition).await.map_err(as_investment)
}

/// The investment that an activity is.
///
/// Errors: [`ServiceError::NotFound`] if it is none.
fn as_recorded(activity: &Activity) -> Result<RecordedInvestment<'_>, ServiceError> {
    RecordedInvestment::of(activity).ok_or(ServiceError::NotFound { what: WHAT })
}

/// An error of the activity that an investment is, in the words of an investment.
fn as_investment(error: ServiceError) -> ServiceError {
    match error {
        ServiceError::NotFound { what: activities::ONE } => ServiceError::NotFound { what: WHAT },
        ServiceError::Fields(mistakes) => {
            let renamed = |FieldMistake { field, detail }| FieldMistake { field: column_of(field), detail };
            ServiceError::Fields(mistakes.into_iter().map(renamed).collect())
        }
        other => other,
    }
}
