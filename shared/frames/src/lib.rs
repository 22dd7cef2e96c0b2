//! Tables over many bars: weeks and months, month-by-month returns, CSV.
//!
//! [`resample`](mod@resample) makes weeks and months of days, [`monthly_returns`](mod@monthly_returns) the table of a
//! report, [`bars_csv`] the file that a customer downloads. It uses `domain` and is pure: bars in, tables or text out.
//!
//! - It is the only crate that names polars, the slowest build of the workspace: no function links it but those that
//!   make such tables.
//! - polars blocks its thread, and on a `current_thread` tokio runtime it panics when it finds itself on one of the
//!   runtime's own threads: inside async code call [`resample()`] through `spawn_blocking`.
//! - A period is quoted on the scale of its last day, so that its high and low compare.
//! - The same bars give the same bytes.

pub mod bars_csv;
pub mod error;
pub mod monthly_returns;
pub mod resample;

pub use bars_csv::to_csv;
pub use error::FramesError;
pub use monthly_returns::{YearRow, monthly_returns};
pub use resample::{Period, resample};
