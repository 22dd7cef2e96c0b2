//! The daily values of a portfolio up to the market's today: the stored ones, extended.
//!
//! If nothing older than the last day has changed, only trades since then are read and only that day is computed. Three
//! sources show how far back a change reaches: `dirty_from` on the portfolio (activities), the hash of the
//! prices next to each stored year with the version of the definitions, and ids of trades that did not exist when their
//! neighbours were read.

use std::collections::{BTreeMap, BTreeSet};

use app::error::ServiceError;
use domain::{Bars, Currency, CustomerId, Day, LotMethod, PortfolioId, Symbol};
use ledger::Refusal;
use market::CallBudget;
use market_data::MarketData;
use market_data::exchange_rates::ExchangeRates;
use market_data::market_clock::market_day;
use market_data::price_lines::{self, FX_UNAVAILABLE, PRICE_UNAVAILABLE, PriceLines};
use quant::backtest::Warning;
use store::keys;
use store::retry::{Retry, retry};
use valuation::{
    DEFINITIONS, Flow, InstrumentRecords, InvestedDay, PortfolioBook, SymbolTotals, Unvalued, ValuationError,
    ValueSeries, fingerprint_of_prices, invested_after, invested_days,
};

use super::flows::{self, Flows, TradeFlow};
use super::recorded;
use super::series_store::{self, ItemVersions, StoredSeries, TradesRead};
use crate::activities::RecordedPositions;
use crate::holdings::PortfolioLots;
use crate::portfolios::LoadedPortfolio;
use crate::positions;

/// The daily values and their sources.
pub(super) struct ValuedPortfolio {
    pub kept: StoredSeries,
    pub prices: PriceLines,
    pub sources: ValuationSources,
}

/// The flows, prices and rates that a series is computed from.
#[derive(Clone)]
pub(super) struct ValuationSources {
    base: Currency,
    pub flows: Flows,
    pub prices: PriceLines,
    rates: ExchangeRates,
    left_out: BTreeMap<Symbol, String>,
    /// The activities, if the flows are complete.
    pub recorded: Option<RecordedPositions>,
}

/// What has been read for the same request.
#[derive(Clone, Copy, Default)]
pub(crate) struct KnownInputs<'a> {
    /// Prices.
    pub(crate) prices: Option<&'a PriceLines>,
    /// The lots of the portfolio at present.
    pub(crate) lots: Option<&'a PortfolioLots>,
}

/// The inputs for valuing one portfolio.
struct ValuationInputs<'a> {
    market: &'a MarketData,
    customer: CustomerId,
    held: &'a LoadedPortfolio,
    known: KnownInputs<'a>,
    today: Day,
    /// The request's budget of provider calls.
    budget: CallBudget,
    /// Whether the invested capital is needed too.
    wanted: Wanted,
}

/// What is needed of a portfolio's daily values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The days.
    Days,
    /// Also the invested capital, which needs all records once units have left on the last days.
    DaysAndInvested,
}

/// Values a portfolio up to today and stores the result. What is `known` is not read again.
pub(super) async fn value(
    market: &MarketData,
    customer: CustomerId,
    held: &LoadedPortfolio,
    known: KnownInputs<'_>,
    budget: CallBudget,
    wanted: Wanted,
) -> Result<ValuedPortfolio, ServiceError> {
    let reading = ValuationInputs { market, customer, held, known, today: market_day(market), budget, wanted };
    let (kept, versions) = series_store::load(&market.app, held.record.portfolio.id).await?;
    let kept = kept.filter(|kept| kept.series.base == reading.base() && kept.series.through <= reading.today);
    if let Some(kept) = &kept
        && let Some(valued) = reading.extend(kept).await?
    {
        return Ok(reading.save(Some(kept), &versions, valued).await);
    }
    let valued = reading.rebuild(kept.as_ref()).await?;
    Ok(reading.save(kept.as_ref(), &versions, valued).await)
}

impl ValuationInputs<'_> {
    fn base(&self) -> Currency {
        self.held.record.portfolio.base_currency
    }

    fn portfolio(&self) -> PortfolioId {
        self.held.record.portfolio.id
    }

    async fn save(
        &self,
        before: Option<&StoredSeries>,
        versions: &ItemVersions,
        valued: ValuedPortfolio,
    ) -> ValuedPortfolio {
        series_store::save(&self.market.app, self.held, before, versions, &valued.kept).await;
        valued
    }

    /// The recorded book, from the whole history.
    async fn read_recorded(&self) -> Result<RecordedPositions, ServiceError> {
        if let Some(lots) = self.known.lots {
            return Ok(lots.recorded_to_the_end()?);
        }
        recorded::read(self.market, &self.held.record.portfolio, self.budget).await
    }

    /// The sources with the flows of these trades and of the recorded book, if that is read.
    async fn read_sources(
        &self,
        trades: &[TradeFlow],
        recorded: Option<RecordedPositions>,
        also: &BTreeSet<Symbol>,
    ) -> Result<ValuationSources, ServiceError> {
        let of_recorded = recorded.as_ref();
        let symbols = trades.iter().map(|trade| &trade.symbol);
        let symbols = symbols.chain(of_recorded.into_iter().flat_map(BTreeMap::keys)).chain(also);
        let known_line = |symbol: &Symbol| self.known.prices.and_then(|lines| lines.get(symbol));
        let (known, unknown): (BTreeSet<Symbol>, BTreeSet<Symbol>) =
            symbols.cloned().partition(|symbol| known_line(symbol).is_some());
        let mut prices = price_lines::load(self.market, self.customer, &unknown, self.budget).await?;
        prices.extend(known.into_iter().filter_map(|symbol| Some((symbol.clone(), known_line(&symbol)?.clone()))));
        let empty = RecordedPositions::new();
        let book = of_recorded.unwrap_or(&empty);
        recorded::add_own_splits(book, self.today, &mut prices);
        let flows = flows::by_symbol(trades, book, &prices)?;
        let currencies = flows.values().map(|owned| owned.currency);
        let quoted = prices.values().filter_map(|line| Some(line.series.as_ref()?.currency));
        let rates = ExchangeRates::load(self.market, self.base(), currencies.chain(quoted), self.budget).await?;
        let in_conflict = recorded::in_conflict(book, trades);
        let base = self.base();
        let mut sources = ValuationSources { base, flows, prices, rates, left_out: BTreeMap::new(), recorded };
        sources.left_out = sources.without_price();
        // Holdings are checked for it too: a conflict may not show in the net units of a day.
        let conflicts = || positions::find_in_conflict(self.market, self.portfolio());
        let mut conflicts = retry(Retry::within(app::CONFLICT_BUDGET), conflicts).await?;
        conflicts.extend(in_conflict);
        sources
            .left_out
            .extend(conflicts.into_iter().map(|symbol| (symbol, Unvalued::SplitConflict.code().to_owned())));
        Ok(sources)
    }

    /// The stored series extended by new trades, if nothing else is needed.
    async fn extend(&self, kept: &StoredSeries) -> Result<Option<ValuedPortfolio>, ServiceError> {
        let lacks_invested = kept.invested_by != Some(self.held.record.portfolio.lot_method);
        let is_invested_wanted = self.wanted == Wanted::DaysAndInvested;
        if self.held.record.dirty_from.is_some() || kept.needs_history || (lacks_invested && is_invested_wanted) {
            return Ok(None);
        }
        let eve = kept.series.eve.day;
        let read =
            flows::read_trades(&self.market.app, keys::trades_since(self.portfolio(), kept.trades.before)).await?;
        if kept.trades.missed(&read, eve).is_some() {
            return Ok(None);
        }
        let (recent, older): (Vec<TradeFlow>, Vec<TradeFlow>) =
            read.into_iter().partition(|trade| trade.market_day > eve);
        let sources = self.read_sources(&recent, None, &symbols_of(kept)).await?;
        if sources.left_out != kept.left_out {
            return Ok(None);
        }
        let (today, before) = (self.today, kept.clone());
        let continued = run_blocking(move || {
            if first_changed_year(&sources, &before.series).is_some() {
                return None;
            }
            let invested = before.series.invested(eve);
            let later = invested_after(&invested, &sources.book(), today).ok()?;
            let mut series = before.series.continued(&sources.book(), Some(eve.plus_days(1)), today).ok()?;
            let all: Vec<InvestedDay> = invested.into_iter().chain(later.iter().flatten().copied()).collect();
            series.set_invested(&all);
            Some((hashed(series, &sources), sources, later.is_none()))
        });
        let Some((series, sources, has_removals)) = continued.await? else { return Ok(None) };
        if has_removals && is_invested_wanted {
            return Ok(None);
        }
        let read: Vec<TradeFlow> = older.into_iter().chain(recent).collect();
        let invested_by = kept.invested_by.filter(|_| !has_removals);
        Ok(Some(self.valued(series, sources, &kept.trades, &read, invested_by)))
    }

    /// The series from all records, based on the stored one as far as possible.
    async fn rebuild(&self, kept: Option<&StoredSeries>) -> Result<ValuedPortfolio, ServiceError> {
        let read = flows::read_trades(&self.market.app, keys::trades(self.portfolio())).await?;
        let recorded = self.read_recorded().await?;
        let also = kept.map(symbols_of).unwrap_or_default();
        let sources = self.read_sources(&read, Some(recorded), &also).await?;
        let base = kept.filter(|kept| kept.left_out == sources.left_out);
        let missed = base.and_then(|kept| kept.trades.missed(&read, kept.series.eve.day));
        let noted = [self.held.record.dirty_from, missed];
        let (today, base) = (self.today, base.map(|kept| kept.series.clone()));
        let rebuilt = run_blocking(move || continued_or_rebuilt(base, &noted, sources, today));
        let (series, sources) = rebuilt.await??;
        let invested_by = Some(self.held.record.portfolio.lot_method);
        Ok(self.valued(series, sources, &TradesRead::none(), &read, invested_by))
    }

    fn valued(
        &self,
        series: ValueSeries,
        sources: ValuationSources,
        before: &TradesRead,
        read: &[TradeFlow],
        invested_by: Option<LotMethod>,
    ) -> ValuedPortfolio {
        let eve = series.eve.day;
        let trades = before.after(read, eve, self.market.app.now());
        let needs_history = sources.recorded.as_ref().is_some_and(|book| recorded::is_needed_again(book, eve));
        let kept = StoredSeries { series, left_out: sources.left_out.clone(), trades, needs_history, invested_by };
        ValuedPortfolio { kept, prices: sources.prices.clone(), sources }
    }
}

impl ValuedPortfolio {
    /// The number of lots of each symbol dated after this day, and of its other flows and splits. The day is not before
    /// the last checkpoint of the series: what is later is always read.
    pub(super) fn to_come(&self, through: Day) -> impl Iterator<Item = (&Symbol, usize, usize)> {
        let recorded = self.sources.recorded.as_ref();
        self.sources.flows.iter().map(move |(symbol, owned)| {
            let later = || owned.flows.iter().filter(|flow| flow.day > through);
            let lots = later().filter(|flow| flow.kind.is_inflow()).count();
            let activities = recorded.and_then(|book| book.get(symbol)).into_iter().flat_map(|of| of.after(through));
            let splits = activities.filter(|activity| activity.event.units().is_none()).count();
            (symbol, lots, later().count().saturating_sub(lots).saturating_add(splits))
        })
    }

    /// Warnings about the rates that these symbols were valued with.
    pub(super) fn rate_warnings(&self, totals: &[SymbolTotals]) -> Vec<Warning> {
        let quoted = |totals: &SymbolTotals| Some(self.prices.get(&totals.symbol)?.series.as_ref()?.currency);
        self.sources.rates.warnings(totals.iter().filter_map(quoted))
    }
}

impl ValuationSources {
    /// The records that can be valued.
    pub(super) fn book(&self) -> PortfolioBook<'_> {
        let line = |symbol: &'_ Symbol| -> Option<InstrumentRecords<'_>> {
            let (symbol, prices) = self.prices.get_key_value(symbol)?;
            let owned = self.flows.get(symbol);
            let currency = owned.map_or(prices.series.as_ref()?.currency, |owned| owned.currency);
            let (bars, flows): (&Bars, &[Flow]) = (prices.bars(), owned.map_or(&[], |owned| &owned.flows));
            let lots = owned.map_or(&[][..], |owned| &owned.lots);
            Some(InstrumentRecords { symbol, currency, bars, flows, incomes: &[], lots })
        };
        let valued = self.prices.keys().filter(|symbol| !self.left_out.contains_key(*symbol));
        PortfolioBook { base: self.base, lines: valued.filter_map(line).collect(), cash: None, rates: self.rates.all() }
    }

    /// Symbols without a price in the currency in which their lots were paid, and those in currencies without a rate.
    fn without_price(&self) -> BTreeMap<Symbol, String> {
        let reason = |(symbol, line): (&Symbol, &price_lines::PriceLine)| {
            let Some(series) = &line.series else { return Some((symbol.clone(), PRICE_UNAVAILABLE.to_owned())) };
            let paid_in = self.flows.get(symbol).map_or(series.currency, |owned| owned.currency);
            let code = if paid_in != series.currency {
                PRICE_UNAVAILABLE
            } else if !self.rates.knows(paid_in) {
                FX_UNAVAILABLE
            } else {
                return None;
            };
            Some((symbol.clone(), code.to_owned()))
        };
        self.prices.iter().filter_map(reason).collect()
    }
}

/// All symbols that a stored series contains.
fn symbols_of(kept: &StoredSeries) -> BTreeSet<Symbol> {
    let totals = kept.series.years.iter().flat_map(|year| &year.totals);
    totals.map(|totals| totals.symbol.clone()).chain(kept.left_out.keys().cloned()).collect()
}

/// The first day of the first stored year whose prices or definitions have changed.
fn first_changed_year(sources: &ValuationSources, series: &ValueSeries) -> Option<Day> {
    let book = sources.book();
    let unchanged = |year: &&valuation::SeriesYear| {
        year.definitions == DEFINITIONS
            && year.inputs.as_deref() == Some(&*fingerprint_of_prices(&book, year, series.eve.day))
    };
    let changed = series.years.iter().find(|year| !unchanged(year))?;
    Some(Day::new(changed.year, 1, 1).unwrap_or(Day::FIRST))
}

/// The series with the hash of its prices next to each computed year.
fn hashed(mut series: ValueSeries, sources: &ValuationSources) -> ValueSeries {
    let book = sources.book();
    for year in series.years.iter_mut().filter(|year| year.inputs.is_none()) {
        year.inputs = Some(fingerprint_of_prices(&book, year, series.eve.day));
    }
    series
}

/// The series from the first day that has changed, or the whole of it. Symbols that cannot be valued are left out, so
/// that they do not fail the others.
fn continued_or_rebuilt(
    base: Option<ValueSeries>,
    noted: &[Option<Day>],
    mut sources: ValuationSources,
    today: Day,
) -> Result<(ValueSeries, ValuationSources), ServiceError> {
    if let Some(base) = base {
        let last_day = base.eve.day.plus_days(1);
        let noted = noted.iter().flatten().copied().chain(first_changed_year(&sources, &base));
        let dirty_from = noted.min().map_or(last_day, |day| day.min(last_day));
        if let Ok(series) = base.continued(&sources.book(), Some(dirty_from), today) {
            return finished(series, sources, today);
        }
    }
    let whole = |sources: &ValuationSources| valuation::value_series(&sources.book(), today);
    let series = if let Ok(series) = whole(&sources) {
        series
    } else {
        let alone = alone(&sources, today);
        sources.left_out.extend(alone);
        whole(&sources).map_err(|error| unvalued(&error))?
    };
    finished(series, sources, today)
}

/// The series with the invested capital of all its days, and hashed.
fn finished(
    mut series: ValueSeries,
    sources: ValuationSources,
    today: Day,
) -> Result<(ValueSeries, ValuationSources), ServiceError> {
    let invested = invested_days(&sources.book(), None, today).map_err(|error| unvalued(&error))?;
    series.set_invested(&invested);
    Ok((hashed(series, &sources), sources))
}

/// The symbols that cannot be valued even alone, and why.
fn alone(sources: &ValuationSources, today: Day) -> Vec<(Symbol, String)> {
    let book = sources.book();
    let failing = |line: &InstrumentRecords<'_>| {
        let single = PortfolioBook { base: book.base, lines: vec![*line], rates: book.rates.clone() };
        let error = valuation::value_series(&single, today).err()?;
        tracing::warn!(symbol = %line.symbol, %error, "a symbol was left out of a portfolio's daily values");
        Some((line.symbol.clone(), error.code().to_owned()))
    };
    book.lines.iter().filter_map(failing).collect()
}

fn unvalued(error: &ValuationError) -> ServiceError {
    match error {
        ValuationError::TooLarge => ServiceError::Refused(Refusal::TooLarge),
        other => ServiceError::fault("valuing the records of a portfolio failed", other),
    }
}

pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ServiceError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ServiceError::fault("valuing a portfolio failed", error))
}
