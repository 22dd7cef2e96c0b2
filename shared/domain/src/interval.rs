//! The period that one bar covers.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::day::Day;

/// Length of a bar: a trading day, a week (Monday to Sunday) or a calendar month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BarInterval)]
pub enum Interval {
    /// One trading day.
    #[default]
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

/// The refusal of a text that is no [`Interval`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be day, week or month")]
pub struct UnknownInterval;

impl FromStr for Interval {
    type Err = UnknownInterval;

    fn from_str(text: &str) -> Result<Self, UnknownInterval> {
        match text {
            "day" => Ok(Self::Day),
            "week" => Ok(Self::Week),
            "month" => Ok(Self::Month),
            _ => Err(UnknownInterval),
        }
    }
}

impl Interval {
    /// Whether two days are in the same period.
    #[must_use]
    pub fn has_both(self, one: Day, other: Day) -> bool {
        let monday = |day: Day| day.plus_days(-(day.weekday().num_days_from_monday() as i32));
        match self {
            Self::Day => one == other,
            Self::Week => monday(one) == monday(other),
            Self::Month => (one.year(), one.month()) == (other.year(), other.month()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_from_monday_to_sunday_and_a_month_is_of_the_calendar() {
        let together = |interval: Interval, one: &str, other: &str| {
            interval.has_both(one.parse().unwrap(), other.parse().unwrap())
        };
        assert!(
            together(Interval::Week, "2012-12-31", "2013-01-06") && together(Interval::Day, "2013-01-06", "2013-01-06")
        );
        assert!(
            !together(Interval::Week, "2013-01-06", "2013-01-07")
                && !together(Interval::Day, "2013-01-06", "2013-01-07")
        );
        assert!(together(Interval::Month, "2013-02-01", "2013-02-28"));
        assert!(!together(Interval::Month, "2013-02-28", "2013-03-01"));
        assert!(!together(Interval::Month, "2012-02-28", "2013-02-28"));
    }
}
