//! Posting to connections, many concurrently and each with a timeout. The items of connections that are gone are
//! deleted. A connection that did not accept a message is closed: it would go on showing old prices, and after
//! reconnecting it gets a snapshot.
//!
//! A message that AWS throttles is posted again after a random time, while others are posted. It says nothing about the
//! connection: the limit may be that of the account.

use std::time::Duration;

use app::App;
use app::push::PushError;
use chrono::TimeDelta;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use store::retry::{Retry, retry_with_waits_up_to};
use tokio::sync::Semaphore;

use super::connections;
use super::outgoing::Text;

/// Messages posted concurrently.
const AT_ONCE: usize = 64;
/// A connection that has not accepted a message within this time is closed.
const POST_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest wait before a throttled message is posted again.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// For how long a throttled reply is repeated: the function that replies has ten seconds.
const REPLY_TIME: Duration = Duration::from_secs(4);
/// The longest that a customer who signs out waits for the last message and the closing of a connection.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);
/// No connection takes longer to open: the function that opens it has ten seconds.
const MAX_OPENING_TIME: TimeDelta = TimeDelta::seconds(30);

/// The messages for one connection, in this order.
pub(super) struct Outgoing {
    pub(super) connection: String,
    pub(super) texts: Vec<Text>,
}

/// What becomes of a connection whose messages are still throttled when the time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfThrottled {
    /// It stays open: the messages are delivered again.
    Keep,
    /// It is closed, like one that accepts nothing.
    Close,
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
    /// Connections that AWS let no message through to, or to which the platform may not send. They stay open.
    pub(super) unreached: usize,
}

/// The result of posting a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PostResult {
    Accepted,
    Gone,
    Failed,
    Unreached,
}

/// Posts one message, with a timeout.
pub(super) async fn post(app: &App, connection: &str, text: &str) -> Result<(), PushError> {
    tokio::time::timeout(POST_TIMEOUT, app.push().post(connection, text)).await.unwrap_or(Err(PushError::TimedOut))
}

/// Closes a connection within [`GOODBYE`].
pub(super) async fn close(app: &App, connection: &str) -> Result<(), PushError> {
    let closing = retry_with_waits_up_to(LONGEST_WAIT, retry_for(GOODBYE), || app.push().close(connection));
    tokio::time::timeout(GOODBYE, closing).await.unwrap_or(Err(PushError::TimedOut))
}

/// Repeats what is throttled for this time.
fn retry_for(time: Duration) -> Retry {
    Retry { tries: u32::MAX, ..Retry::within(time) }
}

/// Sends a message to one connection; deletes its items if it is gone, and closes it if it does not accept the message.
/// Returns whether it was accepted.
pub(super) async fn send(app: &App, connection: &str, text: &Text) -> bool {
    let delivery = Delivery::new(app, REPLY_TIME, IfThrottled::Close);
    delivery.post_or_drop(connection, text).await == PostResult::Accepted
}

/// Delivers messages to connections, [`AT_ONCE`] concurrently. A connection that fails or is throttled does not affect
/// the others. No message is posted again after `time`.
pub(super) async fn deliver(
    app: &App,
    outgoing: Vec<Outgoing>,
    time: Duration,
    if_throttled: IfThrottled,
) -> Delivered {
    let delivery = &Delivery::new(app, time, if_throttled);
    let mut deliveries: FuturesUnordered<_> =
        outgoing.into_iter().map(|outgoing| async move { delivery.deliver_one(&outgoing).await }).collect();
    let mut all = Delivered::default();
    while let Some((posted, result)) = deliveries.next().await {
        all.posted += posted;
        match result {
            PostResult::Accepted => all.reached += 1,
            PostResult::Gone => all.gone += 1,
            PostResult::Failed => all.failed += 1,
            PostResult::Unreached => all.unreached += 1,
        }
    }
    all
}

/// Messages that are delivered together.
struct Delivery<'a> {
    app: &'a App,
    /// Only a message that is being posted has a slot, and none that waits: one that is throttled holds up no other.
    slots: Semaphore,
    policy: Retry,
    if_throttled: IfThrottled,
}

impl<'a> Delivery<'a> {
    fn new(app: &'a App, time: Duration, if_throttled: IfThrottled) -> Self {
        Self { app, slots: Semaphore::new(AT_ONCE), policy: retry_for(time), if_throttled }
    }

    async fn deliver_one(&self, outgoing: &Outgoing) -> (usize, PostResult) {
        for (posted, text) in outgoing.texts.iter().enumerate() {
            match self.post_or_drop(&outgoing.connection, text).await {
                PostResult::Accepted => {}
                result => return (posted, result),
            }
        }
        (outgoing.texts.len(), PostResult::Accepted)
    }

    /// Posts one message, again and again while it is throttled.
    async fn post(&self, connection: &str, text: &Text) -> Result<(), PushError> {
        retry_with_waits_up_to(LONGEST_WAIT, self.policy, || async move {
            // Fails only if the semaphore is closed, which never happens.
            let _slot = self.slots.acquire().await;
            post(self.app, connection, &text.to_json()).await
        })
        .await
    }

    /// Posts one message. If that fails, deletes the items of the connection, and closes it if it is still there.
    async fn post_or_drop(&self, connection: &str, text: &Text) -> PostResult {
        let app = self.app;
        match self.post(connection, text).await {
            Ok(()) => PostResult::Accepted,
            Err(PushError::Gone) if is_opening(app, connection).await => PostResult::Failed,
            Err(PushError::Gone) => {
                if let Err(error) = connections::delete(app, connection).await {
                    // What is left of it expires, or is deleted with the next push.
                    tracing::warn!(connection, %error, "failed to delete the items of a connection that is gone");
                }
                PostResult::Gone
            }
            Err(PushError::Throttled) if self.if_throttled == IfThrottled::Keep => PostResult::Unreached,
            Err(error @ PushError::Forbidden) => {
                tracing::error!(connection, %error, "the role of the function does not allow it to send");
                PostResult::Unreached
            }
            Err(error) => {
                if error == PushError::TooLarge {
                    tracing::error!(
                        connection,
                        bytes = text.to_json().len(),
                        "a message is larger than API Gateway accepts"
                    );
                }
                tracing::warn!(connection, %error, "a connection did not accept a message");
                cut_off(app, connection).await;
                PostResult::Failed
            }
        }
    }
}

/// Closes a connection that did not accept a message, without sending a reason. What it missed is in the snapshot that
/// it gets after reconnecting.
async fn cut_off(app: &App, id: &str) {
    if let Err(error) = connections::delete(app, id).await {
        tracing::warn!(connection = id, %error, "failed to delete the items of a connection that accepts nothing");
    }
    if let Err(error) = close(app, id).await {
        tracing::warn!(connection = id, %error, "failed to close a connection that accepts nothing");
    }
}

/// Whether a connection may still be opening. Its items are stored before the handshake is complete, and until then API
/// Gateway reports it as gone. A connection that has a subscription is open.
async fn is_opening(app: &App, connection: &str) -> bool {
    let found = connections::find(app, connection).await.ok().flatten();
    found.is_some_and(|(found, _)| found.symbols.is_empty() && app.now() - found.connected_at < MAX_OPENING_TIME)
}
