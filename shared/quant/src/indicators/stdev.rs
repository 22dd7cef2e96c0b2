//! Standard deviation over a window.

use super::sliding::sliding;

/// Count, mean and sum of squared deviations of a run of values.
#[derive(Clone, Copy)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

/// Merges two runs (Chan, Golub and `LeVeque` 1979): no difference of large squares is ever taken.
fn merged(a: Moments, b: Moments) -> Moments {
    let count = a.count + b.count;
    let delta = b.mean - a.mean;
    let share = b.count / count;
    Moments { count, mean: a.mean + delta * share, squares: a.squares + b.squares + delta * delta * a.count * share }
}

/// Population standard deviation (divisor n) of the last `window` values.
#[must_use]
pub fn stdev(source: &[f64], window: usize) -> Vec<f64> {
    sliding(
        source,
        window,
        |value| Moments { count: 1.0, mean: value, squares: value * 0.0 },
        merged,
        |moments| {
            let deviation = (moments.squares / moments.count).sqrt();
            if deviation.is_finite() { deviation } else { f64::NAN }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_divisor_is_the_number_of_bars() {
        let deviations = stdev(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], 8);
        assert!(deviations[..7].iter().all(|deviation| deviation.is_nan()));
        assert!((deviations[7] - 2.0).abs() < 1e-15);
    }

    #[test]
    fn a_high_level_costs_no_precision_and_a_flat_window_has_no_deviation() {
        let source: Vec<f64> = (0..50).map(|n| 1e9 + f64::from(n % 2)).collect();
        assert!(stdev(&source, 10)[9..].iter().all(|deviation| (deviation - 0.5).abs() < 1e-6));
        assert!(stdev(&[10.1; 40], 7)[6..].iter().all(|&deviation| deviation == 0.0));
        assert_eq!(stdev(&[1.0, 2.0, f64::NAN, 4.0], 1)[3], 0.0);
        assert!(stdev(&[1.0, f64::NAN, 4.0], 1)[1].is_nan());
    }
}
