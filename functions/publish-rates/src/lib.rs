//! Invoked by `quotes.refreshed`: tells live connections of new prices.

use serde::Deserialize;
use serde_json::Value;
use services::last_quote::{QUOTES_REFRESHED, QuotesRefreshed};
use services::{App, ServiceError, live};

/// What `EventBridge` sends.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RefreshedEvent {
    detail_type: String,
    detail: QuotesRefreshed,
}

/// Why an invocation failed. It is retried, and in the end kept in the dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event is not one of new quotes.
    #[error("not an event of new quotes: {0}")]
    Event(#[from] serde_json::Error),
    /// The event tells of something else.
    #[error("the event is of type {0}, and {QUOTES_REFRESHED} is the one taken")]
    Type(String),
    /// Subscribers could not be looked up.
    #[error("quotes not published: {0}")]
    Publish(#[source] ServiceError),
}

/// Pushes the quotes to whoever has subscribed; the answer says how many messages were taken.
pub async fn handle(app: &App, event: Value) -> Result<Value, Failure> {
    let event: RefreshedEvent = serde_json::from_value(event)?;
    if event.detail_type != QUOTES_REFRESHED {
        return Err(Failure::Type(event.detail_type));
    }
    let published = live::publish(app, &event.detail.quotes).await.map_err(Failure::Publish)?;
    tracing::info!(?published, "published");
    Ok(serde_json::to_value(published)?)
}
