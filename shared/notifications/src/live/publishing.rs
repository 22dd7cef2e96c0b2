//! Telling connections what happened: new quotes to whoever hears of the symbol, and a customer's own news to all of
//! their connections.

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

use super::delivery::{Delivered, Letter, deliver};
use super::messages::Message;
use super::subscriptions::{self, Subscriber};
use super::{closing, connections};

/// Lists of subscribers read at the same time.
const LISTS_AT_ONCE: usize = 32;
/// Connections ended at the same time.
const ENDS_AT_ONCE: usize = 64;

/// What became of a push.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Quotes to tell of.
    pub quotes: usize,
    /// Connections that hear of one of them.
    pub connections: usize,
    /// Messages taken.
    pub posted: usize,
    /// Connections that were gone, and are forgotten.
    pub gone: usize,
    /// Connections that were ended because their session has.
    pub ended: usize,
    /// Connections that did not take a message in time, and were ended.
    pub failed: usize,
}

/// Tells every subscriber of new quotes. May be called again with the same: clients ignore what is not above the last
/// `seq` that they have seen.
///
/// Errors: those of the store. Who cannot be reached is counted and logged.
pub async fn publish(app: &App, quotes: &[LastQuote]) -> Result<Published, ServiceError> {
    let mut told: BTreeMap<String, (Subscriber, Vec<Arc<str>>)> = BTreeMap::new();
    for (text, subscribers) in read_subscribers(app, quotes).await? {
        for subscriber in subscribers {
            let (_, messages) = told.entry(subscriber.connection.clone()).or_insert_with(|| (subscriber, Vec::new()));
            messages.push(text.clone());
        }
    }
    let connections = told.len();
    let addressed = told.into_values().collect();
    let (delivered, ended) = deliver_to_the_living(app, addressed).await?;
    let Delivered { posted, gone, failed, .. } = delivered;
    Ok(Published { quotes: quotes.len(), connections, posted, gone, ended, failed })
}

/// How many connections of a customer were told something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Connections that took it.
    pub reached: usize,
    /// Connections that did not take it, and were ended.
    pub failed: usize,
}

/// Tells all connections of a customer something.
///
/// Errors: those of the store.
pub async fn publish_to_customer(app: &App, customer: CustomerId, message: &Value) -> Result<Told, ServiceError> {
    let text: Arc<str> = message.to_string().into();
    let addressed = connections::list(app, customer).await?.into_iter().map(|mirror| {
        let subscriber = Subscriber { connection: mirror.connection, customer_id: customer, session: mirror.session };
        (subscriber, vec![text.clone()])
    });
    let (delivered, _) = deliver_to_the_living(app, addressed.collect()).await?;
    Ok(Told { reached: delivered.reached, failed: delivered.failed })
}

/// What is said of each quote, with whoever stands in one part of its list of subscribers.
async fn read_subscribers(app: &App, quotes: &[LastQuote]) -> Result<Vec<(Arc<str>, Vec<Subscriber>)>, ServiceError> {
    let mut lookups = Vec::new();
    for quote in quotes {
        let text: Arc<str> = Message::Quote(quote).text()?.into();
        for part in keys::subscriptions(&quote.symbol) {
            let (app, text) = (app.clone(), text.clone());
            lookups.push(async move { Ok((text, subscriptions::read_subscribers(&app, part).await?)) });
        }
    }
    // In the order of the quotes, so that each connection is told of them in it.
    stream::iter(lookups).buffered(LISTS_AT_ONCE).try_collect().await
}

/// Delivers to those whose session still speaks for its customer, and ends the others: how many those were comes second.
async fn deliver_to_the_living(
    app: &App,
    addressed: Vec<(Subscriber, Vec<Arc<str>>)>,
) -> Result<(Delivered, usize), ServiceError> {
    let sessions = addressed.iter().map(|(subscriber, _)| (subscriber.session.clone(), subscriber.customer_id));
    let living = authorization::find_living(app, sessions.collect()).await?;
    let (living, dead): (Vec<_>, Vec<_>) =
        addressed.into_iter().partition(|(subscriber, _)| living.contains(&subscriber.session));
    let letters = living
        .into_iter()
        .map(|(subscriber, messages)| Letter { connection: subscriber.connection, messages })
        .collect();
    let delivered = deliver(app, letters).await;
    let why = closing::session_ended();
    for some in dead.chunks(ENDS_AT_ONCE) {
        let ends = some.iter().map(|(subscriber, _)| closing::end(app, &subscriber.connection, &why));
        for error in join_all(ends).await.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "a connection whose session has ended was not forgotten");
        }
    }
    Ok((delivered, dead.len()))
}
