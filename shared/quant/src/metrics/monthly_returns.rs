//! The table of monthly returns, as in every fund report.

use domain::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The returns of one calendar year.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct YearReturns {
    /// The calendar year.
    pub year: i32,
    /// Return of each month, January first, a fraction; null outside the span.
    #[schema(value_type = Vec<Option<f64>>, min_items = 12, max_items = 12)]
    pub months: [Option<f64>; 12],
    /// Return of the part of the year inside the span, a fraction.
    #[schema(required)]
    pub total: Option<f64>,
}

/// Why days and values do not make a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// Values without days, or days without values.
    #[error("{days} days for {values} values")]
    Lengths {
        /// Number of days.
        days: usize,
        /// Number of values.
        values: usize,
    },
    /// The days do not strictly increase.
    #[error("the days of a series must strictly increase")]
    Order,
}

/// Returns by month and year of a series of values such as an equity curve.
///
/// A month's return is its last value against the last value of the previous month; the first month counts from the
/// first value. The months of a year multiply to its total. A return is `None` if the month has no value, or if the
/// value before it is zero or negative.
pub fn monthly_returns(dates: &[Day], values: &[f64]) -> Result<Vec<YearReturns>, SeriesError> {
    if dates.len() != values.len() {
        return Err(SeriesError::Lengths { days: dates.len(), values: values.len() });
    }
    if !dates.is_sorted_by(|a, b| a < b) {
        return Err(SeriesError::Order);
    }
    let Some(&first) = values.first() else { return Ok(Vec::new()) };
    let (mut month_base, mut year_base) = (first, first);
    let mut table: Vec<YearReturns> = Vec::new();
    for (index, (day, &value)) in dates.iter().zip(values).enumerate() {
        if table.last().is_none_or(|row| row.year != day.year()) {
            table.push(YearReturns { year: day.year(), months: [None; 12], total: None });
        }
        let next = dates.get(index + 1);
        let ends_year = next.is_none_or(|next| next.year() != day.year());
        let ends_month = ends_year || next.is_some_and(|next| next.month() != day.month());
        let Some(row) = table.last_mut() else { continue };
        if ends_month {
            row.months[day.month() as usize - 1] = change(month_base, value);
            month_base = value;
        }
        if ends_year {
            row.total = change(year_base, value);
            year_base = value;
        }
    }
    Ok(table)
}

/// `None` from a base that is zero or negative.
fn change(base: f64, value: f64) -> Option<f64> {
    let change = value / base - 1.0;
    (base > 0.0 && change.is_finite()).then_some(change)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_month_counts_from_the_first_value() {
        let dates = ["2012-11-15", "2012-11-30", "2012-12-31", "2013-02-01", "2013-02-28"].map(day);
        let table = monthly_returns(&dates, &[100.0, 110.0, 99.0, 90.0, 198.0]).unwrap();
        assert_eq!(table.iter().map(|row| row.year).collect::<Vec<_>>(), [2012, 2013]);
        let close = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-12, "{a:?} {b}");
        close(table[0].months[10], 0.10);
        close(table[0].months[11], -0.10);
        close(table[0].total, -0.01);
        assert_eq!(table[1].months[0], None, "no value in January");
        close(table[1].months[1], 1.0);
        close(table[1].total, 1.0);
        assert_eq!(table[0].months[..10], [None; 10]);
    }

    #[test]
    fn no_values_give_no_table_and_one_value_no_change() {
        assert_eq!(monthly_returns(&[], &[]).unwrap(), []);
        let table = monthly_returns(&[day("2013-03-01")], &[5.0]).unwrap();
        assert_eq!((table[0].months[2], table[0].total), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn a_base_of_zero_has_no_return() {
        let dates = ["2012-11-30", "2012-12-31", "2013-01-31", "2013-02-28"].map(day);
        let table = monthly_returns(&dates, &[100.0, 0.0, 50.0, f64::NAN]).unwrap();
        assert_eq!((table[0].months[11], table[0].total), (Some(-1.0), Some(-1.0)));
        assert_eq!((table[1].months[0], table[1].months[1], table[1].total), (None, None, None));
    }

    #[test]
    fn an_invalid_series_is_refused() {
        assert!(matches!(monthly_returns(&[day("2013-03-01")], &[]), Err(SeriesError::Lengths { days: 1, values: 0 })));
        let back = [day("2013-03-01"), day("2013-02-01")];
        assert!(matches!(monthly_returns(&back, &[1.0, 2.0]), Err(SeriesError::Order)));
    }

    proptest! {
        #[test]
        fn the_months_multiply_to_the_years_and_the_years_to_the_whole(steps in prop::collection::vec((1_i32..40, 1.0..1000.0), 1..200)) {
            let mut date = day("2000-01-31");
            let (mut dates, mut values) = (Vec::new(), Vec::new());
            for (days, value) in steps {
                date = date.plus_days(days);
                dates.push(date);
                values.push(value);
            }
            let table = monthly_returns(&dates, &values).unwrap();
            let growth = |change: Option<f64>| 1.0 + change.unwrap_or(0.0);
            for row in &table {
                let months: f64 = row.months.iter().copied().map(growth).product();
                prop_assert!((months / growth(row.total) - 1.0).abs() < 1e-9);
            }
            let whole: f64 = table.iter().map(|row| growth(row.total)).product();
            prop_assert!((whole / (values[values.len() - 1] / values[0]) - 1.0).abs() < 1e-9);
        }
    }
}
