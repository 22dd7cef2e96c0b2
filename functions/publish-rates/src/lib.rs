//! Invoked by `quotes.refreshed`: tells live connections of new prices, and fires alerts.

use app::ServiceError;
use market_data::MarketData;
use market_data::quote_record::{QUOTES_REFRESHED, QuotesRefreshed};
use notifications::{alerts, live};
use serde::Deserialize;
use serde_json::{Value, json};

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
    /// Alerts could not be evaluated.
    #[error("alerts not evaluated: {0}")]
    Alerts(#[source] ServiceError),
    /// Alerts have fired a moment ago and their customers were not told; whoever was is not told again.
    #[error("{0} firings not told")]
    Undelivered(usize),
}

/// Pushes the quotes to whoever has subscribed and fires the alerts that they make true; the answer says how many. May be
/// invoked again with the same event: clients go by `seq`, and no alert fires twice on a market day.
pub async fn handle(market: &MarketData, event: Value) -> Result<Value, Failure> {
    let event: RefreshedEvent = serde_json::from_value(event)?;
    if event.detail_type != QUOTES_REFRESHED {
        return Err(Failure::Type(event.detail_type));
    }
    let quotes = &event.detail.quotes;
    // At the same time, so that connections that take nothing hold up no alert. Whatever becomes of the one, the other is
    // done: what failed is tried again with the whole event.
    let (published, fired) =
        futures::future::join(live::publish(&market.app, quotes), alerts::evaluate(market, quotes)).await;
    let (published, fired) = (published.map_err(Failure::Publish)?, fired.map_err(Failure::Alerts)?);
    tracing::info!(?published, ?fired, "published");
    if fired.undelivered > 0 {
        return Err(Failure::Undelivered(fired.undelivered));
    }
    Ok(json!({ "published": published, "alerts": fired }))
}
