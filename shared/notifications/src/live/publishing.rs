//! Publishing: new quotes to the subscribers of their symbol, and messages to all connections of a customer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use app::App;
use app::error::ServiceError;
use domain::CustomerId;
use futures::future::{join, join_all};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use identity::authorization;
use market_data::quote_record::LastQuote;
use serde::Serialize;
use serde_json::Value;
use store::keys;

use super::delivery::{Delivered, IfThrottled, Outgoing, deliver};
use super::outgoing::{QuoteTexts, Quotes, Text};
use super::subscriptions::{self, Subscriber};
use super::{closing, connections};

/// Lists of subscribers read concurrently.
const LISTS_AT_ONCE: usize = 32;
/// Connections closed concurrently.
const CLOSED_AT_ONCE: usize = 64;
/// For how long throttled quotes are posted again. The function that publishes them must have more time.
pub const QUOTES_TIME: Duration = Duration::from_secs(40);
/// For how long a throttled alert is posted again. It is delivered with a later event if no connection accepts it.
const MESSAGE_TIME: Duration = Duration::from_secs(5);

/// The result of publishing quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Quotes to publish.
    pub quotes: usize,
    /// Connections that subscribe to at least one of them.
    pub connections: usize,
    /// Messages accepted.
    pub posted: usize,
    /// Connections that were gone; their items are deleted.
    pub gone: usize,
    /// Connections that were closed because their session has ended.
    pub ended: usize,
    /// Connections that did not accept a message in time, and were closed.
    pub failed: usize,
    /// Connections that AWS let no message through to for [`QUOTES_TIME`]. They are open, and lack quotes until these are
    /// [published again](publish_again).
    pub unreached: usize,
}

/// Sends new quotes to every subscriber. May be called again with the same quotes: clients ignore a `seq` that is not
/// above the last one that they have seen.
///
/// Errors: the store's. Connections that cannot be reached are counted and logged.
pub async fn publish(app: &App, quotes: &[LastQuote]) -> Result<Published, ServiceError> {
    publish_to_subscribers(app, quotes, IfThrottled::Keep).await
}

/// Publishes quotes that some connections may lack, because AWS throttled their messages. A connection that is throttled
/// once more for [`QUOTES_TIME`] is closed: it does not read what it is sent, and would go on showing old prices.
///
/// Errors: the store's.
pub async fn publish_again(app: &App, quotes: &[LastQuote]) -> Result<Published, ServiceError> {
    publish_to_subscribers(app, quotes, IfThrottled::Close).await
}

async fn publish_to_subscribers(
    app: &App,
    quotes: &[LastQuote],
    if_throttled: IfThrottled,
) -> Result<Published, ServiceError> {
    let mut by_connection: BTreeMap<String, (Subscriber, Quotes)> = BTreeMap::new();
    for (text, subscribers) in read_subscribers(app, quotes).await? {
        for subscriber in subscribers {
            let batch = subscriber.batch;
            let (_, quotes) =
                by_connection.entry(subscriber.connection.clone()).or_insert_with(|| (subscriber, Quotes::default()));
            quotes.push(&text, batch);
        }
    }
    let connections = by_connection.len();
    let addressed = by_connection.into_values().map(|(subscriber, quotes)| (subscriber, quotes.into_texts()));
    let (delivered, ended) = deliver_to_active_sessions(app, addressed.collect(), QUOTES_TIME, if_throttled).await?;
    let Delivered { posted, gone, failed, unreached, .. } = delivered;
    Ok(Published { quotes: quotes.len(), connections, posted, gone, ended, failed, unreached })
}

/// How many connections of a customer received a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CustomerDelivery {
    /// Connections that accepted it.
    pub reached: usize,
    /// Connections that did not accept it. They were closed, unless AWS throttled the message.
    pub failed: usize,
}

/// Sends a message to all connections of a customer.
///
/// Errors: the store's.
pub async fn publish_to_customer(
    app: &App,
    customer: CustomerId,
    message: &Value,
) -> Result<CustomerDelivery, ServiceError> {
    let text = Text::from(message.to_string());
    let addressed = connections::list(app, customer).await?.into_iter().map(|index_item| {
        let (connection, session) = (index_item.connection, index_item.session);
        (Subscriber { connection, customer_id: customer, session, batch: false }, vec![text.clone()])
    });
    let (delivered, _) = deliver_to_active_sessions(app, addressed.collect(), MESSAGE_TIME, IfThrottled::Keep).await?;
    Ok(CustomerDelivery { reached: delivered.reached, failed: delivered.failed + delivered.unreached })
}

/// The text of each quote, once with each part of the list of its subscribers.
async fn read_subscribers(
    app: &App,
    quotes: &[LastQuote],
) -> Result<Vec<(Arc<QuoteTexts>, Vec<Subscriber>)>, ServiceError> {
    let mut lookups = Vec::new();
    for quote in quotes {
        let text = Arc::new(QuoteTexts::of(quote)?);
        for part in keys::subscriptions(&quote.symbol) {
            let (app, text) = (app.clone(), text.clone());
            lookups.push(async move { Ok((text, subscriptions::read_subscribers(&app, part).await?)) });
        }
    }
    // In the order of the quotes, so that each connection receives them in that order.
    stream::iter(lookups).buffered(LISTS_AT_ONCE).try_collect().await
}

/// Delivers to the connections whose session is still valid and closes the others. Returns how many were closed,
/// second.
async fn deliver_to_active_sessions(
    app: &App,
    addressed: Vec<(Subscriber, Vec<Text>)>,
    time: Duration,
    if_throttled: IfThrottled,
) -> Result<(Delivered, usize), ServiceError> {
    let sessions = addressed.iter().map(|(subscriber, _)| (subscriber.session.clone(), subscriber.customer_id));
    let active = authorization::find_active_sessions(app, sessions.collect()).await?;
    let (active, ended): (Vec<_>, Vec<_>) =
        addressed.into_iter().partition(|(subscriber, _)| active.contains(&subscriber.session));
    let outgoing =
        active.into_iter().map(|(subscriber, texts)| Outgoing { connection: subscriber.connection, texts }).collect();
    let reason = closing::session_ended();
    let closing = async {
        for some in ended.chunks(CLOSED_AT_ONCE) {
            let ends = some.iter().map(|(subscriber, _)| closing::end(app, &subscriber.connection, &reason));
            for error in join_all(ends).await.into_iter().filter_map(Result::err) {
                tracing::warn!(%error, "failed to delete the items of a connection whose session has ended");
            }
        }
    };
    // Concurrently: throttled messages take their time.
    let (delivered, ()) = join(deliver(app, outgoing, time, if_throttled), closing).await;
    Ok((delivered, ended.len()))
}
