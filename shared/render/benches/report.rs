//! Cost of a report with warm caches: layout, charts, fonts and the file.

#[path = "../tests/it/samples.rs"]
mod samples;

use criterion::{Criterion, criterion_group, criterion_main};
use render::Chart;

fn report(criterion: &mut Criterion) {
    let cases = samples::cases();
    for wanted in ["aapl", "short_fb", "many_trades"] {
        let Some((name, report, data)) = cases.iter().find(|case| case.0 == wanted) else { continue };
        criterion.bench_function(&format!("pdf/{name}"), |bencher| bencher.iter(|| render::pdf(report, data)));
    }
    let Some((_, report, data)) = cases.iter().find(|case| case.0 == "aapl") else { return };
    for chart in Chart::ALL {
        criterion
            .bench_function(&format!("svg/{chart:?}"), |bencher| bencher.iter(|| render::svg(report, data, chart)));
    }
}

criterion_group!(benches, report);
criterion_main!(benches);
