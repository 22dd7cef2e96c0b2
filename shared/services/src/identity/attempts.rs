//! Guessing is bounded: ten failed checks of one account's password in any fifteen minutes, wherever they come from.
//!
//! A place is taken before the password is looked at and given back when it was right, so that parallel guesses
//! cannot outrun the count. Nobody is locked out for good: a place comes free fifteen minutes after it was taken.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, Email};
use serde::{Deserialize, Serialize};
use store::retry::{Retry, retry};
use store::{Key, Version, Write, documents, keys};

use crate::App;
use crate::error::ServiceError;

/// Failed checks of one account in any [`WINDOW_MINUTES`].
pub const MAX_FAILED: usize = 10;
/// How long a failed check counts.
pub const WINDOW_MINUTES: i64 = 15;

#[derive(Default, Serialize, Deserialize)]
struct Attempts {
    #[serde(with = "domain::instant")]
    times: Vec<DateTime<Utc>>,
}

/// A place among the ten, to be given back when the password was right.
#[derive(Debug)]
pub struct Taken {
    key: Key,
    at: DateTime<Utc>,
}

/// Whose password is checked.
#[derive(Clone, Copy, Debug)]
pub enum Account<'a> {
    /// A customer's, by the id, which stays when the address changes.
    Of(CustomerId),
    /// That of an address which is nobody's.
    Nobody(&'a Email),
}

/// Takes a place. Errors: [`ServiceError::TooManyAttempts`] when all are taken.
pub async fn take(app: &App, account: Account<'_>) -> Result<Taken, ServiceError> {
    let key = &match account {
        Account::Of(customer) => keys::login_attempts_of(customer),
        Account::Nobody(email) => keys::login_attempts(email),
    };
    retry(Retry::within(crate::CONFLICT_BUDGET), || async move {
        let now = app.now();
        let (mut attempts, version) = read(app, key, now).await?;
        if attempts.times.len() >= MAX_FAILED {
            let oldest = attempts.times.iter().min().copied().unwrap_or(now);
            let wait = (oldest + TimeDelta::minutes(WINDOW_MINUTES) - now).num_seconds().max(1);
            return Err(ServiceError::TooManyAttempts { retry_after_seconds: wait.unsigned_abs() });
        }
        // Two places of one instant would be given back as one.
        let at = attempts.times.iter().max().map_or(now, |last| now.max(*last + TimeDelta::microseconds(1)));
        attempts.times.push(at);
        write(app, key, &attempts, version).await?;
        Ok(Taken { key: key.clone(), at })
    })
    .await
}

/// Gives a place back. That it could not be done costs its owner a place for a quarter of an hour and nothing else.
pub async fn give_back(app: &App, taken: &Taken) {
    let returned = retry(Retry::within(crate::CONFLICT_BUDGET), || async move {
        let (mut attempts, version) = read(app, &taken.key, app.now()).await?;
        attempts.times.retain(|time| *time != taken.at);
        write(app, &taken.key, &attempts, version).await
    });
    if let Err(error) = returned.await {
        tracing::warn!(%error, "an attempt was not given back");
    }
}

async fn read(app: &App, key: &Key, now: DateTime<Utc>) -> Result<(Attempts, Option<Version>), ServiceError> {
    let stored = documents::read::<Attempts>(app.table(), key).await?;
    let (mut attempts, version) = stored.map_or((Attempts::default(), None), |(kept, at)| (kept, Some(at)));
    attempts.times.retain(|time| now - *time < TimeDelta::minutes(WINDOW_MINUTES));
    Ok((attempts, version))
}

async fn write(app: &App, key: &Key, attempts: &Attempts, version: Option<Version>) -> Result<(), ServiceError> {
    let expires_at =
        attempts.times.iter().max().map(|last| (*last + TimeDelta::minutes(WINDOW_MINUTES)).timestamp() + 1);
    let body = documents::body(key, attempts)?;
    let expires_at = expires_at.or(Some(app.now().timestamp() + 1));
    let put = Write::Put { key: key.clone(), body, expires_at, expect: version.into() };
    app.table().transact(vec![put]).await?;
    Ok(())
}
