//! Volatility.

use super::{TRADING_DAYS, Unavailable, sample_deviation};

/// Standard deviation of daily returns × √252.
pub fn volatility(returns: &[f64]) -> Result<f64, Unavailable> {
    Ok(sample_deviation(returns)? * TRADING_DAYS.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_has_252_days() {
        let expected = 0.02 / 2.0_f64.sqrt() * 252.0_f64.sqrt();
        assert!((volatility(&[0.01, 0.03]).unwrap() - expected).abs() < 1e-15);
        assert_eq!(volatility(&[0.01]), Err(Unavailable::FewReturns));
    }
}
