//! Relative strength index.

use super::smoothing::wilder;

/// Wilder's relative strength index (1978), 0 to 100; without a loss it is 100.
///
/// The first value, at bar `window` + 1, uses plain means of the first `window` changes.
#[must_use]
pub fn rsi(source: &[f64], window: usize) -> Vec<f64> {
    let change = |at: usize| if at == 0 { f64::NAN } else { source[at] - source[at - 1] };
    let gains = wilder((0..source.len()).map(|at| positive(change(at))), window);
    let losses = wilder((0..source.len()).map(|at| positive(-change(at))), window);
    gains
        .into_iter()
        .zip(losses)
        .map(|(gain, loss)| if loss == 0.0 { 100.0 } else { 100.0 * (gain / (gain + loss)) })
        .map(|index| if index.is_finite() { index } else { f64::NAN })
        .collect()
}

/// The amount above zero; undefined stays undefined, which `f64::max` would lose.
fn positive(change: f64) -> f64 {
    if change < 0.0 { 0.0 } else { change }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_uses_plain_means_and_the_next_wilders_smoothing() {
        // Changes +1, −1, +2, then −2 and +3.
        let index = rsi(&[10.0, 11.0, 10.0, 12.0, 10.0, 13.0], 3);
        assert!(index[..3].iter().all(|value| value.is_nan()));
        // Gains 1, losses 1/3.
        assert!((index[3] - 75.0).abs() < 1e-12);
        // Gains 2/3; losses (2·1/3 + 2)/3 = 8/9.
        assert!((index[4] - 100.0 * (2.0 / 3.0) / (2.0 / 3.0 + 8.0 / 9.0)).abs() < 1e-12);
        // Gains (2·2/3 + 3)/3 = 13/9; losses 16/27.
        assert!((index[5] - 100.0 * (13.0 / 9.0) / (13.0 / 9.0 + 16.0 / 27.0)).abs() < 1e-12);
    }

    #[test]
    fn without_a_loss_the_index_is_100() {
        assert_eq!(rsi(&[1.0, 2.0, 3.0, 3.0], 2)[2..], [100.0, 100.0]);
        assert_eq!(rsi(&[3.0, 2.0, 1.0], 2)[2], 0.0);
    }
}
