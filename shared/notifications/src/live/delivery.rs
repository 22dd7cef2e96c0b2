//! Posting to connections, many concurrently and each with a timeout. The items of connections that are gone are
//! deleted. A connection that did not accept a message is closed: it would go on showing old prices, and after
//! reconnecting it gets a snapshot.

use std::sync::Arc;
use std::time::Duration;

use app::App;
use app::push::PushError;
use chrono::TimeDelta;
use futures::{StreamExt as _, stream};

use super::connections;

/// Connections posted to concurrently.
const AT_ONCE: usize = 64;
/// A connection that has not accepted a message within this time is closed.
const POST_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that a customer who signs out waits for the last message and the closing of a connection.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);
/// No connection takes longer to open: the function that opens it has ten seconds.
const MAX_OPENING_TIME: TimeDelta = TimeDelta::seconds(30);

/// The messages for one connection, in this order.
pub(super) struct Outgoing {
    pub(super) connection: String,
    pub(super) messages: Vec<Arc<str>>,
}

/// The result of delivering messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Delivered {
    /// Connections that accepted all of their messages.
    pub(super) reached: usize,
    /// Messages accepted.
    pub(super) posted: usize,
    /// Connections that were gone; their items are deleted.
    pub(super) gone: usize,
    /// Connections that did not accept a message: they were closed, or are still being opened.
    pub(super) failed: usize,
}

/// The result of posting a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PostResult {
    Accepted,
    Gone,
    Failed,
}

/// Posts one message, with a timeout.
pub(super) async fn post(app: &App, connection: &str, text: &str) -> Result<(), PushError> {
    match tokio::time::timeout(POST_TIMEOUT, app.push().post(connection, text)).await {
        Ok(posted) => posted,
        Err(_) => Err(PushError::Failed(format!("no response within {} s", POST_TIMEOUT.as_secs()))),
    }
}

/// Sends a message to one connection; deletes its items if it is gone, and closes it if it does not accept the message.
/// Returns whether it was accepted.
pub(super) async fn send(app: &App, connection: &str, text: &str) -> bool {
    post_or_drop(app, connection, text).await == PostResult::Accepted
}

/// Delivers messages to connections, [`AT_ONCE`] concurrently. A connection that fails does not affect the others.
pub(super) async fn deliver(app: &App, outgoing: Vec<Outgoing>) -> Delivered {
    let deliveries = outgoing.into_iter().map(|outgoing| {
        let app = app.clone();
        async move { deliver_one(&app, &outgoing).await }
    });
    let count = |mut all: Delivered, (posted, result)| {
        all.posted += posted;
        match result {
            PostResult::Accepted => all.reached += 1,
            PostResult::Gone => all.gone += 1,
            PostResult::Failed => all.failed += 1,
        }
        std::future::ready(all)
    };
    stream::iter(deliveries).buffer_unordered(AT_ONCE).fold(Delivered::default(), count).await
}

async fn deliver_one(app: &App, outgoing: &Outgoing) -> (usize, PostResult) {
    for (posted, message) in outgoing.messages.iter().enumerate() {
        match post_or_drop(app, &outgoing.connection, message).await {
            PostResult::Accepted => {}
            result => return (posted, result),
        }
    }
    (outgoing.messages.len(), PostResult::Accepted)
}

/// Posts one message. If that fails, deletes the items of the connection, and closes it if it is still there.
async fn post_or_drop(app: &App, connection: &str, text: &str) -> PostResult {
    match post(app, connection, text).await {
        Ok(()) => PostResult::Accepted,
        Err(PushError::Gone) if is_opening(app, connection).await => PostResult::Failed,
        Err(PushError::Gone) => {
            if let Err(error) = connections::delete(app, connection).await {
                // What is left of it expires, or is deleted with the next push.
                tracing::warn!(connection, %error, "failed to delete the items of a connection that is gone");
            }
            PostResult::Gone
        }
        Err(PushError::Failed(error)) => {
            tracing::warn!(connection, error, "a connection did not accept a message");
            cut_off(app, connection).await;
            PostResult::Failed
        }
    }
}

/// Closes a connection that did not accept a message, without sending a reason. What it missed is in the snapshot that
/// it gets after reconnecting.
async fn cut_off(app: &App, id: &str) {
    if let Err(error) = connections::delete(app, id).await {
        tracing::warn!(connection = id, %error, "failed to delete the items of a connection that accepts nothing");
    }
    match tokio::time::timeout(GOODBYE, app.push().close(id)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(connection = id, %error, "failed to close a connection that accepts nothing");
        }
        Err(_) => tracing::warn!(connection = id, "failed to close a connection that accepts nothing in time"),
    }
}

/// Whether a connection may still be opening. Its items are stored before the handshake is complete, and until then API
/// Gateway reports it as gone. A connection that has a subscription is open.
async fn is_opening(app: &App, connection: &str) -> bool {
    let found = connections::find(app, connection).await.ok().flatten();
    found.is_some_and(|(found, _)| found.symbols.is_empty() && app.now() - found.connected_at < MAX_OPENING_TIME)
}
