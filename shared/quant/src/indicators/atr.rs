//! Average true range.

use super::smoothing::wilder;

/// Wilder's average true range (1978) of three columns of equal length.
///
/// The true range needs the previous close, so the first value, the mean of the ranges of bars 2 to `window` + 1, is at
/// bar `window` + 1.
#[must_use]
pub fn atr(high: &[f64], low: &[f64], close: &[f64], window: usize) -> Vec<f64> {
    let bars = high.len().min(low.len()).min(close.len());
    let range = |at: usize| {
        if at == 0 {
            return f64::NAN;
        }
        let before = close[at - 1];
        let reach = (high[at] - low[at]).max((high[at] - before).abs()).max((low[at] - before).abs());
        if (high[at] + low[at] + before).is_nan() { f64::NAN } else { reach }
    };
    wilder((0..bars).map(range), window)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_count_and_the_first_bar_has_no_range() {
        let (high, low, close) = ([100.0, 12.0, 15.0, 14.0], [1.0, 10.0, 14.0, 13.0], [11.0, 11.0, 14.5, 13.5]);
        // Ranges 2 (12 − 10), 4 (15 − 11), 1.5 (14.5 − 13).
        let range = atr(&high, &low, &close, 2);
        assert!(range[0].is_nan() && range[1].is_nan());
        assert_eq!(range[2], 3.0);
        assert!((range[3] - 2.25).abs() < 1e-12);
    }
}
