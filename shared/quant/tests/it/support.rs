//! The sample prices, and days from their texts.

#[path = "../../../testing/src/sample_bars.rs"]
mod sample_bars;

use domain::Day;

pub use sample_bars::bars as sample;

/// A day from its text.
pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}
