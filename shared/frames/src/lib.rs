//! Tables over many bars: weeks and months, month-by-month returns, CSV.
//!
//! The only crate that names polars, the slowest build of the workspace: nothing that a small function
//! links may depend on it.
//!
//! polars blocks its thread, and on a `current_thread` tokio runtime it panics when it finds itself on
//! one of the runtime's own threads: inside async code call [`resample`] through `spawn_blocking`.

pub mod bars_csv;
pub mod error;
pub mod monthly_returns;
pub mod resample;

pub use bars_csv::to_csv;
pub use error::FramesError;
pub use monthly_returns::{YearRow, monthly_returns};
pub use resample::{Period, resample};
