//! One connection from its subscription to its end.

use std::ops::ControlFlow;
use std::time::Duration;

use domain::Symbol;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::failure::{Failure, ListenError};
use super::seen::SeenQuotes;

/// API Gateway closes a connection that is idle for ten minutes.
pub(super) const PING_EVERY: Duration = Duration::from_mins(5);
/// API Gateway closes every connection after two hours; renewing earlier avoids a gap.
pub(super) const RENEW_AFTER: Duration = Duration::from_mins(112);
/// A platform that does not respond within this time counts as gone.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Why a connection ended that may be replaced by another.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// It reached its maximum age.
    Renewed,
    /// It broke, or the platform did not respond.
    Lost {
        /// Whether there was a snapshot, which shows that the platform works.
        had_snapshot: bool,
    },
}

/// Subscribes, and listens until the connection is over.
pub(super) async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: WebSocketStream<S>,
    symbols: &[Symbol],
    seen: &mut SeenQuotes,
    on_message: &mut impl FnMut(&Value) -> ControlFlow<()>,
) -> Result<Over, Failure> {
    let mut had_snapshot = false;
    let subscribe = json!({ "action": "subscribe", "symbols": symbols });
    if socket.send(Message::text(subscribe.to_string())).await.is_err() {
        return Ok(Over::Lost { had_snapshot });
    }
    let renew_at = Instant::now() + RENEW_AFTER;
    let mut ping_at = Instant::now() + PING_EVERY;
    let mut answer_by = Some(Instant::now() + ANSWER_WITHIN);
    loop {
        tokio::select! {
            received = socket.next() => {
                let text = match received {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => continue,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(Over::Lost { had_snapshot }),
                };
                let message: Value = serde_json::from_str(&text).unwrap_or_default();
                had_snapshot |= message["type"] == "snapshot";
                if message["type"] == "snapshot" || message["type"] == "pong" {
                    answer_by = None;
                }
                for news in news_of(&message, seen)? {
                    if on_message(&news).is_break() {
                        return Err(ListenError::OutputClosed.into());
                    }
                }
            }
            () = sleep_until(ping_at) => {
                if socket.send(Message::text(r#"{"action":"ping"}"#)).await.is_err() {
                    return Ok(Over::Lost { had_snapshot });
                }
                ping_at = Instant::now() + PING_EVERY;
                answer_by = Some(Instant::now() + ANSWER_WITHIN);
            }
            () = wait_until(answer_by) => return Ok(Over::Lost { had_snapshot }),
            () = sleep_until(renew_at) => {
                // If the close frame cannot be sent, the connection is dropped.
                let _ = socket.close(None).await;
                return Ok(Over::Renewed);
            }
        }
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The new information in a message.
fn news_of(message: &Value, seen: &mut SeenQuotes) -> Result<Vec<Value>, Failure> {
    Ok(match message["type"].as_str() {
        Some("snapshot") => seen.snapshot(message),
        Some("quote") if seen.is_new(message) => vec![message.clone()],
        Some("alert") => vec![message.clone()],
        Some("error") => return Err(refusal(message)),
        _ => Vec::new(),
    })
}

/// What an error message means for this client, which only subscribes to symbols.
fn refusal(message: &Value) -> Failure {
    let detail = message["detail"].as_str().unwrap_or("the platform gave no reason").to_owned();
    match message["code"].as_str() {
        Some("session_ended") => ListenError::SignedOut.into(),
        Some("too_many_symbols" | "limit_reached" | "invalid_symbol" | "invalid_message") => {
            ListenError::Refused(detail).into()
        }
        _ => Failure::Temporary(detail),
    }
}
