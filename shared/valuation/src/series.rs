//! The value of a portfolio on every day, stored by year and continued instead of computed again.

use domain::{Currency, Day};
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::book::PortfolioBook;
use crate::checkpoint::Checkpoint;
use crate::day_value::DayValue;
use crate::error::ValuationError;
use crate::invested::InvestedDay;
use crate::run::SortedRecords;
use crate::totals::{SymbolTotals, followed_by};

/// The version of the definitions for computing days. Stored years of another version are computed again.
pub const DEFINITIONS: u32 = 8;

/// The days of one calendar year and the holdings at its end: small enough for an item of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesYear {
    /// The year.
    pub year: i32,
    /// A hash of the inputs of the days, set by the caller that stores them, see [`crate::fingerprint_of_prices`]; none
    /// after a computation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// The [`DEFINITIONS`] that its days were computed with; 0 from before they had a version.
    #[serde(default)]
    pub definitions: u32,
    /// Its days, oldest first.
    pub days: Vec<DayValue>,
    /// The holdings on 31 December, or on the last day of the series.
    pub close: Checkpoint,
    /// The totals of each symbol that was held or moved over these days, by symbol.
    pub totals: Vec<SymbolTotals>,
    /// The invested capital since the first purchase, on every day of the year on which units came in or left; set by
    /// [`ValueSeries::set_invested`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invested: Vec<InvestedDay>,
}

/// The value of every day from the first flow on.
///
/// A day is in it if a held instrument has a bar or anything moves. The series can be stored as one item a year, plus
/// one for the rest, and continued with [`ValueSeries::continued`]; the result is byte-for-byte the same as if it had
/// been computed from the beginning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueSeries {
    /// Currency of all amounts.
    pub base: Currency,
    /// The day up to which flows and bars are included.
    pub through: Day,
    /// Years in which anything was held, oldest first.
    pub years: Vec<SeriesYear>,
    /// The holdings at the end of the day before the last day on which anything could happen, so that one more trade on
    /// that day costs one day.
    pub eve: Checkpoint,
    /// The totals of each symbol from the start of that day's year up to it.
    pub eve_totals: Vec<SymbolTotals>,
}

/// The series of a book from its first flow to `to`.
pub fn value_series(book: &PortfolioBook<'_>, to: Day) -> Result<ValueSeries, ValuationError> {
    ValueSeries::empty(book.base).continued(book, None, to)
}

impl ValueSeries {
    /// A series without days, to be continued.
    #[must_use]
    pub fn empty(base: Currency) -> Self {
        let nothing = Checkpoint::empty(Day::FIRST);
        Self { base, through: Day::FIRST, years: Vec::new(), eve: nothing, eve_totals: Vec::new() }
    }

    /// The same portfolio valued up to `to`. `dirty_from` is the first day whose flows or bars differ from those that
    /// the series was made of; days from there on are computed again, from the last checkpoint before it. The book
    /// lists all that is held at that checkpoint and all flows after it; earlier flows are not read.
    pub fn continued(
        mut self,
        book: &PortfolioBook<'_>,
        dirty_from: Option<Day>,
        to: Day,
    ) -> Result<Self, ValuationError> {
        let sorted = SortedRecords::new(book)?;
        if book.base != self.base {
            self = Self::empty(book.base);
        }
        let eve = sorted.last_day(to).unwrap_or(to).plus_days(-1);
        let known = dirty_from.map_or(self.through, |day| self.through.min(day.plus_days(-1)));
        let mut checkpoint = self.checkpoint_on_or_before(known.min(eve)).cloned();
        self.forget_after(checkpoint.as_ref().map(|checkpoint| checkpoint.day));
        if checkpoint.as_ref().is_none_or(|checkpoint| checkpoint.day != self.eve.day) {
            self.eve_totals = self.totals_through(checkpoint.as_ref().map(|checkpoint| checkpoint.day));
        }
        let mut first = match &checkpoint {
            Some(checkpoint) => checkpoint.day.plus_days(1),
            None => sorted.first_flow().unwrap_or(to),
        };
        self.eve = checkpoint.clone().unwrap_or_else(|| Checkpoint::empty(eve));
        while first <= to {
            let mut until = last_of_year(first).min(to);
            if first <= eve {
                until = until.min(eve);
            }
            let ran = sorted.run(checkpoint.as_ref(), first, until)?;
            let totals = ran.totals.iter().map(|(symbol, totals)| SymbolTotals::new(symbol, totals)).collect();
            self.append(ran.days, &ran.checkpoint, totals);
            if until == eve {
                self.eve = ran.checkpoint.clone();
                self.eve_totals = self.totals_through(Some(eve));
            }
            checkpoint = Some(ran.checkpoint);
            if until == Day::LAST {
                break;
            }
            first = until.plus_days(1);
        }
        self.through = to;
        Ok(self)
    }

    /// The last stored checkpoint that is not after `day`.
    pub(crate) fn checkpoint_on_or_before(&self, day: Day) -> Option<&Checkpoint> {
        let closes = self.years.iter().map(|year| &year.close);
        let eve = Some(&self.eve).filter(|_| !self.years.is_empty());
        closes.chain(eve).filter(|checkpoint| checkpoint.day <= day).max_by_key(|checkpoint| checkpoint.day)
    }

    /// The totals of the year that ends on `day` so far.
    fn totals_through(&self, day: Option<Day>) -> Vec<SymbolTotals> {
        let last = self.years.last().filter(|year| Some(year.close.day) == day);
        last.map(|year| year.totals.clone()).unwrap_or_default()
    }

    fn forget_after(&mut self, day: Option<Day>) {
        let Some(day) = day else {
            self.years.clear();
            return;
        };
        self.years.retain(|year| year.year <= day.year());
        if let Some(last) = self.years.last_mut().filter(|last| last.close.day > day) {
            last.days.truncate(last.days.partition_point(|value| value.date <= day));
            last.inputs = None;
            // Within a year there is one checkpoint to continue from.
            last.totals.clone_from(&self.eve_totals);
        }
        self.years.pop_if(|last| last.days.is_empty() && last.close.day > day);
    }

    fn append(&mut self, days: Vec<DayValue>, checkpoint: &Checkpoint, totals: Vec<SymbolTotals>) {
        let year = checkpoint.day.year();
        match self.years.last_mut().filter(|last| last.year == year) {
            Some(last) => {
                last.inputs = None;
                last.days.extend(days);
                last.close = checkpoint.clone();
                last.totals = followed_by(&last.totals, &totals);
            }
            None if days.is_empty() && checkpoint.is_empty() => {}
            None => {
                let (inputs, definitions, close) = (None, DEFINITIONS, checkpoint.clone());
                self.years.push(SeriesYear { year, inputs, definitions, days, close, totals, invested: Vec::new() });
            }
        }
    }

    /// Sets the invested capital of all days, from [`crate::invested_days`] without a start.
    pub fn set_invested(&mut self, days: &[InvestedDay]) {
        for year in &mut self.years {
            year.invested = days.iter().filter(|day| day.date.year() == year.year).copied().collect();
        }
    }

    /// The invested capital on every day on which units came in or left, up to `to`.
    #[must_use]
    pub fn invested(&self, to: Day) -> Vec<InvestedDay> {
        self.years.iter().flat_map(|year| &year.invested).filter(|day| day.date <= to).copied().collect()
    }

    /// All days, oldest first.
    pub fn days(&self) -> impl Iterator<Item = &DayValue> {
        self.years.iter().flat_map(|year| &year.days)
    }

    /// The days from `from` to `to`, both inclusive.
    #[must_use]
    pub fn between(&self, from: Day, to: Day) -> Vec<DayValue> {
        let years = self.years.iter().filter(|year| (from.year()..=to.year()).contains(&year.year));
        years.flat_map(|year| &year.days).filter(|day| (from..=to).contains(&day.date)).copied().collect()
    }

    /// The totals of each symbol from `from` to `to`, if that consists of whole years of this series: no other day of
    /// it lies in their years.
    #[must_use]
    pub fn totals_of_whole_years(&self, from: Day, to: Day) -> Option<Vec<SymbolTotals>> {
        let years = self.years.iter().filter(|year| (from.year()..=to.year()).contains(&year.year));
        let mut totals = Vec::new();
        for year in years {
            if year.days.first().is_some_and(|day| day.date < from) || year.days.last().is_some_and(|day| day.date > to)
            {
                return None;
            }
            totals = followed_by(&totals, &year.totals);
        }
        Some(totals)
    }

    /// The days that a span from `from` to `to` depends on: days without a rate before its first day belong to the
    /// first one that has a value again, and those at its end are left for the next span.
    #[must_use]
    pub fn valued_span(&self, from: Day, to: Day) -> (Day, Day) {
        let (before, within) = (self.valued_through(from.plus_days(-1)), self.valued_through(to));
        (before.plus_days(1), within.max(before))
    }

    /// `day`, or, if days up to it have no rate, the last one before them.
    fn valued_through(&self, day: Day) -> Day {
        let days = self.years.iter().rev().flat_map(|year| year.days.iter().rev());
        let mut days = days.skip_while(|value| value.date > day).peekable();
        let mut through = day;
        while let Some(without) = days.next_if(|value| value.without_rate) {
            through = days.peek().map_or(without.date.plus_days(-1), |before| before.date);
        }
        through
    }

    /// Days from `from` to `to` without a value because a rate is unknown.
    pub fn days_without_rate(&self, from: Day, to: Day) -> impl Iterator<Item = Day> {
        self.days().filter(move |day| day.without_rate && (from..=to).contains(&day.date)).map(|day| day.date)
    }

    /// The value at the end of the day before `day`.
    pub(crate) fn value_before(&self, day: Day) -> Amount {
        let before = |year: &SeriesYear| {
            let at = year.days.partition_point(|value| value.date < day);
            at.checked_sub(1).map(|at| year.days[at].value)
        };
        self.years.iter().rev().find_map(before).unwrap_or(Amount::ZERO)
    }
}

fn last_of_year(day: Day) -> Day {
    Day::new(day.year(), 12, 31).unwrap_or(Day::LAST)
}
