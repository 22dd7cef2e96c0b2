//! Historical value at risk.

use super::Unavailable;

/// Share of the returns below the figure.
const TAIL: f64 = 0.05;

/// The 5 % quantile of returns, interpolated linearly (type 7 of Hyndman and Fan 1996); a loss is negative.
pub fn var_95(returns: &[f64]) -> Result<f64, Unavailable> {
    if returns.is_empty() {
        return Err(Unavailable::FewReturns);
    }
    let mut values = returns.to_vec();
    let rank = TAIL * (values.len() - 1) as f64;
    let (_, &mut below, above) = values.select_nth_unstable_by(rank.floor() as usize, f64::total_cmp);
    let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(below);
    Unavailable::unless_finite(below + rank.fract() * (next - below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_returns_it_is_interpolated() {
        // 11 values: rank 0.5, half-way between the two lowest.
        let returns: Vec<f64> = (0..11).rev().map(f64::from).collect();
        assert_eq!(var_95(&returns), Ok(0.5));
        let returns: Vec<f64> = (0..21).map(f64::from).collect();
        assert_eq!(var_95(&returns), Ok(1.0));
    }

    #[test]
    fn one_return_is_its_own_quantile() {
        assert_eq!(var_95(&[-0.02]), Ok(-0.02));
        assert_eq!(var_95(&[]), Err(Unavailable::FewReturns));
    }
}
