//! All instruments through a span of days, from one checkpoint to the next.

use std::collections::BTreeMap;

use domain::{Currency, Day, Symbol};

use crate::amount::Amount;
use crate::book::{Book, Line};
use crate::calendar::Calendar;
use crate::checkpoint::{Checkpoint, Standing};
use crate::error::ValuationError;
use crate::plan::Plan;
use crate::series::DayValue;
use crate::stream::{Columns, Stream, Totals, rates_on};

/// What a span came to.
#[derive(Debug)]
pub(crate) struct Ran<'a> {
    pub(crate) days: Vec<DayValue>,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) totals: Vec<(&'a Symbol, Totals)>,
}

/// The lines of a book in order of their symbols.
#[derive(Clone, Debug)]
pub(crate) struct Sorted<'a> {
    pub(crate) base: Currency,
    pub(crate) lines: Vec<Line<'a>>,
    rates: BTreeMap<&'static str, (&'a [Day], &'a [f64])>,
}

impl<'a> Sorted<'a> {
    pub(crate) fn new(book: &Book<'a>) -> Result<Self, ValuationError> {
        let mut lines = book.lines.clone();
        lines.sort_by(|a, b| a.symbol.cmp(b.symbol));
        if let Some(pair) = lines.windows(2).find(|pair| pair[0].symbol == pair[1].symbol) {
            return Err(ValuationError::DuplicateLine { symbol: pair[0].symbol.clone() });
        }
        for line in &lines {
            if let Some(pair) = line.flows.windows(2).find(|pair| pair[0].day > pair[1].day) {
                return Err(ValuationError::OutOfOrder { symbol: line.symbol.clone(), day: pair[1].day });
            }
        }
        let rates = book.rates.iter().map(|rates| (rates.currency.code(), (rates.days, rates.rates))).collect();
        Ok(Self { base: book.base, lines, rates })
    }

    /// The first day on which anything moved.
    pub(crate) fn first_flow(&self) -> Option<Day> {
        self.lines.iter().filter_map(|line| line.flows.first()).map(|flow| flow.day).min()
    }

    /// The last day up to `to` on which anything moved or has a bar.
    pub(crate) fn last_day(&self, to: Day) -> Option<Day> {
        let last = |line: &Line<'a>| {
            let flow = line.flows[..line.flows.partition_point(|flow| flow.day <= to)].last().map(|flow| flow.day);
            let bar = line.bars.count_through(to).checked_sub(1).map(|at| line.bars.dates()[at]);
            flow.max(bar)
        };
        self.lines.iter().filter_map(last).max()
    }

    /// The span from `first` to `to`, starting as `checkpoint` stood on the evening before `first`.
    pub(crate) fn run(&self, checkpoint: Option<&Checkpoint>, first: Day, to: Day) -> Result<Ran<'a>, ValuationError> {
        self.hold_all(checkpoint)?;
        let mut calendar = Calendar::default();
        let mut plans = Vec::with_capacity(self.lines.len());
        for &line in &self.lines {
            let standing = checkpoint.and_then(|checkpoint| checkpoint.standing(line.symbol));
            let plan = Plan::new(line, standing, (first, to), &mut calendar)?;
            if !plan.is_idle() {
                plans.push(plan);
            }
        }
        let days = calendar.days();
        let mut rates: BTreeMap<&str, Vec<Option<i128>>> = BTreeMap::new();
        let mut columns = Columns::new(days.len());
        let mut standings = Vec::with_capacity(plans.len());
        let mut totals = Vec::with_capacity(plans.len());
        for plan in &plans {
            let Line { symbol, currency, .. } = plan.line;
            let rates = if currency == self.base {
                None
            } else {
                let known = self.rates.get(currency.code()).copied().unwrap_or_default();
                let column = rates.entry(currency.code()).or_insert_with(|| rates_on(days, known.0, known.1));
                Some(column.as_slice())
            };
            let (position, rate, sums) = Stream::run(plan, days, rates, &mut columns)?;
            if position.units > 0 {
                let standing = Standing::new(symbol, &position, rate);
                standings.push(standing.map_err(|source| plan.number(to, source))?);
            }
            totals.push((symbol, sums));
        }
        Ok(Ran { days: day_values(days, &columns), checkpoint: Checkpoint { day: to, standings }, totals })
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

fn day_values(days: &[Day], columns: &Columns) -> Vec<DayValue> {
    let day = |(at, &date): (usize, &Day)| DayValue {
        date,
        value: Amount::new(columns.value[at]),
        inflow: Amount::new(columns.inflow[at]),
        outflow: Amount::new(columns.outflow[at]),
        income: Amount::new(columns.income[at]),
        fees: Amount::new(columns.fees[at]),
        fx: Amount::new(columns.fx[at]),
    };
    days.iter().enumerate().map(day).collect()
}
