//! Why a table cannot be made.

use domain::BarError;
use polars::error::PolarsError;

/// Why a table cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum FramesError {
    /// The days do not strictly increase.
    #[error("the days of a series must increase")]
    Order,
    /// Prices so extreme that their scale overflows.
    #[error("the prices cannot be brought to one scale: {0}")]
    Scale(#[from] BarError),
    /// The table engine refused; a mistake of ours.
    #[error("the table engine failed: {0}")]
    Engine(#[from] PolarsError),
}
