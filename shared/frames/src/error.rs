//! Resampling errors.

use domain::BarError;
use polars::error::PolarsError;

/// Why bars cannot be resampled.
#[derive(Debug, thiserror::Error)]
pub enum FramesError {
    /// The days do not strictly increase.
    #[error("the days of a series must strictly increase")]
    Order,
    /// Prices so extreme that scaling them overflows.
    #[error("the prices are too large to be scaled: {0}")]
    Scale(#[from] BarError),
    /// The table engine failed; a bug in this crate.
    #[error("the table engine failed: {0}")]
    Engine(#[from] PolarsError),
}
