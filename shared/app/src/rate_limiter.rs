//! A rate limiter: so many attempts in any span of time, counted in an item that all processes share.
//!
//! An attempt takes a permit before it does anything and settles it afterwards, as one that counts or one that does not: a
//! failed check counts, one that turns out right does not. Attempts in flight never fill a span of time. They are held to
//! the permits that are left, so that parallel guesses cannot outrun the count, and the ones above wait until others have
//! settled. One that is never settled counts: it may have been answered as a failed one is, by an error.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use store::retry::{MAX_TRIES, Retry, retry};
use store::{Key, Version, Write, documents};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::App;
use crate::error::ServiceError;

/// No function runs for longer: an attempt in flight that is older was given up, or its process has died.
const LONGEST_ATTEMPT_SECONDS: i64 = 30;
/// Upper end of the wait before an attempt looks again whether a permit is free.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long a request waits for permits, all of them together.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long a permit that has been taken is tried to be settled, also when the deadline of the request has passed.
const SETTLING: Duration = Duration::from_secs(1);

tokio::task_local! {
    /// Until when the request at work waits for permits.
    static DEADLINE: Instant;
}

/// How many attempts in how long.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// What is counted, as the `RateLimit` header names it.
    pub name: &'static str,
    /// Attempts that count in any `window`.
    pub limit: usize,
    /// How long an attempt counts.
    pub window: TimeDelta,
    /// The refusal, by the seconds until an attempt is allowed again.
    pub refusal: fn(u64) -> ServiceError,
}

/// How much of a quota is left.
#[derive(Clone, Copy, Debug)]
pub struct RateLimitStatus {
    /// The quota.
    pub quota: Quota,
    /// Attempts that are left.
    pub remaining: usize,
    /// Seconds until there are more of them; the whole window where none is used.
    pub reset_seconds: u64,
}

/// A permit among those of a quota, taken by an attempt in flight.
#[must_use = "a permit that is never settled counts"]
#[derive(Debug)]
pub struct Permit {
    key: Key,
    quota: Quota,
    id: Uuid,
}

#[derive(Default, Serialize, Deserialize)]
struct Attempts {
    /// When those that count were made.
    #[serde(with = "domain::instant")]
    times: Vec<DateTime<Utc>>,
    /// Those in flight, by ids that say when they began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    in_flight: Vec<Uuid>,
}

/// What became of one try to take a permit.
enum Acquisition {
    Taken(Permit),
    /// Attempts that count have all the permits.
    Full(RateLimitStatus),
    /// Attempts in flight have the permits that are left.
    Crowded,
}

/// Does `work`, in which all waits for permits end by one deadline: that of the request, where it has one already.
pub async fn run_by_one_deadline<T>(work: impl Future<Output = T>) -> T {
    DEADLINE.scope(deadline(), work).await
}

fn deadline() -> Instant {
    DEADLINE.try_with(|deadline| *deadline).unwrap_or_else(|_| Instant::now() + LONGEST_WAIT)
}

/// Takes a permit among those counted under `key`.
///
/// Errors: the quota's own refusal, with the time until an attempt that counts does so no longer, or with one second where
/// attempts in flight have not settled by the deadline of the request.
pub async fn acquire(app: &App, key: &Key, quota: Quota) -> Result<Permit, ServiceError> {
    let deadline = deadline();
    loop {
        match try_acquire(app, key, quota, deadline).await? {
            Acquisition::Taken(permit) => return Ok(permit),
            Acquisition::Full(rate_limit) => return Err((quota.refusal)(rate_limit.reset_seconds)),
            Acquisition::Crowded if Instant::now() + LOOK_AGAIN > deadline => return Err((quota.refusal)(1)),
            Acquisition::Crowded => sleep(LOOK_AGAIN.mul_f64(rand::random::<f64>())).await,
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
        Ok(Acquisition::Taken(Permit { key: key.clone(), quota, id }))
    })
    .await
}

impl Permit {
    /// Ends the attempt, which counts or does not, and says what is left. One that took so long that it was given up
    /// counts already, whatever became of it.
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
    /// What counts at `now`: attempts of the window, and those in flight that were given up, from when they began.
    fn age(&mut self, quota: Quota, now: DateTime<Utc>) {
        let longest = TimeDelta::seconds(LONGEST_ATTEMPT_SECONDS);
        let given_up = self.in_flight.extract_if(.., |id| now - App::made_at(*id) >= longest);
        self.times.extend(given_up.map(App::made_at));
        self.times.retain(|time| now - *time < quota.window);
    }

    fn rate_limit(&self, quota: Quota, now: DateTime<Utc>) -> RateLimitStatus {
        let mut times = self.times.clone();
        times.sort_unstable();
        // Of more than the limit, which was higher then, all but one less than it have to go first.
        let next = times.get(times.len().saturating_sub(quota.limit)).copied().unwrap_or(now);
        let reset_seconds = whole_seconds(next + quota.window - now);
        RateLimitStatus { quota, remaining: quota.limit.saturating_sub(times.len()), reset_seconds }
    }
}

/// A wait in seconds for `Retry-After`, rounded up, so that a caller who waits that long has waited long enough; at least 1.
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
    let (mut attempts, version) = stored.map_or((Attempts::default(), None), |(kept, at)| (kept, Some(at)));
    attempts.age(quota, now);
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
    /// The span of time that the quota is for.
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
    fn a_caller_who_waits_as_long_as_is_said_finds_a_place() {
        // In no order, as clocks of several processes write them.
        let times = vec![at(3, 0), at(1, 700), at(2, 0)];
        for (limit, now, place_at) in [
            (3, at(10, 0), at(16, 700)),
            (3, at(10, 700), at(16, 700)),
            // The limit was three, and is one or two now.
            (2, at(10, 0), at(17, 0)),
            (1, at(10, 1), at(18, 0)),
        ] {
            let mut attempts = Attempts { times: times.clone(), in_flight: Vec::new() };
            let rate_limit = attempts.rate_limit(quota(limit), now);
            assert_eq!(rate_limit.remaining, 0);
            let told = now + TimeDelta::seconds(rate_limit.reset_seconds.cast_signed());
            assert!(told >= place_at && told - place_at < TimeDelta::seconds(1), "{limit}: {told} and {place_at}");
            attempts.age(quota(limit), told);
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
        assert_eq!(deadline(), Instant::now() + LONGEST_WAIT, "the next request has one of its own");
    }
}
