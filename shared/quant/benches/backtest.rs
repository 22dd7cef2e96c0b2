//! Speed of the engine: one backtest, its summary, and how both grow with the bars.

#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a benchmark stops if its setup fails; the macros generate undocumented items"
)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain::{Bar, Bars, Day};
use quant::backtest::{Fill, Settings, run, summary};
use quant::rules::Rule;

#[path = "../../testing/src/sample_bars.rs"]
#[expect(clippy::unwrap_used, reason = "the benchmark needs its sample")]
mod sample_bars;

/// Bars of the smallest series; the others have 4 and 16 times as many.
const FEW: i32 = 2_520;

/// A series with trends in both directions, the same on every machine.
fn waves(count: i32) -> Bars {
    let first = Day::new(1900, 1, 1).expect("a day of the calendar");
    let bar = |at: i32| {
        let t = f64::from(at);
        let close = 100.0 * (0.3 * (t / 97.0).sin() + 0.1 * (t / 7.0).cos() + 0.02 * (t * 1.7).sin()).exp();
        let open = close * (1.0 + 0.004 * (t * 2.3).sin());
        Bar {
            date: first.plus_days(at),
            open,
            high: open.max(close) * 1.003,
            low: open.min(close) * 0.997,
            close,
            volume: 1e6,
            adjusted_close: close,
            split_ratio: 1.0,
            dividend: 0.0,
        }
    };
    Bars::from_rows((0..count).map(bar)).expect("rising days and positive prices")
}

fn golden_cross() -> Settings {
    Settings {
        initial_investment: 10_000.0,
        buy: Rule::parse("sma(50) > sma(200)").expect("a rule"),
        sell: Rule::parse("sma(50) < sma(200)").expect("a rule"),
        fill: Fill::NextOpen,
        commission_percent: 0.0,
        commission_minimum: 0.0,
        slippage_percent: 0.0,
        fractional: true,
        risk_free_rate: 0.0,
    }
}

fn engine(criterion: &mut Criterion) {
    let settings = golden_cross();
    let mut group = criterion.benchmark_group("backtest");
    for symbol in ["GOOG", "AAPL"] {
        let bars = sample_bars::bars(symbol);
        let span = (bars.dates()[0], bars.dates()[bars.len() - 1]);
        group.throughput(Throughput::Elements(bars.len() as u64));
        group.bench_function(BenchmarkId::new("run", symbol), |bencher| {
            bencher.iter(|| run(black_box(&bars), span.0, span.1, &settings));
        });
        group.bench_function(BenchmarkId::new("summary", symbol), |bencher| {
            bencher.iter(|| summary(black_box(&bars), span.0, span.1, &settings));
        });
    }
    group.finish();
}

fn growth(criterion: &mut Criterion) {
    let settings = golden_cross();
    let mut group = criterion.benchmark_group("growth");
    for bars in [FEW, 4 * FEW, 16 * FEW].map(waves) {
        let span = (bars.dates()[0], bars.dates()[bars.len() - 1]);
        group.throughput(Throughput::Elements(bars.len() as u64));
        group.bench_function(BenchmarkId::new("run", bars.len()), |bencher| {
            bencher.iter(|| run(black_box(&bars), span.0, span.1, &settings));
        });
        group.bench_function(BenchmarkId::new("summary", bars.len()), |bencher| {
            bencher.iter(|| summary(black_box(&bars), span.0, span.1, &settings));
        });
    }
    group.finish();
}

criterion_group!(benches, engine, growth);
criterion_main!(benches);
