//! What is known of markets: histories, quotes, instruments and rates of exchange, from the store, and from a provider
//! where what is stored is not new enough.
//!
//! [`MarketData`] is the application with the source of prices and the histories in memory. [`history`] answers with
//! the bars of a symbol, [`quotes`] with the price of now, [`instruments`] with what a symbol stands for,
//! [`exchange_rates`] with what a currency is worth in another, and [`custom_instruments`] keeps what a customer values
//! themselves.
//!
//! It uses `app`, the table and the provider. It knows no portfolios, no sessions and no HTTP.
//!
//! - A provider's calls are few and shared by all. What a request may have of them is one value,
//!   [`market::CallBudget`], which [`MarketData::budget_for`] makes once and every function takes;
//!   [`market::call_limits`] has every limit. Only [`tracked_symbols`] says what the scheduled refresh keeps current.
//! - Of all processes on a table one at a time asks about a symbol (`lease.rs`).
//! - Stored bars are never made older, and a price that the market's clock has not reached is in nothing yet.

pub mod bars_csv;
pub mod custom_instruments;
pub mod exchange_hours;
pub mod exchange_rates;
mod freshness;
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
