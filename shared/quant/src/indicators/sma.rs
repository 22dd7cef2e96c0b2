//! Simple moving average.

/// Arithmetic mean of the last `window` values.
///
/// Over a flat window it is exactly that value, so that `close > sma(n)` does not fire on rounding.
#[must_use]
pub fn sma(source: &[f64], window: usize) -> Vec<f64> {
    let window = window.max(1);
    let mut means = vec![f64::NAN; source.len()];
    if source.len() < window {
        return means;
    }
    // The windows are cut as in `sliding`. A mean is common enough for a dedicated loop, in which running sums advance
    // four bars at a time.
    let mut suffixes = vec![0.0; window];
    running_sums(&source[..window], &mut means[..window]);
    let first = means[window - 1];
    means[..window].fill(f64::NAN);
    means[window - 1] = mean(first, window as f64);
    let blocks = means[window..].chunks_mut(window).zip(source.chunks(window)).zip(source[window..].chunks(window));
    for ((means, before), block) in blocks {
        running_sums_backwards(&before[1..], &mut suffixes);
        running_sums(block, means);
        for (sum, suffix) in means.iter_mut().zip(&suffixes) {
            *sum = mean(*sum + suffix, window as f64);
        }
    }
    settle_flat_windows(source, window, &mut means);
    means
}

fn mean(sum: f64, count: f64) -> f64 {
    let mean = sum / count;
    if mean.is_finite() { mean } else { f64::NAN }
}

/// The sum up to and including each value.
///
/// The remainder is added in the order of a whole group of four, so that a bar's sum is bit-for-bit the same whether or
/// not more bars follow.
fn running_sums(values: &[f64], sums: &mut [f64]) {
    let (fours, rest) = values.as_chunks::<4>();
    let (sums_of_fours, sums_of_rest) = sums.as_chunks_mut::<4>();
    let mut sum = 0.0;
    for (&[a, b, c, d], sums) in fours.iter().zip(sums_of_fours) {
        let pair = a + b;
        *sums = [sum + a, sum + pair, sum + (pair + c), sum + (pair + (c + d))];
        sum = sums[3];
    }
    let mut part = 0.0;
    for (value, slot) in rest.iter().zip(sums_of_rest) {
        part += value;
        *slot = sum + part;
    }
}

/// The sum of each value and those after it; sums beyond the values are left unchanged.
fn running_sums_backwards(values: &[f64], sums: &mut [f64]) {
    let (rest, fours) = values.as_rchunks::<4>();
    let (sums_of_rest, sums_of_fours) = sums[..values.len()].as_rchunks_mut::<4>();
    let mut sum = 0.0;
    for (&[d, c, b, a], sums) in fours.iter().zip(sums_of_fours).rev() {
        let pair = a + b;
        *sums = [sum + (pair + (c + d)), sum + (pair + c), sum + pair, sum + a];
        sum = sums[0];
    }
    for (value, slot) in rest.iter().zip(sums_of_rest).rev() {
        sum += value;
        *slot = sum;
    }
}

/// Stores the value itself where it fills a whole window.
///
/// A flat window of n bars has n − 1 equal neighbours in a row, one of which is at a multiple of n − 1: only those
/// positions need checking.
fn settle_flat_windows(source: &[f64], window: usize, means: &mut [f64]) {
    if window < 2 {
        return;
    }
    let mut at = 0;
    while at + 1 < source.len() {
        let value = source[at];
        if value.to_bits() != source[at + 1].to_bits() {
            at += window - 1;
            continue;
        }
        let same = |other: &&f64| other.to_bits() == value.to_bits();
        let start = at - source[..at].iter().rev().take_while(same).count();
        let end = at + source[at..].iter().take_while(same).count();
        let full = (start + window - 1).min(end);
        means[full..end].fill(value);
        // The next position to check is the first multiple after the run.
        at = (end - 1).div_ceil(window - 1) * (window - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_the_last_bars_once_the_window_is_full() {
        let means = sma(&[1.0, 2.0, 6.0, 7.0], 3);
        assert!(means[0].is_nan() && means[1].is_nan());
        assert_eq!(means[2..], [3.0, 5.0]);
        assert!(sma(&[1.0, 2.0], 3).iter().all(|mean| mean.is_nan()));
        assert_eq!(sma(&[1.0, 2.0], 1), [1.0, 2.0]);
    }

    #[test]
    fn every_window_of_every_length_is_the_mean_of_its_values() {
        let source: Vec<f64> = (1..=60_i32).map(|n| f64::from(n * n % 17)).collect();
        for length in 0..source.len() {
            for window in 1..=length + 2 {
                let means = sma(&source[..length], window);
                assert_eq!(means.len(), length);
                for (at, mean) in means.iter().enumerate() {
                    if at + 1 < window {
                        assert!(mean.is_nan());
                    } else {
                        let sum: f64 = source[at + 1 - window..=at].iter().sum();
                        assert_eq!(*mean, sum / window as f64, "length {length} window {window} bar {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_huge_or_undefined_value_leaves_no_trace() {
        for spike in [1e300, f64::NAN] {
            let mut source = [0.1, 0.2, 0.3, 0.4, 0.5].repeat(8);
            source[3] = spike;
            let means = sma(&source, 5);
            assert!(means[8..].iter().all(|mean| (mean - 0.3).abs() < 1e-15), "{means:?}");
            assert!(means[7].is_nan() || means[7] > 1.0);
        }
        assert!(sma(&[1e308; 4], 2)[1] == 1e308 && sma(&[1e308, 1.5e308], 2)[1].is_nan());
    }

    #[test]
    fn a_mean_is_bit_identical_whatever_follows() {
        let source: Vec<f64> = (0..90).map(|n| 100.0 * (f64::from(n) * 0.7).sin().exp()).collect();
        for window in 1..20 {
            let whole = sma(&source, window);
            for length in window..source.len() {
                assert_eq!(sma(&source[..length], window)[window - 1..], whole[window - 1..length]);
            }
        }
    }

    #[test]
    fn a_flat_window_has_exactly_its_value_wherever_the_run_lies() {
        for window in 2..9 {
            for start in 0..12 {
                for run in 1..30 {
                    let mut source: Vec<f64> = (0..60).map(|n| 3.3 + f64::from(n)).collect();
                    source[start..start + run].fill(10.1);
                    let means = sma(&source, window);
                    let flat = means.get(start + window - 1..start + run).unwrap_or_default();
                    assert!(flat.iter().all(|&mean| mean == 10.1), "{window} {start} {run}");
                    for (values, mean) in source.windows(window).zip(&means[window - 1..]) {
                        let expected = values.iter().sum::<f64>() / window as f64;
                        assert!((mean - expected).abs() < 1e-12, "{window} {start} {run}");
                    }
                }
            }
        }
    }
}
