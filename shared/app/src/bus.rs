//! What happened, told to whoever listens: EventBridge in AWS, the functions of the same process on one machine.

use async_trait::async_trait;
use serde_json::Value;

/// What stands as `source` in every event of ours.
pub const SOURCE: &str = "sextant";

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened: `quotes.refreshed`.
    pub detail_type: &'static str,
    /// All about it; at most [`MAX_EVENT_BYTES`] as JSON.
    pub detail: Value,
}

/// The largest event that EventBridge takes is 256 KB, its envelope included.
pub const MAX_EVENT_BYTES: usize = 250_000;

/// An event could not be handed over; whoever published it tells it again another time.
#[derive(Debug, thiserror::Error)]
#[error("an event was not taken: {0}")]
pub struct NotPublished(pub String);

/// Takes events. Delivery is at least once and in no order.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Hands one event over.
    async fn publish(&self, event: Event) -> Result<(), NotPublished>;
}

/// A bus that nobody listens to: for functions that publish nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoBus;

#[async_trait]
impl Bus for NoBus {
    async fn publish(&self, _event: Event) -> Result<(), NotPublished> {
        Ok(())
    }
}
