//! Exchange rates as the fractions that they are quoted as.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::decimal::DecimalError;

/// Decimals of a quoted rate: as many as fit a machine word.
const DECIMALS: u32 = 19;
/// Decimals of nearly all rates.
const USUAL_DECIMALS: u64 = 100_000_000;
/// Up to here, a whole number of the usual decimals has at most fifteen digits, so that its float identifies it.
const FIFTEEN_DIGITS: f64 = 1e15;

/// Units of one currency for a unit of another: an exact fraction above zero in lowest terms.
///
/// If a pair is quoted the other way round, at 23,459 dong for a dollar, a dong is exactly 1/23459 of a dollar and not
/// a decimal close to it. An amount is then divided exactly and rounded once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExchangeRate {
    times: u64,
    over: u64,
}

impl ExchangeRate {
    /// The rate of a currency to itself.
    pub const ONE: Self = Self { times: 1, over: 1 };

    /// A rate as a bar quotes it: the decimal of the float's shortest text, rounded half-even to nineteen decimals.
    ///
    /// Errors: not a number above zero, or too large.
    pub fn quoted(rate: f64) -> Result<Self, DecimalError> {
        let scaled = rate * USUAL_DECIMALS as f64;
        if (1.0..FIFTEEN_DIGITS).contains(&scaled) {
            let nearest = (scaled + 0.5) as u64;
            if (nearest as f64 / USUAL_DECIMALS as f64).to_bits() == rate.to_bits() {
                return Ok(Self::reduced(nearest.into(), USUAL_DECIMALS.into()));
            }
        }
        if !rate.is_finite() {
            return Err(DecimalError::NotANumber);
        }
        Self::of_decimal(rate.to_string().parse().map_err(|_| DecimalError::TooLarge)?)
    }

    fn of_decimal(rate: Decimal) -> Result<Self, DecimalError> {
        let rate = rate.round_dp(DECIMALS).normalize();
        if rate.is_zero() {
            return Err(DecimalError::Zero);
        }
        if rate.is_sign_negative() {
            return Err(DecimalError::Negative);
        }
        let times = u64::try_from(rate.mantissa()).map_err(|_| DecimalError::TooLarge)?;
        Ok(Self::reduced(times.into(), 10_u128.pow(rate.scale())))
    }

    /// The quotient of two rates. Exact if its terms fit a machine word, as those of quotes do.
    #[must_use]
    pub fn per(self, other: Self) -> Self {
        let term = |one: u64, other: u64| u128::from(one) * u128::from(other);
        Self::reduced(term(self.times, other.over), term(self.over, other.times))
    }

    /// A fraction in lowest terms, or the nearest one that fits. Both terms are above zero.
    fn reduced(times: u128, over: u128) -> Self {
        let (mut common, mut rest) = (times, over);
        while rest != 0 {
            (common, rest) = (rest, common % rest);
        }
        let (times, over) = (times / common, over / common);
        let excess = 64_u32.saturating_sub(times.leading_zeros().min(over.leading_zeros()));
        let fit = |term: u128| u64::try_from(term >> excess).unwrap_or(u64::MAX).max(1);
        Self { times: fit(times), over: fit(over) }
    }

    /// The terms of the fraction.
    #[must_use]
    pub fn terms(self) -> (u64, u64) {
        (self.times, self.over)
    }

    /// An amount in the other currency, with as many decimals as a decimal holds; none if it is too large.
    #[must_use]
    pub fn exchange(self, amount: Decimal) -> Option<Decimal> {
        amount.checked_mul(self.times.into())?.checked_div(self.over.into())
    }

    /// The nearest float, for ratios.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.times as f64 / self.over as f64
    }
}

impl fmt::Display for ExchangeRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.over == 1 { write!(f, "{}", self.times) } else { write!(f, "{}/{}", self.times, self.over) }
    }
}

impl FromStr for ExchangeRate {
    type Err = DecimalError;

    /// Reads a fraction, or a decimal from older records.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let Some((times, over)) = text.split_once('/') else {
            return Self::of_decimal(text.parse().map_err(|_| DecimalError::NotANumber)?);
        };
        let term = |text: &str| text.parse::<u64>().map_err(|_| DecimalError::NotANumber);
        let (times, over) = (term(times)?, term(over)?);
        if times == 0 || over == 0 { Err(DecimalError::Zero) } else { Ok(Self::reduced(times.into(), over.into())) }
    }
}

impl TryFrom<String> for ExchangeRate {
    type Error = DecimalError;

    fn try_from(text: String) -> Result<Self, DecimalError> {
        text.parse()
    }
}

impl From<ExchangeRate> for String {
    fn from(rate: ExchangeRate) -> Self {
        rate.to_string()
    }
}

/// The nearest float of a product of two quotes, each the decimal of its text: 1.1 × 1.3 is 1.43.
#[must_use]
pub fn product_of_quotes(one: f64, other: f64) -> f64 {
    let exact = |number: f64| number.to_string().parse::<Decimal>().ok();
    let product = exact(one).zip(exact(other)).and_then(|(one, other)| one.checked_mul(other));
    product.and_then(|product| product.normalize().to_string().parse().ok()).unwrap_or(one * other)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn quoted(rate: f64) -> ExchangeRate {
        ExchangeRate::quoted(rate).unwrap()
    }

    #[test]
    fn a_pair_quoted_the_other_way_round_divides_exactly() {
        let dong = ExchangeRate::ONE.per(quoted(23_459.0));
        assert_eq!(dong.to_string(), "1/23459");
        assert_eq!(dong.exchange(dec("1000000000")).unwrap().round_dp(2), dec("42627.56"));
        let yen = ExchangeRate::ONE.per(quoted(114.4));
        assert_eq!(yen.exchange(dec("7000000000")).unwrap().round_dp(2), dec("61188811.19"));
        // Nine yen at 120 are 0.075 and nothing less.
        assert_eq!(ExchangeRate::ONE.per(quoted(120.0)).exchange(dec("9")), Some(dec("0.075")));
    }

    #[test]
    fn a_rate_is_the_decimal_of_its_text() {
        for (rate, terms) in
            [(1.0823, "10823/10000"), (0.006_701_234_567_8, "33506172839/5000000000000"), (80_000.0, "80000")]
        {
            assert_eq!(quoted(rate).to_string(), terms);
        }
        let errors = [f64::NAN, 0.0, -1.5, 1e-30, 1e30].map(|rate| ExchangeRate::quoted(rate).unwrap_err());
        let [nan, zero, negative, small, large] = errors;
        assert_eq!((nan, zero, negative), (DecimalError::NotANumber, DecimalError::Zero, DecimalError::Negative));
        assert_eq!((small, large), (DecimalError::Zero, DecimalError::TooLarge));
    }

    #[test]
    fn a_decimal_of_older_records_is_read_as_a_fraction() {
        let read = |text: &str| text.parse::<ExchangeRate>();
        assert_eq!(read("1.0823"), Ok(quoted(1.0823)));
        assert_eq!(read("1"), Ok(ExchangeRate::ONE));
        assert_eq!(read("1.5000000000"), Ok(quoted(1.5)));
        assert_eq!(read("0/3"), Err(DecimalError::Zero));
        assert_eq!(read("a"), Err(DecimalError::NotANumber));
    }

    #[test]
    fn a_product_of_quotes_has_exact_digits() {
        assert_eq!(product_of_quotes(1.1, 1.3).to_string(), "1.43");
        assert_eq!(product_of_quotes(1.1, 0.8).to_string(), "0.88");
    }

    proptest! {
        #[test]
        fn text_and_float_agree(rate in 1e-5_f64..1e6, other in 1e-5_f64..1e6) {
            let quotient = quoted(rate).per(quoted(other));
            prop_assert_eq!(quotient.to_string().parse(), Ok(quotient));
            prop_assert!((quotient.to_f64() / (rate / other) - 1.0).abs() < 1e-12);
            prop_assert!((quoted(rate).to_f64() / rate - 1.0).abs() < 1e-12);
        }
    }
}
