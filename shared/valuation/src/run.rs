//! Runs all instruments through a span of days, from one checkpoint to the next.

use std::collections::BTreeMap;

use domain::{Currency, Day, Symbol};
use quant::portfolio::{PricedMemory, Traded, Untouched, priced_growth};

use crate::amount::Amount;
use crate::book::{InstrumentRecords, PortfolioBook, RateQuote};
use crate::calendar::Calendar;
use crate::checkpoint::{Checkpoint, CheckpointPosition};
use crate::columns::{Columns, InstrumentTotals, Trading};
use crate::day_value::DayValue;
use crate::error::ValuationError;
use crate::fixed::{self, AMOUNT_SCALE, TooLarge, Unit};
use crate::plan::EventPlan;
use crate::rates::{DayRate, rates_on};
use crate::stream::{Stream, Streamed};

/// The result of a span.
#[derive(Debug)]
pub(crate) struct RunResult<'a> {
    pub(crate) days: Vec<DayValue>,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) totals: Vec<(&'a Symbol, InstrumentTotals)>,
}

/// The lines of a book sorted by symbol.
#[derive(Clone, Debug)]
pub(crate) struct SortedRecords<'a> {
    pub(crate) base: Currency,
    pub(crate) lines: Vec<InstrumentRecords<'a>>,
    rates: BTreeMap<&'static str, (&'a [Day], &'a [RateQuote])>,
}

impl<'a> SortedRecords<'a> {
    pub(crate) fn new(book: &PortfolioBook<'a>) -> Result<Self, ValuationError> {
        let mut lines = book.lines.clone();
        lines.sort_by(|a, b| a.symbol.cmp(b.symbol));
        if let Some(pair) = lines.windows(2).find(|pair| pair[0].symbol == pair[1].symbol) {
            return Err(ValuationError::DuplicateLine { symbol: pair[0].symbol.clone() });
        }
        for line in &lines {
            if let Some(pair) = line.flows.windows(2).find(|pair| pair[0].day > pair[1].day) {
                return Err(ValuationError::OutOfOrder { symbol: line.symbol.clone(), day: pair[1].day });
            }
            if let Some(pair) = line.incomes.windows(2).find(|pair| pair[0].day > pair[1].day) {
                return Err(ValuationError::OutOfOrder { symbol: line.symbol.clone(), day: pair[1].day });
            }
        }
        let rates = book.rates.iter().map(|rates| (rates.currency.code(), (rates.days, rates.rates))).collect();
        Ok(Self { base: book.base, lines, rates })
    }

    /// The rates of a currency and their days.
    pub(crate) fn rates_of(&self, currency: Currency) -> (&'a [Day], &'a [RateQuote]) {
        self.rates.get(currency.code()).copied().unwrap_or_default()
    }

    /// The first day on which anything moved.
    pub(crate) fn first_flow(&self) -> Option<Day> {
        let flows = self.lines.iter().filter_map(|line| line.flows.first()).map(|flow| flow.day);
        flows.chain(self.lines.iter().filter_map(|line| line.incomes.first()).map(|income| income.day)).min()
    }

    /// The last day up to `to` on which anything moved or has a bar.
    pub(crate) fn last_day(&self, to: Day) -> Option<Day> {
        let last = |line: &InstrumentRecords<'a>| {
            let flow = line.flows[..line.flows.partition_point(|flow| flow.day <= to)].last().map(|flow| flow.day);
            let incomes = &line.incomes[..line.incomes.partition_point(|income| income.day <= to)];
            let flow = flow.max(incomes.last().map(|income| income.day));
            let bar = line.bars.count_through(to).checked_sub(1).map(|at| line.bars.dates()[at]);
            flow.max(bar)
        };
        self.lines.iter().filter_map(last).max()
    }

    /// The span from `first` to `to`, starting with the holdings of `checkpoint`, the end of the day before `first`.
    pub(crate) fn run(
        &self,
        checkpoint: Option<&Checkpoint>,
        first: Day,
        to: Day,
    ) -> Result<RunResult<'a>, ValuationError> {
        self.hold_all(checkpoint)?;
        let mut calendar = Calendar::default();
        let mut plans = Vec::with_capacity(self.lines.len());
        for &line in &self.lines {
            let standing = checkpoint.and_then(|checkpoint| checkpoint.standing(line.symbol));
            let plan = EventPlan::new(line, standing, (first, to), &mut calendar)?;
            if !plan.is_idle() {
                plans.push(plan);
            }
        }
        let days = calendar.days();
        let mut columns = Columns::new(days.len(), Unit::of(self.base.decimals()));
        let mut rates: BTreeMap<&str, Option<Vec<DayRate>>> = BTreeMap::new();
        let mut tradings = Vec::new();
        let mut standings = Vec::with_capacity(plans.len());
        let mut totals = Vec::with_capacity(plans.len());
        for plan in &plans {
            let InstrumentRecords { symbol, currency, .. } = plan.line;
            let rates = if currency == self.base {
                None
            } else {
                let (rate_days, quotes) = self.rates_of(currency);
                let column = rates.entry(currency.code()).or_insert_with(|| rates_on(days, rate_days, quotes));
                let missing = || ValuationError::FxUnavailable { symbol: symbol.clone(), currency };
                Some(column.as_deref().ok_or_else(missing)?)
            };
            let Streamed { position, rate, totals: sums } =
                Stream::run(plan, days, rates, &mut columns, &mut tradings)?;
            if position.units > 0 {
                let standing = CheckpointPosition::new(symbol, &position, rate);
                standings.push(standing.map_err(|source| plan.number(to, source))?);
            }
            totals.push((symbol, sums));
        }
        let start = totals.iter().try_fold(0_i128, |sum, (_, totals)| sum.checked_add(totals.start)).ok_or(TooLarge)?;
        let growth = growth_by_day(start, &columns, &tradings);
        Ok(RunResult {
            days: day_values(days, &columns, &growth),
            checkpoint: Checkpoint { day: to, standings },
            totals,
        })
    }

    fn hold_all(&self, checkpoint: Option<&Checkpoint>) -> Result<(), ValuationError> {
        let Some(checkpoint) = checkpoint else { return Ok(()) };
        let listed = |symbol: &Symbol| self.lines.binary_search_by(|line| line.symbol.cmp(symbol)).is_ok();
        match checkpoint.standings.iter().find(|standing| !listed(&standing.symbol)) {
            Some(standing) => Err(ValuationError::MissingLine { symbol: standing.symbol.clone(), day: checkpoint.day }),
            None => Ok(()),
        }
    }
}

/// The growth of each day that needs more than its value and its flows.
struct DayGrowth {
    before_tax: Vec<Option<f64>>,
    /// Only of days with a tax; empty if there is none.
    after_tax: Vec<Option<f64>>,
}

/// The growth of every day with trades or charges; `start` is the value at the end of the day before the first. The
/// records of a day are in order of symbols, whatever order they were recorded in.
fn growth_by_day(start: i128, columns: &Columns, tradings: &[Trading]) -> DayGrowth {
    let is_taxed = columns.taxes.iter().any(|&tax| tax != 0);
    let after_tax = if is_taxed { vec![None; columns.value.len()] } else { Vec::new() };
    let mut growth = DayGrowth { before_tax: vec![None; columns.value.len()], after_tax };
    // Numbers are sorted, since a record takes three cache lines.
    let mut order: Vec<(usize, usize)> = tradings.iter().enumerate().map(|(by, trading)| (trading.at, by)).collect();
    order.sort_unstable();
    let value_before = |at: usize| at.checked_sub(1).map_or(start, |before| columns.value[before]);
    for at in (0..columns.value.len()).filter(|&at| columns.charges[at] != 0 || columns.taxes[at] != 0) {
        let close = columns.value[at].saturating_add(columns.income[at]).saturating_sub(columns.charges[at]);
        let grown = |close: i128| {
            let (before, close) = (fixed::to_f64(value_before(at), AMOUNT_SCALE), fixed::to_f64(close, AMOUNT_SCALE));
            (before > 0.0).then(|| (close / before).max(0.0))
        };
        growth.before_tax[at] = grown(close).filter(|_| columns.charges[at] != 0);
        if columns.taxes[at] != 0 {
            growth.after_tax[at] = grown(close.saturating_sub(columns.taxes[at]));
        }
    }
    let mut traded: Vec<Traded> = Vec::new();
    let mut memory = PricedMemory::default();
    for of_day in order.chunk_by(|a, b| a.0 == b.0) {
        let Some(&(at, _)) = of_day.first() else { continue };
        let of_day = || of_day.iter().map(|&(_, by)| &tradings[by]);
        let before = value_before(at);
        // The dividends of an ex-date are in the prices of the day.
        let with_dividends = columns.value[at].saturating_add(columns.income[at] - columns.late_income[at]);
        let rest = |whole: i128, part: fn(&Trading) -> i128| {
            fixed::to_f64(of_day().fold(whole, |rest, trading| rest.saturating_sub(part(trading))), AMOUNT_SCALE)
        };
        let income = columns.late_income[at].saturating_sub(columns.charges[at]);
        let untouched = Untouched {
            start: rest(before, |trading| trading.start),
            end: rest(with_dividends, |trading| trading.end),
            income: fixed::to_f64(income, AMOUNT_SCALE),
        };
        traded.clear();
        traded.extend(of_day().map(|trading| trading.traded));
        let start = fixed::to_f64(before, AMOUNT_SCALE);
        growth.before_tax[at] = priced_growth(start, untouched, &traded, &mut memory);
        if columns.taxes[at] != 0 {
            let of_trades = of_day().fold(0_i128, |sum, trading| sum.saturating_add(trading.taxes));
            let taxes = fixed::to_f64(columns.taxes[at].saturating_sub(of_trades), AMOUNT_SCALE);
            let untouched = Untouched { income: untouched.income - taxes, ..untouched };
            traded.clear();
            traded.extend(of_day().map(Trading::after_tax));
            growth.after_tax[at] = priced_growth(start, untouched, &traded, &mut memory);
        }
    }
    growth
}

fn day_values(days: &[Day], columns: &Columns, growth: &DayGrowth) -> Vec<DayValue> {
    let day = |(at, &date): (usize, &Day)| DayValue {
        date,
        value: Amount::new(columns.value[at]),
        shown: Amount::new(columns.unit.times(columns.shown[at])),
        inflow: Amount::new(columns.inflow[at]),
        outflow: Amount::new(columns.outflow[at]),
        income: Amount::new(columns.income[at]),
        fees: Amount::new(columns.fees[at]),
        fx: Amount::new(columns.fx[at]),
        interest: Amount::new(columns.interest[at]),
        taxes: Amount::new(columns.taxes[at]),
        inflow_taxes: Amount::new(columns.inflow_taxes[at]),
        growth: growth.before_tax[at],
        growth_after_tax: growth.after_tax.get(at).copied().flatten(),
        without_rate: columns.without_rate[at],
    };
    days.iter().enumerate().map(day).collect()
}
