//! Sliding windows in two passes, without drift.
//!
//! The series is cut into blocks as long as the window. Each window is then the end of one block followed by the start
//! of the next. Two running results, one backwards over each block and one forwards, give every position with one merge
//! (van Herk 1992; Gil and Werman 1993). Nothing is ever subtracted, so a huge or undefined value leaves no trace once
//! it is out of the window.

/// The merge of each full window, finished into a number; NaN before the first full window.
///
/// `merge` is associative and receives its operands oldest first.
pub(super) fn sliding<T: Copy>(
    source: &[f64],
    window: usize,
    lift: impl Fn(f64) -> T,
    merge: impl Fn(T, T) -> T,
    finish: impl Fn(T) -> f64,
) -> Vec<f64> {
    let window = window.max(1);
    let mut results = Vec::with_capacity(source.len());
    results.resize(source.len().min(window - 1), f64::NAN);
    let mut blocks = source.chunks(window);
    let Some(mut previous) = blocks.next().filter(|block| block.len() == window) else {
        return results;
    };
    let mut suffixes: Vec<T> = Vec::with_capacity(window);
    loop {
        suffixes.clear();
        let mut newest_first = previous.iter().rev().map(|&value| lift(value));
        let Some(mut suffix) = newest_first.next() else { return results };
        suffixes.push(suffix);
        for value in newest_first {
            suffix = merge(value, suffix);
            suffixes.push(suffix);
        }
        results.push(finish(suffix));
        let Some(block) = blocks.next() else { return results };
        // The window that ends at the block's last bar is the block itself: the next block's whole suffix.
        let inner = &block[..block.len().min(window - 1)];
        let Some((&first, rest)) = inner.split_first() else {
            previous = block;
            continue;
        };
        let mut prefix = lift(first);
        let mut ends = suffixes[..window - 1].iter().rev();
        if let Some(&end) = ends.next() {
            results.push(finish(merge(end, prefix)));
        }
        for (&value, &end) in rest.iter().zip(ends) {
            prefix = merge(prefix, lift(value));
            results.push(finish(merge(end, prefix)));
        }
        if block.len() < window {
            return results;
        }
        previous = block;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, window by window.
    fn by_definition(source: &[f64], window: usize) -> Vec<f64> {
        (0..source.len())
            .map(|at| if at + 1 < window { f64::NAN } else { source[at + 1 - window..=at].iter().sum() })
            .collect()
    }

    fn sums(source: &[f64], window: usize) -> Vec<f64> {
        sliding(source, window, |value| value, |a, b| a + b, |sum| sum)
    }

    #[test]
    fn every_window_of_every_length_is_the_sum_of_its_values() {
        let source: Vec<f64> = (1..=40_i32).map(|n| f64::from(n * n % 17)).collect();
        for length in 0..source.len() {
            for window in 1..=length + 2 {
                let (ours, theirs) = (sums(&source[..length], window), by_definition(&source[..length], window));
                assert_eq!(ours.len(), length);
                let same = ours.iter().zip(&theirs).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()));
                assert!(same, "length {length} window {window}: {ours:?} {theirs:?}");
            }
        }
    }

    #[test]
    fn a_huge_or_undefined_value_leaves_no_trace() {
        for spike in [1e300, f64::NAN] {
            let mut source = vec![0.1; 30];
            source[3] = spike;
            let sums = sums(&source, 4);
            assert!(sums[7..].iter().all(|sum| (sum - 0.4).abs() < 1e-15), "{sums:?}");
            assert!(sums[6].is_nan() || sums[6] > 1.0);
        }
    }
}
