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

use super::failure::{Ended, Failure};
use super::seen::Seen;

/// API Gateway closes a connection on which nobody says anything for ten minutes.
pub(super) const PING_EVERY: Duration = Duration::from_mins(5);
/// API Gateway ends every connection after two hours; one that ends by itself loses no time.
pub(super) const RENEW_AFTER: Duration = Duration::from_mins(112);
/// Whoever does not answer within this is not there any more.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// How a connection that may be followed by another one ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// Of old age.
    Renewed,
    /// It broke, or nobody was there any more.
    Lost {
        /// Whether there had been a snapshot, so that the platform is well.
        had_snapshot: bool,
    },
}

/// Subscribes, and listens until the connection is over.
pub(super) async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: WebSocketStream<S>,
    symbols: &[Symbol],
    seen: &mut Seen,
    hear: &mut impl FnMut(&Value) -> ControlFlow<()>,
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
                    if hear(&news).is_break() {
                        return Err(Ended::Enough.into());
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
                // One that cannot say goodbye is left all the same.
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

/// What a message tells that was not known.
fn news_of(message: &Value, seen: &mut Seen) -> Result<Vec<Value>, Failure> {
    Ok(match message["type"].as_str() {
        Some("snapshot") => seen.snapshot(message),
        Some("quote") if seen.is_new(message) => vec![message.clone()],
        Some("alert") => vec![message.clone()],
        Some("error") => return Err(refusal(message)),
        _ => Vec::new(),
    })
}

/// What an error means for this client, which has asked for nothing but its symbols.
fn refusal(message: &Value) -> Failure {
    let detail = message["detail"].as_str().unwrap_or("the platform refuses to say why").to_owned();
    match message["code"].as_str() {
        Some("session_ended") => Ended::SignedOut.into(),
        Some("too_many_symbols" | "limit_reached" | "invalid_symbol" | "invalid_message") => {
            Ended::Refused(detail).into()
        }
        _ => Failure::Passing(detail),
    }
}
