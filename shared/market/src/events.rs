//! Splits and dividends that come separately from the bars.

use domain::Day;
use serde::{Deserialize, Serialize};

use crate::series::Row;

/// An event, dated on the first day that trades at the new price.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) date: Day,
    /// New units per old unit, or cash per unit.
    pub(crate) value: f64,
}

/// Writes splits into the rows, each on its day or, without a bar that day, on the next bar.
pub(crate) fn apply_splits(rows: &mut [Row], splits: &[Event]) {
    apply(rows, splits, |row, ratio| row.split_ratio *= ratio);
}

/// Writes dividends into the rows, each on its ex-date or, without a bar that day, on the next bar.
pub(crate) fn apply_dividends(rows: &mut [Row], dividends: &[Event]) {
    apply(rows, dividends, |row, amount| row.dividend += amount);
}

fn apply(rows: &mut [Row], events: &[Event], write: fn(&mut Row, f64)) {
    let oldest = rows.iter().map(|row| row.date).min();
    for event in events {
        // An event up to the first bar, or after the last one, changes nothing.
        if oldest.is_some_and(|oldest| oldest < event.date) {
            let day = rows.iter().map(|row| row.date).filter(|date| *date >= event.date).min();
            rows.iter_mut().filter(|row| Some(row.date) == day).for_each(|row| write(row, event.value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(date: &str, close: f64) -> Row {
        let (open, high, low) = (close, close, close);
        let date = date.parse().unwrap();
        Row { date, open, high, low, close, volume: 1.0, adjusted_close: None, split_ratio: 1.0, dividend: 0.0 }
    }

    #[test]
    fn an_event_falls_on_the_first_bar_that_shows_it() {
        let mut rows = [row("2020-09-01", 25.0), row("2020-08-28", 100.0), row("2020-08-27", 100.0)];
        let event = |date: &str, value| Event { date: date.parse().unwrap(), value };
        apply_splits(&mut rows, &[event("2020-08-31", 4.0), event("2020-08-27", 7.0), event("2030-01-02", 2.0)]);
        apply_dividends(&mut rows, &[event("2020-08-28", 0.5), event("2010-01-04", 9.0)]);
        assert_eq!(rows.map(|row| (row.split_ratio, row.dividend)), [(4.0, 0.0), (1.0, 0.5), (1.0, 0.0)]);
    }
}
