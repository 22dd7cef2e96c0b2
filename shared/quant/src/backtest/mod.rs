//! One rule over one symbol: signals, fills, trades and the equity curve they leave.
//!
//! A rule is evaluated on the close of a day with what was known then, and acted on at the next open
//! or at that close. One position, long only, all in. Prices, quantities and fees are as quoted on
//! their day; splits multiply what is held, dividends are paid into cash. Nothing that comes after
//! a day changes what happened on it.

#![cfg_attr(test, allow(clippy::float_cmp, reason = "expected values are exact in binary"))]

mod error;
mod events;
mod ledger;
mod outcome;
mod position;
mod run;
mod settings;
mod simulate;
mod summary;
mod trade;

pub use error::BacktestError;
pub use outcome::{Benchmark, Outcome, PendingOrder, Side, Warning};
pub use run::run;
pub use settings::{Fill, MAX_MONEY, Settings};
pub use summary::{Summary, summary};
pub use trade::{OpenTrade, Trade};
