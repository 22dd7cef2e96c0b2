//! The calls that an API plan allows, and those that are left of it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::call_limits::{CALLERS_RESERVE, PAID_SPACING, SPACING};

/// The largest number of calls a day that can be set.
const MOST_A_DAY: usize = 1_000_000;
/// The largest number of calls a minute that can be set.
const MOST_A_MINUTE: usize = 6_000;

/// The calls that an API plan allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiPlan {
    /// Calls in any 24 hours; `None` without a daily limit.
    pub calls_a_day: Option<usize>,
    /// Calls in any minute; `None` without such a limit.
    pub calls_a_minute: Option<usize>,
}

/// The names of the settings of a plan, and the plan without them.
#[derive(Clone, Copy, Debug)]
pub struct PlanSettings {
    /// The setting for calls a day.
    pub calls_a_day: &'static str,
    /// The setting for calls a minute.
    pub calls_a_minute: &'static str,
    /// What is not set.
    pub default: ApiPlan,
}

/// A number of calls that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value:?} must be a whole number from 0 (no limit) to {most}")]
pub struct PlanError {
    /// The setting.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// The largest number.
    pub most: usize,
}

impl ApiPlan {
    /// A plan with a daily limit only.
    #[must_use]
    pub const fn of_a_day(calls: usize) -> Self {
        Self { calls_a_day: Some(calls), calls_a_minute: None }
    }

    /// Reads a plan from the program's settings; `set` returns the value of a setting that is not empty.
    ///
    /// Errors: [`PlanError`] for a value that is not a number of calls.
    pub fn from_settings(
        settings: PlanSettings,
        set: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, PlanError> {
        let read = |name, most, default| match set(name) {
            None => Ok(default),
            Some(value) => match value.trim().parse() {
                Ok(0) => Ok(None),
                Ok(calls) if calls <= most => Ok(Some(calls)),
                _ => Err(PlanError { name, value, most }),
            },
        };
        Ok(Self {
            calls_a_day: read(settings.calls_a_day, MOST_A_DAY, settings.default.calls_a_day)?,
            calls_a_minute: read(settings.calls_a_minute, MOST_A_MINUTE, settings.default.calls_a_minute)?,
        })
    }

    /// The least time from one call to the next. A plan without any limit makes them at
    /// once. A plan of at most 60 calls a minute makes one a second. A larger plan
    /// makes up to five, or as many as the calls of a minute need: a provider refuses a burst even of a large plan.
    #[must_use]
    pub fn spacing(self) -> Duration {
        match self.calls_a_minute {
            None if self.calls_a_day.is_none() => Duration::ZERO,
            None | Some(0..=60) => SPACING,
            Some(calls) => PAID_SPACING.min(Duration::from_mins(1) / u32::try_from(calls).unwrap_or(u32::MAX)),
        }
    }
}

/// For people: `at most 25 calls in 24 hours and 60 a minute`.
impl fmt::Display for ApiPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.calls_a_day, self.calls_a_minute) {
            (Some(day), Some(minute)) => write!(f, "at most {day} calls in 24 hours and {minute} a minute"),
            (Some(day), None) => write!(f, "at most {day} calls in 24 hours"),
            (None, Some(minute)) => write!(f, "at most {minute} calls a minute"),
            (None, None) => f.write_str("with no limit of calls"),
        }
    }
}

/// The calls that are left of a plan, or of the plans of several sources together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallsLeft {
    /// Calls left of 24 hours; `None` without a daily limit.
    pub today: Option<usize>,
    /// Calls that may be made now: those left of the day or of the minute, whichever are fewer.
    pub now: usize,
    /// The calls that the plan allows in a minute; `None` without such a limit.
    pub a_minute: Option<usize>,
}

impl CallsLeft {
    /// Of a plan with a daily limit only.
    #[must_use]
    pub fn of_a_day(left: usize) -> Self {
        Self { today: Some(left), now: left, a_minute: None }
    }

    /// Whether a call is left beyond those that are reserved for others and those that are about to be made.
    #[must_use]
    pub fn allows(self, reserve: usize, about_to_be_made: usize) -> bool {
        let of_the_minute = match self.a_minute {
            Some(limit) => minute_reserve(limit, reserve).saturating_add(about_to_be_made),
            None => 0,
        };
        self.now > of_the_minute && self.allows_today(reserve)
    }

    /// Whether a call is left of the day, even if those of the minute are used up.
    #[must_use]
    pub fn allows_today(self, reserve: usize) -> bool {
        self.today.is_none_or(|left| left > reserve)
    }

    /// The calls left of two sources together. There is a daily limit only if both have one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            today: self.today.zip(other.today).map(|(a, b)| a.saturating_add(b)),
            now: self.now.saturating_add(other.now),
            a_minute: self.a_minute.into_iter().chain(other.a_minute).reduce(usize::saturating_add),
        }
    }
}

/// The calls of a minute that stay reserved if `reserve` calls are: a quarter of them at most, because they come back
/// within the minute, and no more than [`CALLERS_RESERVE`].
#[must_use]
pub fn minute_reserve(calls_a_minute: usize, reserve: usize) -> usize {
    reserve.min(CALLERS_RESERVE).min(calls_a_minute / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: PlanSettings = PlanSettings {
        calls_a_day: "DAY",
        calls_a_minute: "MINUTE",
        default: ApiPlan { calls_a_day: Some(25), calls_a_minute: Some(60) },
    };

    fn read(day: &str, minute: &str) -> Result<ApiPlan, PlanError> {
        let set = |name: &'static str| Some(if name == "DAY" { day } else { minute }.to_owned());
        ApiPlan::from_settings(SETTINGS, |name| set(name).filter(|value| !value.is_empty()))
    }

    #[test]
    fn zero_is_no_limit_and_what_is_not_set_stays_as_it_is() {
        assert_eq!(read("", ""), Ok(SETTINGS.default));
        assert_eq!(read("0", "75"), Ok(ApiPlan { calls_a_day: None, calls_a_minute: Some(75) }));
        assert_eq!(read("800", "0"), Ok(ApiPlan { calls_a_day: Some(800), calls_a_minute: None }));
        for (day, minute) in [("few", ""), ("-1", ""), ("1.5", ""), ("1000001", ""), ("", "6001")] {
            let error = read(day, minute).unwrap_err();
            assert!(error.to_string().contains("must be a whole number from 0 (no limit)"), "{error}");
            assert_eq!(error.name, if day.is_empty() { "MINUTE" } else { "DAY" });
        }
    }

    #[test]
    fn the_spacing_follows_the_calls_a_minute() {
        let spacing = |minute| ApiPlan { calls_a_day: None, calls_a_minute: minute }.spacing().as_millis();
        let expected = [(None, 0), (Some(8), 1_000), (Some(60), 1_000), (Some(75), 200), (Some(300), 200)];
        for (minute, milliseconds) in expected.into_iter().chain([(Some(600), 100), (Some(1_200), 50)]) {
            assert_eq!(spacing(minute), milliseconds, "{minute:?}");
        }
    }

    #[test]
    fn a_reserve_of_the_day_is_not_a_reserve_of_the_minute() {
        let of = |today, now, minute| CallsLeft { today, now, a_minute: Some(minute) };
        assert!(of(None, 6, 75).allows(400, 0) && !of(None, 5, 75).allows(400, 0));
        assert!(!of(None, 6, 75).allows(400, 1), "another call is about to be made");
        assert!(of(None, 3, 8).allows(5, 0) && !of(None, 2, 8).allows(5, 0), "a quarter of the minute");
        assert!(of(Some(401), 8, 8).allows(400, 0) && !of(Some(400), 8, 8).allows(400, 0));
        assert!(of(None, 1, 1).allows(5, 0) && !of(None, 0, 1).allows(0, 0));
        assert!(CallsLeft::of_a_day(6).allows(5, 3) && !CallsLeft::of_a_day(5).allows(5, 0));
    }

    #[test]
    fn sources_add_up_and_one_without_a_daily_limit_lifts_it() {
        let by_minute = CallsLeft { today: None, now: 70, a_minute: Some(75) };
        assert_eq!(
            CallsLeft::of_a_day(25).and(CallsLeft::of_a_day(2_000)),
            CallsLeft { today: Some(2_025), now: 2_025, a_minute: None }
        );
        let both = by_minute.and(CallsLeft::of_a_day(0));
        assert_eq!(both, by_minute);
        assert!(both.allows(400, 0), "the evening's reserve is one of the day");
    }
}
