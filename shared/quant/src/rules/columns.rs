//! The columns that a rule reads, brought to one scale across splits.

#![expect(clippy::float_cmp, reason = "a ratio of exactly 1 is no split, a dividend of exactly 0 is none")]

use std::borrow::Cow;

use domain::{Bars, Day};

use super::program::Column;

/// The first bars of a series on the price scale of one day.
///
/// Prices after that day are multiplied by the ratios of the splits since, earlier ones divided by
/// those up to it, volume the other way round. The scale depends on no bar to come.
pub(crate) struct Columns<'a> {
    bars: &'a Bars,
    end: usize,
    /// Factor of prices by bar; none where every factor is 1.
    factors: Option<Vec<f64>>,
}

impl<'a> Columns<'a> {
    /// The bars before index `end`, on the scale of `day`.
    pub(crate) fn on_scale_of(bars: &'a Bars, end: usize, day: Day) -> Self {
        let end = end.min(bars.len());
        let ratios = &bars.split_ratio()[..end];
        let splits = ratios.iter().map(|&ratio| u32::from(ratio != 1.0)).sum::<u32>();
        Self { bars, end, factors: (splits > 0).then(|| factors(ratios, bars.count_through(day).min(end))) }
    }

    pub(crate) fn len(&self) -> usize {
        self.end
    }

    /// A column; values that the scale pushes out of range are undefined.
    pub(crate) fn get(&self, column: Column) -> Cow<'a, [f64]> {
        let quoted = match column {
            Column::Open => Cow::Borrowed(self.bars.open()),
            Column::High => self.bars.credible_high(),
            Column::Low => self.bars.credible_low(),
            Column::Close => Cow::Borrowed(self.bars.close()),
            Column::Volume => Cow::Borrowed(self.bars.volume()),
        };
        let Some(factors) = &self.factors else { return first(quoted, self.end) };
        let scaled = |(&value, &factor): (&f64, &f64)| {
            let value = if column == Column::Volume { value / factor } else { value * factor };
            if value.is_finite() { value } else { f64::NAN }
        };
        Cow::Owned(quoted.iter().zip(factors).map(scaled).collect())
    }
}

fn first(column: Cow<'_, [f64]>, count: usize) -> Cow<'_, [f64]> {
    match column {
        Cow::Borrowed(column) => Cow::Borrowed(&column[..count]),
        Cow::Owned(mut column) => {
            column.truncate(count);
            Cow::Owned(column)
        }
    }
}

/// Factors of prices; `after` is the index of the first bar after the day of the scale.
fn factors(ratios: &[f64], after: usize) -> Vec<f64> {
    let mut factors = vec![1.0; ratios.len()];
    let mut product = 1.0;
    for (factor, ratio) in factors.iter_mut().zip(ratios).skip(after) {
        product *= ratio;
        *factor = product;
    }
    let mut product = 1.0;
    for (factor, ratio) in factors.iter_mut().zip(ratios).take(after).rev() {
        *factor = 1.0 / product;
        product *= ratio;
    }
    factors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_prices_are_multiplied_and_earlier_ones_divided() {
        // Splits on bars 1, 3 and 5; the day of the scale is bar 3.
        assert_eq!(factors(&[1.0, 2.0, 1.0, 4.0, 1.0, 5.0], 4), [0.125, 0.25, 0.25, 1.0, 1.0, 5.0]);
        assert_eq!(factors(&[1.0, 2.0], 0), [1.0, 2.0]);
        assert_eq!(factors(&[1.0, 2.0], 2), [0.5, 1.0]);
    }
}
