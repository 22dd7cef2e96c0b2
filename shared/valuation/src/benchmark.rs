//! The benchmark of a portfolio: the total return of an instrument in the currency of the portfolio.

use domain::{Bars, Day, ExchangeRate, SplitRatio};

use crate::book::Rates;

/// The instrument to compare a portfolio with.
#[derive(Clone, Copy, Debug)]
pub struct Benchmark<'a> {
    /// Its bars, with splits and dividends as for the valuation of holdings.
    pub bars: &'a Bars,
    /// Whether its splits and dividends are unknown, so that its adjusted closes must be used.
    pub only_adjusted: bool,
    /// The rates of its currency into that of the portfolio; none if they are the same.
    pub rates: Option<Rates<'a>>,
}

/// The index of a benchmark: the growth of one unit held through all its bars, dividends included, in its own currency.
pub(crate) struct BenchmarkIndex<'a> {
    bars: &'a Bars,
    levels: Vec<f64>,
    rates: Option<Rates<'a>>,
}

impl<'a> Benchmark<'a> {
    pub(crate) fn index(self) -> BenchmarkIndex<'a> {
        let Self { bars, only_adjusted, rates } = self;
        if only_adjusted {
            return BenchmarkIndex { bars, levels: bars.adjusted_close().to_vec(), rates };
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
        BenchmarkIndex { bars, levels, rates }
    }
}

/// A split as an exact fraction.
fn new_for_old(split_ratio: f64) -> f64 {
    if (split_ratio - 1.0).abs() <= f64::EPSILON {
        return 1.0;
    }
    SplitRatio::from_bar(split_ratio).map_or(split_ratio, SplitRatio::to_f64)
}

impl BenchmarkIndex<'_> {
    /// The return between two days in the currency of the portfolio, (C + D)·X/(P·X before), from the last close on or
    /// before each. None before its first bar, after its last, and if a day has no rate at most seven days old.
    pub(crate) fn change(&self, start: Day, end: Day) -> Option<f64> {
        let covered = self.bars.dates().last().is_some_and(|&last| last >= end);
        let level = |day: Day| {
            let own = self.bars.count_through(day).checked_sub(1).map(|at| self.levels[at])?;
            Some(own * self.rates.map_or(Some(ExchangeRate::ONE), |rates| rates.on(day))?.to_f64())
        };
        let (before, after) = (level(start)?, level(end)?);
        covered.then(|| after / before - 1.0)
    }

    /// Whether its currency cannot be converted on any day.
    pub(crate) fn lacks_rates(&self) -> bool {
        self.rates.is_some_and(|rates| rates.of_flow(Day::FIRST).is_none())
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
    fn adjusted_closes_are_used_only_without_splits_and_dividends() {
        let listed = bars(&[
            ("2013-01-02", 100.0, 1.0, 0.0, 50.0),
            ("2013-01-03", 33.0, 3.0, 1.0, 51.0),
            ("2013-01-04", 36.0, 1.0, 0.0, 54.0),
        ]);
        let change = |only_adjusted: bool, start: &str, end: &str| {
            let benchmark = Benchmark { bars: &listed, only_adjusted, rates: None };
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

    #[test]
    fn a_foreign_benchmark_moves_with_the_rate_and_needs_one() {
        let listed = bars(&[
            ("2013-01-02", 100.0, 1.0, 0.0, 100.0),
            ("2013-01-03", 110.0, 1.0, 0.0, 110.0),
            ("2013-01-14", 121.0, 1.0, 0.0, 121.0),
        ]);
        let day = |text: &str| text.parse::<Day>().unwrap();
        let (days, rates) = ([day("2013-01-02"), day("2013-01-03")], [1.25, 1.0].map(crate::RateQuote::direct));
        let euros = Rates { currency: "EUR".parse().unwrap(), days: &days, rates: &rates };
        let index = Benchmark { bars: &listed, only_adjusted: false, rates: Some(euros) }.index();
        let change = index.change(day("2013-01-02"), day("2013-01-03")).unwrap();
        assert!((change - (1.1 / 1.25 - 1.0)).abs() < 1e-12, "{change}");
        assert_eq!(index.change(day("2013-01-03"), day("2013-01-14")), None);
        assert!(!index.lacks_rates());
        let none = Rates { days: &[], rates: &[], ..euros };
        assert!(Benchmark { bars: &listed, only_adjusted: false, rates: Some(none) }.index().lacks_rates());
    }
}
