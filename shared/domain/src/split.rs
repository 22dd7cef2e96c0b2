//! Share splits: what one unit of yesterday is today.

use rust_decimal::Decimal;

use crate::decimal::{DecimalError, from_f64};
use crate::{Bars, Day};

/// Splits are of small numbers: two for one, three for two, one for thirty.
const LARGEST_DENOMINATOR: u32 = 30;
/// Providers write a ratio with six decimals.
const PROVIDER_PRECISION: Decimal = Decimal::from_parts(6, 0, 0, false, 7);

/// A split of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The first day that is quoted in new units.
    pub day: Day,
    /// New units for each old one, above zero: 2 for two for one, 0.1 for one for ten.
    pub ratio: Decimal,
}

/// The splits that a history tells of, oldest first.
///
/// Errors: a ratio that is no number above zero.
pub fn splits_of(bars: &Bars) -> Result<Vec<Split>, DecimalError> {
    let days = bars.dates().iter().zip(bars.split_ratio()).filter(|&(_, &ratio)| (ratio - 1.0).abs() > f64::EPSILON);
    days.map(|(&day, &ratio)| Ok(Split { day, ratio: exact_ratio(ratio)? })).collect()
}

/// The ratio that a provider's number stands for: of 0.333333 that is a third, to all the digits of a decimal, so that
/// three units become one and not 0.999999.
///
/// Errors: no number above zero.
pub fn exact_ratio(ratio: f64) -> Result<Decimal, DecimalError> {
    let given = from_f64(ratio)?;
    if given <= Decimal::ZERO {
        return Err(DecimalError::Zero);
    }
    let fraction = (1..=LARGEST_DENOMINATOR).map(Decimal::from).find_map(|old| {
        let new = given.checked_mul(old)?.round();
        let fraction = new.checked_div(old)?;
        ((fraction - given).abs() <= PROVIDER_PRECISION && !new.is_zero()).then_some(fraction)
    });
    Ok(fraction.unwrap_or(given).normalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(number: f64) -> String {
        exact_ratio(number).unwrap().to_string()
    }

    #[test]
    fn a_ratio_is_the_fraction_that_the_number_stands_for() {
        assert_eq!((ratio(2.0), ratio(0.1), ratio(1.5)), ("2".to_owned(), "0.1".to_owned(), "1.5".to_owned()));
        assert_eq!(ratio(0.333_333), "0.3333333333333333333333333333");
        assert_eq!(ratio(1.998), "1.998", "a spin-off is no small fraction");
        for bad in [0.0, -2.0, f64::NAN] {
            assert!(exact_ratio(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn three_units_of_a_reverse_split_are_one() {
        let three = crate::Quantity::parse("3").unwrap();
        assert_eq!(three.times(exact_ratio(0.333_333).unwrap()).unwrap().to_string(), "1");
    }
}
