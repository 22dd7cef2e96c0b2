//! Stored backtests, and their form in lists and responses.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Day, Symbol};
use quant::backtest::{Fill, OpenTrade, PendingOrder, Trade, Warning};
use quant::metrics::Metrics;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The settings of a backtest: the request with defaults filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = BacktestSettings)]
pub struct FilledRequest {
    /// The instrument that is traded.
    pub symbol: Symbol,
    /// First day of the requested span, else of the history.
    #[schema(required)]
    pub from: Option<Day>,
    /// Last day of the requested span, else of the history.
    #[schema(required)]
    pub to: Option<Day>,
    /// Cash at the first close, a decimal.
    #[schema(value_type = domain::schema::DecimalString)]
    pub initial_investment: String,
    /// The buy rule.
    pub buy: String,
    /// The sell rule.
    pub sell: String,
    /// When an order is filled.
    pub fill: Fill,
    /// Commission per side, in percent of the amount.
    pub commission_percent: f64,
    /// Minimum commission per side, a decimal.
    #[schema(value_type = domain::schema::DecimalString)]
    pub commission_minimum: String,
    /// Slippage per side, in percent of the price.
    pub slippage_percent: f64,
    /// Whether fractional units can be bought.
    pub fractional: bool,
    /// Yearly risk-free rate, a fraction.
    pub risk_free_rate: f64,
}

/// The bars that a backtest read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = BacktestData)]
pub struct DataUsed {
    /// The instrument of the bars.
    pub symbol: Symbol,
    /// First bar of the span.
    pub from: Day,
    /// Last bar of the span.
    pub to: Day,
    /// Bars of the span.
    pub bars: usize,
    /// Bars before the span, used to warm up the indicators.
    pub warmup_bars: usize,
    /// The source of the prices.
    pub source: String,
    /// Hash of all bars read, lower-case hex.
    #[schema(value_type = domain::schema::Sha256)]
    pub sha256: String,
}

/// Buy and hold over the same span, with the same costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BenchmarkSummary {
    /// The figures of buy and hold.
    pub metrics: Metrics,
    /// The reason for each null figure, by its name.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
}

/// A backtest without its trades and equity, as in lists.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BacktestSummary {
    /// Id of the backtest.
    pub id: Uuid,
    /// The name that its owner gave it, 1 to 100 characters; null if it has none.
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 100, example = "Crossover with costs")]
    pub name: Option<String>,
    /// When it was run.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// The request with defaults filled in.
    pub request: FilledRequest,
    /// The bars it read.
    pub data: DataUsed,
    /// Bars a year, for annualizing figures of one bar: 252 for trading days, 365 if weekends trade too, 52 for weeks,
    /// 12 for months.
    #[serde(default = "domain::spacing::of_trading_days")]
    #[schema(required)]
    pub periods_per_year: u32,
    /// The figures of the backtest.
    pub metrics: Metrics,
    /// The reason for each null figure, by its name.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
    /// Buy and hold for comparison.
    pub benchmark: BenchmarkSummary,
    /// The position still open at the end; null if there is none.
    #[schema(required)]
    pub open_trade: Option<OpenTrade>,
    /// An order of the last close, with no bar left to fill it; null if there is none.
    #[schema(required)]
    pub pending_order: Option<PendingOrder>,
    /// Warnings for the reader.
    pub warnings: Vec<Warning>,
}

/// One day of an equity curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EquityPoint {
    /// The trading day.
    pub date: Day,
    /// Cash and position at the close.
    pub equity: f64,
    /// Fall from the highest equity before, a fraction ≤ 0.
    pub drawdown: f64,
}

/// Buy and hold with its equity curve.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BenchmarkRun {
    /// Its figures, and the reason for each null one.
    #[serde(flatten)]
    pub summary: BenchmarkSummary,
    /// Its equity at the closes of the same days. Absent if `include` does not name `equity`.
    #[schema(required = false)]
    pub equity: Vec<EquityPoint>,
}

/// A heavy part of a backtest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BacktestPart {
    /// Both equity curves: that of the rule and that of buy and hold.
    Equity,
    /// The closed trades.
    Trades,
}

// Its stored JSON never changes and has no name: the name, which can change, is in the stored summary.
/// A whole backtest, with its trades and equity.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BacktestRun {
    /// Id of the backtest.
    pub id: Uuid,
    /// The name that its owner gave it, 1 to 100 characters; null if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100, example = "Crossover with costs")]
    pub name: Option<String>,
    /// When it was run.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// The request with defaults filled in.
    pub request: FilledRequest,
    /// The bars it read.
    pub data: DataUsed,
    /// Bars a year, for annualizing figures of one bar: 252 for trading days, 365 if weekends trade too, 52 for weeks,
    /// 12 for months.
    #[serde(default = "domain::spacing::of_trading_days")]
    #[schema(required)]
    pub periods_per_year: u32,
    /// The figures of the backtest.
    pub metrics: Metrics,
    /// The reason for each null figure, by its name.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
    /// Buy and hold for comparison.
    pub benchmark: BenchmarkRun,
    /// Closed trades, oldest first. Absent if `include` does not name `trades`.
    #[schema(required = false)]
    pub trades: Vec<Trade>,
    /// The position still open at the end; null if there is none.
    #[schema(required)]
    pub open_trade: Option<OpenTrade>,
    /// An order of the last close, with no bar left to fill it; null if there is none.
    #[schema(required)]
    pub pending_order: Option<PendingOrder>,
    /// Equity at every close of the span. Absent if `include` does not name `equity`.
    #[schema(required = false)]
    pub equity: Vec<EquityPoint>,
    /// Warnings for the reader.
    pub warnings: Vec<Warning>,
}
