//! Runs all instruments through a span of days, from one checkpoint to the next.

use std::collections::BTreeMap;

use domain::{Currency, Day, Symbol};

use crate::amount::Amount;
use crate::book::{CashRecords, InstrumentRecords, PortfolioBook, RateQuote};
use crate::calendar::Calendar;
use crate::cash::{CashStream, moves_of};
use crate::checkpoint::{Checkpoint, CheckpointPosition};
use crate::columns::{Columns, InstrumentTotals};
use crate::day_value::DayValue;
use crate::error::ValuationError;
use crate::fixed::{TooLarge, Unit};
use crate::growth::{DayGrowth, growth_by_day, tracked_growth_by_day};
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
    /// By currency.
    cash: Option<Vec<CashRecords<'a>>>,
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
        let mut cash = book.cash.clone();
        if let Some(all) = &mut cash {
            all.sort_by_key(|cash| cash.currency.code());
            for cash in all {
                if let Some(pair) = cash.moves.windows(2).find(|pair| pair[0].day > pair[1].day) {
                    return Err(ValuationError::OutOfOrder { symbol: cash.symbol.clone(), day: pair[1].day });
                }
            }
        }
        let rates = book.rates.iter().map(|rates| (rates.currency.code(), (rates.days, rates.rates))).collect();
        Ok(Self { base: book.base, lines, cash, rates })
    }

    /// The rates of a currency and their days.
    pub(crate) fn rates_of(&self, currency: Currency) -> (&'a [Day], &'a [RateQuote]) {
        self.rates.get(currency.code()).copied().unwrap_or_default()
    }

    /// The first day on which anything moved.
    pub(crate) fn first_flow(&self) -> Option<Day> {
        let flows = self.lines.iter().filter_map(|line| line.flows.first()).map(|flow| flow.day);
        let incomes = self.lines.iter().filter_map(|line| line.incomes.first()).map(|income| income.day);
        let cash = self.cash.iter().flatten().filter_map(|cash| cash.moves.first()).map(|one| one.day);
        flows.chain(incomes).chain(cash).min()
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
        let cash = self.cash.iter().flatten().filter_map(|cash| moves_of(cash, Day::FIRST, to).last());
        self.lines.iter().filter_map(last).chain(cash.map(|one| one.day)).max()
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
        for cash in self.cash.iter().flatten() {
            let mut moved: Vec<Day> = moves_of(cash, first, to).iter().map(|one| one.day).collect();
            moved.dedup();
            calendar.add(&moved);
        }
        let days = calendar.days();
        let mut columns = Columns::new(days.len(), Unit::of(self.base.decimals()), self.cash.is_some());
        let mut rates: BTreeMap<&'static str, Option<Vec<DayRate>>> = BTreeMap::new();
        let mut tradings = Vec::new();
        let mut standings = Vec::with_capacity(plans.len());
        let mut totals = Vec::with_capacity(plans.len());
        for plan in &plans {
            let InstrumentRecords { symbol, currency, .. } = plan.line;
            let rates = self.rates_by_day(symbol, currency, days, &mut rates)?;
            let Streamed { position, rate, totals: sums } =
                Stream::run(plan, days, rates, &mut columns, &mut tradings)?;
            if position.units > 0 {
                let standing = CheckpointPosition::new(symbol, &position, rate);
                standings.push(standing.map_err(|source| plan.number(to, source))?);
            }
            totals.push((symbol, sums));
        }
        let mut cash = Vec::new();
        for &records in self.cash.iter().flatten() {
            let CashRecords { symbol, currency, .. } = records;
            let rates = self.rates_by_day(symbol, currency, days, &mut rates)?;
            let standing = checkpoint.and_then(|checkpoint| checkpoint.cash_of(currency));
            let streamed = CashStream::run(records, standing, (first, to), days, rates, &mut columns)?;
            totals.push((streamed.symbol(), streamed.totals));
            cash.push(streamed);
        }
        totals.sort_by_key(|(a, _)| *a);
        let start = totals.iter().try_fold(0_i128, |sum, (_, totals)| sum.checked_add(totals.start)).ok_or(TooLarge)?;
        let growth = match &self.cash {
            None => growth_by_day(start, &columns, &tradings),
            Some(_) => tracked_growth_by_day(start, &columns, &tradings, &cash),
        };
        let cash = cash.iter().filter_map(CashStream::standing).collect();
        Ok(RunResult {
            days: day_values(days, &columns, &growth),
            checkpoint: Checkpoint { day: to, standings, cash },
            totals,
        })
    }

    /// The rates of a currency on these days; none for the base currency.
    fn rates_by_day<'r>(
        &self,
        symbol: &Symbol,
        currency: Currency,
        days: &[Day],
        known: &'r mut BTreeMap<&'static str, Option<Vec<DayRate>>>,
    ) -> Result<Option<&'r [DayRate]>, ValuationError> {
        if currency == self.base {
            return Ok(None);
        }
        let (rate_days, quotes) = self.rates_of(currency);
        let column = known.entry(currency.code()).or_insert_with(|| rates_on(days, rate_days, quotes));
        let missing = || ValuationError::FxUnavailable { symbol: symbol.clone(), currency };
        column.as_deref().map(Some).ok_or_else(missing)
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
        has_no_return: growth.has_no_return.get(at).copied().unwrap_or(false),
        without_rate: columns.without_rate[at],
    };
    days.iter().enumerate().map(day).collect()
}
