//! Forecast errors: MASE, Winkler's score, and their common scale.

/// Mean absolute change from one training price to the next: the in-sample error of "tomorrow is today", the unit of
/// MASE and MSIS. `None` with fewer than two prices or if all are equal.
#[must_use]
pub fn naive_scale(training: &[f64]) -> Option<f64> {
    let changes = training.len().checked_sub(1)? as f64;
    let sum: f64 = training.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    Some(sum / changes).filter(|scale| scale.is_finite() && *scale > 0.0)
}

/// Mean absolute error over the pairs of `actual` and `forecast`; `None` without a pair.
#[must_use]
pub fn mean_absolute_error(actual: &[f64], forecast: &[f64]) -> Option<f64> {
    let pairs = actual.len().min(forecast.len());
    let sum: f64 = actual.iter().zip(forecast).map(|(actual, forecast)| (actual - forecast).abs()).sum();
    (pairs > 0).then(|| sum / pairs as f64).filter(|error| error.is_finite())
}

/// Mean absolute scaled error (Hyndman and Koehler 2006): the mean absolute error in units of
/// [`naive_scale`]; below 1 is better than naive was one step ahead in training.
#[must_use]
pub fn mase(training: &[f64], actual: &[f64], forecast: &[f64]) -> Option<f64> {
    let scaled = mean_absolute_error(actual, forecast)? / naive_scale(training)?;
    Some(scaled).filter(|error| error.is_finite())
}

/// Winkler's interval score (1972) of one step: the width of the band, plus 2/α times the distance
/// by which `actual` missed it. `alpha` is .05 for a 95 % band. Smaller is better.
#[must_use]
pub fn winkler(lower: f64, upper: f64, actual: f64, alpha: f64) -> f64 {
    let miss = (lower - actual).max(actual - upper).max(0.0);
    upper - lower + 2.0 / alpha * miss
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mase_divides_the_error_by_the_mean_change_in_training() {
        let error = mase(&[1.0, 2.0, 4.0, 7.0], &[9.0, 10.0], &[7.0, 7.0]).unwrap();
        assert!((error - 1.25).abs() < 1e-12);
    }

    #[test]
    fn winkler_charges_forty_times_the_miss_of_a_95_percent_band() {
        assert!((winkler(8.0, 12.0, 13.0, 0.05) - 44.0).abs() < 1e-12);
        assert!((winkler(8.0, 12.0, 7.0, 0.05) - 44.0).abs() < 1e-12);
        assert!((winkler(8.0, 12.0, 10.0, 0.05) - 4.0).abs() < 1e-12);
    }

    #[test]
    fn flat_training_prices_have_no_scale() {
        assert_eq!(naive_scale(&[5.0, 5.0, 5.0]), None);
        assert_eq!(naive_scale(&[5.0]), None);
        assert_eq!(naive_scale(&[]), None);
        assert_eq!(mase(&[5.0, 5.0], &[6.0], &[5.0]), None);
        assert_eq!(mase(&[5.0, 6.0], &[], &[]), None);
    }
}
