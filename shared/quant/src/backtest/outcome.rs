//! The result of a backtest.

use std::collections::BTreeMap;

use domain::{Day, Spacing};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{OpenTrade, Trade};
use crate::metrics::Metrics;

/// The side of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BacktestOrderSide)]
pub enum Side {
    /// A purchase.
    Buy,
    /// A sale.
    Sell,
}

/// An order from the last close. It would be filled at the next open, for which there is no bar yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = BacktestPendingOrder)]
pub struct PendingOrder {
    /// Buy or sell.
    pub side: Side,
    /// Day on whose close the rule was true.
    pub signal_date: Day,
}

/// A warning for the reader of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Warning {
    /// Stable code of the warning.
    #[schema(value_type = domain::schema::ReasonCode)]
    pub code: String,
    /// What it means for this result.
    pub detail: String,
}

impl Warning {
    /// Warns that the bars are not daily: windows and horizons then count weeks or months instead of days.
    #[must_use]
    pub fn on_spacing(spacing: Spacing) -> Option<Self> {
        let (name, bars) = match spacing {
            Spacing::TradingDays | Spacing::CalendarDays => return None,
            Spacing::Weeks => ("weekly", "weeks"),
            Spacing::Months => ("monthly", "months"),
        };
        let detail = format!(
            "The bars are {name}: windows and horizons count {bars}, and a year has {} of them.",
            spacing.periods_per_year()
        );
        Some(Self { code: "not_daily".to_owned(), detail })
    }
}

/// Buy and hold: bought at the first opportunity and never sold, with the same costs, splits and dividends.
#[derive(Clone, Debug, PartialEq)]
pub struct BuyAndHold {
    /// Its figures.
    pub metrics: Metrics,
    /// The reason for each figure without a value, by its name.
    pub unavailable: BTreeMap<String, String>,
    /// Equity at every close.
    pub equity: Vec<f64>,
}

/// The full result of a backtest.
#[derive(Clone, Debug, PartialEq)]
pub struct BacktestOutcome {
    /// Day of the first bar of the span.
    pub first_day: Day,
    /// Day of its last bar.
    pub last_day: Day,
    /// Bars of the span.
    pub bars: usize,
    /// Bars before the span, used to warm up the indicators.
    pub warmup_bars: usize,
    /// Bars per year, for annualizing figures: 252, 365, 52 or 12.
    pub periods_per_year: u32,
    /// Day of every bar of the span.
    pub dates: Vec<Day>,
    /// Equity at every close, starting with the initial investment less the cost of a purchase at the first close.
    pub equity: Vec<f64>,
    /// Equity / highest equity so far − 1 at every close.
    pub drawdown: Vec<f64>,
    /// Closed trades, oldest first.
    pub trades: Vec<Trade>,
    /// The position still held at the end.
    pub open_trade: Option<OpenTrade>,
    /// An order that waits for the next open.
    pub pending_order: Option<PendingOrder>,
    /// The figures of the run.
    pub metrics: Metrics,
    /// The reason for each figure without a value, by its name.
    pub unavailable: BTreeMap<String, String>,
    /// Buy and hold for comparison.
    pub benchmark: BuyAndHold,
    /// Warnings for the reader.
    pub warnings: Vec<Warning>,
}
