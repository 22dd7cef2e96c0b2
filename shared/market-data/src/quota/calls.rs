//! The calls that count against a plan, as they are stored.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use market::call_limits::{
    CALL_COUNTS_FOR as DAY, CALL_COUNTS_IN_A_MINUTE_FOR as MINUTE, COUNTED_BY_TIME, SHORTEST_CALL,
};
use market::http::{NoPermit, QuotaState};
use market::{ApiPlan, CallBudget, CallsLeft, minute_reserve};
use serde::{Deserialize, Serialize};

/// The length of an interval whose calls are counted together, in seconds.
const FIVE_MINUTES: i64 = 300;
const HOUR: i64 = 3_600;
const SECOND: i64 = 1;

/// The calls that count. An item may contain all kinds of counts, after a plan has changed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Calls {
    /// When each call was made, or will be: a caller may wait for its slot.
    #[serde(default, with = "domain::instant")]
    times: Vec<DateTime<Utc>>,
    /// Calls made in an hour, by its number since 1970; written before calls were counted by five minutes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    hours: BTreeMap<i64, usize>,
    /// Calls made in five minutes, by their number since 1970.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    five_minutes: BTreeMap<i64, usize>,
    /// Calls made in a second of the last minute, by its number since 1970.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    seconds: BTreeMap<i64, usize>,
    /// The last call, if its time is not among `times`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "domain::instant")]
    last: Option<DateTime<Utc>>,
    /// Set when the provider itself has reported that the day's calls are used up.
    #[serde(default, with = "domain::instant")]
    refused_until: Option<DateTime<Utc>>,
    /// The plan that the report was about; `None` in an item from before other plans could be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused_plan: Option<ApiPlan>,
}

impl Calls {
    /// Removes what no longer counts. An interval counts until its last moment is old enough. So its first call counts
    /// for longer than necessary, and no 24 hours, and no minute, ever have more calls than the plan.
    pub(super) fn forget_before(&mut self, now: DateTime<Utc>) {
        self.times.retain(|time| now - *time < DAY);
        forget(&mut self.hours, HOUR, DAY, now);
        forget(&mut self.five_minutes, FIVE_MINUTES, DAY, now);
        forget(&mut self.seconds, SECOND, MINUTE, now);
    }

    /// Calls left at `now`, and when the next one becomes available.
    pub(super) fn standing(&self, plan: ApiPlan, now: DateTime<Utc>) -> QuotaState {
        if let Some(until) = self.refused_until.filter(|until| *until > now && self.refusal_is_about(plan)) {
            return QuotaState { left: CallsLeft::of_a_day(0), more_at: Some(until), now };
        }
        let today = plan.calls_a_day.map(|limit| limit.saturating_sub(self.count_today()));
        let minute = self.of_the_minute(now);
        let in_the_minute = minute.iter().map(|(_, calls)| calls).sum();
        let this_minute = plan.calls_a_minute.map(|limit| limit.saturating_sub(in_the_minute));
        let left = today.into_iter().chain(this_minute).min().unwrap_or(usize::MAX);
        let more_at = match this_minute {
            Some(calls) if today.is_none_or(|today| calls < today) => minute.first().map(|(until, _)| *until),
            _ => self.oldest_of_the_day(),
        };
        QuotaState { left: CallsLeft { today, now: left, a_minute: plan.calls_a_minute }, more_at, now }
    }

    /// Takes a call of the minute, spaced from the one before, if enough time is left after the wait for a response.
    /// Returns the wait.
    pub(super) fn add(
        &mut self,
        plan: ApiPlan,
        spacing: Duration,
        call: CallBudget,
        now: DateTime<Utc>,
    ) -> Result<Duration, NoPermit> {
        let spacing = TimeDelta::from_std(spacing).unwrap_or(DAY);
        let last = self.times.iter().max().copied().max(self.last);
        let mut at = last.filter(|_| keeps_times(plan)).map_or(now, |last| now.max(last + spacing));
        if let Some(limit) = plan.calls_a_minute {
            at = at.max(self.next_below(limit - minute_reserve(limit, call.reserve), now));
        }
        let wait = (at - now).to_std().unwrap_or_default();
        if wait.saturating_add(SHORTEST_CALL) > call.time_left() {
            return Err(NoPermit::TooLate { wait });
        }
        self.count(plan, at);
        Ok(wait)
    }

    fn count(&mut self, plan: ApiPlan, at: DateTime<Utc>) {
        if stores_each_time(plan) {
            self.times.push(at);
            return;
        }
        if plan.calls_a_day.is_some() {
            *self.five_minutes.entry(number_of(FIVE_MINUTES, at)).or_default() += 1;
        }
        if plan.calls_a_minute.is_some() {
            *self.seconds.entry(number_of(SECOND, at)).or_default() += 1;
            self.last = Some(at);
        }
    }

    /// Records that the provider reported the day's calls as used up.
    pub(super) fn refuse(&mut self, plan: ApiPlan, until: DateTime<Utc>) {
        (self.refused_until, self.refused_plan) = (Some(until), Some(plan));
    }

    /// A key with another plan has other calls.
    fn refusal_is_about(&self, plan: ApiPlan) -> bool {
        self.refused_plan.is_none_or(|refused| refused == plan)
    }

    fn count_today(&self) -> usize {
        let intervals = self.hours.values().chain(self.five_minutes.values());
        intervals.fold(self.times.len(), |made, calls| made.saturating_add(*calls))
    }

    /// When the oldest call of the day stops counting.
    fn oldest_of_the_day(&self) -> Option<DateTime<Utc>> {
        let hour = self.hours.keys().next().and_then(|hour| end_of(HOUR, *hour));
        let five_minutes = self.five_minutes.keys().next().and_then(|number| end_of(FIVE_MINUTES, *number));
        let first = self.times.iter().min().copied().into_iter().chain(hour).chain(five_minutes).min();
        first.map(|first| first + DAY)
    }

    /// When the calls that count in the minute stop counting, in order, and how many do.
    fn of_the_minute(&self, now: DateTime<Utc>) -> Vec<(DateTime<Utc>, usize)> {
        let times = self.times.iter().map(|time| (*time + MINUTE, 1));
        let seconds = self.seconds.iter();
        let seconds = seconds.filter_map(|(number, calls)| Some((end_of(SECOND, *number)? + MINUTE, *calls)));
        let mut minute: Vec<_> = times.chain(seconds).filter(|(until, _)| *until > now).collect();
        minute.sort_unstable();
        minute
    }

    /// When fewer than `limit` calls of the minute count.
    fn next_below(&self, limit: usize, now: DateTime<Utc>) -> DateTime<Utc> {
        let minute = self.of_the_minute(now);
        let mut count: usize = minute.iter().map(|(_, calls)| calls).sum();
        let mut at = now;
        for (until, calls) in minute {
            if count < limit {
                break;
            }
            (at, count) = (until, count.saturating_sub(calls));
        }
        at
    }
}

/// Whether the time of the last call is stored, so that the calls of all processes can be spaced.
pub(super) fn keeps_times(plan: ApiPlan) -> bool {
    stores_each_time(plan) || plan.calls_a_minute.is_some()
}

fn stores_each_time(plan: ApiPlan) -> bool {
    plan.calls_a_day.is_some_and(|limit| limit <= COUNTED_BY_TIME)
}

fn forget(intervals: &mut BTreeMap<i64, usize>, length: i64, window: TimeDelta, now: DateTime<Utc>) {
    intervals.retain(|number, _| end_of(length, *number).is_some_and(|end| now - end < window));
}

/// The number since 1970 of the interval of this many seconds that an instant is in.
fn number_of(length: i64, at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(length)
}

/// The end of an interval.
fn end_of(length: i64, number: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(number.checked_add(1)?.checked_mul(length)?, 0)
}

#[cfg(test)]
mod tests {
    use market::OnBehalfOf;
    use market::alpha_vantage::FREE_PLAN;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn read(item: &str) -> Calls {
        serde_json::from_str(item).unwrap()
    }

    #[test]
    fn an_item_from_before_intervals_were_counted_is_read() {
        let calls = read(r#"{"times": ["2026-11-20T12:00:00Z"], "refused_until": null}"#);
        assert_eq!(calls.standing(FREE_PLAN, at("2026-11-20T13:00:00Z")).left.now, 24);
        let written = serde_json::to_string(&calls).unwrap();
        assert_eq!(written, r#"{"times":["2026-11-20T12:00:00.000Z"],"refused_until":null}"#);
    }

    #[test]
    fn the_hours_of_an_older_item_count_until_they_are_over() {
        let hour = number_of(HOUR, at("2026-11-20T12:30:00Z"));
        let mut calls = read(&format!(r#"{{"times": [], "hours": {{"{hour}": 1900}}, "refused_until": null}}"#));
        let yahoo = ApiPlan::of_a_day(2_000);
        calls.add(yahoo, Duration::ZERO, CallBudget::of(OnBehalfOf::Platform), at("2026-11-20T13:00:00Z")).unwrap();
        let mut left = |now| {
            calls.forget_before(at(now));
            calls.standing(yahoo, at(now)).left.now
        };
        assert_eq!(left("2026-11-21T13:00:14Z"), 99);
        assert_eq!(left("2026-11-21T13:00:15Z"), 1_999);
        assert_eq!(left("2026-11-21T13:05:15Z"), 2_000);
    }

    #[test]
    fn five_minutes_count_until_their_last_moment_is_older_than_the_day() {
        let plan = ApiPlan::of_a_day(501);
        let mut calls = Calls::default();
        for _ in 0..501 {
            calls.count(plan, at("2026-11-20T12:59:59Z"));
        }
        let now = at("2026-11-20T13:00:00Z");
        let over = at("2026-11-21T13:00:15Z");
        assert_eq!(calls.standing(plan, now), QuotaState { left: CallsLeft::of_a_day(0), more_at: Some(over), now });
        calls.forget_before(at("2026-11-21T13:00:14Z"));
        assert_eq!(calls.standing(plan, now).left.now, 0);
        calls.forget_before(over);
        assert_eq!(calls.standing(plan, over).left.now, 501);
    }

    #[test]
    fn a_report_about_the_free_plan_does_not_stop_a_paid_one() {
        let now = at("2026-11-20T12:00:00Z");
        let paid = ApiPlan { calls_a_day: None, calls_a_minute: Some(75) };
        let mut calls = Calls::default();
        calls.refuse(FREE_PLAN, at("2026-11-21T12:00:00Z"));
        assert_eq!(calls.standing(FREE_PLAN, now).left.now, 0);
        assert_eq!(calls.standing(paid, now).left, CallsLeft { today: None, now: 75, a_minute: Some(75) });
        let old = read(r#"{"times": [], "refused_until": "2026-11-21T12:00:00Z"}"#);
        assert_eq!(old.standing(paid, now).left.now, 0, "it does not say which plan it is about");
    }
}
