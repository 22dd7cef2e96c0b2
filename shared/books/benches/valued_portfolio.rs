//! Response times of a large portfolio on a store in a file: 14,400 trades over 250 symbols and 12 years.
//!
//! `rebuilt` finds no stored daily values, `kept` finds them, and `one more trade` extends them by a trade of the last
//! day and stores the result.

#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs, reason = "a benchmark stops if its setup fails")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use books::holdings;
use books::performance::{self, PerformanceSpan, PortfolioPerformance};
use chrono::TimeDelta;
use criterion::{Criterion, criterion_group, criterion_main};
use domain::calendar::next_trading_days;
use domain::{Currency, Day, Symbol};
use ledger::Side;
use market_data::MarketData;
use rust_decimal::Decimal;
use store_sqlite::SqliteTable;
use testing::TestBed;
use testing::portfolios::{Market, SeededRandom, World, stock};
use tokio::runtime::Builder;

const TRADES: usize = 14_400;
const SYMBOLS: usize = 250;
const TRADING_DAYS: usize = 12 * 252;

/// A portfolio with all its trades; its prices are read once.
async fn world(folder: &std::path::Path) -> (World, Vec<Symbol>, Day) {
    let mut numbers = SeededRandom(3);
    let days = next_trading_days("2004-01-02".parse().unwrap(), TRADING_DAYS);
    let last = *days.last().unwrap();
    let market = Market::new(last);
    let symbols: Vec<Symbol> = (0..SYMBOLS).map(|number| format!("S{number}").parse().unwrap()).collect();
    for symbol in &symbols {
        market.list(stock(symbol.as_str(), "USD", None), numbers.random_walk(&days));
    }
    let test_bed = TestBed::at("2026-01-02T12:00:00Z");
    let table = Arc::new(SqliteTable::open(&folder.join("store.db"), test_bed.clock.reader()).unwrap());
    let mut world = World::on(table, market, Currency::USD, test_bed).await;
    let mut trade_days: Vec<usize> = (0..TRADES).map(|_| numbers.below(days.len() - 1)).collect();
    trade_days.sort_unstable();
    let mut trades = Vec::with_capacity(TRADES);
    for at in trade_days {
        world.clock.forward(TimeDelta::minutes(1));
        let symbol = &symbols[numbers.below(SYMBOLS)];
        let units = Decimal::from(1 + numbers.below(19));
        let sells = world.units_of(symbol, days[at]) > units && numbers.below(10) < 3;
        let side = if sells { Side::Sell } else { Side::Buy };
        let id = world.platform.app.new_id();
        trades.push(world.decide(side, symbol, units, id, days[at]));
    }
    world.store(&trades).await;
    world.clock.forward(TimeDelta::hours(1));
    (world, symbols, last)
}

async fn performed(world: &World, platform: &MarketData) -> PortfolioPerformance {
    performance::compute(platform, world.customer, world.portfolio, &PerformanceSpan::default()).await.unwrap()
}

fn questions(criterion: &mut Criterion) {
    // One thread, like a function with one core.
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut world, symbols, last) = runtime.block_on(world(folder.path()));
    let forgetful = world.forgetful();
    let first = runtime.block_on(performed(&world, &world.platform));
    eprintln!("{} days, worth {} at the end", first.series.as_ref().map_or(0, Vec::len), first.attribution.end_value);
    let mut group = criterion.benchmark_group("14400 trades, 250 symbols, 12 years");
    group.sample_size(10).measurement_time(Duration::from_secs(4));
    group.bench_function("performance, rebuilt", |bencher| {
        bencher.iter(|| black_box(runtime.block_on(performed(&world, &forgetful))));
    });
    group.bench_function("performance, kept", |bencher| {
        bencher.iter(|| black_box(runtime.block_on(performed(&world, &world.platform))));
    });
    group.bench_function("performance after one more trade", |bencher| {
        bencher.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for _ in 0..times {
                runtime.block_on(world.trade(Side::Buy, &symbols[7], "3", last));
                let start = Instant::now();
                black_box(runtime.block_on(performed(&world, &world.platform)));
                spent += start.elapsed();
            }
            spent
        });
    });
    group.bench_function("performance of the last year", |bencher| {
        let span = PerformanceSpan { from: Some(last.plus_days(-365)), ..PerformanceSpan::default() };
        let asked = || performance::compute(&world.platform, world.customer, world.portfolio, &span);
        bencher.iter(|| black_box(runtime.block_on(asked()).unwrap()));
    });
    group.bench_function("holdings", |bencher| {
        let asked = || holdings::compute(&world.platform, world.customer, world.portfolio);
        bencher.iter(|| black_box(runtime.block_on(asked()).unwrap()));
    });
    group.finish();
}

criterion_group!(benches, questions);
criterion_main!(benches);
