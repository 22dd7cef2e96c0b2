//! A rate limiter: a maximum number of attempts in any window of time, counted in an item that all processes share.
//!
//! There are two ways to count. Each item is counted in one of them only.
//!
//! - If the outcome decides whether an attempt counts ([`acquire`]), it acquires a permit first and settles it
//!   afterwards, as one that counts or one that does not: a failed check counts, a successful one does not. Attempts in
//!   flight are limited to the permits that are left, so that concurrent guesses cannot outrun the count. Further
//!   attempts wait until others have settled. An attempt that is never settled counts, since its caller may have
//!   received an error as after a failed check.
//! - If almost every attempt counts ([`count`]), it counts at once, in one write. None waits for others. The rare one
//!   that should not have counted is taken back.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use store::retry::{MAX_TRIES, Retry, retry};
use store::{Key, Version, Write, documents};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::App;
use crate::error::ServiceError;

/// No function runs for longer: an older attempt in flight was abandoned, or its process has died.
const LONGEST_ATTEMPT_SECONDS: i64 = 30;
/// The longest wait between two tries to acquire a permit.
const RETRY_WAIT: Duration = Duration::from_millis(100);
/// How long a request waits for all its permits together.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long settling a permit is retried, even after the deadline of the request.
const SETTLING: Duration = Duration::from_secs(1);

tokio::task_local! {
    /// Until when the current request waits for permits.
    static DEADLINE: Instant;
}

/// A number of attempts per window of time.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// The name in the `RateLimit` header.
    pub name: &'static str,
    /// The most attempts that count in any `window`.
    pub limit: usize,
    /// How long an attempt counts.
    pub window: TimeDelta,
    /// The error of a refusal, from the seconds until the next attempt is allowed.
    pub refusal: fn(u64) -> ServiceError,
}

/// How much of a quota is left.
#[derive(Clone, Copy, Debug)]
pub struct RateLimitStatus {
    /// The quota.
    pub quota: Quota,
    /// Remaining attempts.
    pub remaining: usize,
    /// Seconds until more are available; the whole window if none is used.
    pub reset_seconds: u64,
}

/// A permit of a quota, held by an attempt in flight.
#[must_use = "a permit that is never settled counts"]
#[derive(Debug)]
pub struct Permit {
    key: Key,
    quota: Quota,
    id: Uuid,
}

#[derive(Default, Serialize, Deserialize)]
struct Attempts {
    /// The times of the attempts that count.
    #[serde(with = "domain::instant")]
    times: Vec<DateTime<Utc>>,
    /// The ids of the attempts in flight. Each id contains the time when its attempt began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    in_flight: Vec<Uuid>,
}

/// An attempt that counts since it began.
#[derive(Debug)]
pub struct CountedAttempt {
    key: Key,
    at: DateTime<Utc>,
    rate_limit: RateLimitStatus,
}

/// The result of one try to acquire a permit.
enum Acquisition {
    Acquired(Permit),
    /// Attempts that count use all permits.
    Full(RateLimitStatus),
    /// Attempts in flight hold the remaining permits.
    Crowded,
}

/// Does `work` with one deadline for all its waits for permits: that of the request, if it already has one.
pub async fn run_by_one_deadline<T>(work: impl Future<Output = T>) -> T {
    DEADLINE.scope(deadline(), work).await
}

fn deadline() -> Instant {
    DEADLINE.try_with(|deadline| *deadline).unwrap_or_else(|_| Instant::now() + LONGEST_WAIT)
}

/// Acquires a permit of the quota that is counted under `key`.
///
/// Errors: the quota's refusal, with the time until the next counted attempt expires, or with one second if attempts in
/// flight have not settled by the deadline of the request.
pub async fn acquire(app: &App, key: &Key, quota: Quota) -> Result<Permit, ServiceError> {
    let deadline = deadline();
    loop {
        match try_acquire(app, key, quota, deadline).await? {
            Acquisition::Acquired(permit) => return Ok(permit),
            Acquisition::Full(rate_limit) => return Err((quota.refusal)(rate_limit.reset_seconds)),
            Acquisition::Crowded if Instant::now() + RETRY_WAIT > deadline => return Err((quota.refusal)(1)),
            Acquisition::Crowded => sleep(RETRY_WAIT.mul_f64(rand::random::<f64>())).await,
        }
    }
}

async fn try_acquire(app: &App, key: &Key, quota: Quota, deadline: Instant) -> Result<Acquisition, ServiceError> {
    let _lock = app.lock_attempts(key).await;
    retry(Retry { tries: MAX_TRIES, deadline }, || async move {
        let now = app.now();
        let (mut attempts, version) = read(app, key, quota, now).await?;
        if attempts.times.len() >= quota.limit {
            return Ok(Acquisition::Full(attempts.rate_limit(quota, now)));
        }
        if attempts.times.len() + attempts.in_flight.len() >= quota.limit {
            return Ok(Acquisition::Crowded);
        }
        let id = app.new_id();
        attempts.in_flight.push(id);
        write(app, key, &attempts, quota, version).await?;
        Ok(Acquisition::Acquired(Permit { key: key.clone(), quota, id }))
    })
    .await
}

/// Counts an attempt against the quota under `key`, with one read and one conditional write; a refusal writes nothing.
///
/// Errors: the quota's refusal, with the time until the next counted attempt expires.
pub async fn count(app: &App, key: &Key, quota: Quota) -> Result<CountedAttempt, ServiceError> {
    let deadline = deadline();
    let _lock = app.lock_attempts(key).await;
    retry(Retry { tries: MAX_TRIES, deadline }, || async move {
        let now = app.now();
        let (mut attempts, version) = read(app, key, quota, now).await?;
        if attempts.times.len() >= quota.limit {
            return Err((quota.refusal)(attempts.rate_limit(quota, now).reset_seconds));
        }
        attempts.times.push(now);
        write(app, key, &attempts, quota, version).await?;
        Ok(CountedAttempt { key: key.clone(), at: now, rate_limit: attempts.rate_limit(quota, now) })
    })
    .await
}

impl CountedAttempt {
    /// What was left after this attempt.
    #[must_use]
    pub fn rate_limit(&self) -> RateLimitStatus {
        self.rate_limit
    }

    /// Takes the attempt back, so that it does not count, and returns what is left.
    pub async fn take_back(self, app: &App) -> Result<RateLimitStatus, ServiceError> {
        let Self { key, at, rate_limit: RateLimitStatus { quota, .. } } = &self;
        let _lock = app.lock_attempts(key).await;
        let deadline = deadline().max(Instant::now() + SETTLING);
        retry(Retry { tries: MAX_TRIES, deadline }, || async move {
            let now = app.now();
            let (mut attempts, version) = read(app, key, *quota, now).await?;
            // Attempts of the same instant are interchangeable: one is removed, the others stay.
            if let Some(place) = attempts.times.iter().position(|time| time == at) {
                attempts.times.remove(place);
                write(app, key, &attempts, *quota, version).await?;
            }
            Ok(attempts.rate_limit(*quota, now))
        })
        .await
    }
}

impl Permit {
    /// Ends the attempt, which counts or does not, and returns what is left. An attempt that was taken for abandoned
    /// because it ran too long counts in any case.
    pub async fn settle(self, app: &App, counts: bool) -> Result<RateLimitStatus, ServiceError> {
        let Self { key, quota, id } = &self;
        let _lock = app.lock_attempts(key).await;
        let deadline = deadline().max(Instant::now() + SETTLING);
        retry(Retry { tries: MAX_TRIES, deadline }, || async move {
            let now = app.now();
            let (mut attempts, version) = read(app, key, *quota, now).await?;
            let was_in_flight = attempts.in_flight.contains(id);
            attempts.in_flight.retain(|other| other != id);
            if counts && was_in_flight {
                attempts.times.push(now);
            }
            write(app, key, &attempts, *quota, version).await?;
            Ok(attempts.rate_limit(*quota, now))
        })
        .await
    }
}

impl Attempts {
    /// Drops attempts before the window that ends at `now`, and counts abandoned ones from when they began.
    fn expire(&mut self, quota: Quota, now: DateTime<Utc>) {
        let longest = TimeDelta::seconds(LONGEST_ATTEMPT_SECONDS);
        let abandoned = self.in_flight.extract_if(.., |id| now - App::made_at(*id) >= longest);
        self.times.extend(abandoned.map(App::made_at));
        self.times.retain(|time| now - *time < quota.window);
    }

    fn rate_limit(&self, quota: Quota, now: DateTime<Utc>) -> RateLimitStatus {
        let mut times = self.times.clone();
        times.sort_unstable();
        // If the limit was higher before, more attempts may count than it allows now: all but `limit` - 1 must expire
        // first.
        let next = times.get(times.len().saturating_sub(quota.limit)).copied().unwrap_or(now);
        let reset_seconds = whole_seconds(next + quota.window - now);
        RateLimitStatus { quota, remaining: quota.limit.saturating_sub(times.len()), reset_seconds }
    }
}

/// A wait in seconds for `Retry-After`, rounded up, so that it is never too short; at least 1.
#[must_use]
pub fn whole_seconds(wait: TimeDelta) -> u64 {
    let seconds = wait.to_std().unwrap_or_default().as_nanos().div_ceil(1_000_000_000).max(1);
    u64::try_from(seconds).unwrap_or(u64::MAX)
}

async fn read(
    app: &App,
    key: &Key,
    quota: Quota,
    now: DateTime<Utc>,
) -> Result<(Attempts, Option<Version>), ServiceError> {
    let stored = documents::read::<Attempts>(app.table(), key).await?;
    let (mut attempts, version) = stored.map_or((Attempts::default(), None), |(attempts, at)| (attempts, Some(at)));
    attempts.expire(quota, now);
    Ok((attempts, version))
}

async fn write(
    app: &App,
    key: &Key,
    attempts: &Attempts,
    quota: Quota,
    version: Option<Version>,
) -> Result<(), ServiceError> {
    let began = attempts.in_flight.iter().map(|id| App::made_at(*id));
    let last = attempts.times.iter().copied().chain(began).max();
    let expires_at = Some(last.map_or_else(|| app.now(), |last| last + quota.window).timestamp() + 1);
    let body = documents::body(key, attempts)?;
    app.table().transact(vec![Write::Put { key: key.clone(), body, expires_at, expect: version.into() }]).await?;
    Ok(())
}

impl RateLimitStatus {
    /// The state of a quota that refused an attempt with this error; `None` for an error with another cause.
    #[must_use]
    pub fn of_refusal(quota: Quota, error: &ServiceError) -> Option<Self> {
        match error {
            ServiceError::RateLimited { retry_after_seconds }
            | ServiceError::TooManyRequests { retry_after_seconds, .. } => {
                Some(Self { quota, remaining: 0, reset_seconds: *retry_after_seconds })
            }
            _ => None,
        }
    }

    /// The window of the quota.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.quota.window.to_std().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(limit: usize) -> Quota {
        let refusal = |retry_after_seconds| ServiceError::RateLimited { retry_after_seconds };
        Quota { name: "test", limit, window: TimeDelta::minutes(15), refusal }
    }

    fn at(minutes: i64, milliseconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes) + TimeDelta::milliseconds(milliseconds)
    }

    #[test]
    fn a_caller_that_waits_for_retry_after_gets_a_permit() {
        // Unordered, as the clocks of several processes differ.
        let times = vec![at(3, 0), at(1, 700), at(2, 0)];
        for (limit, now, free_at) in [
            (3, at(10, 0), at(16, 700)),
            (3, at(10, 700), at(16, 700)),
            // The limit was three, and is one or two now.
            (2, at(10, 0), at(17, 0)),
            (1, at(10, 1), at(18, 0)),
        ] {
            let mut attempts = Attempts { times: times.clone(), in_flight: Vec::new() };
            let rate_limit = attempts.rate_limit(quota(limit), now);
            assert_eq!(rate_limit.remaining, 0);
            let retried = now + TimeDelta::seconds(rate_limit.reset_seconds.cast_signed());
            assert!(
                retried >= free_at && retried - free_at < TimeDelta::seconds(1),
                "{limit}: {retried} and {free_at}"
            );
            attempts.expire(quota(limit), retried);
            assert!(attempts.times.len() < limit);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_waits_of_a_request_end_by_one_deadline() {
        run_by_one_deadline(async {
            let first = deadline();
            sleep(LONGEST_WAIT / 2).await;
            assert_eq!(run_by_one_deadline(async { deadline() }).await, first);
        })
        .await;
        assert_eq!(deadline(), Instant::now() + LONGEST_WAIT, "the next request has its own deadline");
    }
}
