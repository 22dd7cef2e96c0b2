//! Expressions of EventBridge Scheduler: `rate(5 minutes)`, `cron(30 18 ? * MON-FRI *)`.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use thiserror::Error;

/// When a schedule fires.
#[derive(Clone, Debug, PartialEq)]
pub enum ScheduleExpression {
    /// Once in each period, the first time one period after the start.
    Rate(TimeDelta),
    /// At the times of a calendar in a time zone.
    Cron {
        /// The calendar.
        cron: Box<Cron>,
        /// The time zone.
        time_zone: Tz,
    },
}

/// Why an expression cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ScheduleError {
    /// The expression is neither `rate(…)` nor `cron(…)`.
    #[error("the schedule {0:?} must be rate(VALUE UNIT) or cron(MINUTES HOURS DAY MONTH WEEKDAY YEAR)")]
    Form(String),
    /// The rate is not a positive number of minutes, hours or days.
    #[error("the rate {0:?} must be a positive number of minute(s), hour(s) or day(s)")]
    Rate(String),
    /// The calendar cannot be read.
    #[error("the calendar {text:?} cannot be read: {reason}")]
    Calendar {
        /// The text in the parentheses.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The time zone is not in the IANA database.
    #[error("the time zone {0:?} is unknown")]
    TimeZone(String),
}

impl ScheduleExpression {
    /// Reads an expression; a calendar is in `time_zone`.
    pub fn parse(text: &str, time_zone: &str) -> Result<Self, ScheduleError> {
        let inside = |name: &str| text.trim().strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')').map(str::trim);
        if let Some(rate) = inside("rate") {
            return rate_of(rate).map(Self::Rate).ok_or_else(|| ScheduleError::Rate(rate.to_owned()));
        }
        let calendar = inside("cron").ok_or_else(|| ScheduleError::Form(text.to_owned()))?;
        let time_zone: Tz = time_zone.parse().map_err(|_| ScheduleError::TimeZone(time_zone.to_owned()))?;
        let refusal = |reason: String| ScheduleError::Calendar { text: calendar.to_owned(), reason };
        let fields: Vec<&str> = calendar.split_whitespace().collect();
        let [_, _, day, _, weekday, _] = fields.as_slice() else {
            return Err(refusal("it must have six fields".to_owned()));
        };
        // EventBridge Scheduler requires `?` in exactly one of the two.
        if (*day == "?") == (*weekday == "?") {
            return Err(refusal("exactly one of day and weekday must be ?".to_owned()));
        }
        // As in Quartz and unlike in Unix, weekdays count from 1 for Sunday and `0/15` is every fifteenth from 0.
        let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Required);
        let parser = parser.alternative_weekdays(true).sloppy_ranges(true).build();
        let cron = parser.parse(&format!("0 {calendar}")).map_err(|error| refusal(error.to_string()))?;
        Ok(Self::Cron { cron: Box::new(cron), time_zone })
    }

    /// The first due time after `after`; `None` if the calendar has no more.
    #[must_use]
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Rate(period) => after.checked_add_signed(*period),
            Self::Cron { cron, time_zone } => {
                let next = cron.find_next_occurrence(&after.with_timezone(time_zone), false).ok()?;
                Some(next.with_timezone(&Utc))
            }
        }
    }

    /// The last due time up to `now`. A rate counts from `since`, its last run; without one it has not started.
    #[must_use]
    pub fn last_by(&self, now: DateTime<Utc>, since: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        match self {
            Self::Rate(period) => {
                let since = since?;
                let periods = (now - since).num_seconds().div_euclid(period.num_seconds());
                let passed = i32::try_from(periods).ok().filter(|periods| *periods > 0)?;
                since.checked_add_signed(period.checked_mul(passed)?)
            }
            Self::Cron { cron, time_zone } => {
                let last = cron.find_previous_occurrence(&now.with_timezone(time_zone), true).ok()?;
                Some(last.with_timezone(&Utc))
            }
        }
    }
}

fn rate_of(text: &str) -> Option<TimeDelta> {
    let (value, unit) = text.split_once(' ')?;
    let value: i64 = value.parse().ok().filter(|value| *value > 0)?;
    match unit.trim() {
        "minute" | "minutes" => TimeDelta::try_minutes(value),
        "hour" | "hours" => TimeDelta::try_hours(value),
        "day" | "days" => TimeDelta::try_days(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(expression: &str, zone: &str, time: &str) -> String {
        let expression = ScheduleExpression::parse(expression, zone).unwrap();
        let next = expression.next_after(time.parse().unwrap()).unwrap();
        next.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    #[test]
    fn a_rate_counts_from_the_last_time() {
        assert_eq!(after("rate(5 minutes)", "UTC", "2026-01-01T00:00:30Z"), "2026-01-01T00:05:30Z");
        assert_eq!(after("rate(1 day)", "UTC", "2026-01-31T00:00:00Z"), "2026-02-01T00:00:00Z");
        assert_eq!(after("rate( 2 hours )", "UTC", "2026-01-31T00:00:00Z"), "2026-01-31T02:00:00Z");
    }

    #[test]
    fn a_calendar_goes_by_the_clocks_of_its_place_in_summer_and_winter() {
        let evening = "cron(30 18 ? * MON-FRI *)";
        // Friday, 2026-11-20; New York is five hours behind UTC in winter and four in summer.
        assert_eq!(after(evening, "America/New_York", "2026-11-20T23:29:59Z"), "2026-11-20T23:30:00Z");
        assert_eq!(after(evening, "America/New_York", "2026-11-20T23:30:00Z"), "2026-11-23T23:30:00Z");
        assert_eq!(after(evening, "America/New_York", "2026-07-01T12:00:00Z"), "2026-07-01T22:30:00Z");
        assert_eq!(after(evening, "UTC", "2026-07-01T12:00:00Z"), "2026-07-01T18:30:00Z");
    }

    #[test]
    fn weekdays_count_from_sunday_as_one() {
        assert_eq!(after("cron(0 12 ? * 1 *)", "UTC", "2026-11-20T00:00:00Z"), "2026-11-22T12:00:00Z");
        assert_eq!(after("cron(0 12 L * ? *)", "UTC", "2026-11-20T00:00:00Z"), "2026-11-30T12:00:00Z");
        assert_eq!(after("cron(0 12 1 * ? 2027)", "UTC", "2026-11-20T00:00:00Z"), "2027-01-01T12:00:00Z");
        assert_eq!(after("cron(0/15 * * * ? *)", "UTC", "2026-11-20T00:01:00Z"), "2026-11-20T00:15:00Z");
    }

    #[test]
    fn an_hour_that_the_clocks_skip_does_not_stop_the_schedule() {
        // 02:30 does not exist in New York on 2026-03-08.
        let next = after("cron(30 2 * * ? *)", "America/New_York", "2026-03-08T05:00:00Z");
        assert!(next.starts_with("2026-03-08T07:") || next == "2026-03-09T06:30:00Z", "{next}");
    }

    #[test]
    fn the_last_time_is_the_latest_that_is_not_to_come() {
        let evening = ScheduleExpression::parse("cron(30 18 ? * MON-FRI *)", "America/New_York").unwrap();
        let last = |now: &str| evening.last_by(now.parse().unwrap(), None).unwrap().to_rfc3339();
        assert_eq!(last("2026-11-20T23:29:59Z"), "2026-11-19T23:30:00+00:00");
        assert_eq!(last("2026-11-20T23:30:00Z"), "2026-11-20T23:30:00+00:00");
        assert_eq!(last("2026-11-23T12:00:00Z"), "2026-11-20T23:30:00+00:00");
    }

    #[test]
    fn a_calendar_that_is_over_fires_no_more() {
        let past = ScheduleExpression::parse("cron(0 12 1 1 ? 2020)", "UTC").unwrap();
        assert_eq!(past.next_after("2026-11-20T00:00:00Z".parse().unwrap()), None);
    }

    #[test]
    fn what_scheduler_would_not_take_is_refused() {
        for (text, zone) in [
            ("", "UTC"),
            ("often", "UTC"),
            ("rate(0 minutes)", "UTC"),
            ("rate(-1 day)", "UTC"),
            ("rate(5 seconds)", "UTC"),
            ("rate(99999999999999 days)", "UTC"),
            ("cron(0 12 * * * *)", "UTC"),
            ("cron(0 12 ? * ? *)", "UTC"),
            ("cron(0 12 ? * MON)", "UTC"),
            ("cron(0 25 ? * MON *)", "UTC"),
            ("cron(0 12 ? * MON *)", "Mars/Olympus"),
        ] {
            assert!(ScheduleExpression::parse(text, zone).is_err(), "{text} {zone}");
        }
    }
}
