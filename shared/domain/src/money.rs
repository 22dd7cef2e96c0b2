//! Exact amounts of money in a currency.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::decimal::{self, DecimalError};

/// The largest amount accepted from outside, in whole units of any currency.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000;

/// A currency of ISO 4217. When parsed from input it must be in use; in a stored record it may have been withdrawn
/// since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[A-Z]{3}$", example = "USD")]
pub struct Currency(iso_currency::Currency);

/// An exact amount in a currency, with no more decimals than the currency has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

/// Why a text is not money or a currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a decimal number.
    #[error("must be a decimal number")]
    NotANumber,
    /// More decimals than the currency has.
    #[error("must have at most {decimals} decimals, as {currency} has")]
    TooFine {
        /// The currency.
        currency: Currency,
        /// Decimals of its smallest unit.
        decimals: u32,
    },
    /// Above [`MAX_AMOUNT`], or below its negative.
    #[error("must be at most {MAX_AMOUNT}")]
    TooLarge,
    /// Not a currency in use.
    #[error("must be the ISO 4217 code of a currency in use")]
    UnknownCurrency,
}

impl Currency {
    /// The US dollar.
    pub const USD: Self = Self(iso_currency::Currency::USD);

    /// The currency that has or had this code: for records and histories of rates, which outlive a currency.
    pub fn of_record(code: &str) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_code(code).map(Self).ok_or(MoneyError::UnknownCurrency)
    }

    /// Whether accounts are held and paid in it. Codes of funds, metals and other units of account, tests and "no
    /// currency" are not; neither is a code that another has replaced.
    fn is_in_use(self) -> bool {
        // VED took six zeros off the bolívar in 2021, and ISO 4217 still lists VES.
        let is_replaced = self.0.is_superseded().is_some() && self.0 != iso_currency::Currency::VES;
        !self.0.is_fund() && !self.0.is_special() && !is_replaced
    }

    /// The three-letter code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Decimals of the smallest unit: 2 for USD, 0 for JPY.
    #[must_use]
    pub fn decimals(self) -> u32 {
        u32::from(self.0.exponent().unwrap_or(2))
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Self::of_record(text).ok().filter(|currency| currency.is_in_use()).ok_or(MoneyError::UnknownCurrency)
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        Self::of_record(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Money {
    /// Exactly this amount; an error if the currency cannot express it.
    pub fn new(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let amount = amount.normalize();
        if amount.scale() > currency.decimals() {
            return Err(MoneyError::TooFine { currency, decimals: currency.decimals() });
        }
        if amount.abs() > Decimal::from(MAX_AMOUNT) {
            return Err(MoneyError::TooLarge);
        }
        Ok(Self { amount, currency })
    }

    /// Reads a decimal such as `1234.50` exactly, as [`decimal::read`] does.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let amount = decimal::read(text).map_err(|error| match error {
            DecimalError::NotANumber => MoneyError::NotANumber,
            DecimalError::TooFine => MoneyError::TooFine { currency, decimals: currency.decimals() },
            _ => MoneyError::TooLarge,
        })?;
        Self::new(amount, currency)
    }

    /// The amount.
    #[must_use]
    pub fn amount(self) -> Decimal {
        self.amount
    }

    /// The currency.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Whether the amount is above zero.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.amount > Decimal::ZERO
    }

    /// Whether the amount is below zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.amount < Decimal::ZERO
    }
}

/// The amount with the currency's decimals: `1234.50`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut amount = self.amount;
        amount.rescale(self.currency.decimals());
        fmt::Display::fmt(&amount, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_with_the_decimals_of_its_currency() {
        assert_eq!(Money::parse("1234.5", Currency::USD).unwrap().to_string(), "1234.50");
        let yen = "JPY".parse().unwrap();
        assert_eq!(Money::parse("1000", yen).unwrap().to_string(), "1000");
    }

    #[test]
    fn too_many_decimals_are_refused_but_trailing_zeros_are_not() {
        assert!(Money::parse("0.10000", Currency::USD).is_ok());
        assert_eq!(
            Money::parse("0.001", Currency::USD),
            Err(MoneyError::TooFine { currency: Currency::USD, decimals: 2 })
        );
    }

    #[test]
    fn only_currencies_in_use_are_parsed_but_records_of_others_are_read() {
        for code in
            ["USD", "EUR", "CHF", "JPY", "GBP", "SEK", "ZAR", "KWD", "XAF", "XOF", "XPF", "XCD", "XCG", "VES", "ZWG"]
        {
            assert_eq!(code.parse::<Currency>().unwrap().code(), code);
        }
        let withdrawn = ["HRK", "BGN", "SLL", "ZWL", "CUC"];
        let funds = ["BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW"];
        let special =
            ["XXX", "XTS", "XAU", "XAG", "XPT", "XPD", "XDR", "XUA", "XSU", "XAD", "XBA", "XBB", "XBC", "XBD"];
        for code in withdrawn.iter().chain(&funds).chain(&special) {
            assert_eq!(code.parse::<Currency>(), Err(MoneyError::UnknownCurrency), "{code}");
            let record = format!("\"{code}\"");
            assert_eq!(serde_json::from_str::<Currency>(&record).unwrap().code(), *code);
        }
        for code in ["", "usd", "US", "USDX", "BTC", "DEM", "ABC"] {
            assert!(code.parse::<Currency>().is_err() && Currency::of_record(code).is_err(), "{code}");
        }
    }

    #[test]
    fn nonsense_and_absurd_amounts_are_refused() {
        for text in ["", "ten", "NaN", "1,000", "1_000", "+1", ".5", "5.", "1e3", "0x10", "1e400", "--1"] {
            assert_eq!(Money::parse(text, Currency::USD), Err(MoneyError::NotANumber), "{text}");
        }
        assert_eq!(Money::parse("1000000000001", Currency::USD), Err(MoneyError::TooLarge));
        assert_eq!(Money::parse("-10000000000000", Currency::USD), Err(MoneyError::TooLarge));
    }
}
