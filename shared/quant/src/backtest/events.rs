//! The splits and dividends of a span, here called events.

#![expect(clippy::float_cmp, reason = "a ratio of exactly 1 means no split, a dividend of exactly 0 no dividend")]

use domain::Bars;

/// Bars scanned at a time: enough for the compiler to use SIMD.
const STRIDE: usize = 32;

/// The indices of the bars in `first..end` with a split or a dividend.
pub(super) fn events(bars: &Bars, first: usize, end: usize) -> Vec<usize> {
    let ratios = bars.split_ratio()[first..end].chunks(STRIDE);
    let dividends = bars.dividend()[first..end].chunks(STRIDE);
    let mut events = Vec::new();
    for (chunk, (ratios, dividends)) in ratios.zip(dividends).enumerate() {
        let splits = ratios.iter().map(|&ratio| u32::from(ratio != 1.0)).sum::<u32>();
        let payments = dividends.iter().map(|&dividend| u32::from(dividend != 0.0)).sum::<u32>();
        if splits + payments > 0 {
            let start = first + chunk * STRIDE;
            let days = ratios.iter().zip(dividends).enumerate();
            events.extend(days.filter(|(_, day)| *day != (&1.0, &0.0)).map(|(at, _)| start + at));
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Bar, Day};

    #[test]
    fn splits_and_dividends_are_found_wherever_they_fall() {
        let first: Day = "2013-01-01".parse().unwrap();
        let bars = Bars::from_rows((0..100).map(|at| Bar {
            date: first.plus_days(at),
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 0.0,
            adjusted_close: 1.0,
            split_ratio: if at % 31 == 30 { 2.0 } else { 1.0 },
            dividend: if at % 47 == 46 { 0.1 } else { 0.0 },
        }))
        .unwrap();
        assert_eq!(events(&bars, 0, 100), [30, 46, 61, 92, 93]);
        assert_eq!(events(&bars, 31, 93), [46, 61, 92]);
        assert!(events(&bars, 94, 94).is_empty());
    }
}
