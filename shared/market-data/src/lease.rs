//! Leases of provider calls: one process at a time calls a live provider for a symbol. A lease is an item of the table.
//!
//! In the cloud each request may run in a process of its own, so a lock in memory would not prevent duplicate calls.

use std::time::Duration;

use app::{App, ServiceError};
use chrono::{DateTime, TimeDelta, Utc};
use domain::Symbol;
use market::call_limits::{LEASE_LOOK, LEASE_TO_STORE};
use market::{NoAnswer, ProviderError};
use serde::{Deserialize, Serialize};
use store::{DeleteExpect, Expect, Key, StoreError, Version, Write, documents, keys};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

/// Attempts at one write of a lease: a lost write makes other processes wait.
const TRIES: u32 = 8;

/// What is requested from the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Requested {
    Bars,
    Quote,
}

/// The result of an attempt to acquire a lease.
pub(crate) enum LeaseAttempt {
    /// This process has the lease. The previous holder may have stored the result meanwhile.
    Acquired(Lease),
    /// Another process has the lease.
    Busy,
    /// A call of another process failed a moment ago.
    BackingOff(ProviderError),
}

/// The right to call the provider, until it is released or expires.
#[must_use = "a lease that is not released makes others wait until it expires"]
pub(crate) struct Lease {
    key: Key,
    version: Version,
}

/// The stored item: a lease while nothing has failed yet, and for a moment the record of a failure.
#[derive(Serialize, Deserialize)]
struct LeaseItem {
    /// The holder, so that a process recognises its own lease after a lost response to a write.
    holder: Option<Uuid>,
    failed: Option<StoredFailure>,
}

#[derive(Serialize, Deserialize)]
struct StoredFailure {
    #[serde(with = "domain::instant")]
    at: DateTime<Utc>,
    #[serde(with = "StoredError")]
    error: ProviderError,
}

/// A failure as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(remote = "ProviderError", rename_all = "snake_case")]
enum StoredError {
    UnknownSymbol,
    QuotaExhausted {
        #[serde(default, with = "domain::instant")]
        until: Option<DateTime<Utc>>,
    },
    RateLimited {
        retry_after: Duration,
    },
    KeyRefused,
    NotGiven,
    TimedOut,
    TooLarge,
    Malformed {
        what: String,
    },
    PriceTooSmall,
    Unavailable {
        status: Option<u16>,
    },
}

/// Tries to acquire the lease until `deadline`.
pub(crate) async fn take(
    app: &App,
    symbol: &Symbol,
    requested: Requested,
    deadline: Instant,
) -> Result<LeaseAttempt, ServiceError> {
    let key = &key(symbol, requested);
    let until = app.now() + TimeDelta::seconds(seconds_of_a_lease(deadline.saturating_duration_since(Instant::now())));
    let holder = Some(app.new_id());
    let item = &LeaseItem { holder, failed: None };
    let mut tries = 1;
    loop {
        let tried = match documents::put_new(app.table(), key.clone(), item, Some(until.timestamp())).await {
            Ok(version) => return Ok(LeaseAttempt::Acquired(Lease { key: key.clone(), version })),
            Err(StoreError::Conflict { .. } | StoreError::Throttled) => read_holder(app, key, holder).await,
            Err(error) => Err(error),
        };
        match tried {
            Ok(attempt) => return Ok(attempt),
            // It is unknown whether an earlier attempt succeeded. The next one recognises its own lease.
            Err(StoreError::Unavailable { .. } | StoreError::Throttled) if tries < TRIES => tries += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The duration in whole seconds of a lease whose holder waits for `left`: rounded up, so that the fraction of the
/// current second does not matter.
fn seconds_of_a_lease(left: Duration) -> i64 {
    i64::try_from((left + LEASE_TO_STORE).as_secs() + 1).unwrap_or(i64::MAX)
}

/// Waits until no other process holds the lease; whether that was before `deadline`.
pub(crate) async fn wait_for_others(
    app: &App,
    symbol: &Symbol,
    requested: Requested,
    deadline: Instant,
) -> Result<bool, ServiceError> {
    let key = key(symbol, requested);
    while Instant::now() < deadline {
        sleep_until(deadline.min(Instant::now() + LEASE_LOOK)).await;
        match app.table().get(&key).await? {
            Some(item) if documents::parse::<LeaseItem>(&item)?.failed.is_none() => {}
            _ => return Ok(true),
        }
    }
    Ok(false)
}

async fn read_holder(app: &App, key: &Key, holder: Option<Uuid>) -> Result<LeaseAttempt, StoreError> {
    let standing = documents::read::<LeaseItem>(app.table(), key).await?;
    if let Some((_, version)) = standing.as_ref().filter(|(item, _)| item.holder == holder) {
        // An earlier attempt acquired it, but the response was lost.
        return Ok(LeaseAttempt::Acquired(Lease { key: key.clone(), version: *version }));
    }
    let failed = standing.and_then(|(item, _)| item.failed);
    let backing_off = failed.filter(|failed| app.now() - failed.at < failed.error.rest());
    Ok(backing_off.map_or(LeaseAttempt::Busy, |failed| LeaseAttempt::BackingOff(failed.error)))
}

fn key(symbol: &Symbol, requested: Requested) -> Key {
    match requested {
        Requested::Bars => keys::bars_asked(symbol),
        Requested::Quote => keys::quote_asked(symbol),
    }
}

impl Lease {
    /// Releases the lease: the result is stored, or no call was made. A lease that cannot be released expires.
    pub(crate) async fn release(self, app: &App) {
        let gone = Write::Delete { key: self.key.clone(), expect: DeleteExpect::Version(self.version) };
        if let Err(error) = self.write(app, gone).await {
            tracing::warn!(%error, "the lease of a provider call was not released");
        }
    }

    /// Stores the failure in place of the lease, so that the processes that waited do not all fail one after the other.
    /// If no call was made, or the failure does not require a pause, the lease is released.
    pub(crate) async fn record_failure(self, app: &App, why: &NoAnswer) {
        let rest = match why {
            NoAnswer::Failed(error) => error.rest(),
            NoAnswer::NotAsked(_) => TimeDelta::zero(),
        };
        if rest.is_zero() {
            return self.release(app).await;
        }
        let (now, error) = (app.now(), why.error());
        let until = now + rest;
        let item = LeaseItem { holder: None, failed: Some(StoredFailure { at: now, error: error.clone() }) };
        let noted = async {
            let body = documents::body(&self.key, &item)?;
            let (key, expires_at) = (self.key.clone(), Some(until.timestamp()));
            self.write(app, Write::Put { key, body, expires_at, expect: Expect::Version(self.version) }).await
        };
        if let Err(error) = noted.await {
            tracing::warn!(%error, "the failure of a provider was not stored");
        }
    }
}

impl Lease {
    /// Makes the write with retries, because others wait for it. If the lease is no longer as it was, an earlier
    /// attempt succeeded or the lease expired: nothing is left to write.
    async fn write(&self, app: &App, write: Write) -> Result<(), StoreError> {
        let mut tries = 1;
        loop {
            let Err(error) = app.table().transact(vec![write.clone()]).await else { return Ok(()) };
            let stands = match app.table().get(&self.key).await {
                Ok(item) => item.is_some_and(|item| item.version == self.version),
                Err(_) => true,
            };
            if !stands {
                return Ok(());
            }
            if tries >= TRIES {
                return Err(error);
            }
            tries += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_read_back_unchanged() {
        let at = DateTime::UNIX_EPOCH;
        for error in [
            ProviderError::UnknownSymbol,
            ProviderError::QuotaExhausted { until: Some(at) },
            ProviderError::RateLimited { retry_after: Duration::from_millis(1_200) },
            ProviderError::KeyRefused,
            ProviderError::NotGiven,
            ProviderError::TimedOut,
            ProviderError::TooLarge,
            ProviderError::Malformed { what: "a bar".to_owned() },
            ProviderError::PriceTooSmall,
            ProviderError::Unavailable { status: Some(503) },
        ] {
            let item = LeaseItem { holder: None, failed: Some(StoredFailure { at, error: error.clone() }) };
            let text = serde_json::to_string(&item).unwrap();
            let read: LeaseItem = serde_json::from_str(&text).unwrap();
            assert_eq!(read.failed.unwrap().error, error, "{text}");
        }
    }
}
