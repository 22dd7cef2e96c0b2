//! Fixtures and fakes for the tests of several crates: a manual clock, fake providers, tables that count calls, fail or
//! respond at once, a collector of spans, and a [`TestBed`] with customers and books.
//!
//! Only tests depend on it. It depends on the crates that it sets up; therefore their tests that use it are in `tests/it`
//! and not next to the code.
//!
//! - Tests move the clock and count calls; they measure no time.
//! - Only the outside world is faked: providers, e-mail and the clock. Unless a test asks for another table, it uses SQLite in
//!   memory.
//! - The name of a helper says what it sets up. What only one crate needs is in the tests of that crate.
//! - It may panic, because a failed unwrap is a failed test. Nothing that is deployed links it.

#![allow(missing_docs, clippy::unwrap_used, clippy::missing_panics_doc, reason = "a failed unwrap is a failed test")]

mod clock;
pub mod collector;
mod counting;
pub mod exchange;
pub mod fake_alpha_vantage;
mod instant_table;
mod intercepted;
pub mod people;
pub mod portfolios;
mod recording_mail;
pub mod sample_bars;
mod silent;
mod test_bed;

pub use clock::ManualClock;
pub use counting::{CountingTable, Counts};
pub use instant_table::InstantTable;
pub use intercepted::{InterceptedTable, Interceptor};
pub use recording_mail::RecordingMail;
pub use silent::SilentProvider;
pub use test_bed::TestBed;

use std::sync::Arc;

use app::ServiceError;
use domain::Symbol;
use market::OnBehalfOf;
use market_data::series::PriceSeries;
use market_data::{MarketData, history};

/// The history of a symbol, loaded on behalf of the platform.
pub async fn load(market: &MarketData, symbol: &Symbol) -> Result<Arc<PriceSeries>, ServiceError> {
    history::load(market, symbol, market.budget_for(OnBehalfOf::Platform)).await
}
