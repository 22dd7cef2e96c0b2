//! Calendar days, written `2013-03-01`.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate, Weekday};
use serde::{Deserialize, Serialize, Serializer};

const FIRST_YEAR: i32 = 1900;
const LAST_YEAR: i32 = 2199;

/// A calendar day without a time zone, between 1900 and 2199.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = Date, example = "2013-03-01")]
pub struct Day(NaiveDate);

/// Why a text is not a [`Day`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DayError {
    /// Not of the form `YYYY-MM-DD`.
    #[error("must be a day written YYYY-MM-DD")]
    Form,
    /// Well-formed, but not in the calendar (2013-02-30).
    #[error("must be a day of the calendar")]
    NoSuchDay,
    /// Outside 1900 to 2199.
    #[error("must be between {FIRST_YEAR} and {LAST_YEAR}")]
    OutOfRange,
}

impl Day {
    /// The earliest day.
    pub const FIRST: Self = Self(match NaiveDate::from_ymd_opt(FIRST_YEAR, 1, 1) {
        Some(date) => date,
        None => NaiveDate::MIN,
    });
    /// The latest day.
    pub const LAST: Self = Self(match NaiveDate::from_ymd_opt(LAST_YEAR, 12, 31) {
        Some(date) => date,
        None => NaiveDate::MAX,
    });

    /// The day of a year (1900 to 2199), month (1 to 12) and day of the month.
    pub fn new(year: i32, month: u32, day: u32) -> Result<Self, DayError> {
        NaiveDate::from_ymd_opt(year, month, day).ok_or(DayError::NoSuchDay)?.try_into()
    }

    /// The day as a `chrono` date.
    #[must_use]
    pub fn date(self) -> NaiveDate {
        self.0
    }

    /// The year, 1900 to 2199.
    #[must_use]
    pub fn year(self) -> i32 {
        self.0.year()
    }

    /// The month, 1 to 12.
    #[must_use]
    pub fn month(self) -> u32 {
        self.0.month()
    }

    /// The day of the month, 1 to 31.
    #[must_use]
    pub fn day_of_month(self) -> u32 {
        self.0.day()
    }

    /// The day of the week.
    #[must_use]
    pub fn weekday(self) -> Weekday {
        self.0.weekday()
    }

    /// Days since 1970-01-01, negative before.
    #[must_use]
    pub fn days_since_epoch(self) -> i32 {
        self.0.to_epoch_days()
    }

    /// The day this many days after 1970-01-01.
    pub fn from_days_since_epoch(days: i32) -> Result<Self, DayError> {
        NaiveDate::from_epoch_days(days).ok_or(DayError::OutOfRange)?.try_into()
    }

    /// Calendar days from `earlier` to this day; negative when `earlier` is later.
    #[must_use]
    pub fn days_since(self, earlier: Self) -> i32 {
        self.days_since_epoch() - earlier.days_since_epoch()
    }

    /// The day `days` calendar days later (earlier if negative), clamped to the range.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        let moved = self.days_since_epoch().saturating_add(days);
        let bounded = moved.clamp(Self::FIRST.days_since_epoch(), Self::LAST.days_since_epoch());
        Self(NaiveDate::from_epoch_days(bounded).unwrap_or(self.0))
    }
}

impl TryFrom<NaiveDate> for Day {
    type Error = DayError;

    fn try_from(date: NaiveDate) -> Result<Self, DayError> {
        if (FIRST_YEAR..=LAST_YEAR).contains(&date.year()) { Ok(Self(date)) } else { Err(DayError::OutOfRange) }
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(DayError::Form);
        }
        let digits = |from: usize, to: usize| {
            bytes[from..to]
                .iter()
                .try_fold(0_u32, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
        };
        match (digits(0, 4), digits(5, 7), digits(8, 10)) {
            (Some(year), Some(month), Some(day)) => Self::new(year as i32, month, day),
            _ => Err(DayError::Form),
        }
    }
}

impl TryFrom<String> for Day {
    type Error = DayError;

    fn try_from(text: String) -> Result<Self, DayError> {
        text.parse()
    }
}

impl Day {
    /// `2013-03-01` without an allocation: a response has thousands of days.
    fn written(self) -> [u8; 10] {
        let digit = |number: u32| b'0' + (number % 10) as u8;
        let (year, month, day) = (self.year() as u32, self.month(), self.day_of_month());
        let (thousands, hundreds, tens) = (digit(year / 1000), digit(year / 100), digit(year / 10));
        let (month_tens, day_tens) = (digit(month / 10), digit(day / 10));
        [thousands, hundreds, tens, digit(year), b'-', month_tens, digit(month), b'-', day_tens, digit(day)]
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = self.written();
        let text = std::str::from_utf8(&written).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(text)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.written()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_and_written_as_iso_8601() {
        let day: Day = "2012-02-29".parse().unwrap();
        assert_eq!((day.year(), day.month(), day.day_of_month()), (2012, 2, 29));
        assert_eq!(day.to_string(), "2012-02-29");
        assert_eq!(Day::from_days_since_epoch(day.days_since_epoch()), Ok(day));
    }

    #[test]
    fn days_that_do_not_exist_and_loose_forms_are_refused() {
        assert_eq!("2013-02-29".parse::<Day>(), Err(DayError::NoSuchDay));
        assert_eq!("2013-13-01".parse::<Day>(), Err(DayError::NoSuchDay));
        for text in ["2013-2-01", "20130201", "2013-02-01T00:00:00Z", "+013-02-01", "", "2013–02-01"] {
            assert_eq!(text.parse::<Day>(), Err(DayError::Form), "{text}");
        }
        assert_eq!("1899-12-31".parse::<Day>(), Err(DayError::OutOfRange));
    }

    #[test]
    fn adding_days_stays_inside_the_range() {
        let day: Day = "2013-02-28".parse().unwrap();
        assert_eq!(day.plus_days(1).to_string(), "2013-03-01");
        assert_eq!(day.plus_days(-59).to_string(), "2012-12-31");
        assert_eq!(day.plus_days(i32::MAX).to_string(), "2199-12-31");
        assert_eq!(day.plus_days(i32::MIN).to_string(), "1900-01-01");
    }
}
