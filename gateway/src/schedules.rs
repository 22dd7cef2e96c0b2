//! Runs the template's schedules as EventBridge Scheduler does.
//!
//! Each fires its function with the event that AWS would send. A time that passed while the machine slept, or while
//! the platform did not run, is made up for once, however many there were; a run that fails is logged and not repeated,
//! the next time comes soon enough.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use market_data::MarketData;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Clock, Key, StoreError, documents, keys};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::event::ACCOUNT;
use crate::event_function::{Ended, EventFunction};
use crate::template::Schedule;

/// The clock is looked at this often, because it can be set and the machine can sleep.
const LOOK_INTERVAL: Duration = Duration::from_secs(20);
/// What was due longer ago than this is not made up for.
const MAX_LATE: TimeDelta = TimeDelta::hours(24);

/// A schedule and the function that it starts.
#[derive(Clone)]
pub struct Scheduled {
    /// The function.
    pub function: EventFunction,
    /// When, and with what.
    pub schedule: Schedule,
}

/// The last time at which a function was due and done, kept in the store.
#[derive(Serialize, Deserialize)]
struct Finished {
    #[serde(with = "domain::instant")]
    due: DateTime<Utc>,
}

/// Fires all of them whenever they are due, and at once those that were due while nobody looked; until `stopped`.
pub async fn run(market: MarketData, clock: Clock, scheduled: Vec<Scheduled>, stopped: watch::Receiver<bool>) {
    let mut under_way = JoinSet::new();
    let mut functions: BTreeMap<String, Vec<Scheduled>> = BTreeMap::new();
    for one in scheduled {
        functions.entry(one.function.name.clone()).or_default().push(one.clone());
        under_way.spawn(run_whenever_due(market.clone(), clock.clone(), one, stopped.clone()));
    }
    for of_one_function in functions.into_values() {
        let (market, now) = (market.clone(), clock());
        under_way.spawn(async move { catch_up(&market, now, &of_one_function).await });
    }
    while under_way.join_next().await.is_some() {}
}

/// Fires the last of these schedules of one function that was due by `now`, unless it is done or too long ago.
async fn catch_up(market: &MarketData, now: DateTime<Utc>, scheduled: &[Scheduled]) {
    let Some(first) = scheduled.first() else { return };
    let done = match documents::read::<Finished>(market.app.table(), &key(first)).await {
        Ok(finished) => finished.map(|(finished, _)| finished.due),
        Err(error) => return tracing::warn!(%error, "what was missed is not known"),
    };
    let due = scheduled.iter().filter_map(|one| Some((one.schedule.expression.last_by(now, done)?, one)));
    let Some((time, missed)) = due.max_by_key(|(time, _)| *time) else { return };
    if now - time <= MAX_LATE && done.is_none_or(|done| time > done) {
        tracing::info!(function = missed.function.name, %time, "catching up");
        finish(market, missed, time).await;
    }
}

/// Fires `scheduled` whenever it is due, until `stopped`; a run under way is finished first.
async fn run_whenever_due(market: MarketData, clock: Clock, scheduled: Scheduled, mut stopped: watch::Receiver<bool>) {
    let expression = &scheduled.schedule.expression;
    let mut due = expression.next_after(clock());
    while let Some(time) = due {
        let stop = stopped.wait_for(|stopped| *stopped);
        tokio::select! {
            // An error means that the sender is gone, and with it any reason to go on.
            _ = stop => return,
            () = wait_until(time, &clock) => {}
        }
        finish(&market, &scheduled, time).await;
        due = expression.next_after(time.max(clock()));
    }
}

async fn wait_until(time: DateTime<Utc>, clock: &Clock) {
    // A difference that is not positive is no `Duration`: the time has come.
    while let Ok(left) = (time - clock()).to_std() {
        if left.is_zero() {
            break;
        }
        tokio::time::sleep(left.min(LOOK_INTERVAL)).await;
    }
}

/// Runs the function for the slot `time` and keeps that it is done.
async fn finish(market: &MarketData, scheduled: &Scheduled, time: DateTime<Utc>) {
    let ended = fire(market, scheduled, time).await;
    log(scheduled, time, &ended);
    if matches!(ended, Ended::Done(_))
        && let Err(error) = remember(market, scheduled, time).await
    {
        tracing::warn!(%error, "a run that is done may be made up for when the platform starts again");
    }
}

/// Runs the function once, for the slot `time`.
pub async fn fire(market: &MarketData, scheduled: &Scheduled, time: DateTime<Utc>) -> Ended {
    let made_up = || scheduler_event(&scheduled.schedule.name, &market.app.new_id().to_string(), time);
    let event = scheduled.schedule.input.clone().unwrap_or_else(made_up);
    scheduled.function.run(market, event).await
}

async fn remember(market: &MarketData, scheduled: &Scheduled, due: DateTime<Utc>) -> Result<(), StoreError> {
    let known = documents::read::<Finished>(market.app.table(), &key(scheduled)).await?;
    if known.as_ref().is_some_and(|(finished, _)| finished.due >= due) {
        return Ok(());
    }
    let version = known.map(|(_, version)| version);
    match documents::put(market.app.table(), key(scheduled), &Finished { due }, version).await {
        // Another schedule of the function was done at the same time; one of the two is kept.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Where the scheduler keeps what is done of a function, among its job's slots.
fn key(scheduled: &Scheduled) -> Key {
    keys::job_run(&scheduled.function.name, "SCHEDULER")
}

/// The event that EventBridge Scheduler sends to a function whose schedule has no input of its own.
fn scheduler_event(schedule: &str, id: &str, time: DateTime<Utc>) -> Value {
    json!({
        "version": "0",
        "id": id,
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": time.to_rfc3339_opts(SecondsFormat::Secs, true),
        "region": "local",
        "resources": [format!("arn:aws:scheduler:local:{ACCOUNT}:schedule/default/{schedule}")],
        "detail": "{}",
    })
}

fn log(scheduled: &Scheduled, time: DateTime<Utc>, ended: &Ended) {
    let (function, schedule) = (&scheduled.function.name, &scheduled.schedule.name);
    match ended {
        Ended::Done(answer) => tracing::info!(function, schedule, %time, %answer, "scheduled run done"),
        Ended::Failed(error) => {
            tracing::error!(function, schedule, %time, error = format!("{error:#}"), "scheduled run failed");
        }
        Ended::TimedOut => tracing::error!(function, schedule, %time, "scheduled run timed out"),
    }
}

#[cfg(test)]
mod tests;
