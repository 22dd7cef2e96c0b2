//! The performance of a portfolio: the value of every day, returns, risk, and the causes of the change in value.
//!
//! `incremental_series.rs` brings the daily values up to today, `sources.rs` holds what they are
//! computed from, `series_store.rs` stores them, `span.rs` adds what a
//! span of them needs, `flows.rs`,
//! `cash.rs` and `recorded.rs` collect the flows.

mod cash;
mod flows;
mod incremental_series;
mod recorded;
mod series_store;
mod sources;
mod span;

pub use quant::portfolio::FlowTiming;

use std::collections::BTreeMap;

use app::error::ServiceError;
use domain::portfolio::CashTreatment;
use domain::{Currency, CustomerId, Day, Interval, PortfolioId, Symbol};
use market::CallBudget;
use market_data::exchange_rates::ExchangeRates;
use market_data::market_clock::{at_close, market_day};
use market_data::price_lines::{PriceLine, PriceLines};
use market_data::series::{Note, PriceSeries};
use market_data::{MarketData, prices, warnings};
use quant::backtest::Warning;
use serde::Serialize;
use utoipa::ToSchema;
use valuation::{
    Attribution, Benchmark, DayValue, GroupAttribution, PerformanceDay, PerformanceMetrics, PerformanceRequest,
    SymbolAttribution, SymbolTotals, attribution_by_group, attribution_by_symbol, by_period,
};

use crate::portfolios::{self, LoadedPortfolio};

pub(crate) use incremental_series::KnownInputs;
use incremental_series::{ValuedPortfolio, Wanted};
use span::SpanDetails;

/// The group of symbols whose sector is unknown.
const NO_SECTOR: &str = "unknown";
/// The group of tracked cash.
const CASH_SECTOR: &str = "cash";
/// How dividends are treated.
const DIVIDENDS: &str = "not credited";
/// The key of the days without an exchange rate.
const FX: &str = "fx";

/// The span of a performance, and the benchmark.
#[derive(Clone, Debug, Default)]
pub struct PerformanceSpan {
    /// First day, inclusive; the day of the first flow by default.
    pub from: Option<Day>,
    /// Last day, inclusive; the market's today by default and at most.
    pub to: Option<Day>,
    /// A symbol whose total return is the benchmark.
    pub benchmark: Option<Symbol>,
    /// When the money that moves on a day starts or stops earning.
    pub flow_timing: FlowTiming,
    /// A day to take as the market's today, at most it: `to` is at most this day, and later prices do not exist yet.
    pub as_of: Option<Day>,
    /// The period of a row of the series. Figures are always of days.
    pub interval: Interval,
}

/// Why a value is missing.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = UnavailableReason)]
pub enum Missing {
    /// The code of the reason why a figure is null or a symbol is left out.
    #[schema(value_type = domain::schema::ReasonCode)]
    Reason(String),
    /// Days without a value.
    Days(Vec<Day>),
}

/// The performance of a portfolio. Money is in its base currency, ratios are fractions.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PortfolioPerformance {
    /// The portfolio that is measured.
    pub portfolio_id: PortfolioId,
    /// Its base currency.
    pub currency: Currency,
    /// First day of the span.
    pub from: Day,
    /// Last day of the span.
    pub to: Day,
    /// The market's today, or the day that was asked for in its place.
    pub as_of: Day,
    /// The source of the prices.
    pub source: String,
    /// The benchmark, null if none was requested. Its total return is converted into the base currency at the rate of
    /// each day; days without a rate are left out.
    #[schema(required)]
    pub benchmark: Option<Symbol>,
    /// `not credited`: dividends count as paid out of the portfolio on their ex-date, and are not credited to the
    /// wallet.
    #[schema(example = "not credited")]
    pub dividends: &'static str,
    /// When the money that moves on a day starts or stops earning, for time-weighted returns and the figures based on
    /// them.
    pub flow_timing: FlowTiming,
    /// Whether the cash of the activities is part of the value: a setting of the portfolio. Where it is not, purchases are
    /// inflows, sales and income are outflows.
    pub cash: CashTreatment,
    /// The period of a row of `series`. Figures are always of days.
    pub interval: Interval,
    /// Every day on which a held instrument has a bar or anything moved, oldest first. A day without an exchange rate
    /// at most seven days old has no row; the next row includes its flows and its return. By week or month, each row is
    /// that of the last such day, with the flows of the whole period. Absent if `include` does not name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub series: Option<Vec<PerformanceDay>>,
    /// Figures of the whole span.
    pub metrics: PerformanceMetrics,
    /// The causes of the change in value.
    pub attribution: Attribution,
    /// The same by symbol; these rows and those of `attribution_of_cash` sum to `attribution`, component by component. What
    /// is paid with tracked cash is a flow of the instrument, and of the cash with the opposite sign.
    pub attribution_by_symbol: Vec<SymbolAttribution>,
    /// The same of the tracked cash, by currency.
    pub attribution_of_cash: Vec<GroupAttribution>,
    /// The same by sector; that of tracked cash is `cash`.
    pub attribution_by_sector: Vec<GroupAttribution>,
    /// The same by currency of the instruments and of the cash.
    pub attribution_by_currency: Vec<GroupAttribution>,
    /// Why a figure is null, or why a symbol is left out, by its name; under `fx` the days without a row.
    pub unavailable: BTreeMap<String, Missing>,
    /// Warnings about prices, rates and trades.
    pub warnings: Vec<Warning>,
}

/// The performance of a customer's portfolio. A symbol that cannot be valued is left out and listed.
///
/// Errors: [`ServiceError::NotFound`], [`ServiceError::FromAfterTo`], [`ServiceError::Field`] `as_of` for a day after the
/// market's today, [`ServiceError::UnknownSymbol`] for a benchmark
/// without prices.
pub async fn compute(
    market: &MarketData,
    customer: CustomerId,
    id: PortfolioId,
    span: &PerformanceSpan,
) -> Result<PortfolioPerformance, ServiceError> {
    let seen = &at_close(market, span.as_of)?;
    let held = portfolios::load(&market.app, customer, id).await?;
    let today = market_day(seen);
    let to = span.to.map_or(today, |to| to.min(today));
    if let Some(from) = span.from.filter(|from| *from > to) {
        return Err(ServiceError::FromAfterTo { from, to });
    }
    let budget = market.budget_for(customer);
    let benchmark = match &span.benchmark {
        Some(symbol) => Some(prices::load(seen, customer, symbol, budget).await?),
        None => None,
    };
    let (known, wanted) = (KnownInputs::default(), Wanted::DaysAndInvested);
    let mut valued = incremental_series::value(market, customer, &held, known, budget, wanted).await?;
    let series = &valued.kept.series;
    let first = series.days().next().map_or(to, |day| day.date.min(to));
    let from = span.from.unwrap_or(first);
    let days = series.valued_span(from, to);
    let SpanDetails { totals, invested } =
        valued.compute_details(market, &held.record.portfolio, budget, days, to).await?;
    let series = &valued.kept.series;
    let compared = benchmark.as_deref();
    let priced_in = compared.map(|series| series.currency);
    let rates = ExchangeRates::load(seen, held.record.portfolio.base_currency, priced_in, budget).await?;
    let benchmark = compared.map(|series| compared_with(series, &rates));
    let (flow_timing, invested) = (span.flow_timing, invested.as_slice());
    let request = PerformanceRequest { series, from, to, risk_free_rate: 0.0, flow_timing, benchmark, invested };
    let found = valuation::performance(&request);
    let unavailable = missing(found.unavailable, &valued.kept.left_out, found.days_without_rate);
    let currency = found.currency;
    let (of_instruments, of_cash) = apart(attribution_by_symbol(&totals, currency));
    Ok(PortfolioPerformance {
        portfolio_id: id,
        currency,
        from,
        to,
        as_of: today,
        source: market.provider().source().to_owned(),
        benchmark: span.benchmark.clone(),
        dividends: DIVIDENDS,
        flow_timing,
        cash: held.record.portfolio.cash,
        interval: span.interval,
        series: Some(by_period(found.series, span.interval)),
        metrics: found.metrics,
        attribution: found.attribution,
        attribution_by_symbol: of_instruments,
        attribution_of_cash: of_cash,
        attribution_by_sector: attribution_by_group(&totals, currency, |symbol| sector(&valued.prices, symbol)),
        attribution_by_currency: attribution_by_group(&totals, currency, |symbol| traded_in(&valued.prices, symbol)),
        unavailable,
        warnings: {
            let mut all = warnings(seen, &valued, &totals, (from, to), compared.map(|series| (series, &rates)));
            all.extend(valued.cash_warnings((from, to)));
            all
        },
    })
}

/// The daily values of a portfolio since its first flow, and its returns.
pub(crate) struct PerformanceToDate {
    pub(crate) days: Vec<DayValue>,
    pub(crate) twr: Option<f64>,
    pub(crate) xirr: Option<f64>,
    /// Why a figure is missing, by its name.
    pub(crate) unavailable: BTreeMap<String, String>,
}

/// The performance of a portfolio from its first flow to the market's today, as [`compute`] gives it without a span.
/// What is `known` is not read again.
pub(crate) async fn compute_to_date(
    market: &MarketData,
    customer: CustomerId,
    held: &LoadedPortfolio,
    known: KnownInputs<'_>,
    budget: CallBudget,
) -> Result<PerformanceToDate, ServiceError> {
    let valued = incremental_series::value(market, customer, held, known, budget, Wanted::Days).await?;
    let (series, to) = (&valued.kept.series, market_day(market));
    let from = series.days().next().map_or(to, |day| day.date.min(to));
    let (flow_timing, benchmark, invested) = (FlowTiming::default(), None, &[][..]);
    let request = PerformanceRequest { series, from, to, risk_free_rate: 0.0, flow_timing, benchmark, invested };
    let found = valuation::performance(&request);
    let (twr, xirr) = (found.metrics.twr, found.metrics.xirr);
    Ok(PerformanceToDate { days: series.days().copied().collect(), twr, xirr, unavailable: found.unavailable })
}

impl PortfolioPerformance {
    /// The same without the series.
    #[must_use]
    pub fn without_series(self) -> Self {
        Self { series: None, ..self }
    }
}

/// A benchmark with its splits and dividends, converted at the rate of each day; if both are unknown, its adjusted
/// closes are used.
fn compared_with<'a>(series: &'a PriceSeries, rates: &'a ExchangeRates) -> Benchmark<'a> {
    let without_dividend = series.bars.dividend().iter().all(|&dividend| dividend <= 0.0);
    let only_adjusted = without_dividend && series.notes.contains(&Note::SplitsUnknown);
    Benchmark { bars: &series.bars, only_adjusted, rates: rates.of(series.currency) }
}

fn missing(
    figures: BTreeMap<String, String>,
    left_out: &BTreeMap<Symbol, String>,
    days_without_rate: Vec<Day>,
) -> BTreeMap<String, Missing> {
    let symbols = left_out.iter().map(|(symbol, code)| (symbol.to_string(), code.clone()));
    let reasons = figures.into_iter().chain(symbols).map(|(name, code)| (name, Missing::Reason(code)));
    let days = Some(days_without_rate).filter(|days| !days.is_empty());
    reasons.chain(days.map(|days| (FX.to_owned(), Missing::Days(days)))).collect()
}

/// The rows of instruments, and those of cash by currency.
fn apart(rows: Vec<SymbolAttribution>) -> (Vec<SymbolAttribution>, Vec<GroupAttribution>) {
    let (mut instruments, mut cash) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match cash::currency_of_cash(&row.symbol) {
            Some(currency) => cash.push(GroupAttribution { name: currency.to_string(), attribution: row.attribution }),
            None => instruments.push(row),
        }
    }
    (instruments, cash)
}

fn sector(prices: &PriceLines, symbol: &Symbol) -> String {
    if cash::currency_of_cash(symbol).is_some() {
        return CASH_SECTOR.to_owned();
    }
    let known = prices.get(symbol).and_then(|line| line.instrument.sector.clone());
    known.unwrap_or_else(|| NO_SECTOR.to_owned())
}

fn traded_in(prices: &PriceLines, symbol: &Symbol) -> String {
    if let Some(currency) = cash::currency_of_cash(symbol) {
        return currency.to_string();
    }
    let series = prices.get(symbol).and_then(|line| line.series.as_ref());
    series.map_or_else(String::new, |series| series.currency.to_string())
}

/// Warnings about the symbols held in the span, their trades and rates, the benchmark, and lots dated in the future.
fn warnings(
    market: &MarketData,
    valued: &ValuedPortfolio,
    totals: &[SymbolTotals],
    span: warnings::Span,
    benchmark: Option<(&PriceSeries, &ExchangeRates)>,
) -> Vec<Warning> {
    let lines = totals.iter().filter_map(|totals| Some(valued.prices.get(&totals.symbol)?.seen(market)));
    let lines: Vec<PriceLine> = lines.collect();
    let mut found = warnings::of_lines(market, lines.iter().map(|line| (line, span)));
    let is_held = |series: &PriceSeries| totals.iter().any(|totals| totals.symbol == series.symbol);
    found.extend(valued.rate_warnings(totals));
    if let Some((series, rates)) = benchmark.filter(|(series, _)| !is_held(series)) {
        found.extend(warnings::named(&series.symbol, warnings::of_series(market, series, span)));
        let crossed = rates.warnings([series.currency]).into_iter();
        let unsaid: Vec<Warning> = crossed.filter(|warning| !found.contains(warning)).collect();
        found.extend(unsaid);
    }
    found.extend(totals.iter().flat_map(|totals| warnings_on_flows(totals).into_iter().flatten()));
    if market.is_in_the_past() {
        return found;
    }
    let today = market_day(market);
    for (symbol, lots, others) in valued.to_come(today) {
        found.extend(warnings::on_lots_to_come(symbol, lots, today));
        found.extend(warnings::on_activities_to_come(symbol, others, today));
    }
    found.extend(valued.cash_to_come(today));
    found
}

fn warnings_on_flows(totals: &SymbolTotals) -> [Option<Warning>; 2] {
    let outside = "at a price more than 5 % outside the range of their day";
    [
        warnings::on_flows(&totals.symbol, "price_outside_the_day", totals.outside_the_day, outside),
        warnings::on_rates_of_another_day(&totals.symbol, totals.without_rate),
    ]
}
