//! Risk of the time-weighted index on exchange days, alone and beside a benchmark.

use domain::Day;
use domain::calendar::is_trading_day;

use super::{Reason, TimeWeighted};
use crate::metrics::{
    MIN_RETURNS, TRADING_DAYS, Unavailable, alpha, beta, drawdowns, information_ratio, sharpe, sortino, tracking_error,
    volatility,
};

/// A tracking error that is only the rounding of floats: the portfolio is its benchmark.
const NO_DIFFERENCE: f64 = 1e-12;

/// Returns from one exchange day to the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExchangeReturns {
    /// Index of the day that a return starts from, among the days of the time-weighted index.
    pub start: Vec<usize>,
    /// Index of the day that it ends on.
    pub end: Vec<usize>,
    /// Index at the end / at the start − 1.
    pub returns: Vec<f64>,
}

/// The changes of the index between exchange days. The first day on which something is invested has a
/// return that begins at a purchase instead of a close: it is left out, also after a time with nothing
/// invested. What happens on other days counts towards the next exchange day.
#[must_use]
pub fn exchange_returns(dates: &[Day], index: &TimeWeighted, values: &[f64]) -> ExchangeReturns {
    let mut result = ExchangeReturns::default();
    let mut start: Option<usize> = None;
    for (at, (&date, &value)) in dates.iter().zip(values).enumerate() {
        let opened = at == 0 || values[at - 1] <= 0.0;
        if opened || index.returns[at].is_none() {
            start = None;
        }
        let starts = opened && value > 0.0;
        if !starts && !is_trading_day(date) {
            continue;
        }
        if let Some(from) = start {
            let before = index.index[from];
            let change = if before > 0.0 { index.index[at] / before - 1.0 } else { 0.0 };
            result.start.push(from);
            result.end.push(at);
            result.returns.push(change);
        }
        start = (value > 0.0).then_some(at);
    }
    result
}

/// Figures of the index alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Risk {
    /// Annualised standard deviation of the returns.
    pub volatility: Result<f64, Reason>,
    /// Annualised Sharpe ratio.
    pub sharpe: Result<f64, Reason>,
    /// Annualised Sortino ratio.
    pub sortino: Result<f64, Reason>,
    /// Deepest fall from a peak, ≤ 0; the start counts as a peak.
    pub max_drawdown: Result<f64, Reason>,
}

/// Figures beside a benchmark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RelativeRisk {
    /// Covariance with the benchmark / its variance.
    pub beta: Result<f64, Reason>,
    /// Jensen's alpha, per year.
    pub alpha: Result<f64, Reason>,
    /// Annualised deviation of the differences.
    pub tracking_error: Result<f64, Reason>,
    /// Mean difference per year / tracking error.
    pub information_ratio: Result<f64, Reason>,
}

fn enough(returns: &[f64]) -> Result<&[f64], Unavailable> {
    if returns.len() < MIN_RETURNS { Err(Unavailable::FewReturns) } else { Ok(returns) }
}

/// Volatility, Sharpe, Sortino and drawdown of returns; `risk_free_rate` is a yearly fraction.
#[must_use]
pub fn risk(returns: &[f64], risk_free_rate: f64) -> Risk {
    let figure = |compute: &dyn Fn(&[f64]) -> Result<f64, Unavailable>| Ok(enough(returns).and_then(compute)?);
    Risk {
        volatility: figure(&|returns| volatility(returns, TRADING_DAYS)),
        sharpe: figure(&|returns| sharpe(returns, risk_free_rate, TRADING_DAYS)),
        sortino: figure(&|returns| sortino(returns, TRADING_DAYS)),
        max_drawdown: max_drawdown(returns),
    }
}

/// Beta, alpha, tracking error and information ratio against `benchmark`, returns of the same spans.
#[must_use]
pub fn relative_risk(returns: &[f64], benchmark: &[f64], risk_free_rate: f64) -> RelativeRisk {
    let figure = |compute: &dyn Fn(&[f64]) -> Result<f64, Unavailable>| Ok(enough(returns).and_then(compute)?);
    RelativeRisk {
        beta: figure(&|returns| beta(returns, benchmark)),
        alpha: figure(&|returns| alpha(returns, benchmark, risk_free_rate, TRADING_DAYS)),
        tracking_error: figure(&|returns| tracking_error(returns, benchmark, TRADING_DAYS)),
        information_ratio: figure(&|returns| {
            if tracking_error(returns, benchmark, TRADING_DAYS)? < NO_DIFFERENCE {
                return Err(Unavailable::NoDeviation);
            }
            information_ratio(returns, benchmark, TRADING_DAYS)
        }),
    }
}

fn max_drawdown(returns: &[f64]) -> Result<f64, Reason> {
    if returns.is_empty() {
        return Err(Unavailable::FewReturns.into());
    }
    let mut level = 1.0;
    let mut curve = vec![level];
    for change in returns {
        level *= 1.0 + change;
        curve.push(level);
    }
    Reason::unless_finite(drawdowns(&curve).into_iter().fold(0.0, f64::min))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portfolio::time_weighted;

    fn days(texts: &[&str]) -> Vec<Day> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_first_day_is_out_of_risk_and_a_weekend_counts_towards_monday() {
        // Thursday to Tuesday, prices on Saturday and Sunday as for a currency that never sleeps.
        let dates = days(&["2024-03-07", "2024-03-08", "2024-03-09", "2024-03-10", "2024-03-11", "2024-03-12"]);
        let values = [110.0, 121.0, 133.1, 146.41, 161.051, 161.051];
        let index = time_weighted(0.0, &values, &[100.0, 0.0, 0.0, 0.0, 0.0, 0.0], &[0.0; 6]);
        let found = exchange_returns(&dates, &index, &values);
        assert_eq!(found.start, [0, 1, 4]);
        assert_eq!(found.end, [1, 4, 5]);
        for (change, expected) in found.returns.iter().zip([0.1, 0.331, 0.0]) {
            assert!((change - expected).abs() < 1e-12, "{change} is not {expected}");
        }
    }

    #[test]
    fn a_time_with_nothing_invested_starts_anew() {
        let dates = days(&["2024-03-05", "2024-03-06", "2024-03-07", "2024-03-08"]);
        let values = [100.0, 0.0, 100.0, 101.0];
        let index = time_weighted(0.0, &values, &[100.0, 0.0, 99.0, 0.0], &[0.0, 110.0, 0.0, 0.0]);
        let found = exchange_returns(&dates, &index, &values);
        assert_eq!((found.start, found.end), (vec![0, 2], vec![1, 3]));
    }

    #[test]
    fn few_returns_leave_only_the_drawdown() {
        let few = risk(&[0.1, -0.2, 0.05], 0.0);
        assert_eq!(few.volatility, Err(Reason::Metric(Unavailable::FewReturns)));
        assert_eq!(few.sharpe, few.volatility);
        assert_eq!(few.sortino, few.volatility);
        assert!((few.max_drawdown.unwrap() + 0.2).abs() < 1e-12);
        assert_eq!(relative_risk(&[0.1; 3], &[0.1; 3], 0.0).beta, Err(Reason::Metric(Unavailable::FewReturns)));
        assert_eq!(risk(&[], 0.0).max_drawdown, Err(Reason::Metric(Unavailable::FewReturns)));
    }

    #[test]
    fn twice_the_benchmark_has_a_beta_of_two_and_no_alpha() {
        let market: Vec<f64> = (0..30).map(|day| 0.01 * f64::from(day).sin()).collect();
        let own: Vec<f64> = market.iter().map(|change| 2.0 * change).collect();
        let beside = relative_risk(&own, &market, 0.0);
        assert!((beside.beta.unwrap() - 2.0).abs() < 1e-12);
        assert!(beside.alpha.unwrap().abs() < 1e-12);
        let nearly: Vec<f64> = market.iter().map(|change| change + 1e-17).collect();
        let twin = relative_risk(&market, &nearly, 0.0);
        assert_eq!(twin.information_ratio, Err(Reason::Metric(Unavailable::NoDeviation)));
    }
}
