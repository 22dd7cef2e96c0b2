//! Jensen's alpha (1968).

use super::{Unavailable, beta, mean};

/// (mean(p − rf) − β·mean(b − rf)) × the returns of a year.
pub fn alpha(
    returns: &[f64],
    benchmark: &[f64],
    risk_free_rate: f64,
    periods_per_year: f64,
) -> Result<f64, Unavailable> {
    let beta = beta(returns, benchmark)?;
    let rate = risk_free_rate / periods_per_year;
    Unavailable::unless_finite((mean(returns)? - rate - beta * (mean(benchmark)? - rate)) * periods_per_year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_is_what_beta_does_not_explain() {
        let market = [0.01, -0.02, 0.03];
        let returns = [0.021, -0.039, 0.061];
        assert!((alpha(&returns, &market, 0.0, 252.0).unwrap() - 0.252).abs() < 1e-12);
        // With a rate, (1 − β)·rf is subtracted: β is 2.
        assert!((alpha(&returns, &market, 0.02, 252.0).unwrap() - 0.272).abs() < 1e-12);
    }
}
