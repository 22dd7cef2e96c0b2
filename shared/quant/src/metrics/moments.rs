//! Mean, deviation, skewness and kurtosis.

use super::Unavailable;

/// Sums accumulated in parallel: faster, and with less rounding than one long sum.
const LANES: usize = 8;

/// The sum of `term` over the values.
fn sum(values: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for block in blocks {
        // Not with iterators over both: those are compiled outside this crate's code and called for every value.
        lanes = std::array::from_fn(|at| lanes[at] + term(block[at]));
    }
    lanes.into_iter().sum::<f64>() + rest.iter().map(|&value| term(value)).sum::<f64>()
}

/// Arithmetic mean.
pub fn mean(values: &[f64]) -> Result<f64, Unavailable> {
    if values.is_empty() {
        return Err(Unavailable::FewReturns);
    }
    Unavailable::unless_finite(sum(values, |value| value) / values.len() as f64)
}

/// Standard deviation of a sample (divisor n − 1); exactly 0 when all values are the same.
#[expect(clippy::float_cmp, reason = "only exactly equal values have no deviation")]
pub fn sample_deviation(values: &[f64]) -> Result<f64, Unavailable> {
    let [first, rest @ ..] = values else { return Err(Unavailable::FewReturns) };
    if rest.is_empty() {
        return Err(Unavailable::FewReturns);
    }
    if rest.iter().all(|value| value == first) {
        return Ok(0.0);
    }
    Unavailable::unless_finite((squares(values)? / rest.len() as f64).sqrt())
}

fn squares(values: &[f64]) -> Result<f64, Unavailable> {
    let mean = mean(values)?;
    Ok(sum(values, |value| (value - mean) * (value - mean)))
}

/// Third standardised moment of a population.
pub fn skewness(values: &[f64]) -> Result<f64, Unavailable> {
    standardised(values, |score| score * score * score)
}

/// Fourth standardised moment of a population, not reduced by 3.
pub fn kurtosis(values: &[f64]) -> Result<f64, Unavailable> {
    standardised(values, |score| score * score * (score * score))
}

fn standardised(values: &[f64], power: impl Fn(f64) -> f64) -> Result<f64, Unavailable> {
    if sample_deviation(values)? == 0.0 {
        return Err(Unavailable::NoDeviation);
    }
    let mean = mean(values)?;
    let count = values.len() as f64;
    let deviation = (squares(values)? / count).sqrt();
    Unavailable::unless_finite(sum(values, |value| power((value - mean) / deviation)) / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_deviation_divides_by_n_minus_one() {
        assert_eq!(sample_deviation(&[1.0, 3.0]), Ok(2.0_f64.sqrt()));
        assert_eq!(sample_deviation(&[1.0]), Err(Unavailable::FewReturns));
        assert_eq!(mean(&[]), Err(Unavailable::FewReturns));
    }

    #[test]
    fn equal_values_have_no_deviation() {
        assert_eq!(sample_deviation(&[0.1; 11]), Ok(0.0));
        assert_eq!(skewness(&[0.1; 11]), Err(Unavailable::NoDeviation));
    }

    #[test]
    fn every_value_counts_for_any_length() {
        for count in 1..40_u32 {
            let values: Vec<f64> = (1..=count).map(f64::from).collect();
            assert_eq!(mean(&values), Ok(f64::from(count + 1) / 2.0));
        }
    }

    #[test]
    fn a_coin_toss_has_no_skew_and_the_least_kurtosis() {
        assert_eq!(skewness(&[-1.0, 1.0, -1.0, 1.0]), Ok(0.0));
        assert_eq!(kurtosis(&[-1.0, 1.0, -1.0, 1.0]), Ok(1.0));
        let skewed = skewness(&[0.0, 0.0, 0.0, 4.0]).unwrap();
        assert!((skewed - 2.0 / 3.0_f64.sqrt()).abs() < 1e-12, "{skewed}");
    }
}
