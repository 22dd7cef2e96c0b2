//! Invoked by a schedule: brings the bars of every known symbol up to date.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use services::{App, ServiceError, refresh};

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

/// Refreshes all symbols, once for each slot; the answer says how many are current, failed or postponed.
pub async fn handle(app: &App, event: Value) -> Result<Value, Failure> {
    let event: ScheduledEvent = serde_json::from_value(event).map_err(Failure::Event)?;
    let done = refresh::refresh(app, event.time).await.map_err(Failure::Refresh)?;
    tracing::info!(slot = %event.time, ?done, "refreshed");
    serde_json::to_value(&done).map_err(Failure::Event)
}
