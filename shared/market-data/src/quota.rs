//! A provider's calls of the last 24 hours and their spacing, counted in the table and so shared by all functions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use market::call_limits::{
    ALPHA_VANTAGE_CALLS_A_DAY, CALL_COUNTS_FOR as WINDOW, FEW_CALLS, SHORTEST_CALL, USED_UP_FOR, YAHOO_CALLS_A_DAY,
};
use market::http::{NoPermit, Quota, QuotaExhausted, QuotaState};
use market::{CallBudget, alpha_vantage, yahoo};
use serde::{Deserialize, Serialize};
use store::{Clock, StoreError, Table, documents, keys};

/// Attempts at one change. Each lost race means that another call was counted, so with a small quota there are never
/// more losses than calls.
const MAX_TRIES: usize = 60;
/// The largest quota whose calls are stored one by one; of a larger one the calls per hour are counted.
const MAX_TIMES: usize = FEW_CALLS;
const SECONDS_AN_HOUR: i64 = 3600;

/// The calls that count. An item may contain both kinds of counts, after a quota has changed its size.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Calls {
    /// When each call was made, or will be: a caller may wait for its slot.
    #[serde(default, with = "domain::instant")]
    times: Vec<DateTime<Utc>>,
    /// Calls made in an hour, by its number since 1970.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    hours: BTreeMap<i64, usize>,
    /// Set when the provider itself has reported that the day's calls are used up.
    #[serde(default, with = "domain::instant")]
    refused_until: Option<DateTime<Utc>>,
}

impl Calls {
    /// Removes what is older than the window. An hour counts until its last moment is older. So its first call counts
    /// for up to an hour longer than necessary, and no 24 hours ever have more calls than the limit.
    fn forget_before(&mut self, now: DateTime<Utc>) {
        self.times.retain(|time| now - *time < WINDOW);
        self.hours.retain(|hour, _| end_of(*hour).is_some_and(|end| now - end < WINDOW));
    }

    /// Calls left at `now`, and when the oldest one that counts expires.
    fn standing(&self, limit: usize, now: DateTime<Utc>) -> QuotaState {
        if let Some(until) = self.refused_until.filter(|until| *until > now) {
            return QuotaState { left: 0, more_at: Some(until), now };
        }
        let made = self.hours.values().fold(self.times.len(), |made, calls| made.saturating_add(*calls));
        let oldest_hour = self.hours.keys().next().and_then(|hour| end_of(*hour));
        let oldest = self.times.iter().min().copied().into_iter().chain(oldest_hour).min();
        QuotaState { left: limit.saturating_sub(made), more_at: oldest.map(|oldest| oldest + WINDOW), now }
    }

    /// Takes a call of a small quota, spaced from the one before, if enough time is left after the wait for a response.
    fn add_in_turn(
        &mut self,
        spacing: Duration,
        time_left: Duration,
        now: DateTime<Utc>,
    ) -> Result<Duration, NoPermit> {
        let spacing = TimeDelta::from_std(spacing).unwrap_or(WINDOW);
        let at = self.times.iter().max().map_or(now, |last| now.max(*last + spacing));
        let wait = (at - now).to_std().unwrap_or_default();
        if wait.saturating_add(SHORTEST_CALL) > time_left {
            return Err(NoPermit::TooLate { wait });
        }
        self.times.push(at);
        Ok(wait)
    }

    fn add_to_hour(&mut self, now: DateTime<Utc>) {
        *self.hours.entry(now.timestamp().div_euclid(SECONDS_AN_HOUR)).or_default() += 1;
    }
}

/// The end of an hour.
fn end_of(hour: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(hour.checked_add(1)?.checked_mul(SECONDS_AN_HOUR)?, 0)
}

/// A quota of a fixed number of calls in any 24 hours, stored under the provider's name.
///
/// Any 24 hours, not a day from midnight: the provider's midnight may not be ours.
pub struct DurableQuota {
    table: Arc<dyn Table>,
    clock: Clock,
    provider: &'static str,
    limit: usize,
}

impl DurableQuota {
    /// At most `limit` calls of `provider` in any 24 hours, shared by all users of this table.
    #[must_use]
    pub fn new(table: Arc<dyn Table>, clock: Clock, provider: &'static str, limit: usize) -> Self {
        Self { table, clock, provider, limit }
    }

    /// Alpha Vantage's free calls.
    #[must_use]
    pub fn alpha_vantage(table: Arc<dyn Table>, clock: Clock) -> Self {
        Self::new(table, clock, alpha_vantage::SOURCE, ALPHA_VANTAGE_CALLS_A_DAY)
    }

    /// The calls of Yahoo that we allow ourselves.
    #[must_use]
    pub fn yahoo(table: Arc<dyn Table>, clock: Clock) -> Self {
        Self::new(table, clock, yahoo::SOURCE, YAHOO_CALLS_A_DAY)
    }

    /// Changes the count; an error if no call may be made.
    async fn change<T: Send>(
        &self,
        decide: impl Fn(&mut Calls, DateTime<Utc>) -> Result<T, NoPermit> + Send,
    ) -> Result<T, NoPermit> {
        let key = keys::quota(self.provider);
        for _ in 0..MAX_TRIES {
            let stored = documents::read::<Calls>(&*self.table, &key).await.map_err(|error| uncounted(&error))?;
            let (mut calls, version) = stored.map_or((Calls::default(), None), |(calls, at)| (calls, Some(at)));
            let now = (self.clock)();
            calls.forget_before(now);
            let decided = decide(&mut calls, now)?;
            match documents::put(&*self.table, key.clone(), &calls, version).await {
                Ok(_) => return Ok(decided),
                Err(StoreError::Conflict { .. } | StoreError::Throttled) => {}
                Err(error) => return Err(uncounted(&error).into()),
            }
        }
        Err(QuotaExhausted { until: None }.into())
    }
}

#[async_trait]
impl Quota for DurableQuota {
    async fn take(&self, spacing: Duration, call: CallBudget) -> Result<Duration, NoPermit> {
        let limit = self.limit;
        self.change(|calls, now| {
            calls.standing(limit, now).beyond(call.reserve)?;
            if limit <= MAX_TIMES {
                return calls.add_in_turn(spacing, call.time_left(), now);
            }
            calls.add_to_hour(now);
            Ok(Duration::ZERO)
        })
        .await
    }

    /// A large quota counts by the hour, which gives no spacing.
    fn keeps_distance(&self) -> bool {
        self.limit <= MAX_TIMES
    }

    async fn mark_exhausted(&self) -> QuotaExhausted {
        let noted = self.change(|calls, now| {
            calls.refused_until = Some(now + USED_UP_FOR);
            Ok(calls.refused_until)
        });
        QuotaExhausted { until: noted.await.unwrap_or_default() }
    }

    /// No call is left if the count cannot be read: such a call would not be made either.
    async fn read_state(&self) -> Option<QuotaState> {
        let now = (self.clock)();
        let mut calls = match documents::read::<Calls>(&*self.table, &keys::quota(self.provider)).await {
            Ok(stored) => stored.map_or_else(Calls::default, |(calls, _)| calls),
            Err(error) => {
                uncounted(&error);
                return Some(QuotaState { left: 0, more_at: None, now });
            }
        };
        calls.forget_before(now);
        Some(calls.standing(self.limit, now))
    }
}

/// A call that cannot be counted is not made.
fn uncounted(error: &StoreError) -> QuotaExhausted {
    tracing::error!(%error, "the provider's quota cannot be counted");
    QuotaExhausted { until: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_from_before_hours_were_counted_is_read() {
        let calls: Calls =
            serde_json::from_str(r#"{"times": ["2026-11-20T12:00:00Z"], "refused_until": null}"#).unwrap();
        assert_eq!(calls.standing(25, "2026-11-20T13:00:00Z".parse().unwrap()).left, 24);
        let written = serde_json::to_string(&calls).unwrap();
        assert_eq!(written, r#"{"times":["2026-11-20T12:00:00.000Z"],"refused_until":null}"#);
    }

    #[test]
    fn an_hour_counts_until_its_last_moment_is_older_than_the_window() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let mut calls = Calls::default();
        for _ in 0..101 {
            calls.add_to_hour(at("2026-11-20T12:59:59Z"));
        }
        let now = at("2026-11-20T13:00:00Z");
        let over = at("2026-11-21T13:00:15Z");
        assert_eq!(calls.standing(101, now), QuotaState { left: 0, more_at: Some(over), now });
        calls.forget_before(at("2026-11-21T13:00:14Z"));
        assert_eq!(calls.standing(101, now).left, 0);
        calls.forget_before(over);
        assert_eq!(calls.standing(101, over).left, 101);
    }
}
