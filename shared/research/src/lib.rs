//! Research on a symbol: backtests of rules, forecasts and their grades, and reports of both.
//!
//! [`backtests`] runs rules over the history of a symbol and stores the run, [`stored_backtests`] reads, names and removes it; [`forecasts`] makes forecasts and grades
//! them by the actual prices; [`reports`] combines both in one object, from which the JSON, the charts and the PDF are
//! made.
//!
//! The figures are computed by the pure crate `quant` from the bars of `market_data`. The crate does not depend on
//! portfolios, sessions or HTTP.
//!
//! - The key of a forecast contains all of its inputs, and it is written once: no forecast is changed afterwards.
//! - A stored backtest is returned unchanged; only its name, which is stored beside it, can change.
//! - Long computations run on a blocking thread, and a large result is stored among the objects.
//! - Warnings state what a reader must know about the prices: how old they are, and what is missing.

pub mod backtest_records;
pub mod backtests;
pub mod chart_series;
pub mod forecasts;
pub mod reports;
pub mod stored_backtests;
