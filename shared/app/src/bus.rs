//! The event bus: EventBridge in AWS, the functions of the same process on one machine.

use async_trait::async_trait;
use serde_json::Value;

/// The `source` of every event that the platform publishes.
pub const SOURCE: &str = "sextant";

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened: `quotes.refreshed`.
    pub detail_type: &'static str,
    /// Its data; at most [`MAX_EVENT_BYTES`] as JSON.
    pub detail: Value,
}

/// The largest event that EventBridge takes is 256 KB, its envelope included.
pub const MAX_EVENT_BYTES: usize = 250_000;

/// An event could not be published. The publisher tries again later.
#[derive(Debug, thiserror::Error)]
#[error("the event was not published: {0}")]
pub struct NotPublished(pub String);

/// Publishes events. Delivery is at least once and in no order.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Publishes one event.
    async fn publish(&self, event: Event) -> Result<(), NotPublished>;
}

/// No bus: for functions that publish nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoBus;

#[async_trait]
impl Bus for NoBus {
    async fn publish(&self, _event: Event) -> Result<(), NotPublished> {
        Ok(())
    }
}
