//! Closing connections. The stored items of a connection are deleted first, so that nothing is pushed to it any longer.
//! Its socket is closed after that, on a best-effort basis.

use app::App;
use app::error::ServiceError;
use domain::CustomerId;
use futures::future::join_all;

use super::connections::{self, IndexItem};
use super::messages::LiveError;
use super::{MAX_CONNECTIONS, delivery};

/// The error that is sent to a connection whose session has ended.
pub(super) fn session_ended() -> LiveError {
    LiveError::new("session_ended", "the session that opened this connection has ended; sign in again")
}

/// Sends the reason to a connection and closes it.
pub(super) async fn end(app: &App, id: &str, reason: &LiveError) -> Result<(), ServiceError> {
    let deleted = connections::delete(app, id).await;
    let text = reason.text()?;
    let goodbye = async {
        // The connection may be gone already.
        let _ = delivery::post(app, id, &text).await;
        delivery::close(app, id).await
    };
    match tokio::time::timeout(delivery::GOODBYE, goodbye).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(connection = id, %error, "failed to close a connection"),
        Err(_) => tracing::warn!(connection = id, "failed to close a connection in time"),
    }
    deleted
}

/// Closes all connections of a customer after the change that ended their sessions. The change stands, whatever happens
/// here. A connection that could not be reached is closed at its next message or at the next push.
pub async fn close_all(app: &App, customer: CustomerId) {
    end_matching(app, customer, |_| true).await;
}

/// Closes the connections that one session opened, like [`close_all`].
pub async fn close_session(app: &App, customer: CustomerId, session: &str) {
    end_matching(app, customer, |index_item| index_item.session == session).await;
}

async fn end_matching(app: &App, customer: CustomerId, ended: impl Fn(&IndexItem) -> bool) {
    let all = match connections::list(app, customer).await {
        Ok(all) => all,
        Err(error) => {
            tracing::warn!(%customer, %error, "failed to list the connections to close");
            return;
        }
    };
    let those: Vec<IndexItem> = all.into_iter().filter(|index_item| ended(index_item)).collect();
    let reason = session_ended();
    let ends = those.iter().map(|index_item| end(app, &index_item.connection, &reason));
    for error in join_all(ends).await.into_iter().filter_map(Result::err) {
        tracing::warn!(%customer, %error, "failed to delete the items of a connection");
    }
}

/// Closes the oldest connections of a customer beyond [`MAX_CONNECTIONS`], but not the new one.
///
/// A new connection is stored before the connections are counted. Of several that are opened concurrently, the last one
/// to count therefore sees them all.
pub(super) async fn make_room(app: &App, customer: CustomerId, newcomer: &str) -> Result<(), ServiceError> {
    let mut all = connections::list(app, customer).await?;
    let surplus = all.len().saturating_sub(MAX_CONNECTIONS);
    all.retain(|index_item| index_item.connection != newcomer);
    all.sort_by(|a, b| (a.connected_at, &a.connection).cmp(&(b.connected_at, &b.connection)));
    let reason = LiveError::new(
        "too_many_connections",
        format!("a customer can have at most {MAX_CONNECTIONS} connections; this was the oldest"),
    );
    let ends = all.iter().take(surplus).map(|index_item| end(app, &index_item.connection, &reason));
    join_all(ends).await.into_iter().collect()
}
