//! Invoked by a schedule: refreshes the prices of tracked symbols, and publishes new quotes.

use std::time::Duration;

use app::ServiceError;
use chrono::{DateTime, Utc};
use market_data::MarketData;
use market_data::last_run::RefreshSummary;
use serde::Deserialize;
use serde_json::Value;

/// The time limit of a run, below the function's timeout of 300 seconds.
const TIME_LIMIT: Duration = Duration::from_mins(4);

/// The input of the schedules; `time` is the slot, the same for every delivery of a run.
#[derive(Deserialize)]
struct ScheduledEvent {
    time: DateTime<Utc>,
}

/// Why an invocation failed. It is retried; if the retries fail too, its event goes to the dead-letter queue.
#[derive(Debug)]
pub enum Failure {
    /// The event is not that of a schedule.
    Event(serde_json::Error),
    /// The refresh failed.
    Refresh(ServiceError),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event(cause) => write!(f, "not a scheduled event: {cause}"),
            Self::Refresh(cause) => write!(f, "prices not refreshed: {cause}"),
        }
    }
}

impl std::error::Error for Failure {}

/// Refreshes the symbols that are due, once per slot, and returns the numbers of the run.
pub async fn handle(market: &MarketData, event: Value) -> Result<Value, Failure> {
    let event: ScheduledEvent = serde_json::from_value(event).map_err(Failure::Event)?;
    let done = refresh::refresh(market, event.time, TIME_LIMIT).await.map_err(Failure::Refresh)?;
    if !done.repeated {
        measure(&done);
    }
    tracing::info!(slot = %event.time, ?done, "refreshed");
    serde_json::to_value(&done).map_err(Failure::Event)
}

/// Reports the metrics for alarms and graphs. They contain no customers and no symbols.
pub fn measure(done: &RefreshSummary) {
    metrics::counter!("sextant_refreshed").increment(done.refreshed as u64);
    metrics::counter!("sextant_failed").increment(done.failed as u64);
    metrics::counter!("sextant_postponed").increment(done.postponed as u64);
    if let Some(left) = done.budget_left {
        metrics::gauge!("sextant_budget_left").set(left as f64);
    }
    if let Some(seconds) = done.oldest_age_seconds {
        metrics::gauge!("sextant_oldest_age_seconds").set(seconds as f64);
    }
}
