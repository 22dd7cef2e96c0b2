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

/// Why an invocation failed. It is retried; if the retries fail too, its event goes to the dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event has no quotes.
    #[error("not an event of new quotes: {0}")]
    Event(#[from] serde_json::Error),
    /// The event has another type.
    #[error("the event is of type {0}, and {QUOTES_REFRESHED} is the one taken")]
    Type(String),
    /// Subscribers could not be looked up.
    #[error("quotes not published: {0}")]
    Publish(#[source] ServiceError),
    /// Alerts could not be evaluated.
    #[error("alerts not evaluated: {0}")]
    Alerts(#[source] ServiceError),
    /// This many alerts have fired, but their customers were not notified. A retry notifies only these.
    #[error("{0} firings not told")]
    Undelivered(usize),
}

/// Pushes the quotes to their subscribers and fires the alerts that they meet; returns the numbers of both. It may be
/// invoked again with the same event: clients ignore a `seq` that they have seen, and no alert fires twice on a market day.
pub async fn handle(market: &MarketData, event: Value) -> Result<Value, Failure> {
    let event: RefreshedEvent = serde_json::from_value(event)?;
    if event.detail_type != QUOTES_REFRESHED {
        return Err(Failure::Type(event.detail_type));
    }
    let quotes = &event.detail.quotes;
    // Concurrently, so that slow connections do not delay alerts. If one of the two fails, the other is still completed; the
    // retry repeats the whole event.
    let (published, fired) =
        futures::future::join(live::publish(&market.app, quotes), alerts::evaluate(market, quotes)).await;
    let (published, fired) = (published.map_err(Failure::Publish)?, fired.map_err(Failure::Alerts)?);
    tracing::info!(?published, ?fired, "published");
    if fired.undelivered > 0 {
        return Err(Failure::Undelivered(fired.undelivered));
    }
    Ok(json!({ "published": published, "alerts": fired }))
}
