//! The combined factor of successive splits.

use crate::SplitRatio;

/// The product of split ratios, exact while its terms fit, so that thirds and their inverse cancel to one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplitFactor {
    /// The product, or that of the latest ratios if the terms of all together do not fit.
    exact: SplitRatio,
    /// The product of the ratios before those; 1 for every real series of splits.
    rest: f64,
}

impl SplitFactor {
    /// No split.
    pub const ONE: Self = Self { exact: SplitRatio::ONE, rest: 1.0 };

    /// This factor followed by the split whose ratio a bar stores, read by [`SplitRatio::from_bar`]. A ratio that it
    /// cannot read counts as the float that it is.
    #[must_use]
    pub fn then(self, ratio: f64) -> Self {
        let Ok(next) = SplitRatio::from_bar(ratio) else { return Self { rest: self.rest * ratio, ..self } };
        match self.exact.then(next) {
            Ok(exact) => Self { exact, ..self },
            Err(_) => Self { exact: next, rest: self.rest * self.exact.to_f64() },
        }
    }

    /// The product of these ratios.
    #[must_use]
    pub fn of(ratios: impl IntoIterator<Item = f64>) -> Self {
        ratios.into_iter().fold(Self::ONE, Self::then)
    }

    /// The factor to multiply by, and the one to divide by afterwards. A multiple of 3, times 1 and then divided by 3,
    /// is a whole number; times the nearest float to a third it may not be.
    #[must_use]
    pub fn terms(self) -> (f64, f64) {
        (self.exact.new_units() as f64 * self.rest, self.exact.old_units() as f64)
    }

    /// What this many units become.
    #[must_use]
    pub fn units(self, old: f64) -> f64 {
        let (new_units, old_units) = self.terms();
        old * new_units / old_units
    }

    /// The whole units that this many whole units become, and the fraction of a unit left over; exact while the units
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
    fn splits_that_undo_each_other_leave_a_factor_of_one() {
        let third = SplitFactor::ONE.then(1.0 / 3.0);
        assert_eq!((third.units(3.0), third.whole_units(3.0), third.whole_units(8.0).0), (1.0, (1.0, 0.0), 2.0));
        assert_eq!(SplitFactor::of([1.0 / 3.0, 3.0]), SplitFactor::ONE);
        assert_eq!(SplitFactor::of([1.0 / 45.0]).whole_units(45.0), (1.0, 0.0));
        assert_eq!(SplitFactor::of([1.0 / 45.0]).whole_units(44.0), (0.0, 44.0 / 45.0));
        assert_eq!(SplitFactor::of([1.5, 2.0, 0.1]).to_f64(), 0.3);
    }

    #[test]
    fn a_product_that_does_not_fit_counts_as_a_float() {
        let many = SplitFactor::of([1.0349; 8]);
        assert!((many.to_f64() / 1.0349_f64.powi(8) - 1.0).abs() < 1e-12);
        assert_eq!(SplitFactor::ONE.then(1e300).to_f64(), 1e300);
    }

    proptest! {
        #[test]
        fn whole_units_and_their_remainder_match_integer_division(
            units in 0_u32..1_000_000, new in 1_u32..=400, old in 1_u32..=400
        ) {
            let (whole, left) = SplitFactor::ONE.then(f64::from(new) / f64::from(old)).whole_units(f64::from(units));
            let parts = u64::from(units) * u64::from(new);
            prop_assert_eq!(whole, (parts / u64::from(old)) as f64);
            prop_assert!((left - (parts % u64::from(old)) as f64 / f64::from(old)).abs() < 1e-12);
        }
    }
}
