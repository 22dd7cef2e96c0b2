//! Deflated Sharpe ratio (Bailey and López de Prado 2014): what remains after trying many rules.

use statrs::consts::EULER_MASCHERONI;
use statrs::distribution::{ContinuousCDF, Normal};

use super::{Unavailable, probabilistic_sharpe};

/// The best Sharpe ratio that `trials` rules without skill would show, per period.
///
/// √V·((1 − γ)·z(1 − 1/N) + γ·z(1 − 1/(N·e))), V the variance of the trials' ratios, N their number,
/// γ Euler's constant.
pub fn expected_best_sharpe(trials: usize, variance: f64) -> Result<f64, Unavailable> {
    if trials < 2 {
        return Err(Unavailable::FewTrades);
    }
    let quantile = |odds: f64| Normal::standard().inverse_cdf(1.0 - 1.0 / odds);
    let count = trials as f64;
    let best = (1.0 - EULER_MASCHERONI) * quantile(count) + EULER_MASCHERONI * quantile(count * std::f64::consts::E);
    Unavailable::unless_finite(variance.sqrt() * best)
}

/// The probability that the winner's true Sharpe ratio is above what luck alone would show.
pub fn deflated_sharpe(
    returns: &[f64],
    risk_free_rate: f64,
    periods_per_year: f64,
    trials: usize,
    variance: f64,
) -> Result<f64, Unavailable> {
    probabilistic_sharpe(returns, risk_free_rate, periods_per_year, expected_best_sharpe(trials, variance)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_trials_of_variance_one_reach_1_57_by_luck() {
        assert!((expected_best_sharpe(10, 1.0).unwrap() - 1.574_598).abs() < 5e-7);
    }

    #[test]
    fn more_trials_leave_less() {
        let returns = [0.01, -0.02, 0.03, 0.015, -0.004];
        let of = |trials| deflated_sharpe(&returns, 0.0, 252.0, trials, 0.01).unwrap();
        assert!(of(10) > of(100));
        assert!(deflated_sharpe(&returns, 0.0, 252.0, 1, 0.01).is_err());
    }
}
