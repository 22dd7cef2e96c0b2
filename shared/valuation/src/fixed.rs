//! Fixed-point numbers: units and prices in 10⁻¹², amounts in 10⁻²⁴.
//!
//! A product of units and a price is an amount without rounding. Sums over thousands of days are then integer
//! additions, which makes an exact series about as fast as one of floats.

use std::cmp::Ordering;

use domain::decimal::{DECIMALS, from_f64};
use domain::{DecimalError, ExchangeRate};
use rust_decimal::Decimal;

/// Decimals of units and prices.
pub(crate) const UNIT_SCALE: u32 = DECIMALS;
/// Decimals of an amount.
pub(crate) const AMOUNT_SCALE: u32 = 2 * UNIT_SCALE;

/// Powers of ten up to the finest unit of an amount.
const POWERS: [i128; AMOUNT_SCALE as usize + 1] = {
    let mut powers = [1; AMOUNT_SCALE as usize + 1];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// The same as floats.
const FLOAT_POWERS: [f64; POWERS.len()] = {
    let mut powers = [1.0; POWERS.len()];
    let mut at = 0;
    while at < powers.len() {
        powers[at] = POWERS[at] as f64;
        at += 1;
    }
    powers
};

/// Ten to a power of at most [`AMOUNT_SCALE`].
pub(crate) fn power(exponent: u32) -> i128 {
    POWERS[exponent.min(AMOUNT_SCALE) as usize]
}

/// The smallest price, that of [`domain::decimal::SMALLEST_PRICE`].
const SMALLEST_PRICE: f64 = 1e-9;
/// Finest units of a price in one.
const ONE: f64 = 1e12;
/// Decimals of nearly all prices.
const USUAL_DECIMALS: f64 = 1e8;
/// Multiplier for a price with this many decimals.
const FINER: i64 = 10_i64.pow(UNIT_SCALE - 8);
/// Up to fifteen digits, a decimal is the shortest text of its nearest float.
const FIFTEEN_DIGITS: f64 = 1e15;
/// The relative error that a float can have from the number of its shortest text and, multiplied by a power of ten, in
/// its product; twice the actual maximum.
const OFF: f64 = 4.0 * f64::EPSILON;

/// A decimal as a whole number of 10⁻ˢᶜᵃˡᵉ; an error if it has too many decimals or is too large.
pub(crate) fn whole(number: Decimal, scale: u32) -> Result<i128, DecimalError> {
    let number = if number.scale() > scale { number.normalize() } else { number };
    let finer = scale.checked_sub(number.scale()).ok_or(DecimalError::TooFine)?;
    let power = POWERS.get(finer as usize).copied().ok_or(DecimalError::TooFine)?;
    product(number.mantissa(), power).map_err(|TooLarge| DecimalError::TooLarge)
}

/// The result exceeds the exact range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// The price of a bar, see [`number`]; one below 10⁻⁹ is an error and is never rounded to another price.
#[inline]
pub(crate) fn price(price: f64) -> Result<i128, DecimalError> {
    if price > 0.0 && price < SMALLEST_PRICE { Err(DecimalError::PriceTooSmall) } else { number(price) }
}

/// A price or dividend of a bar as the decimal of its shortest text, rounded half-even to 10⁻¹²: the same number that
/// [`from_f64`] gives, mostly without writing the text.
#[inline]
pub(crate) fn number(number: f64) -> Result<i128, DecimalError> {
    let scaled = number * USUAL_DECIMALS;
    if (0.0..FIFTEEN_DIGITS).contains(&scaled) {
        // Truncated after adding a half, since rounding a float is a call; a wrong result does not give the number
        // back.
        let nearest = (scaled + 0.5) as i64;
        if (nearest as f64 / USUAL_DECIMALS).total_cmp(&number) == Ordering::Equal {
            return Ok(i128::from(nearest) * i128::from(FINER));
        }
    }
    finer_number(number)
}

/// With more decimals: if it is clearly nearer to one whole number of 10⁻¹² than to the next, it is that one.
fn finer_number(number: f64) -> Result<i128, DecimalError> {
    let scaled = number * ONE;
    let nearest = scaled.round();
    if (0.0..FIFTEEN_DIGITS).contains(&scaled) && (scaled - nearest).abs() < 0.5 - scaled * OFF {
        return Ok(i128::from(nearest as i64));
    }
    number_by_text(number)
}

#[cold]
fn number_by_text(number: f64) -> Result<i128, DecimalError> {
    whole(from_f64(number)?, UNIT_SCALE)
}

/// Units × price: an amount, exactly.
#[inline]
pub(crate) fn product(units: i128, price: i128) -> Result<i128, TooLarge> {
    // Nearly always both fit a machine word, and the product of two words cannot overflow.
    match (i64::try_from(units), i64::try_from(price)) {
        (Ok(units), Ok(price)) => Ok(i128::from(units) * i128::from(price)),
        _ => units.checked_mul(price).ok_or(TooLarge),
    }
}

/// An amount in another currency, rounded half-even to 10⁻²⁴.
#[inline]
pub(crate) fn exchanged(amount: i128, rate: ExchangeRate) -> Result<i128, TooLarge> {
    let (times, over) = rate.terms();
    // Nearly always all digits of an amount and a rate fit two machine words.
    match amount.checked_mul(times.into()) {
        Some(exact) if over == 1 => Ok(exact),
        Some(exact) => Ok(divided(exact, over.into())),
        None => exchanged_in_three_words(amount, times, over),
    }
}

/// The same if the product takes a third word: divided from the highest word down.
#[cold]
fn exchanged_in_three_words(amount: i128, times: u64, over: u64) -> Result<i128, TooLarge> {
    let (times, divisor) = (u128::from(times), u128::from(over));
    let magnitude = amount.unsigned_abs();
    let low = (magnitude & u128::from(u64::MAX)) * times;
    let high = (magnitude >> 64) * times + (low >> 64);
    let rest = ((high % divisor) << 64) | (low & u128::from(u64::MAX));
    let (high, low, rest) = (high / divisor, rest / divisor, rest % divisor);
    let up = rest * 2 > divisor || (rest * 2 == divisor && low % 2 == 1);
    let quotient = u64::try_from(high).map_err(|_| TooLarge)?;
    let quotient = ((u128::from(quotient) << 64) | low).checked_add(up.into()).ok_or(TooLarge)?;
    let quotient = i128::try_from(quotient).map_err(|_| TooLarge)?;
    Ok(if amount < 0 { -quotient } else { quotient })
}

/// A whole number of 10⁻ˢᶜᵃˡᵉ as the nearest float, for ratios.
pub(crate) fn to_f64(whole: i128, scale: u32) -> f64 {
    nearest(whole) / FLOAT_POWERS[scale as usize]
}

/// The nearest float; for a machine word it is one instruction.
#[inline]
fn nearest(whole: i128) -> f64 {
    i64::try_from(whole).map_or_else(|_| whole as f64, |whole| whole as f64)
}

/// The unit of a currency, such as a cent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    finest: i128,
    /// Units in a finest unit.
    part: f64,
}

impl Unit {
    /// The unit of a currency with this many decimals.
    pub(crate) fn of(decimals: u32) -> Self {
        let finest = POWERS[AMOUNT_SCALE.saturating_sub(decimals) as usize];
        Self { finest, part: 1.0 / finest as f64 }
    }

    /// This many units as an amount.
    pub(crate) fn times(self, units: i128) -> i128 {
        units.saturating_mul(self.finest)
    }

    /// An amount in whole units, rounded half-even.
    #[inline]
    pub(crate) fn round(self, amount: i128) -> i128 {
        const EXACT: f64 = 4_503_599_627_370_496.0;
        // Truncated after adding a half, since rounding a float is a call; negative and too large numbers take the slow
        // path.
        let near = about(amount) * self.part + 0.5;
        if (0.0..EXACT).contains(&near) {
            let units = i128::from(near as i64);
            let rest = amount.wrapping_sub(units.wrapping_mul(self.finest));
            if rest.unsigned_abs() * 2 < self.finest.unsigned_abs() {
                return units;
            }
        }
        divided(amount, self.finest)
    }
}

/// A float within two units of the last bit of the nearest one, from the two words of a number without a call.
#[inline]
fn about(whole: i128) -> f64 {
    const WORD: f64 = 18_446_744_073_709_551_616.0;
    let (high, low) = ((whole >> 64) as i64, whole as u64);
    high as f64 * WORD + (low >> 1) as i64 as f64 * 2.0
}

/// A quotient by a positive whole number, rounded half-even.
pub(crate) fn divided(dividend: i128, divisor: i128) -> i128 {
    if dividend == 0 {
        return 0;
    }
    let quotient = dividend.div_euclid(divisor);
    let rest = dividend - quotient * divisor;
    let up = match (rest * 2).cmp(&divisor) {
        Ordering::Less => false,
        Ordering::Equal => quotient % 2 != 0,
        Ordering::Greater => true,
    };
    quotient + i128::from(up)
}

/// A whole number of 10⁻ˢᶜᵃˡᵉ as a decimal, for the ranges that this crate allows.
pub(crate) fn decimal(whole: i128, scale: u32) -> Result<Decimal, DecimalError> {
    Decimal::try_from_i128_with_scale(whole, scale).map(|number| number.normalize()).map_err(|_| DecimalError::TooLarge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_are_rounded_to_even() {
        let halves = [(15, 2), (25, 2), (-15, -2), (-25, -2), (26, 3), (-26, -3), (-24, -2), (14, 1)];
        for (tenths, whole) in halves {
            assert_eq!(divided(tenths, 10), whole, "{tenths}");
        }
    }

    #[test]
    fn an_amount_is_divided_by_a_rate_quoted_the_other_way_round() {
        let inverse = |rate: f64| ExchangeRate::ONE.per(ExchangeRate::quoted(rate).unwrap());
        let cents = |amount: i128, rate: f64| {
            Unit::of(2).round(exchanged(amount * power(AMOUNT_SCALE), inverse(rate)).unwrap())
        };
        assert_eq!(cents(1_000_000_000, 23_459.0), 4_262_756);
        assert_eq!(cents(7_000_000_000, 114.4), 6_118_881_119);
        assert_eq!((cents(9, 120.0), cents(3, 120.0), cents(-9, 120.0)), (8, 2, -8), "halves go to the even cent");
    }

    #[test]
    fn a_price_that_is_too_small_is_refused_but_a_dividend_is_not() {
        assert_eq!(price(1.51e-8), Ok(15_100));
        assert_eq!(price(1e-9), Ok(1_000));
        for small in [9.999e-10, 1e-12, 4e-13, 1e-300] {
            assert_eq!(price(small), Err(DecimalError::PriceTooSmall), "{small}");
        }
        assert_eq!(number(4e-12), Ok(4));
    }

    #[test]
    fn numbers_with_too_many_digits_are_refused() {
        assert_eq!(whole("1.1234567890123".parse().unwrap(), 12), Err(DecimalError::TooFine));
        assert_eq!(whole("1.1200000000000".parse().unwrap(), 12), Ok(1_120_000_000_000));
        assert_eq!(product(i128::MAX, 2), Err(TooLarge));
        assert_eq!(product(-3, 7), Ok(-21));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn units_are_rounded_to_nearest_even(
            amount in prop_oneof![-10_i128.pow(37)..10_i128.pow(37), (-9_999_999_i128..9_999_999).prop_map(|n| n * 5 * 10_i128.pow(21))],
            decimals in 0_u32..=4,
        ) {
            let unit = Unit::of(decimals);
            prop_assert_eq!(unit.round(amount), divided(amount, unit.times(1)));
        }

        #[test]
        fn two_and_three_word_products_convert_alike(
            amount in -10_i128.pow(28)..10_i128.pow(28),
            times in 1_u64..1_000_000_000,
            over in 1_u64..=u64::MAX,
        ) {
            let exact = divided(amount * i128::from(times), over.into());
            prop_assert_eq!(exchanged_in_three_words(amount, times, over), Ok(exact));
        }

        #[test]
        fn a_price_is_the_decimal_of_its_text(price in prop_oneof![
            0.0_f64..50_000.0,
            (0_u64..4_000_000_000_000).prop_map(|units| units as f64 / 1e8),
            (0_u64..4_000_000_000_000).prop_map(|units| units as f64 / 1e12),
            (0_u64..100_000_000).prop_map(|cents| cents as f64 / 100.0),
            (0_u64..4_000_000_000_000_u64).prop_map(|half| (half as f64 + 0.5) / 1e8),
            (0_u64..4_000_000_000_000_u64).prop_map(|half| (half as f64 + 0.5) / 1e12),
            (0_u64..400_000_000_u64).prop_map(|half| (half as f64 + 0.5) / 1e12),
            (0_u32..60_000_000).prop_map(|cents| f64::from(cents as f32 / 100.0)),
            0.0_f64..1e12,
        ]) {
            let slow = whole(from_f64(price).unwrap(), UNIT_SCALE);
            prop_assert_eq!(number(price), slow);
        }
    }
}
