//! Figures of equity curves whose values were computed independently.

use quant::metrics::{
    TRADING_DAYS, Unavailable, cagr, drawdowns, expected_best_sharpe, max_drawdown, returns, sharpe, sortino, var_95,
    volatility,
};

use crate::support::sample;

fn close(ours: Result<f64, Unavailable>, expected: f64, tolerance: f64) {
    let ours = ours.unwrap();
    assert!((ours - expected).abs() <= tolerance, "{ours} is not {expected}");
}

#[test]
fn eight_returns() {
    let returns = [0.01, 0.10, -0.04, 0.02, 0.03, 0.02, 0.01, -0.10];
    let mut equity = vec![1.0];
    for value in returns {
        equity.push(equity[equity.len() - 1] * (1.0 + value));
    }
    close(drawdowns(&equity).into_iter().reduce(f64::min).ok_or(Unavailable::NoDrawdown), -0.10, 1e-12);
    close(volatility(&returns, TRADING_DAYS), 0.913_646_540, 5e-10);
    close(sharpe(&returns, 0.0, TRADING_DAYS), 1.723_861_396, 5e-10);
    close(sortino(&returns, TRADING_DAYS), 2.605_531_252, 5e-10);
}

#[test]
fn four_returns_around_zero() {
    let returns = [-0.009_025_132, 0.003_653_969, 0.0, 0.0];
    close(volatility(&returns, TRADING_DAYS), 0.085_777_272_8, 5e-11);
    close(sharpe(&returns, 0.0, TRADING_DAYS), -3.944_905_90, 5e-9);
}

#[test]
fn google_close_to_close() {
    let bars = sample("GOOG");
    let returns = returns(bars.close());
    assert_eq!(returns.len(), 2147);
    close(sharpe(&returns, 0.0, TRADING_DAYS), 0.881_574_460, 5e-10);
    close(volatility(&returns, TRADING_DAYS), 0.344_034_056, 5e-10);
    close(Ok(max_drawdown(bars.close(), bars.dates()).depth), -0.652_947_600, 5e-10);
    close(var_95(&returns), -0.030_780_025, 5e-10);
    let (first, last) = (bars.first().unwrap(), bars.last().unwrap());
    close(cagr(first.close, last.close, last.date.days_since(first.date)), 0.276_674_406, 5e-10);
}

#[test]
fn the_best_of_ten_trials_by_luck_alone() {
    close(expected_best_sharpe(10, 1.0), 1.574_598, 5e-7);
}
