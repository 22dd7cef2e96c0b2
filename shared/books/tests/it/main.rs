//! The integration tests of `books` on real stores.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod activities;
mod as_of;
mod cases;
mod custom_instruments;
mod dry_run;
mod holdings_of_today;
mod imports;
mod investments;
mod late_splits;
mod ledger;
mod outcomes;
mod overview;
mod portfolio_returns;
mod portfolios;
mod recorded;
mod statement;
mod stored_investments;
mod valued_portfolios;
