//! Benchmark H1: from the provider's JSON of 2,148 bars to checked columns.

#![expect(clippy::expect_used, reason = "a bench that cannot start has nothing to measure")]

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::Symbol;
use market::alpha_vantage::read_daily;

/// The sample's GOOG as the provider would send it, newest first.
fn answer(adjusted: bool) -> String {
    let file = include_str!("../../../data/prices/GOOG.csv");
    let mut json = String::from(r#"{"Meta Data":{"2. Symbol":"GOOG"},"Time Series (Daily)":{"#);
    for (index, line) in file.lines().skip(1).collect::<Vec<_>>().iter().rev().enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let [date, open, high, low, close, volume, adjusted_close] = cells[..7] else { continue };
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(
            json,
            r#"{comma}"{date}":{{"1. open":"{open}","2. high":"{high}","3. low":"{low}","4. close":"{close}","#
        );
        let _ = if adjusted {
            write!(
                json,
                r#""5. adjusted close":"{adjusted_close}","6. volume":"{volume}","7. dividend amount":"0.0000","8. split coefficient":"1.0"}}"#
            )
        } else {
            write!(json, r#""5. volume":"{volume}"}}"#)
        };
    }
    json.push_str("}}");
    json
}

fn read(criterion: &mut Criterion) {
    let symbol: Symbol = "GOOG".parse().expect("a symbol");
    let mut group = criterion.benchmark_group("alpha_vantage");
    for (name, adjusted) in [("2148 bars", false), ("2148 bars, adjusted", true)] {
        let json = answer(adjusted);
        let bars = read_daily(json.as_bytes(), &symbol).expect("a series").bars;
        assert_eq!((bars.len(), bars.close()[2147]), (2148, 806.19));
        group.throughput(Throughput::Bytes(json.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| read_daily(black_box(json.as_bytes()), &symbol)));
    }
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
