//! Invoked by a schedule: keeps what somebody has held, watched or subscribed to current, and tells of new quotes.

use std::time::Duration;

use app::ServiceError;
use chrono::{DateTime, Utc};
use market_data::MarketData;
use market_data::last_run::RefreshSummary;
use serde::Deserialize;
use serde_json::Value;

/// A run ends before the function's timeout of 300 seconds does.
const TIME_LIMIT: Duration = Duration::from_mins(4);

/// What `EventBridge` sends; `time` is the slot that the schedule stands for.
#[derive(Deserialize)]
struct ScheduledEvent {
    time: DateTime<Utc>,
}

/// Why an invocation failed. It is retried, and in the end kept in the dead-letter queue.
#[derive(Debug)]
pub enum Failure {
    /// The event is not a schedule's.
    Event(serde_json::Error),
    /// The refresh could not be done.
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

/// Refreshes what is due, once for each slot; the answer says what became of it.
pub async fn handle(market: &MarketData, event: Value) -> Result<Value, Failure> {
    let event: ScheduledEvent = serde_json::from_value(event).map_err(Failure::Event)?;
    let done = refresh::refresh(market, event.time, TIME_LIMIT).await.map_err(Failure::Refresh)?;
    if !done.repeated {
        measure(&done);
    }
    tracing::info!(slot = %event.time, ?done, "refreshed");
    serde_json::to_value(&done).map_err(Failure::Event)
}

/// Reports the figures that alarms and graphs are made of; neither customers nor symbols stand in them.
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
