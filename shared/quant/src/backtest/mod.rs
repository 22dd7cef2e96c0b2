//! Backtests of a buy rule and a sell rule on one symbol: signals, fills, trades and the resulting equity curve.
//!
//! The rules are evaluated on each close, with the bars up to that day only (no look-ahead). The order is filled at the
//! next open or at that same close. There is at most one position: long only, with all the cash. Prices, quantities and
//! fees are as quoted on their day; splits multiply the units, and dividends are paid into cash.

#![cfg_attr(test, allow(clippy::float_cmp, reason = "expected values are exact in binary"))]

mod error;
mod events;
mod outcome;
mod position;
mod recorder;
mod run;
mod settings;
mod simulate;
mod summary;
mod trade;

pub use error::BacktestError;
pub use outcome::{BacktestOutcome, BuyAndHold, PendingOrder, Side, Warning};
pub use run::run;
pub use settings::{Fill, MAX_MONEY, Settings};
pub use summary::{Summary, summary};
pub use trade::{OpenTrade, Trade};
