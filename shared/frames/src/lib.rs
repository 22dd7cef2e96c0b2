//! Weeks and months out of the bars of days.
//!
//! [`resample`](mod@resample) makes weeks and months of days. It uses `domain` and is pure: bars in, periods out.
//!
//! - It is the only crate that names polars, the slowest build of the workspace: no function links it but the one that
//!   answers with weeks and months.
//! - polars blocks its thread, and on a `current_thread` tokio runtime it panics when it finds itself on one of the
//!   runtime's own threads: inside async code call [`resample()`] through `spawn_blocking`.
//! - A period is quoted on the scale of its last day, so that its high and low compare.
//! - The same bars give the same bytes.

pub mod error;
pub mod resample;

pub use error::FramesError;
pub use resample::{Period, resample};
