//! One rule pair over one symbol: signals, fills, trades and the resulting equity curve.
//!
//! A rule is evaluated on the close of a day with what was known then, and acted on at the next open or at that close.
//! There is one position, long only, all in. Prices, quantities and fees are as quoted on their day; splits multiply
//! the position, dividends are paid into cash. Nothing that comes after a day changes what happened on it.

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
