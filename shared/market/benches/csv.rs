//! Reading a file of daily bars to checked columns.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn read(criterion: &mut Criterion) {
    let file = include_bytes!("../../../data/prices/GOOG.csv");
    let mut group = criterion.benchmark_group("csv");
    group.throughput(Throughput::Bytes(file.len() as u64));
    group.bench_function("GOOG, 2148 bars", |bencher| {
        bencher.iter(|| market::csv_file::read(black_box(file)));
    });
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
