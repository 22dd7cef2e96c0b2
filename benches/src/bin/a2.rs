//! Work A2, a whole process: reads GOOG's prices, runs one backtest, prints three figures.

use anyhow::Context;
use benches::{crossover, process, sampling};
use domain::{Currency, Day};
use market::PriceUnit;
use quant::backtest::{Fill, summary};
use serde_json::json;

fn main() -> anyhow::Result<()> {
    let file = std::env::args_os().nth(1).context("usage: a2 GOOG.csv")?;
    let bars = market::csv_file::read(&std::fs::read(file)?, Day::LAST, PriceUnit::of(Currency::USD))?.bars;
    let (from, to) = crossover::whole_span(&bars)?;
    let found = summary(&bars, from, to, &crossover::settings(Fill::NextOpen)?)?;
    sampling::print_line(&json!({
        "answer": [found.total_return, found.max_drawdown, found.entries],
        "peak_memory_kib": process::peak_memory_kib()?,
    }))?;
    Ok(())
}
