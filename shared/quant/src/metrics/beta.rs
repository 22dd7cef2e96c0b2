//! Beta.

use super::{Unavailable, mean};

/// Covariance with the benchmark's returns / their variance; both series of equal length.
#[expect(clippy::float_cmp, reason = "only exactly equal values have no deviation")]
pub fn beta(returns: &[f64], benchmark: &[f64]) -> Result<f64, Unavailable> {
    if returns.len() != benchmark.len() || returns.len() < 2 {
        return Err(Unavailable::FewReturns);
    }
    if benchmark.iter().all(|value| *value == benchmark[0]) {
        return Err(Unavailable::NoDeviation);
    }
    let (own, other) = (mean(returns)?, mean(benchmark)?);
    let pairs = returns.iter().zip(benchmark);
    let covariance: f64 = pairs.map(|(value, market)| (value - own) * (market - other)).sum();
    let variance: f64 = benchmark.iter().map(|market| (market - other) * (market - other)).sum();
    Unavailable::unless_finite(covariance / variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_moves_have_a_beta_of_two() {
        let market = [0.01, -0.02, 0.03];
        assert!((beta(&[0.03, -0.03, 0.07], &market).unwrap() - 2.0).abs() < 1e-12);
        assert!((beta(&market, &market).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_flat_benchmark_gives_no_beta() {
        assert_eq!(beta(&[0.1, 0.2], &[0.01, 0.01]), Err(Unavailable::NoDeviation));
        assert_eq!(beta(&[0.1, 0.2], &[0.01]), Err(Unavailable::FewReturns));
    }
}
