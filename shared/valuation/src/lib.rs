//! What holdings are worth: day by day, today, and how they got there.
//!
//! [`Series`] is the value of every day and can be kept and continued; [`performance`](performance::performance) makes
//! returns, risk and attribution of a span of it; [`holdings`](holdings::holdings) is the position today. It uses
//! `domain`, and `quant` for returns and risk, and is pure: records and prices in, values out.
//!
//! - Money and units are exact: whole numbers of a fixed fine unit inside, decimals outside. Prices and dividends
//!   arrive as floats of bars and are decimals from then on; only ratios are floats again.
//! - A series that is continued is the same, to the byte, as one computed from the beginning.
//! - What a day gained is explained to the last cent: price, income, fees and rates of exchange sum to it.
//! - A holding without a price is not guessed at: it is [`Unvalued`], with its reason, and the others stand.

mod allocation;
mod amount;
mod attribution;
mod benchmark;
mod book;
mod calendar;
mod checkpoint;
mod day_value;
mod error;
mod fingerprint;
mod fixed;
mod holdings;
mod moves;
mod noted;
mod performance;
mod plan;
mod position;
mod rates;
mod run;
mod series;
mod stream;
mod totals;

pub use allocation::{Share, shares};
pub use amount::Amount;
pub use attribution::{
    Attribution, GroupAttribution, SymbolAttribution, attribution_by_group, attribution_by_symbol, totals_by_symbol,
};
pub use benchmark::Benchmark;
pub use book::{Book, Flow, FlowKind, Line, RateQuote, Rates};
pub use checkpoint::{Checkpoint, Standing};
pub use day_value::DayValue;
pub use error::{Unvalued, ValuationError};
pub use fingerprint::fingerprint_of_prices;
pub use holdings::{Held, Holding, Holdings, Purchase, Quoted, holdings};
pub use noted::Noted;
pub use performance::{Performance, PerformanceDay, PerformanceMetrics, PerformanceRequest, performance};
pub use series::{DEFINITIONS, Series, SeriesYear, value_series};
pub use totals::SymbolTotals;
