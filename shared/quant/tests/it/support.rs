//! The sample prices, read from the project's own files.

use std::path::PathBuf;

use domain::{Bar, Bars, Day};

/// The bars of a symbol of the sample.
pub fn sample(symbol: &str) -> Bars {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../data/prices/{symbol}.csv"));
    let mut reader = csv::Reader::from_path(path).unwrap();
    let rows = reader.records().map(|record| {
        let record = record.unwrap();
        let number = |column: usize, empty: f64| match &record[column] {
            "" => empty,
            text => text.parse().unwrap(),
        };
        Bar {
            date: day(&record[0]),
            open: number(1, f64::NAN),
            high: number(2, f64::NAN),
            low: number(3, f64::NAN),
            close: number(4, f64::NAN),
            volume: number(5, f64::NAN),
            adjusted_close: number(6, f64::NAN),
            split_ratio: number(7, 1.0),
            dividend: number(8, 0.0),
        }
    });
    Bars::from_rows(rows.collect::<Vec<_>>()).unwrap()
}

/// A day from its text.
pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}
