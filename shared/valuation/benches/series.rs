//! Speed of a portfolio's summary (series, returns, risk, attribution), whole and after one more trade, and how
//! it grows with the trades.

#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a benchmark stops if its setup fails; the macros generate undocumented items"
)]

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use domain::calendar::next_trading_days;
use domain::decimal::DECIMALS;
use domain::{Bar, Bars, Currency, Day, Price, Quantity, Symbol};
use quant::portfolio::FlowTiming;
use rust_decimal::Decimal;
use valuation::{
    Flow, FlowKind, InstrumentRecords, Performance, PerformanceRequest, PortfolioBook, ValueSeries, performance,
    value_series,
};

/// Trading days of a year.
const YEAR: usize = 252;

struct Instrument {
    symbol: Symbol,
    bars: Bars,
    flows: Vec<Flow>,
}

struct Portfolio {
    instruments: Vec<Instrument>,
    days: Vec<Day>,
}

impl Instrument {
    fn line(&self) -> InstrumentRecords<'_> {
        InstrumentRecords {
            symbol: &self.symbol,
            currency: Currency::USD,
            bars: &self.bars,
            flows: &self.flows,
            incomes: &[],
            lots: &[],
        }
    }
}

/// Numbers from a seed, the same on every machine (Knuth's MMIX constants).
struct SeededRandom(u64);

impl SeededRandom {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn random_walk(days: &[Day], numbers: &mut SeededRandom) -> Bars {
    let mut price = 100.0_f64;
    let bar = |&date: &Day| {
        let step: f64 = (0..4).map(|_| numbers.below(2_000) as f64 / 1_000.0 - 1.0).sum();
        price *= (0.000_3 + 0.015 * step).exp();
        let close = (price * 1e4).round() / 1e4;
        let dividend = if numbers.below(63) == 0 { 0.25 } else { 0.0 };
        let (split_ratio, adjusted_close) = (1.0, close);
        Bar { date, open: close, high: close, low: close, close, volume: 1e6, adjusted_close, split_ratio, dividend }
    };
    Bars::from_rows(days.iter().map(bar)).expect("rising days and positive prices")
}

impl Portfolio {
    fn generate(trades: usize, symbols: usize, years: usize) -> Self {
        let mut numbers = SeededRandom(3);
        let days = next_trading_days(Day::new(2004, 1, 1).expect("a day"), years * YEAR);
        let instrument = |number: usize| Instrument {
            symbol: format!("S{number}").parse().expect("a symbol"),
            bars: random_walk(&days, &mut numbers),
            flows: Vec::new(),
        };
        let mut instruments: Vec<Instrument> = (0..symbols).map(instrument).collect();
        let mut held = vec![0_u64; symbols];
        let mut trade_days: Vec<usize> = (0..trades).map(|_| numbers.below(days.len() as u64 - 1) as usize).collect();
        trade_days.sort_unstable();
        for at in trade_days {
            let symbol = numbers.below(symbols as u64) as usize;
            let units = 1 + numbers.below(19);
            let sells = held[symbol] > units && numbers.below(10) < 3;
            held[symbol] = if sells { held[symbol] - units } else { held[symbol] + units };
            let owned = &mut instruments[symbol];
            owned.flows.push(trade(&owned.bars, at, units, sells));
        }
        Self { instruments, days }
    }

    fn book(&self) -> PortfolioBook<'_> {
        let lines = self.instruments.iter().map(Instrument::line).collect();
        PortfolioBook { base: Currency::USD, lines, cash: None, rates: Vec::new() }
    }

    fn last(&self) -> Day {
        *self.days.last().expect("some days")
    }

    fn summary(&self, series: &ValueSeries) -> Performance {
        let (from, to) = (self.days[0], self.last());
        let (risk_free_rate, flow_timing, benchmark, invested) = (0.0, FlowTiming::Priced, None, &[]);
        performance(&PerformanceRequest { series, from, to, risk_free_rate, flow_timing, benchmark, invested })
    }
}

fn trade(bars: &Bars, at: usize, units: u64, sells: bool) -> Flow {
    let price = Decimal::try_from(bars.close()[at]).expect("a price");
    Flow {
        day: bars.dates()[at],
        kind: if sells { FlowKind::Sold } else { FlowKind::Bought },
        units: Quantity::new(Decimal::from(units)).expect("a quantity"),
        price: Price::new(price).expect("a price"),
        amount: (price * Decimal::from(units)).round_dp(2),
        fee: Decimal::ZERO,
        tax: Decimal::ZERO,
        from_cash: false,
        unit_decimals: DECIMALS,
    }
}

/// Trades, symbols, years.
const SIZES: [(usize, usize, usize); 3] = [(2_000, 50, 8), (20_000, 50, 8), (14_400, 250, 12)];

fn summaries(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("summary");
    group.sample_size(30);
    for (trades, symbols, years) in SIZES {
        let name = format!("{trades} trades, {symbols} symbols, {years} years");
        let mut portfolio = Portfolio::generate(trades, symbols, years);
        let to = portfolio.last();
        group.bench_function(BenchmarkId::new("series", &name), |bencher| {
            bencher.iter(|| value_series(black_box(&portfolio.book()), to).expect("a series"));
        });
        let kept = value_series(&portfolio.book(), to).expect("a series");
        group.bench_function(BenchmarkId::new("figures", &name), |bencher| {
            bencher.iter(|| black_box(&portfolio).summary(black_box(&kept)));
        });
        let last = portfolio.days.len() - 1;
        let owned = &mut portfolio.instruments[0];
        owned.flows.push(trade(&owned.bars, last, 5, false));
        let one_more = |kept: ValueSeries| kept.continued(&portfolio.book(), Some(to), to).expect("a series");
        group.bench_function(BenchmarkId::new("series after one more trade", &name), |bencher| {
            bencher.iter_batched(|| kept.clone(), one_more, BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, summaries);
criterion_main!(benches);
