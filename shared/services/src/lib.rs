//! The use cases, one file each: load, let the pure core decide, write once.
//!
//! A service takes the [`App`] and domain types and answers with a record or a [`ServiceError`].
//! It knows no HTTP and no AWS; the engines behind [`App`] are chosen by the composition roots.

pub mod alerts;
mod app;
pub mod backtest_records;
pub mod backtests;
pub mod bus;
pub mod chart_series;
mod digest;
mod dry_run;
pub mod error;
mod exchange_rates;
mod extension;
mod first_looks;
mod following;
pub mod forecasts;
pub mod health;
pub mod history;
pub mod holdings;
pub mod idempotency;
pub mod identity;
pub mod imports;
pub mod instruments;
pub mod investments;
mod kept_answers;
pub mod last_quote;
mod listing;
pub mod live;
pub mod mail;
pub mod market_clock;
mod objects_of;
pub mod own_items;
pub mod paid_facts;
pub mod performance;
pub mod portfolios;
pub mod positions;
pub mod precondition;
mod price_lines;
pub mod push;
pub mod quota;
pub mod quotes;
pub mod rate_limiter;
pub mod refresh;
pub mod reports;
pub mod splits;
pub mod staleness;
mod tally;
pub mod trades;
pub mod verification;
pub mod wallets;
pub mod warnings;
pub mod watchlist;

pub use app::{App, Channels, Parts};
pub use error::ServiceError;
pub use first_looks::MAX_FIRST_LOOKS;
pub use idempotency::Created;
pub use precondition::Precondition;

/// How long a change is tried again that loses races.
pub(crate) const CONFLICT_BUDGET: std::time::Duration = std::time::Duration::from_secs(5);
