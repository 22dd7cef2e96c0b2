//! The integration tests of `market_data` on real stores.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod fetching;
mod files;
mod histories;
mod looking;
mod provider_metadata_cache;
mod quota;
mod quotes;
mod tracked_symbols;
mod waiting;
mod warnings;
