//! From a CSV file of daily bars to checked columns.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::{Currency, Day};
use market::PriceUnit;

fn read(criterion: &mut Criterion) {
    let (today, unit) = (Day::LAST, PriceUnit::of(Currency::USD));
    let file = include_bytes!("../../../data/prices/GOOG.csv");
    let mut group = criterion.benchmark_group("csv");
    group.throughput(Throughput::Bytes(file.len() as u64));
    group.bench_function("GOOG, 2148 bars", |bencher| {
        bencher.iter(|| market::csv_file::read(black_box(file), today, unit));
    });
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
