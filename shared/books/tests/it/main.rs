//! The integration tests of `books` on real stores.

mod cases;
mod dry_run;
mod holdings_of_today;
mod imports;
mod late_splits;
mod ledger;
mod portfolio_returns;
mod portfolios;
mod valued_portfolios;
