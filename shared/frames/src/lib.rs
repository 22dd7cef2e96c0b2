//! Weekly and monthly bars from daily bars.
//!
//! [`resample`](mod@resample) groups days into weeks and months. The crate depends only on `domain` and is pure: bars
//! in, periods out.
//!
//! - It is the only crate that uses polars, the slowest dependency to build. Only the function that returns weekly and
//!   monthly bars links it.
//! - polars blocks its thread, and it panics on a thread of a `current_thread` tokio runtime: inside async code, call
//!   [`resample()`] through `spawn_blocking`.
//! - A period is quoted on the scale of its last day, so that its high and low are comparable.
//! - The same bars give the same bytes.

pub mod error;
pub mod resample;

pub use error::FramesError;
pub use resample::{Period, resample};
