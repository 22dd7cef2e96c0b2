//! Sortino ratio (Sortino and Price 1994), against a minimum acceptable return of 0.

use super::{Unavailable, mean};

/// Mean return × N / (√ of the mean squared shortfall × √N) with N returns a year; the mean is over all returns.
pub fn sortino(returns: &[f64], periods_per_year: f64) -> Result<f64, Unavailable> {
    let mean = mean(returns)?;
    let squares: f64 = returns.iter().map(|value| value.min(0.0) * value.min(0.0)).sum();
    if squares == 0.0 {
        return Err(Unavailable::NoDownside);
    }
    let downside = (squares / returns.len() as f64).sqrt();
    Unavailable::unless_finite(mean * periods_per_year / (downside * periods_per_year.sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_count_as_zero_shortfall() {
        let expected = 0.01 / (0.0001_f64 / 2.0).sqrt() * 252.0_f64.sqrt();
        assert!((sortino(&[0.03, -0.01], 252.0).unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn without_a_loss_there_is_no_downside() {
        assert_eq!(sortino(&[0.01, 0.0], 252.0), Err(Unavailable::NoDownside));
    }
}
