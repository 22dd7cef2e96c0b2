//! The sample prices, days from their texts, and settings of a backtest.

#[path = "../../../testing/src/sample_bars.rs"]
mod sample_bars;

use domain::Day;
use quant::backtest::{Fill, Settings};
use quant::rules::Rule;

pub use sample_bars::bars as sample;

/// A day from its text.
pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A backtest of whole units at the next open, without costs.
pub fn settings_of(initial_investment: f64, buy: &str, sell: &str) -> Settings {
    Settings {
        initial_investment,
        buy: Rule::parse(buy).unwrap(),
        sell: Rule::parse(sell).unwrap(),
        fill: Fill::NextOpen,
        commission_percent: 0.0,
        commission_minimum: 0.0,
        slippage_percent: 0.0,
        fractional: false,
        risk_free_rate: 0.0,
    }
}
