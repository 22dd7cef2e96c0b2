//! An exact amount in the portfolio's currency.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Neg, Sub};
use std::str::FromStr;

use domain::{Currency, DecimalError, ExchangeRate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::fixed::{self, AMOUNT_SCALE, Unit};

/// An amount of money with twenty-four decimals, as many as a product of units and a price has; may be negative.
/// Written as a decimal string without trailing zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Amount(i128);

/// The finest units in one.
const ONE: i128 = 10_i128.pow(AMOUNT_SCALE);
/// Digits of `i128::MAX` before the point; the parser checks whether a number of that many digits fits.
const MAX_WHOLE_DIGITS: usize = 15;

impl Amount {
    /// Zero.
    pub const ZERO: Self = Self(0);

    pub(crate) const fn new(finest: i128) -> Self {
        Self(finest)
    }

    pub(crate) const fn finest(self) -> i128 {
        self.0
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// Rounded half-even to the currency's unit and written with all its decimals.
    #[must_use]
    pub fn rounded(self, currency: Currency) -> Decimal {
        // A currency has at most four decimals: 19 digits, of 28 that a decimal holds.
        let decimals = currency.decimals().min(AMOUNT_SCALE);
        let rounded = Unit::of(decimals).round(self.0);
        Decimal::try_from_i128_with_scale(rounded, decimals).unwrap_or(Decimal::ZERO)
    }

    /// The amount in another currency, rounded half-even to 24 decimals; none if it is too large.
    #[must_use]
    pub fn exchanged(self, rate: ExchangeRate) -> Option<Self> {
        fixed::exchanged(self.0, rate).map(Self).ok()
    }

    /// The nearest float, for ratios.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        fixed::to_f64(self.0, AMOUNT_SCALE)
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Amount {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.unsigned_abs() / ONE.unsigned_abs(), self.0.unsigned_abs() % ONE.unsigned_abs());
        let sign = if self.0 < 0 { "-" } else { "" };
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let decimals = format!("{rest:024}");
        write!(f, "{sign}{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl FromStr for Amount {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(whole) || !plain(decimals) {
            return Err(DecimalError::NotANumber);
        }
        if decimals.len() > AMOUNT_SCALE as usize {
            return Err(DecimalError::TooFine);
        }
        if whole.len() > MAX_WHOLE_DIGITS {
            return Err(DecimalError::TooLarge);
        }
        let all = format!("{whole}{decimals:0<24}");
        let finest: i128 = all.parse().map_err(|_| DecimalError::TooLarge)?;
        Ok(Self(if negative { -finest } else { finest }))
    }
}

impl TryFrom<String> for Amount {
    type Error = DecimalError;

    fn try_from(text: String) -> Result<Self, DecimalError> {
        text.parse()
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_rounded_half_even_to_the_cent() {
        for (text, cents) in [("0.125", "0.12"), ("0.135", "0.14"), ("-0.125", "-0.12"), ("7", "7.00")] {
            assert_eq!(text.parse::<Amount>().unwrap().rounded(Currency::USD).to_string(), cents);
        }
        let yen = "JPY".parse().unwrap();
        assert_eq!("1234.5".parse::<Amount>().unwrap().rounded(yen).to_string(), "1234");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "-", ".", "1.", "1e3", "+1", "0.0000000000000000000000001", "1 ", "--1"] {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_largest_amount_is_read_and_a_larger_one_refused() {
        let most = Amount::new(i128::MAX);
        assert_eq!(most.to_string(), "170141183460469.231731687303715884105727");
        for amount in [most, -most] {
            assert_eq!(amount.to_string().parse(), Ok(amount));
        }
        for text in ["170141183460469.231731687303715884105728", "999999999999999", "1000000000000000"] {
            assert_eq!(text.parse::<Amount>(), Err(DecimalError::TooLarge), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_survives_a_round_trip_as_text(finest in prop_oneof![-i128::MAX..=i128::MAX, -10_i128.pow(36)..10_i128.pow(36)]) {
            let amount = Amount::new(finest);
            prop_assert_eq!(amount.to_string().parse::<Amount>(), Ok(amount));
        }
    }
}
