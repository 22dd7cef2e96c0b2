//! New-symbol lookups: how many symbols of which nothing is stored a customer may have requested from a provider.
//!
//! Such a symbol takes a call of a quota that all customers share, and symbols can be made up. Without a limit one
//! customer could use up the calls of the scheduled refresh. There is no limit while many calls are left, or more than
//! the refresh needs.

use app::rate_limiter::whole_seconds;
use app::{App, ServiceError};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Symbol, instant};
use market::call_limits::{
    CALLERS_RESERVE, FEW_CALLS, NEW_SYMBOL_LOOKUP_COUNTS_FOR, NEW_SYMBOL_LOOKUP_COUNTS_IN_A_MINUTE_FOR,
    NEW_SYMBOL_LOOKUPS,
};
use market::{CallBudget, CallsLeft, NoAnswer, OnBehalfOf, ProviderError, minute_reserve};
use serde::{Deserialize, Serialize};
use store::retry::{Retry, retry};
use store::{Key, Version, Write, documents, keys};

use crate::last_run;
use crate::market_data::MarketData;

/// A new-symbol lookup that is counted, or none if the limit does not apply.
#[must_use = "a lookup that cost no call must be returned"]
pub(crate) struct NewSymbolLookup(Option<CountedLookup>);

struct CountedLookup {
    key: Key,
    at: DateTime<Utc>,
    few: FewCalls,
    /// Calls that were left before it.
    calls_left: usize,
}

/// The new-symbol lookups of a customer that count.
#[derive(Debug, Default, Serialize, Deserialize)]
struct RecentLookups {
    #[serde(with = "domain::instant")]
    times: Vec<DateTime<Utc>>,
}

impl RecentLookups {
    /// Counts a lookup and returns its instant as stored: to the millisecond.
    fn count(&mut self, now: DateTime<Utc>) -> DateTime<Utc> {
        let at = instant::to_the_millisecond(now);
        self.times.push(at);
        at
    }

    /// Removes one lookup of this instant; others of the same instant stay.
    fn remove(&mut self, at: DateTime<Utc>) {
        if let Some(place) = self.times.iter().position(|time| *time == at) {
            self.times.remove(place);
        }
    }
}

/// Counts a call for a symbol as a new-symbol lookup, if few calls are left, a customer requested it, and nothing is
/// stored of the symbol. A tracker does not make the symbol known, because a live connection may subscribe to invented
/// symbols.
///
/// Errors: [`ServiceError::TooManyNewSymbols`].
pub(crate) async fn take(
    market: &MarketData,
    budget: CallBudget,
    symbol: &Symbol,
) -> Result<NewSymbolLookup, ServiceError> {
    let OnBehalfOf::Customer(customer) = budget.on_behalf_of else { return Ok(NewSymbolLookup(None)) };
    // Without time or calls left, no call will be made.
    let left = market.provider().read_calls_left().await.filter(|left| left.now > 0 && budget.allows_a_call());
    let Some((left, few)) = left.and_then(|left| Some((left, FewCalls::of(left)?))) else {
        return Ok(NewSymbolLookup(None));
    };
    if is_known(&market.app, symbol).await? {
        return Ok(NewSymbolLookup(None));
    }
    let key = &keys::new_symbol_lookups(customer);
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let now = market.app.now();
        let (mut lookups, version) = read(&market.app, key, now, few.count_for()).await?;
        if lookups.times.len() >= NEW_SYMBOL_LOOKUPS {
            if few.has_more_than_needed(&market.app).await? {
                return Ok(NewSymbolLookup(None));
            }
            let oldest = lookups.times.iter().min().copied().unwrap_or(now);
            let retry_after_seconds = whole_seconds(oldest + few.count_for() - now);
            return Err(ServiceError::TooManyNewSymbols { retry_after_seconds });
        }
        let at = lookups.count(now);
        write(&market.app, key, &lookups, version).await?;
        Ok(NewSymbolLookup(Some(CountedLookup { key: key.clone(), at, few, calls_left: left.now })))
    })
    .await
}

/// Whether the calls left of the day are counted and few.
pub(crate) async fn has_few_calls_today(market: &MarketData) -> bool {
    let left = market.provider().read_calls_left().await;
    left.is_some_and(|left| matches!(FewCalls::of(left), Some(FewCalls::OfTheDay { .. })))
}

/// The span of time in which few calls are left, and how many.
#[derive(Clone, Copy)]
enum FewCalls {
    OfTheDay { left: usize },
    OfTheMinute { left: usize, limit: usize },
}

impl FewCalls {
    fn of(calls: CallsLeft) -> Option<Self> {
        match (calls.today, calls.a_minute) {
            (Some(left), _) if left <= FEW_CALLS => Some(Self::OfTheDay { left }),
            (_, Some(limit)) if calls.now <= FEW_CALLS => Some(Self::OfTheMinute { left: calls.now, limit }),
            _ => None,
        }
    }

    /// How long a new-symbol lookup counts.
    fn count_for(self) -> TimeDelta {
        match self {
            Self::OfTheDay { .. } => NEW_SYMBOL_LOOKUP_COUNTS_FOR,
            Self::OfTheMinute { .. } => NEW_SYMBOL_LOOKUP_COUNTS_IN_A_MINUTE_FOR,
        }
    }

    /// Whether more calls are left than others need. Of a day, the next refresh needs its own, and those that it reserves
    /// for requests. Of a minute, only the latter: the refresh waits for the next one.
    async fn has_more_than_needed(self, app: &App) -> Result<bool, ServiceError> {
        match self {
            Self::OfTheDay { left } => {
                let tracked = last_run::read(app).await?.map_or(0, |last| last.summary.tracked());
                Ok(left > tracked.saturating_add(CALLERS_RESERVE))
            }
            Self::OfTheMinute { left, limit } => Ok(left > minute_reserve(limit, CALLERS_RESERVE)),
        }
    }
}

impl NewSymbolLookup {
    /// Returns the lookup if no call was made. If that fails, the customer loses one lookup.
    pub(crate) async fn settle<T>(self, market: &MarketData, answer: &Result<T, NoAnswer>) {
        let Some(counted) = self.0 else { return };
        let no_call = match answer {
            Err(NoAnswer::NotAsked(_)) => true,
            // Our own count may have refused the call; or one of several sources did, and another was called.
            Err(NoAnswer::Failed(ProviderError::RateLimited { .. } | ProviderError::QuotaExhausted { .. })) => {
                market.provider().count_calls_left().await.is_some_and(|left| left >= counted.calls_left)
            }
            _ => false,
        };
        if !no_call {
            return;
        }
        let (key, at) = (&counted.key, counted.at);
        let returned = retry(Retry::within(app::CONFLICT_BUDGET), || async move {
            let (mut lookups, version) = read(&market.app, key, market.app.now(), counted.few.count_for()).await?;
            lookups.remove(at);
            write(&market.app, key, &lookups, version).await
        });
        if let Err(error) = returned.await {
            tracing::warn!(%error, "a new-symbol lookup was not returned");
        }
    }
}

async fn is_known(app: &App, symbol: &Symbol) -> Result<bool, ServiceError> {
    let known = [keys::bars_head(symbol), keys::quote(symbol)];
    Ok(app.table().get_many(&known).await?.iter().any(Option::is_some))
}

async fn read(
    app: &App,
    key: &Key,
    now: DateTime<Utc>,
    count_for: TimeDelta,
) -> Result<(RecentLookups, Option<Version>), ServiceError> {
    let stored = documents::read::<RecentLookups>(app.table(), key).await?;
    let (mut lookups, version) = stored.map_or((RecentLookups::default(), None), |(lookups, at)| (lookups, Some(at)));
    lookups.times.retain(|time| now - *time < count_for);
    Ok((lookups, version))
}

async fn write(app: &App, key: &Key, lookups: &RecentLookups, version: Option<Version>) -> Result<(), ServiceError> {
    let last = lookups.times.iter().max().copied().unwrap_or_else(|| app.now());
    let expires_at = Some((last + NEW_SYMBOL_LOOKUP_COUNTS_FOR).timestamp() + 1);
    let body = documents::body(key, lookups)?;
    app.table().transact(vec![Write::Put { key: key.clone(), body, expires_at, expect: version.into() }]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the next request reads them.
    fn stored(lookups: &RecentLookups) -> RecentLookups {
        serde_json::from_str(&serde_json::to_string(lookups).unwrap()).unwrap()
    }

    #[test]
    fn of_two_lookups_in_one_instant_one_is_returned() {
        let now: DateTime<Utc> = "2026-11-20T12:00:00.123456Z".parse().unwrap();
        let mut lookups = RecentLookups::default();
        let first = lookups.count(now);
        let mut lookups = stored(&lookups);
        let second = lookups.count(now + TimeDelta::microseconds(1));
        for (given_back, left) in [(first, 1), (second, 0)] {
            lookups = stored(&lookups);
            lookups.remove(given_back);
            assert_eq!(lookups.times.len(), left);
        }
    }
}
