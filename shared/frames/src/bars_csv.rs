//! Bars as CSV, in the columns that the sample files and a folder of one's own have.

use std::fmt::Write;

use crate::resample::Period;

/// The columns, in order.
pub const HEADER: &str = "date,open,high,low,close,volume,adjusted_close,split_ratio,dividend";

/// The bars as CSV with a header; as in the sample, a day without a split or dividend has an empty cell.
///
/// Every number reads back as exactly the same number.
#[must_use]
#[expect(clippy::float_cmp, reason = "a ratio of exactly 1 is how a series says that there was no split")]
pub fn to_csv(periods: &[Period]) -> String {
    // A row of real prices is about 80 bytes.
    let mut csv = String::with_capacity(HEADER.len() + 1 + periods.len() * 80);
    csv.push_str(HEADER);
    csv.push('\n');
    for Period { bar, .. } in periods {
        // Writing to a String cannot fail.
        let _ = write!(csv, "{},{},{},{},{}", bar.date, bar.open, bar.high, bar.low, bar.close);
        let _ = write!(csv, ",{},{},", bar.volume, bar.adjusted_close);
        if bar.split_ratio != 1.0 {
            let _ = write!(csv, "{}", bar.split_ratio);
        }
        csv.push(',');
        if bar.dividend != 0.0 {
            let _ = write!(csv, "{}", bar.dividend);
        }
        csv.push('\n');
    }
    csv
}

#[cfg(test)]
mod tests {
    use domain::Bar;

    use super::*;

    #[test]
    fn a_day_without_events_has_empty_cells() {
        let quiet = Bar {
            date: "2005-02-25".parse().unwrap(),
            open: 89.62,
            high: 89.91,
            low: 88.19,
            close: 88.99,
            volume: 16_348_400.0,
            adjusted_close: 5.718_228,
            split_ratio: 1.0,
            dividend: 0.0,
        };
        let events = Bar { split_ratio: 2.0, dividend: 0.1, ..quiet };
        let csv = to_csv(&[quiet, events].map(|bar| Period { bar, unfinished: false }));
        assert_eq!(
            csv,
            "date,open,high,low,close,volume,adjusted_close,split_ratio,dividend\n\
             2005-02-25,89.62,89.91,88.19,88.99,16348400,5.718228,,\n\
             2005-02-25,89.62,89.91,88.19,88.99,16348400,5.718228,2,0.1\n"
        );
        assert_eq!(to_csv(&[]).lines().count(), 1);
    }
}
