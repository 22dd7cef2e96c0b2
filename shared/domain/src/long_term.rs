//! How long units must have been held for the gain of their sale to be long-term.

use std::fmt;
use std::str::FromStr;

use chrono::Months;
use serde::{Deserialize, Serialize};

use crate::Day;

/// Months of a year.
const YEAR: u32 = 12;
/// The longest period, in months: a century.
const MAX_MONTHS: u32 = 100 * YEAR;

/// How long units must have been held for a gain to be long-term: `P1Y` (one year), `P6M` (six months), or `none` where
/// the law knows no such difference.
///
/// Twelve months are a year: `P12M` is written `P1Y`. The number is that of months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = r"^(none|P[1-9][0-9]{0,2}Y|P[1-9][0-9]{0,3}M)$", example = "P1Y")]
pub struct LongTerm(Option<u32>);

/// Whether the gain of a sale is long-term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = GainTerm)]
pub enum Term {
    /// Sold on the last day of the period or earlier.
    Short,
    /// Sold after it.
    Long,
}

/// Why a text is not a [`LongTerm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be none, or years or months such as P1Y or P6M, at most a hundred years")]
pub struct LongTermError;

impl LongTerm {
    /// No gain is long-term, and none is short-term either.
    pub const NONE: Self = Self(None);

    /// The term of a gain; nothing if there is no difference.
    ///
    /// It is long if the units were sold after the same day of the month that ends the period, or after the last day of
    /// that month if it is shorter: what was bought on 29 February is held for a year on 28 February.
    #[must_use]
    pub fn term(self, acquired_on: Day, sold_on: Day) -> Option<Term> {
        let last = acquired_on.date().checked_add_months(Months::new(self.0?));
        let is_long = last.is_some_and(|last| sold_on.date() > last);
        Some(if is_long { Term::Long } else { Term::Short })
    }

    /// Whether it is the default, a year.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for LongTerm {
    fn default() -> Self {
        Self(Some(YEAR))
    }
}

impl Term {
    /// `short` or `long`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Long => "long",
        }
    }
}

impl FromStr for LongTerm {
    type Err = LongTermError;

    fn from_str(text: &str) -> Result<Self, LongTermError> {
        if text == "none" {
            return Ok(Self::NONE);
        }
        let period = text.strip_prefix('P').ok_or(LongTermError)?;
        let (number, unit) = match (period.strip_suffix('Y'), period.strip_suffix('M')) {
            (Some(years), _) => (years, YEAR),
            (None, Some(months)) => (months, 1),
            (None, None) => return Err(LongTermError),
        };
        let is_plain = !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = number.parse().ok().filter(|_| is_plain).ok_or(LongTermError)?;
        let months = number.checked_mul(unit).filter(|months| *months <= MAX_MONTHS);
        months.map(|months| Self(Some(months))).ok_or(LongTermError)
    }
}

impl fmt::Display for LongTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("none"),
            Some(months) if months.is_multiple_of(YEAR) => write!(f, "P{}Y", months / YEAR),
            Some(months) => write!(f, "P{months}M"),
        }
    }
}

impl TryFrom<String> for LongTerm {
    type Error = LongTermError;

    fn try_from(text: String) -> Result<Self, LongTermError> {
        text.parse()
    }
}

impl From<LongTerm> for String {
    fn from(period: LongTerm) -> Self {
        period.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(period: &str, acquired_on: &str, sold_on: &str) -> Option<&'static str> {
        let period: LongTerm = period.parse().unwrap();
        period.term(acquired_on.parse().unwrap(), sold_on.parse().unwrap()).map(Term::name)
    }

    #[test]
    fn a_gain_is_long_term_after_the_same_day_of_the_next_year() {
        for (period, acquired_on, sold_on, expected) in [
            ("P1Y", "2012-06-01", "2013-06-01", Some("short")),
            ("P1Y", "2012-06-01", "2013-06-02", Some("long")),
            ("P1Y", "2012-02-29", "2013-02-28", Some("short")),
            ("P1Y", "2012-02-29", "2013-03-01", Some("long")),
            ("P1Y", "2011-02-28", "2012-02-29", Some("long")),
            ("P4Y", "2012-02-29", "2016-02-29", Some("short")),
            ("P6M", "2012-08-31", "2013-02-28", Some("short")),
            ("P6M", "2012-08-31", "2013-03-01", Some("long")),
            ("P100Y", "2150-01-01", "2199-12-31", Some("short")),
            ("P1Y", "2012-06-01", "2012-06-01", Some("short")),
            ("none", "1990-06-01", "2013-06-01", None),
        ] {
            assert_eq!(term(period, acquired_on, sold_on), expected, "{period} {acquired_on} {sold_on}");
        }
    }

    #[test]
    fn a_period_is_years_or_months_and_written_in_the_larger_of_them() {
        for (given, written) in
            [("none", "none"), ("P1Y", "P1Y"), ("P6M", "P6M"), ("P12M", "P1Y"), ("P18M", "P18M"), ("P100Y", "P100Y")]
        {
            let period: LongTerm = given.parse().unwrap();
            assert_eq!(period.to_string(), written);
            assert_eq!(serde_json::to_string(&period).unwrap(), format!("{written:?}"));
        }
        let refused =
            ["", "None", "P", "P0Y", "P01Y", "P1", "1Y", "P1D", "P-1Y", "P+1Y", "P1Y6M", "p1y", "P101Y", "P1201M"];
        for text in refused.into_iter().chain(["P99999999999Y", "P1.5Y", " P1Y", "P１Y"]) {
            assert_eq!(text.parse::<LongTerm>(), Err(LongTermError), "{text:?}");
        }
        assert!(LongTerm::default().is_default() && !LongTerm::NONE.is_default());
    }
}
