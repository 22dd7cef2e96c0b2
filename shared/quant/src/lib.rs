//! Analytics on columns of numbers: indicators, rules, backtests, forecasts and performance figures.
//!
//! [`rules`] is the rule language, [`backtest`] runs two rules over one symbol, [`metrics`] has the figures of the
//! resulting equity curve, [`portfolio`] those of a portfolio with cash flows. [`forecast`] makes price forecasts, and
//! [`grading`] measures how good they were. The crate depends only on `domain` and is pure: bars and settings in,
//! figures out, no I/O, no async, no clock. The same bars and settings give bit-identical figures.
//!
//! - No look-ahead: later bars never change what is computed for a day.
//! - Ratios are fractions (0.12 is 12 %); days are calendar days unless a name says bars.
//! - A figure that cannot be computed is `None`, with a reason under its name; never 0, NaN or infinity.
//! - Floats are used only here and in charts. What is posted to the ledger never depends on a figure.
//!
//! ```
//! use domain::{Bar, Bars, Day};
//! use quant::backtest::{Fill, Settings, run};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let day = |day| Day::new(2012, 3, day);
//! let bar = |date, close| Bar {
//!     date, open: close, high: close, low: close, close, volume: 1.0, adjusted_close: close, split_ratio: 1.0, dividend: 0.0,
//! };
//! let bars = Bars::from_rows([bar(day(5)?, 10.0), bar(day(6)?, 11.0), bar(day(7)?, 12.0), bar(day(8)?, 9.0)])?;
//! let settings = Settings {
//!     initial_investment: 1_000.0,
//!     buy: "close > sma(2)".parse()?,
//!     sell: "close < sma(2)".parse()?,
//!     fill: Fill::Close,
//!     commission_percent: 0.0,
//!     commission_minimum: 0.0,
//!     slippage_percent: 0.0,
//!     fractional: true,
//!     risk_free_rate: 0.0,
//! };
//! let outcome = run(&bars, day(5)?, day(8)?, &settings)?;
//! assert_eq!(outcome.trades.len(), 1, "bought at 11, sold at 9");
//! assert!(outcome.metrics.total_return < 0.0);
//! assert!(outcome.metrics.volatility.is_none() && outcome.unavailable.contains_key("volatility"));
//! # Ok(())
//! # }
//! ```

pub mod backtest;
pub mod fingerprint;
pub mod forecast;
pub mod grading;
pub mod indicators;
pub mod metrics;
pub mod portfolio;
pub mod rules;
