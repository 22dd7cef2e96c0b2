//! Splits one after another, as the factor that they make together.

use crate::SplitRatio;

/// The product of split ratios: exact while its terms can be counted, so that thirds and their inverse come to one again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplitFactor {
    /// The product, or that of the latest ratios where all together are beyond counting.
    exact: SplitRatio,
    /// The product of the ratios before those; 1 for every series of real splits.
    rest: f64,
}

impl SplitFactor {
    /// No split.
    pub const ONE: Self = Self { exact: SplitRatio::ONE, rest: 1.0 };

    /// This factor and then the split whose ratio a bar keeps, read by [`SplitRatio::from_bar`]. A ratio that is beyond
    /// its reach counts as the float that it is.
    #[must_use]
    pub fn then(self, ratio: f64) -> Self {
        let Ok(next) = SplitRatio::from_bar(ratio) else { return Self { rest: self.rest * ratio, ..self } };
        match self.exact.then(next) {
            Ok(exact) => Self { exact, ..self },
            Err(_) => Self { exact: next, rest: self.rest * self.exact.to_f64() },
        }
    }

    /// The splits of these ratios, one after another.
    #[must_use]
    pub fn of(ratios: impl IntoIterator<Item = f64>) -> Self {
        ratios.into_iter().fold(Self::ONE, Self::then)
    }

    /// What to multiply by, and then what to divide by: a multiple of 3 by 1 and then by 3 is a whole number, and by the
    /// nearest float to a third it may not be one.
    #[must_use]
    pub fn terms(self) -> (f64, f64) {
        (self.exact.new_units() as f64 * self.rest, self.exact.old_units() as f64)
    }

    /// What so many units become.
    #[must_use]
    pub fn units(self, old: f64) -> f64 {
        let (new_units, old_units) = self.terms();
        old * new_units / old_units
    }

    /// The whole units that so many whole ones become, and the fraction of a unit that is left over; exact while the units
    /// times the numerator of the factor are below 2⁵³.
    #[must_use]
    pub fn whole_units(self, old: f64) -> (f64, f64) {
        let (new_units, old_units) = self.terms();
        let parts = old * new_units;
        let left = parts % old_units;
        ((parts - left) / old_units, left / old_units)
    }

    /// The nearest float.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.units(1.0)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "expected values are exact in binary")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_units_of_a_reverse_split_are_one_and_splits_that_undo_each_other_leave_nothing() {
        let third = SplitFactor::ONE.then(1.0 / 3.0);
        assert_eq!((third.units(3.0), third.whole_units(3.0), third.whole_units(8.0).0), (1.0, (1.0, 0.0), 2.0));
        assert_eq!(SplitFactor::of([1.0 / 3.0, 3.0]), SplitFactor::ONE);
        assert_eq!(SplitFactor::of([1.0 / 45.0]).whole_units(45.0), (1.0, 0.0));
        assert_eq!(SplitFactor::of([1.0 / 45.0]).whole_units(44.0), (0.0, 44.0 / 45.0));
        assert_eq!(SplitFactor::of([1.5, 2.0, 0.1]).to_f64(), 0.3);
    }

    #[test]
    fn what_is_beyond_counting_counts_as_a_float() {
        let many = SplitFactor::of([1.0349; 8]);
        assert!((many.to_f64() / 1.0349_f64.powi(8) - 1.0).abs() < 1e-12);
        assert_eq!(SplitFactor::ONE.then(1e300).to_f64(), 1e300);
    }

    proptest! {
        #[test]
        fn whole_units_and_what_is_left_of_them_are_those_of_counting(
            units in 0_u32..1_000_000, new in 1_u32..=400, old in 1_u32..=400
        ) {
            let (whole, left) = SplitFactor::ONE.then(f64::from(new) / f64::from(old)).whole_units(f64::from(units));
            let parts = u64::from(units) * u64::from(new);
            prop_assert_eq!(whole, (parts / u64::from(old)) as f64);
            prop_assert!((left - (parts % u64::from(old)) as f64 / f64::from(old)).abs() < 1e-12);
        }
    }
}
