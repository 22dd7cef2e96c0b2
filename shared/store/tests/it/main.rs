//! The integration tests of `store`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod bars;
mod documents;
#[path = "../../../testing/src/sample_bars.rs"]
mod sample_bars;
