//! Market data: histories, quotes, instruments and exchange rates, from the store, and from a provider if what is stored is
//! stale.
//!
//! [`MarketData`] is the `App` with a price provider and the histories in memory. [`history`] loads the bars of a symbol,
//! [`quotes`] current prices, [`instruments`] metadata, and [`exchange_rates`] the rate between two currencies.
//! [`custom_instruments`] stores the instruments that customers value themselves.
//!
//! It uses `app`, the table and the provider. It depends on no portfolios, no sessions and no HTTP.
//!
//! - Provider calls are scarce and shared by all customers. A [`market::CallBudget`] states how many of them one request may
//!   use; [`MarketData::budget_for`] creates it once, and every function takes it. [`market::call_limits`] has all limits.
//!   [`tracked_symbols`] alone determines which symbols the scheduled refresh keeps current.
//! - Only one process at a time calls the provider for a symbol (`lease.rs`).
//! - Stored bars are never replaced by older ones, and a price dated after the market's clock does not count yet.

pub mod bars_csv;
pub mod custom_instruments;
pub mod exchange_hours;
pub mod exchange_rates;
mod freshness;
pub mod held_symbols;
pub mod history;
mod history_cache;
pub mod instruments;
pub mod last_run;
mod lease;
pub mod market_clock;
mod market_data;
mod new_quote;
mod new_symbol_lookups;
pub mod newest;
pub mod price_lines;
pub mod prices;
pub mod provider_metadata_cache;
pub mod quota;
pub mod quote_record;
pub mod quote_store;
pub mod quotes;
pub mod series;
pub mod splits;
pub mod staleness;
pub mod stored_series;
pub mod tracked_symbols;
pub mod warnings;

pub use market_data::MarketData;
