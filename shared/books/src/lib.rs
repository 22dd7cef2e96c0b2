//! The books of customers: wallets, trades, portfolios and what they hold.
//!
//! [`wallets`] moves money, [`trades`] buys and sells at the stored quote, [`investments`] records what is held
//! elsewhere, and [`imports`] brings in a file of it. [`portfolios`] are what all of that is filed under; [`holdings`]
//! says what they are worth now and [`performance`] how that came about, from the same prices and to the same cent.
//!
//! It reads prices through `market_data` only; the pure crates `ledger` and `valuation` decide and compute. It knows no
//! sessions, no live connections and no HTTP.
//!
//! - A change reads, lets `ledger` decide, and writes once, at the versions that it has read; an idempotency key makes
//!   it act once.
//! - Money and units are exact decimals. An entry is never edited: a correction is a reversal.
//! - A lot is dated no later than the market's today, or counts in nothing yet.

pub mod holdings;
pub mod imports;
pub mod investments;
pub mod performance;
pub mod portfolios;
pub mod positions;
pub mod trades;
pub mod wallets;
