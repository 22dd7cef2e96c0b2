//! Performance figures, one a file, and the set of them that a backtest reports.
//!
//! Every figure is a function of returns, of an equity curve or of trades. It returns a number or [`Unavailable`], the
//! reason why it has none. Deviations are of the sample (divisor n − 1) unless stated otherwise, `periods_per_year` is
//! the number of returns a year ([`TRADING_DAYS`] for daily ones), `risk_free_rate` is a yearly fraction of which each
//! period takes its share.

#![cfg_attr(test, allow(clippy::float_cmp, reason = "expected values are exact in binary"))]

mod alpha;
mod beta;
mod cagr;
mod calmar;
mod cvar;
mod deflated_sharpe;
mod drawdown;
mod expectancy;
mod information_ratio;
mod kelly;
mod moments;
mod monthly_returns;
mod probabilistic_sharpe;
mod profit_factor;
mod report;
mod returns;
mod sharpe;
mod sortino;
mod sqn;
mod tracking_error;
mod ulcer;
mod unavailable;
mod var;
mod volatility;
mod win_rate;

pub use alpha::alpha;
pub use beta::beta;
pub use cagr::cagr;
pub use calmar::calmar;
pub use cvar::cvar_95;
pub use deflated_sharpe::{deflated_sharpe, expected_best_sharpe};
pub use drawdown::{Drawdown, drawdowns, max_drawdown};
pub use expectancy::expectancy;
pub use information_ratio::information_ratio;
pub use kelly::kelly;
pub use moments::{kurtosis, mean, sample_deviation, skewness};
pub use monthly_returns::{SeriesError, YearReturns, monthly_returns};
pub use probabilistic_sharpe::probabilistic_sharpe;
pub use profit_factor::profit_factor;
pub use report::{MetricsInput, figures};
pub use returns::returns;
pub use sharpe::{sharpe, sharpe_per_period};
pub use sortino::sortino;
pub use sqn::sqn;
pub use tracking_error::tracking_error;
pub use ulcer::ulcer_index;
pub use unavailable::Unavailable;
pub use var::var_95;
pub use volatility::volatility;
pub use win_rate::win_rate;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Trading days in a year.
pub const TRADING_DAYS: f64 = 252.0;
/// Below this many returns, volatility and the figures that depend on it are null.
pub const MIN_RETURNS: usize = 20;
/// Below this many calendar days, growth per year is null.
pub const DAYS_OF_A_YEAR: i32 = 365;

/// The figures of an equity curve and its trades. Ratios are fractions. A figure that cannot be computed is null, with
/// its reason in `unavailable`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = BacktestMetrics)]
pub struct Metrics {
    /// Equity at the last close, in the instrument's currency.
    pub final_equity: f64,
    /// Final equity / initial investment − 1.
    pub total_return: f64,
    /// Compound annual growth rate.
    #[schema(required)]
    pub cagr: Option<f64>,
    /// Annualised standard deviation of the returns from bar to bar.
    #[schema(required)]
    pub volatility: Option<f64>,
    /// Annualised Sharpe ratio.
    #[schema(required)]
    pub sharpe: Option<f64>,
    /// Annualised Sortino ratio.
    #[schema(required)]
    pub sortino: Option<f64>,
    /// CAGR / |maximum drawdown|.
    #[schema(required)]
    pub calmar: Option<f64>,
    /// Deepest fall from a peak, a fraction ≤ 0.
    pub max_drawdown: f64,
    /// Calendar days from that peak to the recovery, or to the end.
    pub max_drawdown_days: i32,
    /// Root mean square of the drawdowns.
    #[schema(required)]
    pub ulcer_index: Option<f64>,
    /// 5 % quantile of the returns from bar to bar.
    #[schema(required)]
    pub var_95: Option<f64>,
    /// Mean of those returns at or below `var_95`.
    #[schema(required)]
    pub cvar_95: Option<f64>,
    /// Share of bars at whose close a position is held.
    #[schema(required)]
    pub exposure: Option<f64>,
    /// Number of closed trades.
    pub trades: usize,
    /// Share of closed trades with a gain.
    #[schema(required)]
    pub win_rate: Option<f64>,
    /// Σ gains / |Σ losses|, in money.
    #[schema(required)]
    pub profit_factor: Option<f64>,
    /// Mean return of the closed trades.
    #[schema(required)]
    pub expectancy: Option<f64>,
    /// Highest return of a closed trade.
    #[schema(required)]
    pub best_trade: Option<f64>,
    /// Lowest return of a closed trade.
    #[schema(required)]
    pub worst_trade: Option<f64>,
    /// Mean calendar days of a closed trade.
    #[schema(required)]
    pub average_days_held: Option<f64>,
    /// All fees paid, slippage not included.
    pub fees: f64,
    /// System quality number.
    #[schema(required)]
    pub sqn: Option<f64>,
    /// Kelly fraction of the closed trades.
    #[schema(required)]
    pub kelly: Option<f64>,
    /// Probability that the true Sharpe ratio is above zero.
    #[schema(required)]
    pub probabilistic_sharpe: Option<f64>,
}
