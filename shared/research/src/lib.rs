//! What can be said of a symbol: backtests of a rule, forecasts and their grades, and reports of both.
//!
//! [`backtests`] runs a rule over the history of a symbol and keeps the run; [`forecasts`] says what may come and is
//! graded by what came; [`reports`] has both in one object, of which the JSON, the charts and the PDF are made.
//!
//! The figures are computed by the pure crate `quant`, from the bars of `market_data` and nothing else. It knows no
//! portfolios, no sessions and no HTTP.
//!
//! - A forecast is named by all that it follows from and is written once: what was said before is never changed after.
//! - A backtest that is stored is answered again as it was.
//! - What takes long is computed on a blocking thread, and a large result is kept among the objects.
//! - A warning says what a reader must know of the prices: how old they are, and what they lack.

pub mod backtest_records;
pub mod backtests;
pub mod chart_series;
pub mod forecasts;
pub mod reports;
