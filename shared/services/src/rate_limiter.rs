//! A rate limiter: so many attempts in any span of time, counted in an item that all processes share.
//!
//! An attempt takes a place before it does anything and settles it afterwards, as one that counts or one that does not: a
//! failed check counts, one that turns out right does not. Attempts in flight never fill a span of time. They are held to
//! the places that are left, so that parallel guesses cannot outrun the count, and the ones above wait until others have
//! settled.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use store::retry::{Retry, retry};
use store::{Key, Version, Write, documents};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::App;
use crate::error::ServiceError;

/// No function runs for longer: an attempt in flight that is older was given up, or its process has died.
const LONGEST_ATTEMPT_SECONDS: i64 = 30;
/// Upper end of the wait before an attempt looks again whether a place is free.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

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
    pub(crate) refusal: fn(u64) -> ServiceError,
}

/// How much of a quota is left.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The quota.
    pub quota: Quota,
    /// Attempts that are left.
    pub remaining: usize,
    /// Seconds until there are more of them; the whole window where none is used.
    pub reset_seconds: u64,
}

/// A place among those of a quota, taken by an attempt in flight.
#[must_use = "a place that is never settled is missing until the attempt counts as given up"]
#[derive(Debug)]
pub(crate) struct Place {
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

/// What became of one try to take a place.
enum Tried {
    Taken(Place),
    /// Attempts that count have all the places.
    Full(Standing),
    /// Attempts in flight have the places that are left.
    Crowded,
}

/// Takes a place among those counted under `key`.
///
/// Errors: the quota's own refusal, with the time until an attempt that counts does so no longer, or with one second where
/// attempts in flight have not settled for as long as a caller can wait.
pub(crate) async fn take(app: &App, key: &Key, quota: Quota) -> Result<Place, ServiceError> {
    let deadline = Instant::now() + crate::CONFLICT_BUDGET;
    loop {
        match try_to_take(app, key, quota).await? {
            Tried::Taken(place) => return Ok(place),
            Tried::Full(standing) => return Err((quota.refusal)(standing.reset_seconds)),
            Tried::Crowded if Instant::now() + LOOK_AGAIN > deadline => return Err((quota.refusal)(1)),
            Tried::Crowded => sleep(LOOK_AGAIN.mul_f64(rand::random::<f64>())).await,
        }
    }
}

async fn try_to_take(app: &App, key: &Key, quota: Quota) -> Result<Tried, ServiceError> {
    let _turn = app.turn_at(key).await;
    retry(Retry::within(crate::CONFLICT_BUDGET), || async move {
        let now = app.now();
        let (mut attempts, version) = read(app, key, quota, now).await?;
        if attempts.times.len() >= quota.limit {
            return Ok(Tried::Full(attempts.standing(quota, now)));
        }
        if attempts.times.len() + attempts.in_flight.len() >= quota.limit {
            return Ok(Tried::Crowded);
        }
        let id = app.new_id();
        attempts.in_flight.push(id);
        write(app, key, &attempts, quota, version).await?;
        Ok(Tried::Taken(Place { key: key.clone(), quota, id }))
    })
    .await
}

impl Place {
    /// Ends the attempt, which counts or does not, and says what is left.
    pub(crate) async fn settle(self, app: &App, counts: bool) -> Result<Standing, ServiceError> {
        let Self { key, quota, id } = &self;
        let _turn = app.turn_at(key).await;
        retry(Retry::within(crate::CONFLICT_BUDGET), || async move {
            let now = app.now();
            let (mut attempts, version) = read(app, key, *quota, now).await?;
            attempts.in_flight.retain(|other| other != id);
            if counts {
                attempts.times.push(now);
            }
            write(app, key, &attempts, *quota, version).await?;
            Ok(attempts.standing(*quota, now))
        })
        .await
    }
}

impl Attempts {
    fn standing(&self, quota: Quota, now: DateTime<Utc>) -> Standing {
        let oldest = self.times.iter().min().copied().unwrap_or(now);
        let reset_seconds = (oldest + quota.window - now).num_seconds().max(1).unsigned_abs();
        Standing { quota, remaining: quota.limit.saturating_sub(self.times.len()), reset_seconds }
    }
}

async fn read(
    app: &App,
    key: &Key,
    quota: Quota,
    now: DateTime<Utc>,
) -> Result<(Attempts, Option<Version>), ServiceError> {
    let stored = documents::read::<Attempts>(app.table(), key).await?;
    let (mut attempts, version) = stored.map_or((Attempts::default(), None), |(kept, at)| (kept, Some(at)));
    attempts.times.retain(|time| now - *time < quota.window);
    attempts.in_flight.retain(|id| now - App::made_at(*id) < TimeDelta::seconds(LONGEST_ATTEMPT_SECONDS));
    Ok((attempts, version))
}

async fn write(
    app: &App,
    key: &Key,
    attempts: &Attempts,
    quota: Quota,
    version: Option<Version>,
) -> Result<(), ServiceError> {
    let counted = attempts.times.iter().max().map(|last| *last + quota.window);
    let in_flight = attempts.in_flight.iter().max().map(|last| App::made_at(*last));
    let in_flight = in_flight.map(|began| began + TimeDelta::seconds(LONGEST_ATTEMPT_SECONDS));
    let expires_at = Some(counted.max(in_flight).unwrap_or_else(|| app.now()).timestamp() + 1);
    let body = documents::body(key, attempts)?;
    app.table().transact(vec![Write::Put { key: key.clone(), body, expires_at, expect: version.into() }]).await?;
    Ok(())
}
