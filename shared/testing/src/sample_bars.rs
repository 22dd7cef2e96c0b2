//! The project's sample bars, for tests and benches.
//!
//! A crate below this one that knows no provider includes this file by its path. So its tests link neither the stores
//! nor the use cases.

use domain::{Bar, Bars};

/// All bars of a symbol of the sample.
pub fn bars(symbol: &str) -> Bars {
    let path = format!("{}/../../data/prices/{symbol}.csv", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    Bars::from_rows(text.lines().skip(1).map(bar)).unwrap()
}

fn bar(line: &str) -> Bar {
    let fields: Vec<&str> = line.split(',').collect();
    let number = |index: usize| fields[index].parse::<f64>();
    Bar {
        date: fields[0].parse().unwrap(),
        open: number(1).unwrap(),
        high: number(2).unwrap(),
        low: number(3).unwrap(),
        close: number(4).unwrap(),
        volume: number(5).unwrap(),
        adjusted_close: number(6).unwrap(),
        split_ratio: number(7).unwrap_or(1.0),
        dividend: number(8).unwrap_or(0.0),
    }
}
