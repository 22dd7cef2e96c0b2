//! Highest and lowest value over a window.

use super::sliding::sliding;

/// Highest of the last `window` values, including the current one.
#[must_use]
pub fn highest(source: &[f64], window: usize) -> Vec<f64> {
    // Written so that an undefined value makes the window undefined; `f64::max` would skip it.
    let higher = |a: f64, b: f64| if a > b { a } else { b + a * 0.0 };
    sliding(source, window, |value| value, higher, |value| value)
}

/// Lowest of the last `window` values, including the current one.
#[must_use]
pub fn lowest(source: &[f64], window: usize) -> Vec<f64> {
    let lower = |a: f64, b: f64| if a < b { a } else { b + a * 0.0 };
    sliding(source, window, |value| value, lower, |value| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_bar_is_part_of_the_window() {
        let source = [3.0, 1.0, 2.0, 5.0, 4.0, 0.0];
        assert_eq!(highest(&source, 3)[2..], [3.0, 5.0, 5.0, 5.0]);
        assert_eq!(lowest(&source, 3)[2..], [1.0, 1.0, 2.0, 0.0]);
        assert!(highest(&source, 3)[1].is_nan());
    }

    #[test]
    fn a_window_with_an_undefined_value_is_undefined() {
        let source = [1.0, f64::NAN, 3.0, 2.0, 5.0];
        for column in [highest(&source, 2), lowest(&source, 2)] {
            assert!(column[1].is_nan() && column[2].is_nan());
            assert!(column[3].is_finite() && column[4].is_finite());
        }
    }
}
