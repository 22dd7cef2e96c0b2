//! The quota of a provider's calls, counted in the table and so shared by all functions.

mod calls;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use market::call_limits::{USED_UP_FOR, YAHOO_CALLS_A_DAY};
use market::http::{NoPermit, Quota, QuotaExhausted, QuotaState};
use market::{ApiPlan, CallBudget, CallsLeft, alpha_vantage, yahoo};
use store::{Clock, StoreError, Table, documents, keys};

use self::calls::Calls;

/// Attempts at one change. Each lost race means that another call was counted, so with a small quota there are never
/// more losses than calls.
const MAX_TRIES: usize = 60;

/// The calls of an API plan in any 24 hours and in any minute, stored under the provider's name.
///
/// Any 24 hours, not a day from midnight: the provider's midnight may not be ours.
pub struct DurableQuota {
    table: Arc<dyn Table>,
    clock: Clock,
    provider: &'static str,
    plan: ApiPlan,
}

impl DurableQuota {
    /// The calls of `provider` that `plan` allows, shared by all users of this table.
    #[must_use]
    pub fn new(table: Arc<dyn Table>, clock: Clock, provider: &'static str, plan: ApiPlan) -> Self {
        Self { table, clock, provider, plan }
    }

    /// The calls of a key of Alpha Vantage.
    #[must_use]
    pub fn alpha_vantage(table: Arc<dyn Table>, clock: Clock, plan: ApiPlan) -> Self {
        Self::new(table, clock, alpha_vantage::SOURCE, plan)
    }

    /// The calls of Yahoo that we allow ourselves.
    #[must_use]
    pub fn yahoo(table: Arc<dyn Table>, clock: Clock) -> Self {
        Self::new(table, clock, yahoo::SOURCE, ApiPlan::of_a_day(YAHOO_CALLS_A_DAY))
    }

    /// Calls that nothing limits are not counted.
    fn is_unlimited(&self) -> bool {
        self.plan == ApiPlan { calls_a_day: None, calls_a_minute: None }
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
        if self.is_unlimited() {
            return Ok(Duration::ZERO);
        }
        let plan = self.plan;
        self.change(|calls, now| {
            let standing = calls.standing(plan, now);
            // A call of the minute is worth waiting for, one of the day is not.
            if !standing.left.allows_today(call.reserve) {
                return Err(QuotaExhausted { until: standing.more_at }.into());
            }
            calls.add(plan, spacing, call, now)
        })
        .await
    }

    /// A large daily quota counts by five minutes, which gives no spacing.
    fn keeps_distance(&self) -> bool {
        calls::keeps_times(self.plan)
    }

    async fn mark_exhausted(&self) -> QuotaExhausted {
        let plan = self.plan;
        let noted = self.change(|calls, now| {
            let until = now + USED_UP_FOR;
            calls.refuse(plan, until);
            Ok(Some(until))
        });
        QuotaExhausted { until: noted.await.unwrap_or_default() }
    }

    /// No call is left if the count cannot be read: such a call would not be made either.
    async fn read_state(&self) -> Option<QuotaState> {
        if self.is_unlimited() {
            return None;
        }
        let now = (self.clock)();
        let mut calls = match documents::read::<Calls>(&*self.table, &keys::quota(self.provider)).await {
            Ok(stored) => stored.map_or_else(Calls::default, |(calls, _)| calls),
            Err(error) => {
                uncounted(&error);
                return Some(QuotaState { left: CallsLeft::of_a_day(0), more_at: None, now });
            }
        };
        calls.forget_before(now);
        Some(calls.standing(self.plan, now))
    }
}

/// A call that cannot be counted is not made.
fn uncounted(error: &StoreError) -> QuotaExhausted {
    tracing::error!(%error, "the provider's quota cannot be counted");
    QuotaExhausted { until: None }
}
