//! The figures that a backtest reports, from one curve and its trades.

use std::collections::BTreeMap;

use domain::Day;

use super::{
    MIN_RETURNS, Metrics, Unavailable, cagr, calmar, cvar_95, expectancy, kelly, max_drawdown, probabilistic_sharpe,
    profit_factor, returns, sharpe, sortino, sqn, ulcer_index, var_95, volatility, win_rate,
};
use crate::backtest::Trade;

/// A simulation's equity curve, trades and costs: the input of every figure.
#[derive(Clone, Copy, Debug)]
pub struct MetricsInput<'a> {
    /// Day of every point of the curve.
    pub dates: &'a [Day],
    /// Equity at every close.
    pub equity: &'a [f64],
    /// Drawdown at every close, see [`super::drawdowns`].
    pub drawdown: &'a [f64],
    /// Money at the start.
    pub initial_investment: f64,
    /// Closed trades.
    pub trades: &'a [Trade],
    /// All fees paid, including those of an open trade.
    pub fees: f64,
    /// Bars at whose close a position is held.
    pub bars_held: usize,
    /// Yearly fraction.
    pub risk_free_rate: f64,
    /// Bars a year, see [`domain::Spacing`].
    pub periods_per_year: u32,
}

/// Collects reasons by the name of the figure.
#[derive(Default)]
struct Reasons(BTreeMap<String, String>);

impl Reasons {
    fn take(&mut self, name: &str, figure: Result<f64, Unavailable>) -> Option<f64> {
        figure.map_err(|reason| self.0.insert(name.to_owned(), reason.code().to_owned())).ok()
    }
}

/// The figures of a run, and the reason for each that has no value, by its name.
#[must_use]
pub fn figures(run: &MetricsInput<'_>) -> (Metrics, BTreeMap<String, String>) {
    let mut reasons = Reasons::default();
    let returns = returns(run.equity);
    let (rate, periods) = (run.risk_free_rate, f64::from(run.periods_per_year));
    let enough = if returns.len() < MIN_RETURNS { Err(Unavailable::FewReturns) } else { Ok(returns.as_slice()) };
    let final_equity = run.equity.last().copied().unwrap_or(run.initial_investment);
    let days = run.dates.first().zip(run.dates.last()).map_or(0, |(first, last)| last.days_since(*first));
    let deepest = max_drawdown(run.equity, run.dates);
    let growth = cagr(run.initial_investment, final_equity, days);
    let trades = run.trades;
    let metrics = Metrics {
        final_equity,
        total_return: final_equity / run.initial_investment - 1.0,
        cagr: reasons.take("cagr", growth),
        volatility: reasons.take("volatility", enough.and_then(|returns| volatility(returns, periods))),
        sharpe: reasons.take("sharpe", enough.and_then(|returns| sharpe(returns, rate, periods))),
        sortino: reasons.take("sortino", enough.and_then(|returns| sortino(returns, periods))),
        calmar: reasons.take("calmar", growth.and_then(|growth| calmar(growth, deepest.depth))),
        max_drawdown: deepest.depth,
        max_drawdown_days: deepest.days,
        ulcer_index: reasons.take("ulcer_index", ulcer_index(run.drawdown)),
        var_95: reasons.take("var_95", enough.and_then(var_95)),
        cvar_95: reasons.take("cvar_95", enough.and_then(cvar_95)),
        exposure: reasons.take("exposure", exposure(run)),
        trades: trades.len(),
        win_rate: reasons.take("win_rate", win_rate(trades)),
        profit_factor: reasons.take("profit_factor", profit_factor(trades)),
        expectancy: reasons.take("expectancy", expectancy(trades)),
        best_trade: reasons.take("best_trade", extreme(trades, f64::max)),
        worst_trade: reasons.take("worst_trade", extreme(trades, f64::min)),
        average_days_held: reasons.take("average_days_held", days_held(trades)),
        fees: run.fees,
        sqn: reasons.take("sqn", sqn(trades)),
        kelly: reasons.take("kelly", kelly(trades)),
        probabilistic_sharpe: reasons
            .take("probabilistic_sharpe", enough.and_then(|returns| probabilistic_sharpe(returns, rate, periods, 0.0))),
    };
    (metrics, reasons.0)
}

fn exposure(run: &MetricsInput<'_>) -> Result<f64, Unavailable> {
    if run.equity.is_empty() {
        return Err(Unavailable::FewReturns);
    }
    Ok(run.bars_held as f64 / run.equity.len() as f64)
}

fn extreme(trades: &[Trade], pick: fn(f64, f64) -> f64) -> Result<f64, Unavailable> {
    trades.iter().map(|trade| trade.return_).reduce(pick).ok_or(Unavailable::NoClosedTrades)
}

fn days_held(trades: &[Trade]) -> Result<f64, Unavailable> {
    if trades.is_empty() {
        return Err(Unavailable::NoClosedTrades);
    }
    Ok(trades.iter().map(|trade| f64::from(trade.days)).sum::<f64>() / trades.len() as f64)
}
