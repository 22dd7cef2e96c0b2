//! Sharpe ratio (Sharpe 1994).

use super::{TRADING_DAYS, Unavailable, mean, sample_deviation};

/// Mean excess return / its standard deviation, × √252.
pub fn sharpe(returns: &[f64], risk_free_rate: f64) -> Result<f64, Unavailable> {
    Ok(sharpe_per_period(returns, risk_free_rate)? * TRADING_DAYS.sqrt())
}

/// The same, not annualised: what the probabilistic and deflated ratios work on.
pub fn sharpe_per_period(returns: &[f64], risk_free_rate: f64) -> Result<f64, Unavailable> {
    // The deviation of the returns is that of the excess: the rate is the same every day.
    let deviation = sample_deviation(returns)?;
    if deviation == 0.0 {
        return Err(Unavailable::NoDeviation);
    }
    Unavailable::unless_finite((mean(returns)? - risk_free_rate / TRADING_DAYS) / deviation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_taken_off_by_day() {
        let per_period = sharpe_per_period(&[0.01, 0.03], 0.0252).unwrap();
        assert!((per_period - 0.0199 / (0.02 / 2.0_f64.sqrt())).abs() < 1e-12);
    }

    #[test]
    fn returns_that_never_differ_have_no_ratio() {
        assert_eq!(sharpe(&[0.001; 30], 0.02), Err(Unavailable::NoDeviation));
    }
}
