//! Posting to connections: many at once and none for long. Those that are gone are forgotten, and those that did not take
//! a message are ended: they would show old prices as if nothing had happened, and connected anew they get a snapshot.

use std::sync::Arc;
use std::time::Duration;

use app::App;
use app::push::PushError;
use chrono::TimeDelta;
use futures::{StreamExt as _, stream};

use super::connections;

/// Connections posted to at the same time.
const AT_ONCE: usize = 64;
/// A connection that has not taken a message after this is ended.
const POST_TIMEOUT: Duration = Duration::from_secs(5);
/// The last word and the closing of a socket take no longer than this from a customer who signs out.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);
/// No connection takes longer to be made: the function that lets it in has ten seconds.
const TO_BE_MADE: TimeDelta = TimeDelta::seconds(30);

/// What one connection is to be told, in this order.
pub(super) struct Letter {
    pub(super) connection: String,
    pub(super) messages: Vec<Arc<str>>,
}

/// How messages arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Delivered {
    /// Connections that took all they were told.
    pub(super) reached: usize,
    /// Messages taken.
    pub(super) posted: usize,
    /// Connections that were gone, and are forgotten.
    pub(super) gone: usize,
    /// Connections that did not take a message: they were ended, or are still being made.
    pub(super) failed: usize,
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Reached,
    Gone,
    Failed,
}

/// Posts one message; whoever does not take it in time has not taken it.
pub(super) async fn post(app: &App, connection: &str, text: &str) -> Result<(), PushError> {
    match tokio::time::timeout(POST_TIMEOUT, app.push().post(connection, text)).await {
        Ok(posted) => posted,
        Err(_) => Err(PushError::Failed(format!("nothing was heard within {} s", POST_TIMEOUT.as_secs()))),
    }
}

/// Tells one connection something, forgets it when it is gone and ends it when it takes nothing; says whether it was told.
pub(super) async fn say(app: &App, connection: &str, text: &str) -> bool {
    tell(app, connection, text).await == End::Reached
}

/// Delivers letters, [`AT_ONCE`] at the same time; a connection that fails costs the others nothing but its place.
pub(super) async fn deliver(app: &App, letters: Vec<Letter>) -> Delivered {
    let deliveries = letters.into_iter().map(|letter| {
        let app = app.clone();
        async move { deliver_one(&app, &letter).await }
    });
    let count = |mut all: Delivered, (posted, end)| {
        all.posted += posted;
        match end {
            End::Reached => all.reached += 1,
            End::Gone => all.gone += 1,
            End::Failed => all.failed += 1,
        }
        std::future::ready(all)
    };
    stream::iter(deliveries).buffer_unordered(AT_ONCE).fold(Delivered::default(), count).await
}

async fn deliver_one(app: &App, letter: &Letter) -> (usize, End) {
    for (posted, message) in letter.messages.iter().enumerate() {
        match tell(app, &letter.connection, message).await {
            End::Reached => {}
            end => return (posted, end),
        }
    }
    (letter.messages.len(), End::Reached)
}

async fn tell(app: &App, connection: &str, text: &str) -> End {
    match post(app, connection, text).await {
        Ok(()) => End::Reached,
        Err(PushError::Gone) if is_being_made(app, connection).await => End::Failed,
        Err(PushError::Gone) => {
            if let Err(error) = connections::forget(app, connection).await {
                // What is left of it expires, or goes with the next push.
                tracing::warn!(connection, %error, "a connection that is gone was not forgotten");
            }
            End::Gone
        }
        Err(PushError::Failed(error)) => {
            tracing::warn!(connection, error, "a message was not taken");
            cut_off(app, connection).await;
            End::Failed
        }
    }
}

/// Ends a connection that did not take a message, without another word: what it missed is in the snapshot that it gets
/// when it connects again.
async fn cut_off(app: &App, id: &str) {
    if let Err(error) = connections::forget(app, id).await {
        tracing::warn!(connection = id, %error, "a connection that takes nothing was not forgotten");
    }
    match tokio::time::timeout(GOODBYE, app.push().close(id)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(connection = id, %error, "a connection that takes nothing was not closed"),
        Err(_) => tracing::warn!(connection = id, "a connection that takes nothing was not closed in time"),
    }
}

/// Whether a connection may still be in the making. It is kept before its client hears that it is let in, and until then
/// API Gateway says that it is gone. One that has subscribed to anything has been made.
async fn is_being_made(app: &App, connection: &str) -> bool {
    let found = connections::find(app, connection).await.ok().flatten();
    found.is_some_and(|(found, _)| found.symbols.is_empty() && app.now() - found.connected_at < TO_BE_MADE)
}
