//! What a portfolio is compared with: the total return of an instrument in its own currency.

use domain::{Bars, Day, SplitRatio};

/// What to compare a portfolio with.
#[derive(Clone, Copy, Debug)]
pub struct Benchmark<'a> {
    /// Its bars, with the splits and dividends by which holdings are valued.
    pub bars: &'a Bars,
    /// Whether neither splits nor dividends of it are known, so that its adjusted closes are all there is.
    pub only_adjusted: bool,
}

/// The index of a benchmark: what a unit held through all its bars with its dividends grew to.
pub(crate) struct BenchmarkIndex<'a> {
    bars: &'a Bars,
    levels: Vec<f64>,
}

impl<'a> Benchmark<'a> {
    pub(crate) fn index(self) -> BenchmarkIndex<'a> {
        let Self { bars, only_adjusted } = self;
        if only_adjusted {
            return BenchmarkIndex { bars, levels: bars.adjusted_close().to_vec() };
        }
        let mut levels = Vec::with_capacity(bars.len());
        let (mut level, mut before) = (1.0, None);
        let days = bars.close().iter().zip(bars.dividend()).zip(bars.split_ratio());
        for ((&close, &dividend), &split_ratio) in days {
            if let Some(before) = before {
                level *= (close + dividend) * new_for_old(split_ratio) / before;
            }
            before = Some(close);
            levels.push(level);
        }
        BenchmarkIndex { bars, levels }
    }
}

/// A split as the fraction that it is.
fn new_for_old(split_ratio: f64) -> f64 {
    if (split_ratio - 1.0).abs() <= f64::EPSILON {
        return 1.0;
    }
    SplitRatio::from_bar(split_ratio).map_or(split_ratio, SplitRatio::to_f64)
}

impl BenchmarkIndex<'_> {
    /// The return between two days, from the last close on or before each; none before its first bar and after its last.
    pub(crate) fn change(&self, start: Day, end: Day) -> Option<f64> {
        let covered = self.bars.dates().last().is_some_and(|&last| last >= end);
        let level = |day: Day| self.bars.count_through(day).checked_sub(1).map(|at| self.levels[at]);
        let (before, after) = (level(start)?, level(end)?);
        covered.then(|| after / before - 1.0)
    }
}

#[cfg(test)]
mod tests {
    use domain::Bar;

    use super::*;

    fn bars(rows: &[(&str, f64, f64, f64, f64)]) -> Bars {
        let bar = |&(date, close, split_ratio, dividend, adjusted_close): &(&str, f64, f64, f64, f64)| Bar {
            date: date.parse().unwrap(),
            open: close,
            high: close,
            low: close,
            close,
            volume: 1.0,
            adjusted_close,
            split_ratio,
            dividend,
        };
        Bars::from_rows(rows.iter().map(bar)).unwrap()
    }

    #[test]
    fn it_has_splits_and_dividends_and_the_adjusted_closes_only_where_these_are_not_known() {
        let listed = bars(&[
            ("2013-01-02", 100.0, 1.0, 0.0, 50.0),
            ("2013-01-03", 33.0, 3.0, 1.0, 51.0),
            ("2013-01-04", 36.0, 1.0, 0.0, 54.0),
        ]);
        let change = |only_adjusted: bool, start: &str, end: &str| {
            let benchmark = Benchmark { bars: &listed, only_adjusted };
            benchmark.index().change(start.parse().unwrap(), end.parse().unwrap())
        };
        let near = |found: Option<f64>, expected: f64| {
            assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?} is not {expected}");
        };
        near(change(false, "2013-01-02", "2013-01-03"), 0.02);
        near(change(false, "2013-01-02", "2013-01-04"), 1.02 * 36.0 / 33.0 - 1.0);
        near(change(true, "2013-01-02", "2013-01-04"), 0.08);
        assert_eq!(change(false, "2013-01-01", "2013-01-04"), None);
        assert_eq!(change(false, "2013-01-02", "2013-01-05"), None);
    }
}
