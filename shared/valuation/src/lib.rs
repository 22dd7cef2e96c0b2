//! The value of holdings: day by day, current, and the causes of its changes.
//!
//! [`ValueSeries`] is the value of every day and can be stored and continued; [`performance`](performance::performance)
//! computes returns, risk and attribution of a span of it; [`holdings`](holdings::holdings) are the current positions.
//! The crate depends on `domain`, and on `quant` for returns and risk, and is pure: records and prices in, values out.
//!
//! - Money and units are exact: fixed-point integers inside, decimals outside. Prices and dividends arrive as the
//!   floats of bars and are decimals from then on; only ratios are floats again.
//! - A continued series is byte-for-byte the same as one computed from the beginning.
//! - A day's gain is explained to the last cent: price, income, fees and exchange rates sum to it.
//! - A holding without a price is not estimated: it is [`Unvalued`], with the reason, and the others are still valued.

mod allocation;
mod amount;
mod attribution;
mod benchmark;
mod book;
mod calendar;
mod cash;
mod checkpoint;
mod columns;
mod day_value;
mod error;
mod fingerprint;
mod fixed;
mod flow_count;
mod growth;
mod holdings;
mod invested;
mod lot_moves;
mod measured_span;
mod moves;
mod performance;
mod periods;
mod plan;
mod position;
mod rates;
mod run;
mod series;
mod span_columns;
mod stream;
mod totals;

pub use allocation::{Share, shares};
pub use amount::Amount;
pub use attribution::{
    Attribution, GroupAttribution, SymbolAttribution, attribution_by_group, attribution_by_symbol, totals_by_symbol,
};
pub use benchmark::Benchmark;
pub use book::{
    CashMove, CashMoveKind, CashRecords, Flow, FlowKind, Income, IncomeKind, InstrumentRecords, PortfolioBook,
    RateQuote, Rates,
};
pub use checkpoint::{Checkpoint, CheckpointCash, CheckpointPosition};
pub use day_value::DayValue;
pub use error::{Unvalued, ValuationError};
pub use fingerprint::fingerprint_of_prices;
pub use flow_count::FlowCount;
pub use holdings::{HeldPosition, Holding, Holdings, Quoted, RecentPurchase, holdings};
pub use invested::{InvestedDay, SpanStart, invested_after, invested_days, invested_without_removals};
pub use lot_moves::{LotChange, LotMove};
pub use measured_span::{PerformanceDay, PerformanceRequest};
pub use performance::{Performance, PerformanceMetrics, performance};
pub use periods::by_period;
pub use series::{DEFINITIONS, SeriesYear, ValueSeries, value_series};
pub use totals::SymbolTotals;
