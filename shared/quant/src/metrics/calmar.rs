//! Calmar ratio (Young 1991).

use super::Unavailable;

/// CAGR / |maximum drawdown|.
pub fn calmar(cagr: f64, max_drawdown: f64) -> Result<f64, Unavailable> {
    if max_drawdown == 0.0 {
        return Err(Unavailable::NoDrawdown);
    }
    Unavailable::unless_finite(cagr / max_drawdown.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drawdown_counts_without_its_sign() {
        assert_eq!(calmar(0.2, -0.4), Ok(0.5));
        assert_eq!(calmar(0.2, 0.0), Err(Unavailable::NoDrawdown));
    }
}
