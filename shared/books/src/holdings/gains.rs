//! What the sales of a portfolio realised, lot by lot: those from the wallet and the recorded ones.
//!
//! The figures come from the same replay as those of holdings, so that the gains of a span are what holdings say was
//! realised in it. [`rows`] makes a row of each lot that a sale took from, [`totals`] sums them up.

mod amounts;
mod answer;
mod book;
mod file;
mod rows;
mod totals;

use std::collections::BTreeSet;

use app::error::ServiceError;
use app::exports::{self, Download, ExportLink, File, FileFormat};
use domain::{CustomerId, Day, Portfolio, PortfolioId, Symbol};
use market_data::MarketData;
use market_data::exchange_rates::ExchangeRates;
use market_data::market_clock::market_day;
use market_data::price_lines::{self, PriceLines};
use quant::backtest::Warning;

use super::HoldingsRequest;
use super::lots::{PortfolioLots, StoredLots};
use crate::portfolios;

pub use answer::{
    GainAmounts, GainOrigin, GainTotals, PortfolioGains, RealizedGain, SymbolGains, TransferredLot, YearGains,
};
use book::Book;

/// The most rows of an answer.
pub const MAX_ROWS: usize = 1_000;

/// What the list is not.
const NOTICE: &str = "This is a record of what was realised, not tax advice. Rules on wash sales are not applied.";

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
    let is_later =
        |stored: &StoredLots| stored.recorded.as_ref().is_some_and(|recorded| recorded.after(today).next().is_some());
    let later = lots.by_symbol.iter().filter(|(_, stored)| is_later(stored));
    let symbols: BTreeSet<Symbol> = later.map(|(symbol, _)| symbol.clone()).collect();
    price_lines::load(market, customer, &symbols, market.budget_for(customer)).await
}
