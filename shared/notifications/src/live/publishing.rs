//! Publishing: new quotes to the subscribers of their symbol, and messages to all connections of a customer.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::App;
use app::error::ServiceError;
use domain::CustomerId;
use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use identity::authorization;
use market_data::quote_record::LastQuote;
use serde::Serialize;
use serde_json::Value;
use store::keys;

use super::delivery::{Delivered, Outgoing, deliver};
use super::messages::Message;
use super::subscriptions::{self, Subscriber};
use super::{closing, connections};

/// Lists of subscribers read concurrently.
const LISTS_AT_ONCE: usize = 32;
/// Connections closed concurrently.
const CLOSED_AT_ONCE: usize = 64;

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
}

/// Sends new quotes to every subscriber. May be called again with the same quotes: clients ignore a `seq` that is not
/// above the last one that they have seen.
///
/// Errors: the store's. Connections that cannot be reached are counted and logged.
pub async fn publish(app: &App, quotes: &[LastQuote]) -> Result<Published, ServiceError> {
    let mut by_connection: BTreeMap<String, (Subscriber, Vec<Arc<str>>)> = BTreeMap::new();
    for (text, subscribers) in read_subscribers(app, quotes).await? {
        for subscriber in subscribers {
            let (_, messages) =
                by_connection.entry(subscriber.connection.clone()).or_insert_with(|| (subscriber, Vec::new()));
            messages.push(text.clone());
        }
    }
    let connections = by_connection.len();
    let addressed = by_connection.into_values().collect();
    let (delivered, ended) = deliver_to_active_sessions(app, addressed).await?;
    let Delivered { posted, gone, failed, .. } = delivered;
    Ok(Published { quotes: quotes.len(), connections, posted, gone, ended, failed })
}

/// How many connections of a customer received a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CustomerDelivery {
    /// Connections that accepted it.
    pub reached: usize,
    /// Connections that did not accept it, and were closed.
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
    let text: Arc<str> = message.to_string().into();
    let addressed = connections::list(app, customer).await?.into_iter().map(|index_item| {
        let subscriber =
            Subscriber { connection: index_item.connection, customer_id: customer, session: index_item.session };
        (subscriber, vec![text.clone()])
    });
    let (delivered, _) = deliver_to_active_sessions(app, addressed.collect()).await?;
    Ok(CustomerDelivery { reached: delivered.reached, failed: delivered.failed })
}

/// The message for each quote, once with each part of the list of its subscribers.
async fn read_subscribers(app: &App, quotes: &[LastQuote]) -> Result<Vec<(Arc<str>, Vec<Subscriber>)>, ServiceError> {
    let mut lookups = Vec::new();
    for quote in quotes {
        let text: Arc<str> = Message::Quote(quote).text()?.into();
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
    addressed: Vec<(Subscriber, Vec<Arc<str>>)>,
) -> Result<(Delivered, usize), ServiceError> {
    let sessions = addressed.iter().map(|(subscriber, _)| (subscriber.session.clone(), subscriber.customer_id));
    let active = authorization::find_active_sessions(app, sessions.collect()).await?;
    let (active, ended): (Vec<_>, Vec<_>) =
        addressed.into_iter().partition(|(subscriber, _)| active.contains(&subscriber.session));
    let outgoing = active
        .into_iter()
        .map(|(subscriber, messages)| Outgoing { connection: subscriber.connection, messages })
        .collect();
    let delivered = deliver(app, outgoing).await;
    let reason = closing::session_ended();
    for some in ended.chunks(CLOSED_AT_ONCE) {
        let ends = some.iter().map(|(subscriber, _)| closing::end(app, &subscriber.connection, &reason));
        for error in join_all(ends).await.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "failed to delete the items of a connection whose session has ended");
        }
    }
    Ok((delivered, ended.len()))
}
