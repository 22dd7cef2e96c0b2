//! The backtest that is measured: the golden cross, all in, without costs.

use anyhow::Context;
use domain::{Bars, Day};
use quant::backtest::{Fill, Settings};
use quant::rules::Rule;

/// Holds while the mean of 50 closes is above that of 200; fractional units are allowed.
pub fn settings(fill: Fill) -> anyhow::Result<Settings> {
    Ok(Settings {
        initial_investment: 10_000.0,
        buy: Rule::parse("sma(50) > sma(200)")?,
        sell: Rule::parse("sma(50) < sma(200)")?,
        fill,
        commission_percent: 0.0,
        commission_minimum: 0.0,
        slippage_percent: 0.0,
        fractional: true,
        risk_free_rate: 0.0,
    })
}

/// First and last day of a series.
pub fn whole_span(bars: &Bars) -> anyhow::Result<(Day, Day)> {
    let first = bars.first().context("the series is empty")?;
    let last = bars.last().context("the series is empty")?;
    Ok((first.date, last.date))
}
