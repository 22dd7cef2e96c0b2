//! Simple returns of an equity curve.

/// `V_t / V_(t−1) − 1`, one fewer than points. After a value of zero the return is 0.
#[must_use]
pub fn returns(equity: &[f64]) -> Vec<f64> {
    let change = |pair: &[f64]| if pair[0] > 0.0 { pair[1] / pair[0] - 1.0 } else { 0.0 };
    equity.windows(2).map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_fewer_return_than_points() {
        assert_eq!(returns(&[100.0, 150.0, 75.0]), [0.5, -0.5]);
        assert!(returns(&[100.0]).is_empty() && returns(&[]).is_empty());
        assert_eq!(returns(&[100.0, 0.0, 0.0]), [-1.0, 0.0]);
    }
}
