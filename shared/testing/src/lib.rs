//! What the tests of several crates share: a clock that is moved by hand, providers that answer as a test says, tables
//! that count, fail or take no time, and worlds with customers and books on them.
//!
//! Only tests depend on it. It stands above the crates that it sets up, and so their tests that use it are in
//! `tests/it` of each.
//!
//! - A test moves the clock and counts calls; it measures no time.
//! - A stand-in takes the place of the outside world only, of a provider or a clock. Where a test does not ask for
//!   another table, it is SQLite in memory.
//! - What a helper sets up it says in its name; what only one crate needs stays with that crate's tests.
//! - It may panic, for a failed unwrap is a failed test. Nothing that is deployed links it.

#![allow(missing_docs, clippy::unwrap_used, clippy::missing_panics_doc, reason = "a failed unwrap is a failed test")]

mod clock;
mod counting;
pub mod exchange;
pub mod fake_alpha_vantage;
mod instant_table;
mod intercepted;
pub mod people;
pub mod portfolios;
pub mod sample_bars;
mod silent;
mod test_bed;

pub use clock::ManualClock;
pub use counting::{CountingTable, Counts};
pub use instant_table::InstantTable;
pub use intercepted::{InterceptedTable, Interceptor};
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
