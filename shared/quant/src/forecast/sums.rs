//! Sums over columns, fast and without losing digits.

/// Terms summed side by side. A single running sum would wait for each addition in turn.
const LANES: usize = 8;

/// Σ term(i, value), i = 0, 1, … the place of the value, in a fixed order of additions.
pub(super) fn sum(values: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    let mut places = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
    for chunk in chunks {
        // Indexed, because this is the form that the compiler turns into vector instructions.
        for lane in 0..LANES {
            lanes[lane] += term(places[lane], chunk[lane]);
            places[lane] += LANES as f64;
        }
    }
    let rest: f64 = rest.iter().zip(places).map(|(&value, place)| term(place, value)).sum();
    lanes.iter().sum::<f64>() + rest
}

/// Mean of the squared distances from the mean (divisor n).
pub(super) fn population_variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = sum(values, |_, value| value) / n;
    sum(values, |_, value| (value - mean) * (value - mean)) / n
}

/// Σ term(change) over the changes of `prices` from bar `from` (at least 1) on.
pub(super) fn sum_of_changes(prices: &[f64], from: usize, term: impl Fn(f64) -> f64) -> f64 {
    let earlier = prices.get(from.saturating_sub(1)..).unwrap_or_default();
    let later = prices.get(from.max(1)..).unwrap_or_default();
    later.iter().zip(earlier).map(|(later, earlier)| term(later - earlier)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_summed_once_at_its_place() {
        for n in 0..40_u32 {
            let values: Vec<f64> = (0..n).map(f64::from).collect();
            let squares: f64 = values.iter().map(|value| value * value).sum();
            assert!((sum(&values, |place, value| place * value) - squares).abs() < 1e-9, "{n}");
        }
    }

    #[test]
    fn changes_are_counted_from_the_bar_named() {
        let prices = [1.0, 2.0, 4.0, 7.0];
        assert!((sum_of_changes(&prices, 1, |change| change) - 6.0).abs() < 1e-12);
        assert!((sum_of_changes(&prices, 3, |change| change) - 3.0).abs() < 1e-12);
        assert!(sum_of_changes(&prices, 4, |change| change).abs() < 1e-12);
        assert!(sum_of_changes(&[], 1, |change| change).abs() < 1e-12);
    }
}
