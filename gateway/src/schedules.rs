//! Runs the template's schedules as EventBridge Scheduler does.
//!
//! Each schedule runs its function with the event that AWS would send. Runs missed while the machine slept or the
//! platform was not running are made up for by a single run. A failed run is logged and not retried until the next
//! time.

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
use crate::event_function::{EventFunction, RunOutcome};
use crate::template::{SCHEDULED_TIME, Schedule};

/// How often the clock is checked, since it can be set and the machine can sleep.
const LOOK_INTERVAL: Duration = Duration::from_secs(20);
/// Runs due longer ago than this are not made up for.
const MAX_LATE: TimeDelta = TimeDelta::hours(24);

/// A schedule and its function.
#[derive(Clone)]
pub struct Scheduled {
    /// The function.
    pub function: EventFunction,
    /// The schedule and its input.
    pub schedule: Schedule,
}

/// The last due time at which a function ran, as stored.
#[derive(Serialize, Deserialize)]
struct Finished {
    #[serde(with = "domain::instant")]
    due: DateTime<Utc>,
}

/// Runs all schedules when they are due until `stopped`, and immediately those that were missed.
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

/// Runs the last of one function's schedules that was due by `now`, unless it is done or too old.
async fn catch_up(market: &MarketData, now: DateTime<Utc>, scheduled: &[Scheduled]) {
    let Some(first) = scheduled.first() else { return };
    let done = match documents::read::<Finished>(market.app.table(), &key(first)).await {
        Ok(finished) => finished.map(|(finished, _)| finished.due),
        Err(error) => return tracing::warn!(%error, "cannot determine missed runs"),
    };
    let due = scheduled.iter().filter_map(|one| Some((one.schedule.expression.last_by(now, done)?, one)));
    let Some((time, missed)) = due.max_by_key(|(time, _)| *time) else { return };
    if now - time <= MAX_LATE && done.is_none_or(|done| time > done) {
        tracing::info!(function = missed.function.name, %time, "catching up");
        finish(market, missed, time).await;
    }
}

/// Runs `scheduled` whenever it is due, until `stopped`; a run in progress is finished first.
async fn run_whenever_due(market: MarketData, clock: Clock, scheduled: Scheduled, mut stopped: watch::Receiver<bool>) {
    let expression = &scheduled.schedule.expression;
    let mut due = expression.next_after(clock());
    while let Some(time) = due {
        let stop = stopped.wait_for(|stopped| *stopped);
        tokio::select! {
            // An error means that the sender is gone, which also means to stop.
            _ = stop => return,
            () = wait_until(time, &clock) => {}
        }
        finish(&market, &scheduled, time).await;
        due = expression.next_after(time.max(clock()));
    }
}

async fn wait_until(time: DateTime<Utc>, clock: &Clock) {
    // A difference that is not positive cannot be a `Duration`: it is due.
    while let Ok(left) = (time - clock()).to_std() {
        if left.is_zero() {
            break;
        }
        tokio::time::sleep(left.min(LOOK_INTERVAL)).await;
    }
}

/// Runs the function for the slot `time` and stores that it is done.
async fn finish(market: &MarketData, scheduled: &Scheduled, time: DateTime<Utc>) {
    let ended = fire(market, scheduled, time).await;
    log(scheduled, time, &ended);
    if matches!(ended, RunOutcome::Done(_))
        && let Err(error) = remember(market, scheduled, time).await
    {
        tracing::warn!(%error, "cannot store that a run is done; it may run again at the next start");
    }
}

/// Runs the function once, for the slot `time`.
pub async fn fire(market: &MarketData, scheduled: &Scheduled, time: DateTime<Utc>) -> RunOutcome {
    let event = match &scheduled.schedule.input {
        Some(input) => with_scheduled_time(input, time),
        None => scheduler_event(&scheduled.schedule.name, &market.app.new_id().to_string(), time),
    };
    scheduled.function.run(market, event).await
}

/// The input of a schedule, with the slot in place of its keyword.
fn with_scheduled_time(input: &Value, time: DateTime<Utc>) -> Value {
    let filled = |value| with_scheduled_time(value, time);
    match input {
        Value::String(text) => text.replace(SCHEDULED_TIME, &in_utc(time)).into(),
        Value::Array(items) => items.iter().map(filled).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), filled(value))).collect(),
        other => other.clone(),
    }
}

/// A time as EventBridge Scheduler writes it.
fn in_utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

async fn remember(market: &MarketData, scheduled: &Scheduled, due: DateTime<Utc>) -> Result<(), StoreError> {
    let known = documents::read::<Finished>(market.app.table(), &key(scheduled)).await?;
    if known.as_ref().is_some_and(|(finished, _)| finished.due >= due) {
        return Ok(());
    }
    let version = known.map(|(_, version)| version);
    match documents::put(market.app.table(), key(scheduled), &Finished { due }, version).await {
        // Another schedule of the function finished at the same time; storing one of them suffices.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The key under which the scheduler stores a function's last run, among its job's slots.
fn key(scheduled: &Scheduled) -> Key {
    keys::job_run(&scheduled.function.name, "SCHEDULER")
}

/// The event that EventBridge Scheduler sends if a schedule has no input.
fn scheduler_event(schedule: &str, id: &str, time: DateTime<Utc>) -> Value {
    json!({
        "version": "0",
        "id": id,
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": in_utc(time),
        "region": "local",
        "resources": [format!("arn:aws:scheduler:local:{ACCOUNT}:schedule/default/{schedule}")],
        "detail": "{}",
    })
}

fn log(scheduled: &Scheduled, time: DateTime<Utc>, ended: &RunOutcome) {
    let (function, schedule) = (&scheduled.function.name, &scheduled.schedule.name);
    match ended {
        RunOutcome::Done(answer) => tracing::info!(function, schedule, %time, %answer, "scheduled run done"),
        RunOutcome::Failed(error) => {
            tracing::error!(function, schedule, %time, error = format!("{error:#}"), "scheduled run failed");
        }
        RunOutcome::TimedOut => tracing::error!(function, schedule, %time, "scheduled run timed out"),
    }
}

#[cfg(test)]
mod tests;
