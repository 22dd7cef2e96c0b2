//! Tracking error.

use super::{Unavailable, sample_deviation};

/// Standard deviation of the differences to the benchmark's returns × √ of the returns of a year; both of equal length.
pub fn tracking_error(returns: &[f64], benchmark: &[f64], periods_per_year: f64) -> Result<f64, Unavailable> {
    Ok(sample_deviation(&differences(returns, benchmark)?)? * periods_per_year.sqrt())
}

/// Return − benchmark's return, day by day.
pub(super) fn differences(returns: &[f64], benchmark: &[f64]) -> Result<Vec<f64>, Unavailable> {
    if returns.len() != benchmark.len() {
        return Err(Unavailable::FewReturns);
    }
    Ok(returns.iter().zip(benchmark).map(|(own, other)| own - other).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_volatility_of_the_differences() {
        let expected = 0.02 / 2.0_f64.sqrt() * 252.0_f64.sqrt();
        assert!((tracking_error(&[0.02, 0.03], &[0.01, 0.0], 252.0).unwrap() - expected).abs() < 1e-12);
        assert_eq!(tracking_error(&[0.02, 0.03], &[0.01], 252.0), Err(Unavailable::FewReturns));
    }
}
