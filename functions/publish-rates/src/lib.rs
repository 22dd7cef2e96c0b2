//! Invoked by the event `quotes.refreshed`: pushes new quotes to live connections, and fires alerts.

use app::ServiceError;
use market_data::MarketData;
use market_data::quote_record::{QUOTES_REFRESHED, QuotesRefreshed};
use notifications::{alerts, live};
use serde::Deserialize;
use serde_json::{Value, json};

/// The event that `EventBridge` sends.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RefreshedEvent {
    detail_type: String,
    detail: QuotesRefreshed,
}

/// Why an invocation failed. It is retried, and then its event goes to the dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event has no quotes.
    #[error("not an event with quotes: {0}")]
    Event(#[from] serde_json::Error),
    /// The event is of another type.
    #[error("the event must be of type {QUOTES_REFRESHED}, not {0}")]
    Type(String),
    /// Subscribers could not be read.
    #[error("failed to publish quotes: {0}")]
    Publish(#[source] ServiceError),
    /// Alerts could not be evaluated.
    #[error("failed to evaluate alerts: {0}")]
    Alerts(#[source] ServiceError),
    /// Alerts that fired recently could not be delivered. The retry notifies only customers who were not notified.
    #[error("failed to deliver {0} firings")]
    Undelivered(usize),
}

/// Sends the quotes to their subscribers and fires the alerts whose condition they meet. Returns how many. May be
/// invoked again with the same event: clients compare `seq`, and no alert fires twice on a market day.
pub async fn handle(market: &MarketData, event: Value) -> Result<Value, Failure> {
    let event: RefreshedEvent = serde_json::from_value(event)?;
    if event.detail_type != QUOTES_REFRESHED {
        return Err(Failure::Type(event.detail_type));
    }
    let quotes = &event.detail.quotes;
    // Concurrently, so that connections that accept nothing do not delay alerts. If one fails the other is done all the
    // same, and the whole event is retried.
    let (published, alerts) =
        futures::future::join(live::publish(&market.app, quotes), alerts::evaluate(market, quotes)).await;
    let (published, alerts) = (published.map_err(Failure::Publish)?, alerts.map_err(Failure::Alerts)?);
    tracing::info!(?published, ?alerts, "published");
    if alerts.undelivered > 0 {
        return Err(Failure::Undelivered(alerts.undelivered));
    }
    Ok(json!({ "published": published, "alerts": alerts }))
}
