//! Invested capital: what flowed in for the lots that are held, fees apart.
//!
//! It changes only when units come in or leave, so it is a list of such days. Lots are followed one by one, since what
//! leaves takes along the capital of its own lots.

use std::collections::BTreeMap;

use domain::{Bars, Day, DecimalError, Quantity, SplitRatio};
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::book::{InstrumentRecords, PortfolioBook};
use crate::error::ValuationError;
use crate::fixed::{self, AMOUNT_SCALE, TooLarge, UNIT_SCALE, exchanged};
use crate::lot_moves::{LotChange, LotMove};
use crate::rates::{DayRate, rates_on};
use crate::run::SortedRecords;
use crate::totals::SymbolTotals;

/// The capital invested from the evening of a day on, until the next such day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvestedDay {
    /// The day.
    pub date: Day,
    /// What flowed in for the lots held, fees apart, in the base currency.
    pub capital: Amount,
    /// Whether units left on the day.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_after_removal: bool,
}

/// The start of a span: its first day, and the totals of each symbol from there on, by symbol.
#[derive(Clone, Copy, Debug)]
pub struct SpanStart<'a> {
    /// The first day.
    pub first: Day,
    /// Each with its value at the end of the day before.
    pub totals: &'a [SymbolTotals],
}

/// Units of this many finest units or less that are left of a lot leave with the rest: they come from rounding at splits,
/// see [`crate::position::Position`].
const DUST: i128 = 9_999;

/// The invested capital up to `to`, on every day on which units came in or left, oldest first.
///
/// From a `start` on, the lots held then count as their value at the end of the day before, which is the first day of
/// the list.
pub fn invested_days(
    book: &PortfolioBook<'_>,
    start: Option<SpanStart<'_>>,
    to: Day,
) -> Result<Vec<InvestedDay>, ValuationError> {
    let sorted = SortedRecords::new(book)?;
    let mut changes: BTreeMap<Day, Change> = BTreeMap::new();
    for line in &sorted.lines {
        let rates = PurchaseRates::new(&sorted, line)?;
        let mut books: Vec<Lots<'_>> = line.lots.iter().map(|moves| Lots::new(line, moves)).collect();
        if let Some(start) = start {
            let eve = start.first.plus_days(-1);
            for lots in &mut books {
                lots.follow_through(eve, &rates, |_, _| {})?;
            }
            let value = start.value_of(line);
            if share_out(value, &mut books) {
                add(&mut changes, eve, value, false);
            }
        }
        for lots in &mut books {
            lots.follow_through(to, &rates, |day, change| add(&mut changes, day, change.capital, change.is_removal))?;
        }
    }
    let mut capital = 0_i128;
    let day = |(date, change): (Day, Change)| {
        capital = capital.checked_add(change.capital).ok_or(TooLarge)?;
        Ok(InvestedDay { date, capital: Amount::new(capital), is_after_removal: change.is_removal })
    };
    changes.into_iter().map(day).collect()
}

/// The change of invested capital on a day.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    capital: i128,
    is_removal: bool,
}

fn add(changes: &mut BTreeMap<Day, Change>, day: Day, capital: i128, is_removal: bool) {
    let change = changes.entry(day).or_default();
    change.capital = change.capital.saturating_add(capital);
    change.is_removal |= is_removal;
}

impl SpanStart<'_> {
    fn value_of(&self, line: &InstrumentRecords<'_>) -> i128 {
        let at = self.totals.binary_search_by(|totals| totals.symbol.cmp(line.symbol)).ok();
        at.and_then(|at| self.totals.get(at)).map_or(0, |totals| totals.start.finest())
    }
}

/// Gives each lot its part of a value by units, the last one the rest. False if there is no lot.
fn share_out(value: i128, books: &mut [Lots<'_>]) -> bool {
    let mut left: i128 = books.iter().map(Lots::units).sum();
    let mut rest = value;
    for lot in books.iter_mut().flat_map(|lots| lots.held.values_mut()) {
        lot.capital = part(rest, lot.units, left);
        rest -= lot.capital;
        left -= lot.units;
    }
    books.iter().any(|lots| !lots.held.is_empty())
}

/// `whole` × `units`/`of`; all of it if these are all units. The share is a float: what it is off by stays in the rest.
fn part(whole: i128, units: i128, of: i128) -> i128 {
    if units >= of {
        return whole;
    }
    let share = fixed::to_f64(units, UNIT_SCALE) / fixed::to_f64(of, UNIT_SCALE);
    ((whole as f64 * share) as i128).min(whole)
}

#[derive(Clone, Copy, Debug)]
struct HeldLot {
    units: i128,
    capital: i128,
}

/// One book of lots of an instrument, as its moves change it.
struct Lots<'a> {
    line: &'a InstrumentRecords<'a>,
    /// The moves to come.
    moves: &'a [LotMove],
    held: BTreeMap<u128, HeldLot>,
    /// The next bar whose split counts.
    bar: usize,
}

impl<'a> Lots<'a> {
    fn new(line: &'a InstrumentRecords<'a>, moves: &'a [LotMove]) -> Self {
        let bar = moves.first().map_or(0, |first| line.bars.count_through(first.day));
        Self { line, moves, held: BTreeMap::new(), bar }
    }

    fn units(&self) -> i128 {
        self.held.values().map(|lot| lot.units).sum()
    }

    /// Replays the moves up to `through`; `changed` receives the change of each.
    fn follow_through(
        &mut self,
        through: Day,
        rates: &PurchaseRates,
        mut changed: impl FnMut(Day, Change),
    ) -> Result<(), ValuationError> {
        while let Some((LotMove { day, change }, rest)) = self.moves.split_first()
            && *day <= through
        {
            self.fold(*day)?;
            let capital = self.apply(*day, change, rates)?;
            changed(*day, Change { capital, is_removal: !matches!(change, LotChange::Entered { .. }) });
            self.moves = rest;
        }
        self.fold(through)
    }

    /// Makes the splits up to a day.
    fn fold(&mut self, through: Day) -> Result<(), ValuationError> {
        let bars = self.line.bars;
        let until = bars.count_through(through).max(self.bar);
        if !self.held.is_empty() {
            for at in self.bar..until {
                self.split(bars, at)?;
            }
        }
        self.bar = until;
        Ok(())
    }

    fn split(&mut self, bars: &Bars, at: usize) -> Result<(), ValuationError> {
        let ratio = bars.split_ratio()[at];
        if (ratio - 1.0).abs() <= f64::EPSILON {
            return Ok(());
        }
        let ratio = SplitRatio::from_bar(ratio).map_err(|source| self.number(bars.dates()[at], source))?;
        let (new, old) = (i128::from(ratio.new_units()), i128::from(ratio.old_units()));
        for lot in self.held.values_mut() {
            lot.units = lot.units.checked_mul(new).ok_or(TooLarge)? / old;
        }
        Ok(())
    }

    /// The change of the capital, in the base currency.
    fn apply(&mut self, day: Day, change: &LotChange, rates: &PurchaseRates) -> Result<i128, ValuationError> {
        let line = self.line;
        let number = |source| ValuationError::Number { symbol: line.symbol.clone(), day, source };
        let whole = |units: Quantity| fixed::whole(units.units(), UNIT_SCALE).map_err(number);
        match *change {
            LotChange::Entered { lot, units, amount } => {
                let (units, amount) = (whole(units)?, fixed::whole(amount, AMOUNT_SCALE).map_err(number)?);
                let capital = rates.in_base(amount, day)?;
                let held = self.held.entry(lot).or_insert(HeldLot { units: 0, capital: 0 });
                held.units = held.units.checked_add(units).ok_or(TooLarge)?;
                held.capital = held.capital.checked_add(capital).ok_or(TooLarge)?;
                Ok(capital)
            }
            LotChange::Left { lot, units } => {
                let units = whole(units)?;
                let Some(held) = self.held.get_mut(&lot) else { return Ok(0) };
                let left = held.take(units);
                if held.units == 0 {
                    self.held.remove(&lot);
                }
                Ok(-left)
            }
            LotChange::LeftPool { units } => {
                let (units, held) = (whole(units)?, self.units());
                let is_all = units.saturating_add(DUST) >= held;
                let mut left = 0_i128;
                for lot in self.held.values_mut() {
                    // As in `part`, the share is a float.
                    let taken = if is_all { lot.units } else { part(lot.units, units, held) };
                    left = left.saturating_add(lot.take(taken));
                }
                self.held.retain(|_, lot| lot.units > 0);
                Ok(-left)
            }
        }
    }

    fn number(&self, day: Day, source: DecimalError) -> ValuationError {
        ValuationError::Number { symbol: self.line.symbol.clone(), day, source }
    }
}

impl HeldLot {
    /// Takes units out; returns their capital.
    fn take(&mut self, units: i128) -> i128 {
        let is_all = units.saturating_add(DUST) >= self.units;
        let capital = if is_all { self.capital } else { part(self.capital, units, self.units) };
        self.capital -= capital;
        self.units = if is_all { 0 } else { self.units - units };
        capital
    }
}

/// The rates on the days of an instrument's moves; none if it is priced in the base currency.
struct PurchaseRates {
    days: Vec<Day>,
    rates: Option<Vec<DayRate>>,
}

impl PurchaseRates {
    fn new(sorted: &SortedRecords<'_>, line: &InstrumentRecords<'_>) -> Result<Self, ValuationError> {
        let mut days: Vec<Day> = line.lots.iter().flatten().map(|one| one.day).collect();
        if line.currency == sorted.base || days.is_empty() {
            return Ok(Self { days: Vec::new(), rates: None });
        }
        days.sort_unstable();
        days.dedup();
        let (rate_days, rates) = sorted.rates_of(line.currency);
        let missing = || ValuationError::FxUnavailable { symbol: line.symbol.clone(), currency: line.currency };
        let rates = rates_on(&days, rate_days, rates).ok_or_else(missing)?;
        Ok(Self { days, rates: Some(rates) })
    }

    fn in_base(&self, amount: i128, day: Day) -> Result<i128, TooLarge> {
        let Some(rates) = &self.rates else { return Ok(amount) };
        let at = self.days.binary_search(&day).ok();
        at.and_then(|at| rates.get(at)).map_or(Ok(amount), |rate| exchanged(amount, rate.rate))
    }
}

/// What purchases add to the capital, for a list that is continued: none if units have left, since what they take along
/// needs all earlier lots.
pub fn invested_after(
    before: &[InvestedDay],
    book: &PortfolioBook<'_>,
    to: Day,
) -> Result<Option<Vec<InvestedDay>>, ValuationError> {
    let added = invested_days(book, None, to)?;
    if added.iter().any(|day| day.is_after_removal) {
        return Ok(None);
    }
    let capital = before.last().map_or(Amount::ZERO, |last| last.capital);
    Ok(Some(added.into_iter().map(|day| InvestedDay { capital: capital + day.capital, ..day }).collect()))
}

/// The mean invested capital of a span in which no units left, from the list since the first purchase: what is held at
/// its start counts as `start`, and purchases add to it. None if units left.
#[must_use]
pub fn invested_without_removals(days: &[InvestedDay], start: Amount, first: Day, to: Day) -> Option<Vec<InvestedDay>> {
    let from = days.partition_point(|day| day.date < first);
    let until = days.partition_point(|day| day.date <= to);
    let inside = days.get(from..until)?;
    if inside.iter().any(|day| day.is_after_removal) {
        return None;
    }
    let before = from.checked_sub(1).map_or(Amount::ZERO, |at| days[at].capital);
    let eve = InvestedDay { date: first.plus_days(-1), capital: start, is_after_removal: false };
    let eve = Some(eve).filter(|eve| !eve.capital.is_zero());
    let later = inside.iter().map(|day| InvestedDay { capital: start + day.capital - before, ..*day });
    Some(eve.into_iter().chain(later).collect())
}
