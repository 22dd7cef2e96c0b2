//! Conditional value at risk, also called expected shortfall.

use super::{Unavailable, mean, var_95};

/// Mean of the returns at or below [`var_95`]; a loss is negative.
pub fn cvar_95(returns: &[f64]) -> Result<f64, Unavailable> {
    let threshold = var_95(returns)?;
    let tail: Vec<f64> = returns.iter().copied().filter(|value| *value <= threshold).collect();
    mean(&tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_mean_of_the_tail() {
        let returns: Vec<f64> = (0..41).rev().map(f64::from).collect();
        assert_eq!(cvar_95(&returns), Ok(1.0));
    }

    #[test]
    fn it_is_never_above_the_value_at_risk() {
        let returns = [0.02, -0.05, 0.01, -0.03, 0.0];
        assert!(cvar_95(&returns).unwrap() <= var_95(&returns).unwrap());
    }
}
