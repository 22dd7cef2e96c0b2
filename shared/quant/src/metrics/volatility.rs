//! Volatility.

use super::{Unavailable, sample_deviation};

/// Standard deviation of the returns × √ of the number of returns a year: 252 for trading days.
pub fn volatility(returns: &[f64], periods_per_year: f64) -> Result<f64, Unavailable> {
    Ok(sample_deviation(returns)? * periods_per_year.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_has_252_days_or_52_weeks() {
        for periods in [252.0, 52.0_f64] {
            let expected = 0.02 / 2.0_f64.sqrt() * periods.sqrt();
            assert!((volatility(&[0.01, 0.03], periods).unwrap() - expected).abs() < 1e-15);
        }
        assert_eq!(volatility(&[0.01], 252.0), Err(Unavailable::FewReturns));
    }
}
