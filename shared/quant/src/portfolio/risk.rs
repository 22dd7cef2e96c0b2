//! Risk of the time-weighted index on exchange days, absolute and relative to a benchmark.

use domain::Day;
use domain::calendar::is_trading_day;

use super::Reason;
use crate::metrics::{
    MIN_RETURNS, TRADING_DAYS, Unavailable, alpha, beta, drawdowns, information_ratio, sharpe, sortino, tracking_error,
    volatility,
};

/// A tracking error this small is float rounding: the portfolio is its benchmark.
const NO_DIFFERENCE: f64 = 1e-12;

/// A return from one exchange day to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExchangeReturn {
    /// The day at whose close it starts.
    pub start: Day,
    /// The day at whose close it ends.
    pub end: Day,
    /// Index at the end / at the start − 1.
    pub change: f64,
    /// Whether something was held all the time, so that the market's return between the same days is comparable.
    pub unbroken: bool,
}

/// A day of an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IndexDay {
    /// The day.
    pub date: Day,
    /// Level at its close.
    pub level: f64,
    /// Whether something was held at the end of the previous day and at the close.
    pub held: bool,
}

/// The changes of the index between exchange days, from `eve`, the day before the span, with a level of 1. Without
/// `eve` the first day is that of the very first purchase, whose return starts at a purchase price instead of a close:
/// it is left out. Changes on other days count towards the next exchange day.
#[must_use]
pub fn exchange_returns(eve: Option<Day>, days: &[IndexDay]) -> Vec<ExchangeReturn> {
    let (mut start, days) = match (eve, days.split_first()) {
        (Some(eve), _) => ((eve, 1.0), days),
        (None, Some((first, rest))) => ((first.date, first.level), rest),
        (None, None) => return Vec::new(),
    };
    let mut result = Vec::with_capacity(days.len());
    let mut unbroken = true;
    for day in days {
        unbroken &= day.held;
        if !is_trading_day(day.date) {
            continue;
        }
        let (from, before) = start;
        let change = if before > 0.0 { day.level / before - 1.0 } else { 0.0 };
        result.push(ExchangeReturn { start: from, end: day.date, change, unbroken });
        start = (day.date, day.level);
        unbroken = true;
    }
    result
}

/// Absolute risk of the index.
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

/// Risk relative to a benchmark.
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

/// Beta, alpha, tracking error and information ratio against `benchmark`, returns of the same periods.
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

    fn index(rows: &[(&str, f64, bool)]) -> Vec<IndexDay> {
        rows.iter().map(|&(date, level, held)| IndexDay { date: date.parse().unwrap(), level, held }).collect()
    }

    fn listed(returns: &[ExchangeReturn]) -> Vec<(String, String, f64, bool)> {
        let row = |one: &ExchangeReturn| {
            (one.start.to_string(), one.end.to_string(), (one.change * 1e9).round() / 1e9, one.unbroken)
        };
        returns.iter().map(row).collect()
    }

    #[test]
    fn risk_skips_the_first_purchase_and_counts_a_weekend_towards_monday() {
        // Thursday to Tuesday, with prices on Saturday and Sunday as for a cryptocurrency.
        let days = index(&[
            ("2024-03-07", 1.1, false),
            ("2024-03-08", 1.21, true),
            ("2024-03-09", 1.331, true),
            ("2024-03-10", 1.4641, true),
            ("2024-03-11", 1.61051, true),
            ("2024-03-12", 1.61051, true),
        ]);
        let row = |start: &str, end: &str, change: f64| (start.to_owned(), end.to_owned(), change, true);
        let after = [
            row("2024-03-07", "2024-03-08", 0.1),
            row("2024-03-08", "2024-03-11", 0.331),
            row("2024-03-11", "2024-03-12", 0.0),
        ];
        assert_eq!(listed(&exchange_returns(None, &days)), after);
        let held_before = exchange_returns(Some("2024-03-06".parse().unwrap()), &days[..1]);
        assert_eq!(listed(&held_before)[0].2, 0.1, "a span that starts with a value has its first day");
    }

    #[test]
    fn days_that_begin_or_end_empty_have_no_market_return() {
        let days = index(&[
            ("2024-03-05", 1.0, false),
            ("2024-03-06", 1.1, true),
            ("2024-03-09", 1.21, false),
            ("2024-03-11", 1.21, true),
            ("2024-03-12", 0.0, true),
            ("2024-03-13", 0.0, true),
        ]);
        let found = exchange_returns(None, &days);
        let row = |start: &str, end: &str, change: f64, unbroken| (start.to_owned(), end.to_owned(), change, unbroken);
        let expected = [
            row("2024-03-05", "2024-03-06", 0.1, true),
            row("2024-03-06", "2024-03-11", 0.1, false),
            row("2024-03-11", "2024-03-12", -1.0, true),
            row("2024-03-12", "2024-03-13", 0.0, true),
        ];
        assert_eq!(listed(&found), expected);
        assert_eq!(exchange_returns(None, &[]), []);
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
