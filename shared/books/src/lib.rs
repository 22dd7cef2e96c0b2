//! The books of customers: wallets, trades, portfolios and what they hold.
//!
//! [`wallets`] moves money, [`trades`] buys and sells at the stored quote, [`investments`] records what is held elsewhere,
//! and [`imports`] brings in a file of it. [`portfolios`] are what all of that is filed under; [`holdings`] says what they
//! are worth now and [`performance`] how that came about, from the same prices and to the same cent.
//!
//! A change reads, lets the pure crate `ledger` decide, and writes once, at the versions that it has read; an idempotency
//! key makes it act once. Money and units are exact decimals. An entry is never edited, and a lot is dated no later than the
//! market's today, or counts in nothing yet.
//!
//! It reads prices through `market_data` only, and knows no sessions and no HTTP.

pub mod holdings;
pub mod imports;
pub mod investments;
pub mod performance;
pub mod portfolios;
pub mod positions;
pub mod trades;
pub mod wallets;
