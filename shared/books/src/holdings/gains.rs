//! What the sales of a portfolio realised, lot by lot: those from the wallet and the recorded ones.
//!
//! The figures come from the same replay as those of holdings, so that the gains of a span are what holdings say was
//! realised in it. [`rows`] makes a row of each lot that a sale took from, [`totals`] sums them up.

mod file;
mod rows;
mod totals;

use std::collections::{BTreeMap, BTreeSet};

use app::error::ServiceError;
use app::exports::{self, Download, ExportLink, File, FileFormat};
use domain::{Currency, CustomerId, Day, LongTerm, LotMethod, Portfolio, PortfolioId, Quantity, Symbol, Term};
use ledger::{ActivityType, Refusal, Trade};
use market_data::MarketData;
use market_data::exchange_rates::ExchangeRates;
use market_data::market_clock::{held_through, market_day};
use market_data::price_lines::{self, PriceLines};
use market_data::warnings::{self, on_rates_of_another_day};
use quant::backtest::Warning;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::HoldingsRequest;
use super::lots::{PortfolioLots, Sale};
use super::realized::{find_sales, without_rate};
use crate::{portfolios, positions};

pub use totals::{GainAmounts, GainTotals, SymbolGains, YearGains};

/// The most rows of an answer.
pub const MAX_ROWS: usize = 1_000;

/// What the list is not.
const NOTICE: &str = "This is a record of what was realised, not tax advice. Rules on wash sales are not applied.";

/// The book that a sale belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GainOrigin {
    /// Sold from the wallet.
    Trade,
    /// A recorded sale.
    Activity,
}

/// What a sale realised on the units of one lot. Amounts are in the currency of the instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RealizedGain {
    /// The instrument that was sold.
    pub symbol: Symbol,
    /// Whether the sale is one from the wallet or a recorded one.
    pub origin: GainOrigin,
    /// Id of the sale: that of its trade or activity.
    pub sale_id: Uuid,
    /// Id of the lot, which is that of the trade or activity that brought it; null for units that no lot had.
    #[schema(required)]
    pub lot_id: Option<Uuid>,
    /// When the units were bought; null if it is not known.
    #[schema(required)]
    pub acquired_on: Option<Day>,
    /// When they were sold.
    pub sold_on: Day,
    /// Units sold, as counted on that day.
    pub quantity: Quantity,
    /// Calendar days from the purchase to the sale; null if the purchase is not known.
    #[schema(required)]
    pub days_held: Option<i32>,
    /// Whether the gain is long-term; null if the purchase is not known or the portfolio's `long_term` is `none`.
    #[schema(required)]
    pub term: Option<Term>,
    /// Currency of the instrument.
    pub currency: Currency,
    /// The amounts in that currency.
    #[serde(flatten)]
    pub amounts: GainAmounts,
    /// The same amounts in the portfolio's currency, each at the rate of its own day.
    pub base: GainAmounts,
    /// Why a gain is null: `gain` or `base/gain`.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
}

/// Units of a lot that left without a sale. They realised nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TransferredLot {
    /// The instrument that was transferred.
    pub symbol: Symbol,
    /// How they left: `transfer_out` or `adjustment`.
    #[serde(rename = "type")]
    pub kind: ActivityType,
    /// Id of the activity.
    pub activity_id: Uuid,
    /// Id of the lot that they were taken from.
    pub lot_id: Uuid,
    /// When the units were bought; null if it is not known.
    #[schema(required)]
    pub acquired_on: Option<Day>,
    /// When they left.
    pub date: Day,
    /// Units that left, as counted on that day.
    pub quantity: Quantity,
    /// Currency of the cost.
    pub currency: Currency,
    /// What the units had cost; null if it is not known.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub cost: Option<Decimal>,
}

/// The realised gains of a portfolio.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PortfolioGains {
    /// The portfolio whose sales are listed.
    pub portfolio_id: PortfolioId,
    /// Its base currency.
    pub currency: Currency,
    /// The year of the sales; null for all.
    #[schema(minimum = 1900, maximum = 2199, required)]
    pub year: Option<i32>,
    /// The market's today. Later sales are not included yet.
    pub as_of: Day,
    /// The lot method of the recorded sales. Those from the wallet keep the one that they were made with.
    pub lot_method: LotMethod,
    /// How long units must have been held for a gain to be long-term.
    pub long_term: LongTerm,
    /// Rules on wash sales: always `not applied`.
    #[schema(example = "not applied")]
    pub wash_sales: &'static str,
    /// What the list is not.
    pub notice: &'static str,
    /// The number of all rows: those of sales and those of transfers.
    pub count: usize,
    /// Whether rows are missing here because there are more than 1,000. The totals are those of all rows.
    pub cut: bool,
    /// If rows are missing: a link to the whole answer, as JSON; else null.
    #[schema(required)]
    pub all: Option<ExportLink>,
    /// The sales by lot, oldest first.
    pub items: Vec<RealizedGain>,
    /// What left without a sale and realised nothing, oldest first.
    pub transfers_out: Vec<TransferredLot>,
    /// The totals by year of the sale, in the portfolio's currency.
    pub by_year: Vec<YearGains>,
    /// The totals by instrument.
    pub by_symbol: Vec<SymbolGains>,
    /// The totals of all rows, in the portfolio's currency.
    pub total: GainTotals,
    /// What is not included and what needs attention.
    pub warnings: Vec<Warning>,
}

/// Everything that the rows are made of.
struct Book {
    lots: PortfolioLots,
    trades: BTreeMap<Symbol, Vec<Trade>>,
    /// The sales from the wallet.
    sales: BTreeMap<Symbol, Vec<Sale>>,
    /// The same if those at average cost had taken the oldest lots.
    by_age: BTreeMap<Symbol, Vec<Sale>>,
    rates: ExchangeRates,
}

/// The realised gains of a customer's portfolio, all rows of them.
///
/// Errors: [`ServiceError::NotFound`].
pub async fn compute(
    market: &MarketData,
    customer: CustomerId,
    id: PortfolioId,
    year: Option<i32>,
) -> Result<PortfolioGains, ServiceError> {
    let portfolio = portfolios::find(&market.app, customer, id).await?;
    let budget = market.budget_for(customer);
    let lots = super::read_lots(market, &portfolio, HoldingsRequest::default(), budget).await?;
    let lines = load_lines_of_later(market, customer, &lots).await?;
    let rates = ExchangeRates::load(market, portfolio.base_currency, lots.currencies(), budget).await?;
    let lots = lots.through_prices(market, &lines)?.into_owned();
    let book = Book::read(market, id, lots, rates).await?;
    let today = market_day(market);
    let warnings = book.warnings(market, &lines, year);
    let (method, long_term) = (portfolio.lot_method, portfolio.long_term);
    // A list of thousands of sales takes time.
    let work = move || rows::list(&book, method, long_term);
    let listed = tokio::task::spawn_blocking(work).await;
    let (rows, transfers_out) = listed.map_err(|error| ServiceError::fault("listing the gains", error))??;
    let is_asked = |day: Day| year.is_none_or(|year| day.year() == year);
    let rows = rows.into_iter().filter(|row| is_asked(row.sold_on)).collect();
    let transfers_out = transfers_out.into_iter().filter(|lot| is_asked(lot.date)).collect();
    Ok(answer(&portfolio, year, today, rows, transfers_out, warnings))
}

/// The realised gains of a customer's portfolio with at most [`MAX_ROWS`] rows, and a link to the whole if there are more.
///
/// Errors: [`ServiceError::NotFound`].
pub async fn find(
    market: &MarketData,
    customer: CustomerId,
    id: PortfolioId,
    year: Option<i32>,
) -> Result<PortfolioGains, ServiceError> {
    let whole = compute(market, customer, id, year).await?;
    if whole.count <= MAX_ROWS {
        return Ok(whole);
    }
    let json = serde_json::to_vec(&whole).map_err(|error| ServiceError::fault("gains to JSON", error))?;
    let file = File { name: "gains", format: FileFormat::Json, bytes: json };
    Ok(whole.cut_to(MAX_ROWS, exports::publish(&market.app, customer, file).await?))
}

/// The sales as CSV: the file, or a link to it if it has more than [`MAX_ROWS`].
///
/// Errors: [`ServiceError::NotFound`].
pub async fn find_as_csv(
    market: &MarketData,
    customer: CustomerId,
    id: PortfolioId,
    year: Option<i32>,
) -> Result<Download, ServiceError> {
    let whole = compute(market, customer, id, year).await?;
    let file = File { name: "gains", format: FileFormat::Csv, bytes: file::csv(&whole)? };
    Ok(if whole.items.len() <= MAX_ROWS {
        Download::Whole(file)
    } else {
        Download::Linked(exports::publish(&market.app, customer, file).await?)
    })
}

fn answer(
    portfolio: &Portfolio,
    year: Option<i32>,
    as_of: Day,
    rows: Vec<rows::Row>,
    transfers_out: Vec<TransferredLot>,
    warnings: Vec<Warning>,
) -> PortfolioGains {
    let currency = portfolio.base_currency;
    PortfolioGains {
        portfolio_id: portfolio.id,
        currency,
        year,
        as_of,
        lot_method: portfolio.lot_method,
        long_term: portfolio.long_term,
        wash_sales: "not applied",
        notice: NOTICE,
        count: rows.len() + transfers_out.len(),
        cut: false,
        all: None,
        by_year: totals::by_year(&rows, currency),
        by_symbol: totals::by_symbol(&rows, currency),
        total: totals::of_all(&rows, currency),
        items: rows.into_iter().map(|row| row.shown(currency)).collect(),
        transfers_out,
        warnings,
    }
}

impl PortfolioGains {
    /// The same with at most so many rows, and a link to the whole.
    fn cut_to(mut self, most: usize, all: ExportLink) -> Self {
        self.items.truncate(most);
        self.transfers_out.truncate(most.saturating_sub(self.items.len()));
        self.by_symbol.truncate(most);
        Self { cut: true, all: Some(all), ..self }
    }
}

/// The prices of the symbols that have activities after the market's today: during a session those of its day count if
/// there is a price of it.
async fn load_lines_of_later(
    market: &MarketData,
    customer: CustomerId,
    lots: &PortfolioLots,
) -> Result<PriceLines, ServiceError> {
    let today = market_day(market);
    let is_later = |stored: &super::lots::StoredLots| {
        stored.recorded.as_ref().is_some_and(|recorded| recorded.after(today).next().is_some())
    };
    let later = lots.by_symbol.iter().filter(|(_, stored)| is_later(stored));
    let symbols: BTreeSet<Symbol> = later.map(|(symbol, _)| symbol.clone()).collect();
    price_lines::load(market, customer, &symbols, market.budget_for(customer)).await
}

impl Book {
    async fn read(
        market: &MarketData,
        id: PortfolioId,
        lots: PortfolioLots,
        rates: ExchangeRates,
    ) -> Result<Self, ServiceError> {
        let mut trades: BTreeMap<Symbol, Vec<Trade>> = BTreeMap::new();
        for trade in positions::read_trades(&market.app, id).await? {
            trades.entry(trade.symbol.clone()).or_default().push(trade);
        }
        let (mut sales, mut by_age) = (BTreeMap::new(), BTreeMap::new());
        for (symbol, stored) in &lots.by_symbol {
            let (Some(position), Some(trades)) = (&stored.position, trades.get(symbol)) else { continue };
            sales.insert(symbol.clone(), find_sales(position, trades.clone()).await?);
            if trades.iter().any(|trade| trade.lot_method == Some(LotMethod::Average)) {
                by_age.insert(symbol.clone(), super::realized::find_sales_by_age(position, trades.clone()).await?);
            }
        }
        Ok(Self { lots, trades, sales, by_age, rates })
    }

    fn warnings(&self, market: &MarketData, lines: &PriceLines, year: Option<i32>) -> Vec<Warning> {
        let mut found = Vec::new();
        for (symbol, stored) in &self.lots.by_symbol {
            let through = held_through(market, lines.get(symbol).and_then(|line| line.last_day(market)));
            found.extend(warnings::on_activities_to_come(symbol, stored.to_come(through).1, through));
            let removals = stored.recorded.iter().flat_map(|recorded| &recorded.position.removals);
            let of_year = removals.filter(|removal| year.is_none_or(|year| removal.day.year() == year));
            let unnamed = of_year.filter(|removal| removal.is_by_default_order).count();
            found.extend(warnings::on_lots_not_named(symbol, unnamed));
            let trades = self.trades.get(symbol).map_or(&[][..], Vec::as_slice);
            let noted = without_rate(trades, stored.recorded.as_ref(), market_day(market), &self.rates);
            found.extend(on_rates_of_another_day(symbol, noted));
        }
        found.extend(self.rates.warnings(self.lots.currencies()));
        found
    }
}

/// The rows of sales, and what left without one.
type Listed = Result<(Vec<rows::Row>, Vec<TransferredLot>), Refusal>;
