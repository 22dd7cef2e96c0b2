//! Checks the rows of a source and completes them to a series.
//!
//! A row that cannot be a bar is left out and counted. A move that no split explains is served with a note, since it
//! may be real (AAPL fell 51.87 % on 2000-09-29). Only the newest bar of a live source is held back: a wrong one would
//! be traded on, and the next bar shows whether it is right.

use std::cmp::Ordering;

use domain::spacing::gaps;
use domain::{Bar, Bars, Day};

use crate::history::Basis;
use crate::note::{DropReason, DroppedRow, Note};

/// A close-to-close move beyond this fraction, after the day's split, gets a note.
const UNEXPLAINED_MOVE: f64 = 0.5;

/// One day as a source wrote it; a missing number is NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Trading day.
    pub date: Day,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Units traded.
    pub volume: f64,
    /// Close adjusted for later splits and dividends, if the source gives one.
    pub adjusted_close: Option<f64>,
    /// New units per old unit, as the float nearest to the fraction; 1 without a split.
    pub split_ratio: f64,
    /// Cash per unit on the ex-date; 0 without one.
    pub dividend: f64,
}

/// What a source declares about its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// How the rows arrive.
    pub feed: Feed,
    /// What the prices mean.
    pub basis: Basis,
    /// Whether the rows include every split.
    pub splits_known: bool,
    /// Whether the rows include every dividend.
    pub dividends_known: bool,
    /// Whether the prices themselves are adjusted for dividends.
    pub prices_include_dividends: bool,
    /// The last day that a row may have, the day after today, if the source knows the date.
    pub last_day: Option<Day>,
}

/// How a source delivers its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// From a file, in any order; of two rows for a day the later one counts.
    File,
    /// From a live source, in any order; the newest bar may still be wrong.
    Live,
}

/// Checked bars with warnings for the reader.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedBars {
    /// The bars, oldest first.
    pub bars: Bars,
    /// What the prices mean now: quotes, unless they are split-adjusted by unknown splits.
    pub basis: Basis,
    /// Warnings for the reader.
    pub notes: Vec<Note>,
    /// The newest bar, if it is held back and brings no split or dividend.
    pub held_back: Option<Bar>,
}

impl Row {
    /// Whether the row has a split.
    #[expect(clippy::float_cmp, reason = "a ratio of exactly 1 is that of no split")]
    pub(crate) fn has_split(&self) -> bool {
        self.split_ratio != 1.0
    }

    /// Whether neither a split nor a dividend changes the prices before it.
    fn stands_alone(&self) -> bool {
        !self.has_split() && self.dividend == 0.0
    }

    /// Some sources write a day's event in a separate row without prices.
    fn take_events_of(&mut self, row: &Self) {
        if !self.has_split() && is_positive(row.split_ratio) {
            self.split_ratio = row.split_ratio;
        }
        if self.dividend == 0.0 && is_amount(row.dividend) {
            self.dividend = row.dividend;
        }
    }
}

/// Checks rows and completes them to a series.
#[must_use]
pub fn check(mut rows: Vec<Row>, declared: Declared) -> CheckedBars {
    let mut dropped = Dropped::default();
    normalise(&mut rows, declared.feed, &mut dropped);
    if let Some(last_day) = declared.last_day {
        drop_future(&mut rows, last_day, &mut dropped);
    }
    quarantine(&mut rows, &mut dropped);
    let mut basis = declared.basis;
    let may_derive = declared.feed == Feed::File && !declared.dividends_known;
    let derived = may_derive && derive_dividends(&mut rows, basis);
    if basis == Basis::SplitAdjusted && declared.splits_known {
        into_quotes(&mut rows);
        basis = Basis::Quoted;
    }
    let held_back = (declared.feed == Feed::Live).then(|| hold_back_newest(&mut rows)).flatten();
    let adjusted = adjusted_closes(&rows);
    let factor = rows.last().zip(adjusted.last()).map_or(1.0, |(row, adjusted)| adjusted / row.close);

    let mut notes = Vec::new();
    let mut bars = Bars::with_capacity(rows.len());
    for (row, adjusted_close) in rows.iter().zip(adjusted) {
        let previous = bars.close().last().copied();
        // Extreme but finite inputs can overflow; such a bar is dropped too.
        if bars.push(bar(row, adjusted_close)).is_err() {
            dropped.add(row, DropReason::NotAPrice);
        } else if let Some(fraction) = previous.and_then(|close| unexplained(close, row)) {
            notes.push(Note::UnexplainedMove { date: row.date, fraction });
        }
    }
    let (held_back, note) = held_back.unzip();
    notes.extend(note);
    notes.extend(Note::on_dropped(dropped.0));
    notes.extend(bars.iter().filter(Bar::is_impossible).map(|bar| Note::ImpossibleBar { date: bar.date }));
    notes.extend(gaps(bars.dates()).into_iter().map(|(from, to)| Note::Gap { from, to }));
    if !declared.splits_known {
        notes.push(Note::SplitsUnknown);
    }
    if derived {
        notes.push(Note::DividendsDerived);
    }
    if declared.prices_include_dividends {
        notes.push(Note::DividendsInPrices);
    } else if !declared.dividends_known && rows.iter().any(|row| row.adjusted_close.is_none()) {
        notes.push(Note::DividendsNotIncluded);
    }
    let held_back = held_back.filter(Row::stands_alone).map(|row| {
        let adjusted_close = row.adjusted_close.unwrap_or(row.close * factor);
        bar(&row, adjusted_close)
    });
    CheckedBars { bars, basis, notes, held_back }
}

fn bar(row: &Row, adjusted_close: f64) -> Bar {
    Bar {
        date: row.date,
        open: row.open,
        high: row.high,
        low: row.low,
        close: row.close,
        volume: row.volume,
        adjusted_close,
        split_ratio: row.split_ratio,
        dividend: row.dividend,
    }
}

/// The rows left out so far.
#[derive(Default)]
struct Dropped(Vec<DroppedRow>);

impl Dropped {
    fn add(&mut self, row: &Row, reason: DropReason) {
        self.0.push(DroppedRow { date: row.date, reason });
    }
}

/// Sorts by day and keeps one row a day: of a file the last valid one, of a live source the same one in whatever order
/// they came.
fn normalise(rows: &mut Vec<Row>, feed: Feed, dropped: &mut Dropped) {
    if rows.is_sorted_by(|a, b| a.date < b.date) {
        return;
    }
    rows.reverse();
    if rows.is_sorted_by(|a, b| a.date < b.date) {
        return;
    }
    match feed {
        // Reversed, so that of equal rows the last one comes first.
        Feed::File => rows.sort_by_key(|row| (row.date, fault(row).is_some())),
        Feed::Live => rows.sort_unstable_by(preference),
    }
    // An exact repetition adds nothing and is not counted as dropped.
    rows.dedup_by(|later, kept| preference(later, kept) == Ordering::Equal);
    rows.dedup_by(|later, kept| {
        let same_day = later.date == kept.date;
        if same_day {
            let fault = fault(later);
            if fault == Some(DropReason::NotAPrice) {
                kept.take_events_of(later);
            }
            dropped.add(later, fault.unwrap_or(DropReason::DuplicateDay));
        }
        same_day
    });
}

fn drop_future(rows: &mut Vec<Row>, last_day: Day, dropped: &mut Dropped) {
    let future = rows.partition_point(|row| row.date <= last_day);
    for row in rows.drain(future..) {
        dropped.add(&row, DropReason::DateInTheFuture);
    }
}

/// Orders rows by day; of two for one day, a valid one and then the one with more volume comes first.
fn preference(a: &Row, b: &Row) -> Ordering {
    let by_value = |value: fn(&Row) -> f64| value(b).total_cmp(&value(a));
    a.date
        .cmp(&b.date)
        .then_with(|| fault(a).cmp(&fault(b)))
        .then_with(|| by_value(|row| row.volume))
        .then_with(|| by_value(|row| row.close))
        .then_with(|| by_value(|row| row.open))
        .then_with(|| by_value(|row| row.high))
        .then_with(|| by_value(|row| row.low))
        .then_with(|| by_value(|row| row.adjusted_close.unwrap_or(0.0)))
        .then_with(|| by_value(|row| row.split_ratio))
        .then_with(|| by_value(|row| row.dividend))
}

/// Why a row cannot be a bar, regardless of other rows.
pub(crate) fn fault(row: &Row) -> Option<DropReason> {
    let prices = [row.open, row.high, row.low, row.close];
    if !prices.into_iter().all(is_positive) || !row.adjusted_close.is_none_or(is_positive) {
        Some(DropReason::NotAPrice)
    } else if !is_amount(row.volume) || !is_amount(row.dividend) || !is_positive(row.split_ratio) {
        Some(DropReason::NotAnAmount)
    } else {
        None
    }
}

fn is_positive(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

fn is_amount(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

/// Leaves out rows that cannot be bars. The split and dividend of a row with a bad price move to the next bar, the
/// first one that shows their effect.
fn quarantine(rows: &mut Vec<Row>, dropped: &mut Dropped) {
    let (mut split_ratio, mut dividend) = (1.0, 0.0);
    rows.retain_mut(|row| {
        let fault = fault(row);
        if is_positive(row.split_ratio) && is_amount(row.dividend) {
            dividend = row.dividend + dividend / row.split_ratio;
            split_ratio *= row.split_ratio;
        }
        if let Some(reason) = fault {
            dropped.add(row, reason);
            return false;
        }
        (row.split_ratio, row.dividend) = (split_ratio, dividend);
        (split_ratio, dividend) = (1.0, 0.0);
        true
    });
}

/// Smallest derived dividend, as a fraction of the previous close: less is rounding.
const SMALLEST_DERIVED: f64 = 0.000_05;

/// Derives the dividends of rows with adjusted closes and returns whether there are any.
///
/// With C the previous close in units of the day and A its adjusted close, D = C·(1 − (A/C)/(Aₜ/Cₜ)): Yahoo adjusts the
/// prices before a dividend by the factor 1 − D/C.
fn derive_dividends(rows: &mut [Row], basis: Basis) -> bool {
    let mut derived = false;
    let mut before: Option<(f64, f64)> = None;
    for row in rows {
        let Some(adjusted) = row.adjusted_close else {
            before = None;
            continue;
        };
        if let Some((close, adjusted_before)) = before {
            let close = if basis == Basis::Quoted { close / row.split_ratio } else { close };
            let part = 1.0 - (adjusted_before / close) / (adjusted / row.close);
            if part >= SMALLEST_DERIVED {
                row.dividend = close * part;
                derived = true;
            }
        }
        before = Some((row.close, adjusted));
    }
    derived
}

/// Undoes the split adjustment: multiplies prices by the splits after them, and divides volumes.
fn into_quotes(rows: &mut [Row]) {
    let mut later_splits = 1.0;
    for row in rows.iter_mut().rev() {
        for price in [&mut row.open, &mut row.high, &mut row.low, &mut row.close, &mut row.dividend] {
            *price *= later_splits;
        }
        row.volume /= later_splits;
        later_splits *= row.split_ratio;
    }
}

/// The move from the previous close, if it is larger than a day's trading explains.
fn unexplained(previous_close: f64, row: &Row) -> Option<f64> {
    let fraction = row.close * row.split_ratio / previous_close - 1.0;
    (fraction.abs() > UNEXPLAINED_MOVE).then_some(fraction)
}

fn hold_back_newest(rows: &mut Vec<Row>) -> Option<(Row, Note)> {
    let [.., previous, newest] = rows.as_slice() else { return None };
    let fraction = unexplained(previous.close, newest)?;
    let newest = rows.pop()?;
    let note = Note::NewestBarHeldBack { date: newest.date, fraction };
    Some((newest, note))
}

/// The adjusted closes: the source's own where given. Between them, each split and dividend changes the ratio of
/// adjusted close to close by split × (close + dividend)/close, going back from the next known one or the last bar.
fn adjusted_closes(rows: &[Row]) -> Vec<f64> {
    let known = |row: &Row| row.adjusted_close.map(|adjusted| adjusted / row.close);
    let change = |row: &Row| {
        if row.dividend > 0.0 { row.split_ratio * (row.close + row.dividend) / row.close } else { row.split_ratio }
    };
    // Bars after the last known adjusted close continue it forwards.
    let newest_known = rows.iter().rposition(|row| row.adjusted_close.is_some());
    let mut factor = match newest_known {
        Some(place) => rows[place + 1..].iter().fold(known(&rows[place]).unwrap_or(1.0), |f, row| f * change(row)),
        None => 1.0,
    };
    let mut adjusted = vec![0.0; rows.len()];
    for (row, adjusted) in rows.iter().zip(&mut adjusted).rev() {
        factor = known(row).unwrap_or(factor);
        *adjusted = row.adjusted_close.unwrap_or(row.close * factor);
        factor /= change(row);
    }
    adjusted
}

#[cfg(test)]
mod tests;
