//! Ulcer index (Martin and `McCann` 1989).

use super::Unavailable;

/// √ of the mean squared drawdown, the start included.
pub fn ulcer_index(drawdowns: &[f64]) -> Result<f64, Unavailable> {
    if drawdowns.is_empty() {
        return Err(Unavailable::FewReturns);
    }
    let squares: f64 = drawdowns.iter().map(|fall| fall * fall).sum();
    Unavailable::unless_finite((squares / drawdowns.len() as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_root_of_the_mean_square() {
        let index = ulcer_index(&[0.0, -0.3, 0.0, -0.1]).unwrap();
        assert!((index - 0.025_f64.sqrt()).abs() < 1e-15);
        assert_eq!(ulcer_index(&[0.0]), Ok(0.0));
    }
}
