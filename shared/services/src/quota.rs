//! A provider's calls of the last 24 hours, counted in the table and so shared by every function.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use market::alpha_vantage::{self, Budget, QuotaExhausted};
use serde::{Deserialize, Serialize};
use store::{Clock, StoreError, Table, documents, keys};

/// A caller that loses a race tries again; each loss means that another call was counted, so with
/// a full budget there are never more losses than places.
const MAX_TRIES: usize = 60;

#[derive(Default, Serialize, Deserialize)]
struct Calls {
    times: Vec<DateTime<Utc>>,
    /// Set when the provider itself said that the day's calls are used up.
    refused_until: Option<DateTime<Utc>>,
}

/// A budget of `limit` calls in any 24 hours, kept under the provider's name.
///
/// Any 24 hours, not a day from midnight: the provider's day may end at another midnight than ours.
pub struct DurableBudget {
    table: Arc<dyn Table>,
    clock: Clock,
    provider: &'static str,
    limit: usize,
}

impl DurableBudget {
    /// Alpha Vantage's free calls, shared by everyone who uses this table.
    #[must_use]
    pub fn alpha_vantage(table: Arc<dyn Table>, clock: Clock) -> Self {
        Self { table, clock, provider: alpha_vantage::SOURCE, limit: alpha_vantage::FREE_CALLS_A_DAY }
    }

    /// Changes the count, or learns from it that no call is left.
    async fn change(
        &self,
        decide: impl Fn(&mut Calls, DateTime<Utc>) -> Result<(), QuotaExhausted> + Send,
    ) -> Result<(), QuotaExhausted> {
        let key = keys::quota(self.provider);
        for _ in 0..MAX_TRIES {
            let stored = documents::read::<Calls>(&*self.table, &key).await.map_err(|error| uncounted(&error))?;
            let (mut calls, version) = stored.map_or((Calls::default(), None), |(calls, at)| (calls, Some(at)));
            let now = (self.clock)();
            calls.times.retain(|time| now - *time < day());
            decide(&mut calls, now)?;
            match documents::put(&*self.table, key.clone(), &calls, version).await {
                Ok(_) => return Ok(()),
                Err(StoreError::Conflict { .. } | StoreError::Throttled) => {}
                Err(error) => return Err(uncounted(&error)),
            }
        }
        Err(QuotaExhausted { until: None })
    }
}

#[async_trait]
impl Budget for DurableBudget {
    async fn take(&self) -> Result<(), QuotaExhausted> {
        let limit = self.limit;
        self.change(|calls, now| {
            if let Some(until) = calls.refused_until.filter(|until| *until > now) {
                return Err(QuotaExhausted { until: Some(until) });
            }
            if calls.times.len() >= limit {
                let until = calls.times.iter().min().map(|oldest| *oldest + day());
                return Err(QuotaExhausted { until });
            }
            calls.times.push(now);
            Ok(())
        })
        .await
    }

    async fn refused(&self) -> QuotaExhausted {
        let until = Some((self.clock)() + day());
        let noted = self.change(|calls, now| {
            calls.refused_until = Some(now + day());
            Ok(())
        });
        noted.await.err().unwrap_or(QuotaExhausted { until })
    }
}

fn day() -> TimeDelta {
    TimeDelta::hours(24)
}

/// A call that cannot be counted is not made.
fn uncounted(error: &StoreError) -> QuotaExhausted {
    tracing::error!(%error, "the provider's budget cannot be counted");
    QuotaExhausted { until: None }
}
