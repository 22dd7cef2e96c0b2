//! What is kept of a backtest, and what lists and answers show of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Day, Symbol};
use quant::backtest::{Fill, OpenTrade, PendingOrder, Trade, Warning};
use quant::metrics::Metrics;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A request as it was run, with the defaults filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FilledRequest {
    /// The instrument.
    pub symbol: Symbol,
    /// First day of the span as asked for, else that of the history.
    pub from: Option<Day>,
    /// Last day of the span as asked for, else that of the history.
    pub to: Option<Day>,
    /// Cash at the first close, a decimal.
    pub initial_investment: String,
    /// Rule that enters a position.
    pub buy: String,
    /// Rule that leaves it.
    pub sell: String,
    /// When an order is filled.
    pub fill: Fill,
    /// Commission per side, in percent of the amount.
    pub commission_percent: f64,
    /// Least commission per side, a decimal.
    pub commission_minimum: String,
    /// Slippage per side, in percent of the price.
    pub slippage_percent: f64,
    /// Whether parts of a unit may be bought.
    pub fractional: bool,
    /// Yearly risk-free rate, a fraction.
    pub risk_free_rate: f64,
}

/// The bars that a backtest read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DataUsed {
    /// The instrument.
    pub symbol: Symbol,
    /// First bar of the span.
    pub from: Day,
    /// Last bar of the span.
    pub to: Day,
    /// Bars of the span.
    pub bars: usize,
    /// Bars before the span that warmed the indicators up.
    pub warmup_bars: usize,
    /// Where the prices came from.
    pub source: String,
    /// Hash of all bars read, lower-case hex.
    pub sha256: String,
}

/// Buy and hold over the same span, with the same costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BenchmarkSummary {
    /// Its figures.
    pub metrics: Metrics,
    /// Why a figure is null, by its name.
    pub unavailable: BTreeMap<String, String>,
}

/// A backtest without its trades and equity, as lists show it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Summary {
    /// Id.
    pub id: Uuid,
    /// When it was run.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// The request with its defaults filled in.
    pub request: FilledRequest,
    /// The bars it read.
    pub data: DataUsed,
    /// Bars of a year, by which figures of one bar became figures of a year: 252 of trading days, 365 where weekends trade
    /// too, 52 of weeks, 12 of months.
    #[serde(default = "domain::spacing::of_trading_days")]
    pub periods_per_year: u32,
    /// Its figures.
    pub metrics: Metrics,
    /// Why a figure is null, by its name.
    pub unavailable: BTreeMap<String, String>,
    /// Buy and hold beside it.
    pub benchmark: BenchmarkSummary,
    /// The position still held at the end.
    pub open_trade: Option<OpenTrade>,
    /// An order of the last close that no bar was left to fill.
    pub pending_order: Option<PendingOrder>,
    /// What a reader must know.
    pub warnings: Vec<Warning>,
}

/// One day of an equity curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EquityPoint {
    /// The day.
    pub date: Day,
    /// Cash and position at the close.
    pub equity: f64,
    /// Fall from the highest equity before, a fraction ≤ 0.
    pub drawdown: f64,
}

/// Buy and hold with its equity curve.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BenchmarkRun {
    /// Its figures and why some are null.
    #[serde(flatten)]
    pub summary: BenchmarkSummary,
    /// Its equity at the closes of the same days.
    pub equity: Vec<EquityPoint>,
}

/// A whole backtest.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Id.
    pub id: Uuid,
    /// When it was run.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// The request with its defaults filled in.
    pub request: FilledRequest,
    /// The bars it read.
    pub data: DataUsed,
    /// Bars of a year, by which figures of one bar became figures of a year: 252 of trading days, 365 where weekends trade
    /// too, 52 of weeks, 12 of months.
    #[serde(default = "domain::spacing::of_trading_days")]
    pub periods_per_year: u32,
    /// Its figures.
    pub metrics: Metrics,
    /// Why a figure is null, by its name.
    pub unavailable: BTreeMap<String, String>,
    /// Buy and hold beside it.
    pub benchmark: BenchmarkRun,
    /// Closed trades, oldest first.
    pub trades: Vec<Trade>,
    /// The position still held at the end.
    pub open_trade: Option<OpenTrade>,
    /// An order of the last close that no bar was left to fill.
    pub pending_order: Option<PendingOrder>,
    /// Equity at every close of the span.
    pub equity: Vec<EquityPoint>,
    /// What a reader must know.
    pub warnings: Vec<Warning>,
}
