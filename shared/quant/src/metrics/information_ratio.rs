//! Information ratio (Goodwin 1998).

use super::tracking_error::differences;
use super::{Unavailable, mean, tracking_error};

/// mean(p − b) × the returns of a year / tracking error.
pub fn information_ratio(returns: &[f64], benchmark: &[f64], periods_per_year: f64) -> Result<f64, Unavailable> {
    let error = tracking_error(returns, benchmark, periods_per_year)?;
    if error == 0.0 {
        return Err(Unavailable::NoDeviation);
    }
    Unavailable::unless_finite(mean(&differences(returns, benchmark)?)? * periods_per_year / error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_excess_return_per_unit_of_tracking_error() {
        // Differences 0.01 and 0.03.
        let expected = 0.02 * 252.0 / (0.02 / 2.0_f64.sqrt() * 252.0_f64.sqrt());
        assert!((information_ratio(&[0.02, 0.03], &[0.01, 0.0], 252.0).unwrap() - expected).abs() < 1e-12);
        assert_eq!(information_ratio(&[0.5, 0.25], &[0.5, 0.25], 252.0), Err(Unavailable::NoDeviation));
    }
}
