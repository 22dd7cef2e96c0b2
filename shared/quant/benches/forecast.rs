//! Time of a forecast with its bands and its score.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use quant::forecast::{Model, forecast, score};

#[path = "../../testing/src/sample_bars.rs"]
#[expect(clippy::unwrap_used, reason = "the benchmark needs its sample")]
mod sample_bars;

/// Work D1: GOOG's 2,148 bars, 30 days, both bands; `linear` is the one with a goal.
fn one_forecast(c: &mut Criterion) {
    let bars = sample_bars::bars("GOOG");
    for model in Model::ALL {
        c.bench_function(&format!("forecast/{model}/GOOG/30"), |b| {
            b.iter(|| forecast(black_box(&bars), model, 30));
        });
    }
}

/// The rolling-origin record over AAPL's 3,270 bars.
fn one_score(c: &mut Criterion) {
    let bars = sample_bars::bars("AAPL");
    for model in Model::ALL {
        c.bench_function(&format!("score/{model}/AAPL/30"), |b| {
            b.iter(|| score(black_box(&bars), model, 30));
        });
    }
}

criterion_group!(benches, one_forecast, one_score);
criterion_main!(benches);
