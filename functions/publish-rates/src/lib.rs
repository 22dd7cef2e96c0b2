//! Invoked by the event `quotes.refreshed`: pushes new quotes to live connections, and fires alerts.

use app::ServiceError;
use chrono::{DateTime, TimeDelta, Utc};
use market_data::MarketData;
use market_data::quote_record::{QUOTES_REFRESHED, QuotesRefreshed};
use notifications::{alerts, live};
use serde::Deserialize;
use serde_json::{Value, json};

/// An event that is older was delivered before: it comes within seconds, and Lambda repeats it a minute after a failure
/// at the earliest.
const REPEATED_AFTER: TimeDelta = TimeDelta::minutes(1);

/// The event that `EventBridge` sends.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RefreshedEvent {
    detail_type: String,
    /// When it was published; an event that an operator wrote may lack it.
    #[serde(default)]
    time: Option<DateTime<Utc>>,
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
    /// AWS let no message through to some connections. The retry sends all of them the same quotes once more.
    #[error("{0} connections were not reached")]
    Unreached(usize),
}

/// Sends the quotes to their subscribers and fires the alerts whose condition they meet. Returns how many. May be
/// invoked again with the same event: clients compare `seq`, and no alert fires twice on a market day.
///
/// If AWS throttles messages for too long, the invocation fails, so that the event is repeated. The repetition closes
/// connections that are still throttled, so that one client that does not read cannot have events repeated forever.
pub async fn handle(market: &MarketData, event: Value) -> Result<Value, Failure> {
    let event: RefreshedEvent = serde_json::from_value(event)?;
    if event.detail_type != QUOTES_REFRESHED {
        return Err(Failure::Type(event.detail_type));
    }
    let quotes = &event.detail.quotes;
    let is_repeated = event.time.is_some_and(|time| market.app.now() - time >= REPEATED_AFTER);
    let publishing = async {
        if is_repeated {
            live::publish_again(&market.app, quotes).await
        } else {
            live::publish(&market.app, quotes).await
        }
    };
    // Concurrently, so that connections that accept nothing do not delay alerts. If one fails the other is done all the
    // same, and the whole event is retried.
    let (published, alerts) = futures::future::join(publishing, alerts::evaluate(market, quotes)).await;
    let (published, alerts) = (published.map_err(Failure::Publish)?, alerts.map_err(Failure::Alerts)?);
    tracing::info!(?published, ?alerts, "published");
    if alerts.undelivered > 0 {
        return Err(Failure::Undelivered(alerts.undelivered));
    }
    if published.unreached > 0 {
        return Err(Failure::Unreached(published.unreached));
    }
    Ok(json!({ "published": published, "alerts": alerts }))
}
