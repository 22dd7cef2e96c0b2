//! Technical indicators over columns, each in time proportional to the bars whatever the window.
//!
//! Every indicator gives one value a bar. `f64::NAN` means "undefined": the window is not full yet, a value in it is
//! undefined, or the result is not a finite number. Inputs hold finite numbers or NaN. Windows are counted in bars and
//! are at least 1; a window of 0 counts as 1. Bollinger bands and MACD are sums of these, composed by the rule
//! language.

#![cfg_attr(test, allow(clippy::float_cmp, reason = "expected values are exact in binary"))]

mod atr;
mod extremes;
mod roc;
mod rsi;
mod sliding;
mod sma;
mod smoothing;
mod stdev;

pub use atr::atr;
pub use extremes::{highest, lowest};
pub use roc::roc;
pub use rsi::rsi;
pub use sma::sma;
pub use smoothing::ema;
pub use stdev::stdev;
