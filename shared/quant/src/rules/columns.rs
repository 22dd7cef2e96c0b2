//! The columns that a rule reads, brought to one scale across splits.

#![expect(clippy::float_cmp, reason = "a ratio of exactly 1 means no split, a dividend of exactly 0 no dividend")]

use std::borrow::Cow;

use domain::{Bars, Day, SplitFactor};

use super::program::Column;

/// The first bars of a series on the price scale of one day.
///
/// Prices after that day are multiplied by the ratios of the splits since, earlier ones divided by those up to it;
/// volume the other way round. The scale does not depend on later bars.
pub(crate) struct Columns<'a> {
    bars: &'a Bars,
    end: usize,
    /// What prices are multiplied and divided by; none if there is no split.
    stretches: Vec<Stretch>,
}

/// Bars between two splits, and the factors that bring their prices to the scale.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stretch {
    /// The first bar; the next stretch, if any, ends this one.
    start: usize,
    /// Prices are multiplied by this first.
    multiplier: f64,
    /// And then divided by this, so that a price of 30 after a split of 1 for 3 is 10.
    divisor: f64,
}

impl<'a> Columns<'a> {
    /// The bars before index `end`, on the scale of `day`.
    pub(crate) fn on_scale_of(bars: &'a Bars, end: usize, day: Day) -> Self {
        let end = end.min(bars.len());
        let ratios = &bars.split_ratio()[..end];
        let splits = ratios.iter().map(|&ratio| u32::from(ratio != 1.0)).sum::<u32>();
        let stretches = if splits > 0 { stretches(ratios, bars.count_through(day).min(end)) } else { Vec::new() };
        Self { bars, end, stretches }
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
        if self.stretches.is_empty() {
            return first(quoted, self.end);
        }
        let mut scaled = Vec::with_capacity(self.end);
        for (at, stretch) in self.stretches.iter().enumerate() {
            let end = self.stretches.get(at + 1).map_or(self.end, |next| next.start);
            stretch.scale(&quoted[stretch.start..end], column, &mut scaled);
        }
        Cow::Owned(scaled)
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

impl Stretch {
    fn scale(self, quoted: &[f64], column: Column, scaled: &mut Vec<f64>) {
        let defined = |value: f64| if value.is_finite() { value } else { f64::NAN };
        let (multiplier, divisor) = match column {
            Column::Volume => (self.divisor, self.multiplier),
            Column::Open | Column::High | Column::Low | Column::Close => (self.multiplier, self.divisor),
        };
        if divisor == 1.0 {
            scaled.extend(quoted.iter().map(|value| defined(value * multiplier)));
        } else {
            scaled.extend(quoted.iter().map(|value| defined(value * multiplier / divisor)));
        }
    }
}

/// The stretches of a series; `after` is the index of the first bar after the day of the scale.
fn stretches(ratios: &[f64], after: usize) -> Vec<Stretch> {
    let is_split = |&(_, &ratio): &(usize, &f64)| ratio != 1.0;
    let mut stretches = Vec::new();
    let mut factor = SplitFactor::ONE;
    let mut divided = |start: usize, factor: SplitFactor| {
        let (multiplier, divisor) = factor.terms();
        stretches.push(Stretch { start, multiplier: divisor, divisor: multiplier });
    };
    for (start, &ratio) in ratios[..after].iter().enumerate().filter(is_split).rev() {
        divided(start, factor);
        factor = factor.then(ratio);
    }
    divided(0, factor);
    stretches.reverse();
    let mut factor = SplitFactor::ONE;
    for (start, &ratio) in ratios.iter().enumerate().skip(after).filter(is_split) {
        factor = factor.then(ratio);
        let (multiplier, divisor) = factor.terms();
        stretches.push(Stretch { start, multiplier, divisor });
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each bar's price of 1 on the scale.
    fn scaled(ratios: &[f64], after: usize) -> Vec<f64> {
        let stretches = stretches(ratios, after);
        let of = |at: usize| stretches.iter().rfind(|stretch| stretch.start <= at).unwrap();
        (0..ratios.len()).map(|at| of(at).multiplier / of(at).divisor).collect()
    }

    #[test]
    fn later_prices_are_multiplied_and_earlier_ones_divided() {
        // Splits on bars 1, 3 and 5; the day of the scale is bar 3.
        assert_eq!(scaled(&[1.0, 2.0, 1.0, 4.0, 1.0, 5.0], 4), [0.125, 0.25, 0.25, 1.0, 1.0, 5.0]);
        assert_eq!(scaled(&[1.0, 2.0], 0), [1.0, 2.0]);
        assert_eq!(scaled(&[1.0, 2.0], 2), [0.5, 1.0]);
        assert_eq!(scaled(&[2.0, 1.0], 0), [2.0, 2.0]);
    }

    #[test]
    fn a_reverse_split_scales_exactly() {
        let mut column = Vec::new();
        let stretches = stretches(&[1.0, 1.0 / 45.0, 45.0], 1);
        stretches[1].scale(&[450.0], Column::Close, &mut column);
        stretches[1].scale(&[10.0], Column::Volume, &mut column);
        stretches[2].scale(&[0.1], Column::Close, &mut column);
        assert_eq!(column, [10.0, 450.0, 0.1]);
    }
}
