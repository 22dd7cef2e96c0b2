//! The daily values of a portfolio up to the market's today: the stored ones, extended.
//!
//! If nothing older than the last day has changed, only trades since then are read and only that day is computed. Three
//! sources show how far back a change reaches: `dirty_from` on the portfolio (activities), the hash of the
//! prices next to each stored year with the version of the definitions, and ids of trades that did not exist when their
//! neighbours were read.

use std::collections::{BTreeMap, BTreeSet};

use app::error::ServiceError;
use domain::portfolio::CashTreatment;
use domain::{Currency, CustomerId, Day, LotMethod, PortfolioId, Symbol};
use ledger::Refusal;
use market::CallBudget;
use market_data::MarketData;
use market_data::exchange_rates::ExchangeRates;
use market_data::market_clock::market_day;
use market_data::price_lines::{self, PriceLines};
use market_data::warnings;
use quant::backtest::Warning;
use store::keys;
use store::retry::{Retry, retry};
use valuation::{
    DEFINITIONS, InstrumentRecords, InvestedDay, PortfolioBook, SymbolTotals, Unvalued, ValuationError, ValueSeries,
    fingerprint_of_prices, invested_after, invested_days,
};

use super::cash::{self, CashNote, TrackedCurrency};
use super::flows::{self, TradeFlow};
use super::recorded::{self, RecordedHistory};
use super::series_store::{self, ItemVersions, StoredSeries, TradesRead};
use super::sources::ValuationSources;
use crate::holdings::PortfolioLots;
use crate::portfolios::LoadedPortfolio;
use crate::positions;

/// The daily values and their sources.
pub(super) struct ValuedPortfolio {
    pub kept: StoredSeries,
    pub prices: PriceLines,
    pub sources: ValuationSources,
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
    async fn read_recorded(&self) -> Result<RecordedHistory, ServiceError> {
        if let Some(lots) = self.known.lots {
            return Ok(RecordedHistory { positions: lots.recorded_to_the_end()?, cash: lots.cash.clone() });
        }
        recorded::read(self.market, &self.held.record.portfolio, self.budget).await
    }

    /// The sources with the flows of these trades and of the recorded book, if that is read.
    async fn read_sources(
        &self,
        trades: &[TradeFlow],
        recorded: Option<RecordedHistory>,
        also: &BTreeSet<Symbol>,
    ) -> Result<ValuationSources, ServiceError> {
        let empty = RecordedHistory::default();
        let history = recorded.as_ref().unwrap_or(&empty);
        let (paying, mut currencies) = cash::symbols_and_currencies(&history.cash);
        currencies.extend(also.iter().filter_map(cash::currency_of_cash));
        let symbols = trades.iter().map(|trade| &trade.symbol).chain(history.positions.keys()).chain(&paying);
        let symbols = symbols.chain(also.iter().filter(|symbol| cash::currency_of_cash(symbol).is_none()));
        let known_line = |symbol: &Symbol| self.known.prices.and_then(|lines| lines.get(symbol));
        let (known, unknown): (BTreeSet<Symbol>, BTreeSet<Symbol>) =
            symbols.cloned().partition(|symbol| known_line(symbol).is_some());
        let mut prices = price_lines::load(self.market, self.customer, &unknown, self.budget).await?;
        prices.extend(known.into_iter().filter_map(|symbol| Some((symbol.clone(), known_line(&symbol)?.clone()))));
        let (book, treatment) = (&history.positions, self.held.record.portfolio.cash);
        recorded::add_own_splits(book, self.today, &mut prices);
        let mut flows = flows::by_symbol(trades, book, &prices, treatment)?;
        let currencies = currencies.into_iter().chain(flows.values().map(|owned| owned.currency));
        let quoted = prices.values().filter_map(|line| Some(line.series.as_ref()?.currency));
        let rates = ExchangeRates::load(self.market, self.base(), currencies.chain(quoted), self.budget).await?;
        let is_tracked = treatment == CashTreatment::Tracked;
        cash::add_incomes(&mut flows, &history.cash, &prices, &rates, is_tracked);
        let in_conflict = recorded::in_conflict(book, trades);
        let (base, left_out) = (self.base(), BTreeMap::new());
        let unmoved = also.iter().filter_map(cash::currency_of_cash).filter_map(TrackedCurrency::without_moves);
        let cash = is_tracked.then(|| unmoved.collect());
        let mut sources = ValuationSources { base, flows, prices, rates, left_out, cash, recorded };
        sources.left_out = sources.without_price();
        // Holdings are checked for it too: a conflict may not show in the net units of a day.
        let conflicts = || positions::find_in_conflict(self.market, self.portfolio());
        let mut conflicts = retry(Retry::within(app::CONFLICT_BUDGET), conflicts).await?;
        conflicts.extend(in_conflict);
        sources
            .left_out
            .extend(conflicts.into_iter().map(|symbol| (symbol, Unvalued::SplitConflict.code().to_owned())));
        sources.count_cash()?;
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
        Ok(Some(self.valued(series, sources, (&kept.trades, &read), invested_by, kept.cash_notes.clone())))
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
        let history = sources.recorded.as_ref();
        let notes = history.map(|history| cash::notes(history, self.held.record.portfolio.cash, today)).transpose()?;
        Ok(self.valued(series, sources, (&TradesRead::none(), &read), invested_by, notes.unwrap_or_default()))
    }

    fn valued(
        &self,
        series: ValueSeries,
        sources: ValuationSources,
        (before, read): (&TradesRead, &[TradeFlow]),
        invested_by: Option<LotMethod>,
        cash_notes: Vec<CashNote>,
    ) -> ValuedPortfolio {
        let eve = series.eve.day;
        let trades = before.after(read, eve, self.market.app.now());
        let needs_history = sources.recorded.as_ref().is_some_and(|book| recorded::is_needed_again(book, eve));
        let kept =
            StoredSeries { series, left_out: sources.left_out.clone(), trades, needs_history, invested_by, cash_notes };
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
            let activities =
                recorded.and_then(|book| book.positions.get(symbol)).into_iter().flat_map(|of| of.after(through));
            let splits = activities.filter(|activity| activity.event.units().is_none()).count();
            (symbol, lots, later().count().saturating_sub(lots).saturating_add(splits))
        })
    }

    /// A warning about cash that moves after a day. What is later than the last checkpoint of the series is always read.
    pub(super) fn cash_to_come(&self, through: Day) -> Option<Warning> {
        let history = self.sources.recorded.as_ref()?;
        warnings::on_cash_to_come(history.cash.iter().filter(|activity| activity.date > through).count(), through)
    }

    /// Warnings about cash that has to do with a span, and about its days without a return.
    pub(super) fn cash_warnings(&self, (from, to): (Day, Day)) -> impl Iterator<Item = Warning> {
        let days = self.kept.series.days().filter(|day| day.has_no_return && (from..=to).contains(&day.date));
        let days: Vec<Day> = days.map(|day| day.date).collect();
        let notes = self.kept.cash_notes.iter().filter(move |note| note.from <= to);
        warnings::on_days_without_return(&days).into_iter().chain(notes.map(|note| note.warning.clone()))
    }

    /// Warnings about the rates that these symbols were valued with.
    pub(super) fn rate_warnings(&self, totals: &[SymbolTotals]) -> Vec<Warning> {
        let quoted = |totals: &SymbolTotals| Some(self.prices.get(&totals.symbol)?.series.as_ref()?.currency);
        self.sources.rates.warnings(totals.iter().filter_map(quoted))
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
        sources.count_cash()?;
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
        let (lines, rates) = (vec![*line], book.rates.clone());
        let single = PortfolioBook { base: book.base, lines, cash: None, rates };
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
