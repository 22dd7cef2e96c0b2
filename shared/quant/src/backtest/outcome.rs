//! What a backtest found.

use std::collections::BTreeMap;

use domain::{Day, Spacing};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{OpenTrade, Trade};
use crate::metrics::Metrics;

/// Which way an order goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// A purchase.
    Buy,
    /// A sale.
    Sell,
}

/// An order given on the last close, which would be filled at an open that the data does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PendingOrder {
    /// Which way it goes.
    pub side: Side,
    /// Day on whose close the rule fired.
    pub signal_date: Day,
}

/// Something the reader of a result should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Warning {
    /// Stable name.
    pub code: String,
    /// What it means here.
    pub detail: String,
}

impl Warning {
    /// That the bars are no daily ones, so that whatever counts days counts weeks or months.
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

/// Buying at the first chance and never selling, with the same costs, splits and dividends.
#[derive(Clone, Debug, PartialEq)]
pub struct Benchmark {
    /// Its figures.
    pub metrics: Metrics,
    /// Reason by figure for each that has no value.
    pub unavailable: BTreeMap<String, String>,
    /// Equity at every close.
    pub equity: Vec<f64>,
}

/// Everything a backtest found.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Day of the first bar of the span.
    pub first_day: Day,
    /// Day of its last bar.
    pub last_day: Day,
    /// Bars of the span.
    pub bars: usize,
    /// Stored bars before the span, on which indicators warmed up.
    pub warmup_bars: usize,
    /// Bars of a year, by which figures of one bar became figures of a year: 252, 365, 52 or 12.
    pub periods_per_year: u32,
    /// Day of every bar of the span.
    pub dates: Vec<Day>,
    /// Equity at every close, starting with the initial investment less what a purchase at the first close cost.
    pub equity: Vec<f64>,
    /// Equity / highest equity so far − 1 at every close.
    pub drawdown: Vec<f64>,
    /// Closed trades, oldest first.
    pub trades: Vec<Trade>,
    /// The position still held.
    pub open_trade: Option<OpenTrade>,
    /// An order that waits for the next open.
    pub pending_order: Option<PendingOrder>,
    /// The figures of the run.
    pub metrics: Metrics,
    /// Reason by figure for each that has no value.
    pub unavailable: BTreeMap<String, String>,
    /// Buy and hold beside it.
    pub benchmark: Benchmark,
    /// What the reader should know.
    pub warnings: Vec<Warning>,
}
