//! The integration tests of `valuation`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod invested;
mod performance;
mod returns;
mod series;
mod support;
mod taxes;
mod tracked;
