//! The cash of a portfolio's activities: what is there of each currency, and the days on which it moved.

use app::error::ServiceError;
use app::listing::{self, DayRange, ListPage, PageRequest};
use domain::portfolio::CashTreatment;
use domain::{Currency, CustomerId, Day, Portfolio, PortfolioId};
use ledger::cash::{CashBalance, CashDay, CashMovementKind, balances, movements};
use ledger::{Activity, Refusal};
use market_data::market_clock::market_day;
use market_data::{MarketData, warnings};
use quant::backtest::Warning;
use rust_decimal::Decimal;
use serde::Serialize;
use store::keys::List;
use store::{Range, keys};
use utoipa::ToSchema;

use super::list::read_history;
use crate::portfolios;

/// Which days a list of cash contains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CashFilter {
    /// Cash of this currency.
    pub currency: Option<Currency>,
    /// These days.
    pub days: DayRange,
}

/// The cash of one currency on the market's today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CurrencyCash {
    /// The currency of the balance.
    pub currency: Currency,
    /// What is there; below zero if more left than came in.
    #[schema(value_type = domain::schema::DecimalString)]
    pub balance: Decimal,
    /// The first day at whose end it was below zero; null if it never was.
    #[schema(required)]
    pub first_negative: Option<Day>,
}

/// A day on which cash of a currency moved. Each amount is what came in less what left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayOfCash {
    /// The day on which the cash moved.
    pub date: Day,
    /// The currency of all amounts.
    pub currency: Currency,
    /// Deposits, withdrawals, transfers and adjustments.
    #[schema(value_type = domain::schema::DecimalString)]
    pub flows: Decimal,
    /// Purchases and sales, without their fees and taxes.
    #[schema(value_type = domain::schema::DecimalString)]
    pub trades: Decimal,
    /// Dividends and interest, before fees and taxes.
    #[schema(value_type = domain::schema::DecimalString)]
    pub income: Decimal,
    /// Fees: below zero if they were paid.
    #[schema(value_type = domain::schema::DecimalString)]
    pub fees: Decimal,
    /// Taxes: below zero if they were paid.
    #[schema(value_type = domain::schema::DecimalString)]
    pub taxes: Decimal,
    /// What was exchanged for another currency, or came in for one.
    #[schema(value_type = domain::schema::DecimalString)]
    pub exchanges: Decimal,
    /// What is there at the end of the day; below zero if more left than came in.
    #[schema(value_type = domain::schema::DecimalString)]
    pub balance: Decimal,
}

/// The cash of a portfolio's activities, with one page of the days on which it moved.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortfolioCash {
    /// The portfolio whose cash it is.
    pub portfolio_id: PortfolioId,
    /// Whether the cash is part of value and performance: a setting of the portfolio.
    pub cash: CashTreatment,
    /// The market's today: what is dated later is not included.
    pub as_of: Day,
    /// Each currency of which cash ever moved, in the order of its code.
    pub balances: Vec<CurrencyCash>,
    /// The days on which cash moved, each with one currency, the latest first by default.
    pub items: Vec<DayOfCash>,
    /// The `cursor` for the next page; null on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// Warnings about what is not included.
    pub warnings: Vec<Warning>,
}

/// The cash of a portfolio's activities up to the market's today, with a page of the days on which it moved; within a day
/// by currency.
///
/// Errors: [`ServiceError::NotFound`], [`store::StoreError::ForeignCursor`] for the cursor of another list.
pub async fn compute_cash(
    market: &MarketData,
    customer: CustomerId,
    portfolio: PortfolioId,
    filter: &CashFilter,
    page: &PageRequest,
) -> Result<PortfolioCash, ServiceError> {
    let Portfolio { cash, .. } = portfolios::find(&market.app, customer, portfolio).await?;
    let history = read_history(&market.app, portfolio).await?;
    let as_of = market_day(market);
    let (known, to_come): (Vec<&Activity>, Vec<&Activity>) =
        history.activities().partition(|activity| activity.date <= as_of);
    let held = balances(&movements(known)?);
    let rows = held.iter().flat_map(days_of).filter(|row| {
        filter.days.contains(row.date) && filter.currency.is_none_or(|currency| currency == row.currency)
    });
    let rows = rows.map(|row| (format!("{}#{}", row.date, row.currency), row)).collect();
    let list = List { range: Range::All, ..keys::activities(portfolio) };
    let fingerprint = format!("cash{}", listing::fingerprint(filter)?);
    let ListPage { items, next } = listing::page_of(list, fingerprint, page, rows)?;
    let to_come = count_with_cash(&to_come)?;
    let warnings = warnings::on_cash_to_come(to_come, as_of).into_iter().collect();
    let balances = held.iter().map(CurrencyCash::of).collect();
    Ok(PortfolioCash { portfolio_id: portfolio, cash, as_of, balances, items, next_cursor: next, warnings })
}

/// How many of these activities move cash.
fn count_with_cash(activities: &[&Activity]) -> Result<usize, Refusal> {
    let mut ids: Vec<_> = movements(activities.iter().copied())?.iter().map(|movement| movement.activity.id).collect();
    ids.dedup();
    Ok(ids.len())
}

impl CurrencyCash {
    fn of(held: &CashBalance) -> Self {
        let balance = held.days.last().map_or(Decimal::ZERO, |day| day.balance);
        Self {
            currency: held.currency,
            balance: written(balance, held.currency),
            first_negative: held.first_negative().map(|day| day.date),
        }
    }
}

fn days_of(held: &CashBalance) -> impl Iterator<Item = DayOfCash> {
    let currency = held.currency;
    held.days.iter().map(move |CashDay { date, changes, balance }| {
        let change = |kind| written(changes.get(&kind).copied().unwrap_or_default(), currency);
        DayOfCash {
            date: *date,
            currency,
            flows: change(CashMovementKind::ExternalFlow),
            trades: change(CashMovementKind::Trade),
            income: change(CashMovementKind::Income),
            fees: change(CashMovementKind::Cost),
            taxes: change(CashMovementKind::Tax),
            exchanges: change(CashMovementKind::Exchange),
            balance: written(*balance, currency),
        }
    })
}

/// An amount with all decimals of its currency.
fn written(amount: Decimal, currency: Currency) -> Decimal {
    let mut amount = amount;
    amount.rescale(currency.decimals());
    amount
}
