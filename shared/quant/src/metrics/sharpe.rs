//! Sharpe ratio (Sharpe 1994).

use super::{Unavailable, mean, sample_deviation};

/// Mean excess return / its standard deviation, × √ of the returns of a year.
pub fn sharpe(returns: &[f64], risk_free_rate: f64, periods_per_year: f64) -> Result<f64, Unavailable> {
    Ok(sharpe_per_period(returns, risk_free_rate, periods_per_year)? * periods_per_year.sqrt())
}

/// The same, not annualised: the input of the probabilistic and deflated ratios.
pub fn sharpe_per_period(returns: &[f64], risk_free_rate: f64, periods_per_year: f64) -> Result<f64, Unavailable> {
    // The deviation of the returns is that of the excess returns: the rate is the same in every period.
    let deviation = sample_deviation(returns)?;
    if deviation == 0.0 {
        return Err(Unavailable::NoDeviation);
    }
    Unavailable::unless_finite((mean(returns)? - risk_free_rate / periods_per_year) / deviation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_subtracted_per_period() {
        let per_period = sharpe_per_period(&[0.01, 0.03], 0.0252, 252.0).unwrap();
        assert!((per_period - 0.0199 / (0.02 / 2.0_f64.sqrt())).abs() < 1e-12);
        let yearly = sharpe(&[0.01, 0.03], 0.0052, 52.0).unwrap();
        assert!((yearly - 0.0199 / (0.02 / 2.0_f64.sqrt()) * 52.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn equal_returns_have_no_ratio() {
        assert_eq!(sharpe(&[0.001; 30], 0.02, 252.0), Err(Unavailable::NoDeviation));
    }
}
