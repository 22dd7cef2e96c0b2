//! The books of customers: wallets, trades, portfolios and their holdings.
//!
//! [`wallets`] moves money, [`statement`] shows how it moved, [`trades`] buys and sells at the stored quote,
//! [`activities`] are the history of accounts elsewhere, [`investments`] its open lots, and [`imports`] reads a file of them. [`portfolios`] contain trades and
//! lots; [`holdings`] computes their current value and [`performance`] how it changed, from the same prices and to the
//! same cent; [`overview`] adds both up over all portfolios of a customer. [`outcomes`] looks up what a call with an
//! idempotency key did.
//!
//! The crate reads prices only through `market_data`; the pure crates `ledger` and `valuation` decide and compute. It
//! does not depend on sessions, live connections or HTTP.
//!
//! - A change reads, lets `ledger` decide, and writes once, at the versions that it has read; an idempotency key
//!   ensures that it acts once.
//! - Money and units are exact decimals. An entry is never edited: a correction is a reversal.
//! - A lot dated after the market's today does not count in any value yet.

pub mod activities;
pub mod holdings;
pub mod imports;
pub mod investments;
pub mod outcomes;
pub mod overview;
pub mod performance;
pub mod portfolios;
pub mod positions;
pub mod statement;
pub mod trades;
pub mod wallets;
