//! Exponential smoothing: the exponential moving average, and Wilder's, which is the same with another constant.

/// Exponential moving average, α = 2/(n + 1), seeded with the mean of the first `window` values.
#[must_use]
pub fn ema(source: &[f64], window: usize) -> Vec<f64> {
    smoothed(source.iter().copied(), window, 2.0 / (window.max(1) as f64 + 1.0))
}

/// Wilder's smoothing (1978): α = 1/n, seeded with the mean of the first `window` values.
pub(super) fn wilder(source: impl ExactSizeIterator<Item = f64>, window: usize) -> Vec<f64> {
    smoothed(source, window, 1.0 / window.max(1) as f64)
}

/// After an undefined value, the next `window` values give a new seed.
fn smoothed(source: impl ExactSizeIterator<Item = f64>, window: usize, alpha: f64) -> Vec<f64> {
    let window = window.max(1);
    let mut averages = Vec::with_capacity(source.len());
    let (mut average, mut seen) = (0.0, 0_usize);
    for value in source {
        if !value.is_finite() {
            (average, seen) = (0.0, 0);
        } else if seen < window {
            seen += 1;
            average += (value - average) / seen as f64;
        } else {
            average += alpha * (value - average);
        }
        if !f64::is_finite(average) {
            (average, seen) = (0.0, 0);
        }
        averages.push(if seen < window { f64::NAN } else { average });
    }
    averages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_is_the_first_simple_average() {
        let averages = ema(&[2.0, 4.0, 9.0, 5.0, 1.0], 3);
        assert!(averages[..2].iter().all(|average| average.is_nan()));
        assert_eq!(averages[2..], [5.0, 5.0, 3.0]);
    }

    #[test]
    fn the_average_of_a_flat_series_is_its_value() {
        assert!(ema(&[10.1; 50], 7)[6..].iter().all(|average| average.to_bits() == 10.1_f64.to_bits()));
    }

    #[test]
    fn an_undefined_value_restarts_the_average() {
        let averages = ema(&[1.0, 3.0, f64::NAN, 5.0, 7.0, 9.0], 2);
        assert_eq!(averages[1], 2.0);
        assert!(averages[2].is_nan() && averages[3].is_nan());
        assert_eq!(averages[4], 6.0);
        assert!((averages[5] - 8.0).abs() < 1e-12);
    }
}
