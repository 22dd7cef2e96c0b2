//! Probabilistic Sharpe ratio (Bailey and López de Prado 2012).

use statrs::distribution::{ContinuousCDF, Normal};

use super::{Unavailable, kurtosis, sharpe_per_period, skewness};

/// The probability that the true Sharpe ratio is above `benchmark`, both per period.
///
/// Φ[(SR − SR*)·√(n − 1) / √(1 − γ3·SR + (γ4 − 1)/4·SR²)], with the population's skewness γ3 and raw kurtosis γ4.
pub fn probabilistic_sharpe(
    returns: &[f64],
    risk_free_rate: f64,
    periods_per_year: f64,
    benchmark: f64,
) -> Result<f64, Unavailable> {
    let ratio = sharpe_per_period(returns, risk_free_rate, periods_per_year)?;
    let spread = 1.0 - skewness(returns)? * ratio + (kurtosis(returns)? - 1.0) / 4.0 * ratio * ratio;
    if spread <= 0.0 {
        return Err(Unavailable::NotFinite);
    }
    let score = (ratio - benchmark) * ((returns.len() - 1) as f64).sqrt() / spread.sqrt();
    Unavailable::unless_finite(Normal::standard().cdf(score))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_at_the_benchmark_is_a_coin_toss() {
        let returns = [0.01, -0.02, 0.03, 0.015, -0.004];
        let ratio = sharpe_per_period(&returns, 0.0, 252.0).unwrap();
        assert!((probabilistic_sharpe(&returns, 0.0, 252.0, ratio).unwrap() - 0.5).abs() < 1e-12);
        assert!(probabilistic_sharpe(&returns, 0.0, 252.0, 0.0).unwrap() > 0.5);
    }

    #[test]
    fn a_case_done_by_hand() {
        // Mean 0, so neither skew nor kurtosis matters: (0 − 0.5)·√3 = −0.8660254.
        let returns = [0.01, -0.01, 0.01, -0.01];
        let probability = probabilistic_sharpe(&returns, 0.0, 252.0, 0.5).unwrap();
        assert!((probability - 0.193_238_115_385_616_6).abs() < 1e-9, "{probability}");
    }
}
