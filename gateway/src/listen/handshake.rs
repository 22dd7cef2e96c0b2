//! The WebSocket handshake, over a connection of the HTTP client, including TLS.

use reqwest::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{Client, StatusCode, Upgraded, Url};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::failure::{DEADLINE, Failure, ListenError, passing};

/// Connects to a URL that contains the ticket.
pub(super) async fn connect(http: &Client, url: Url) -> Result<WebSocketStream<Upgraded>, Failure> {
    let key = generate_key();
    let asked = http
        .get(url)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, &key);
    let answer = timeout(DEADLINE, asked.send()).await.map_err(|_| Failure::Temporary("no response".to_owned()))?;
    let answer = answer.map_err(passing)?;
    if answer.status() == StatusCode::NOT_FOUND {
        return Err(ListenError::Refused("no live connections at this address; check --live-url".to_owned()).into());
    }
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(Failure::Temporary(format!("cannot open a live connection: {}", answer.status())));
    }
    let accepted =
        answer.headers().get(SEC_WEBSOCKET_ACCEPT).is_some_and(|accept| accept == &derive_accept_key(key.as_bytes()));
    if !accepted {
        return Err(Failure::Temporary("the server does not speak WebSocket".to_owned()));
    }
    let stream = answer.upgrade().await.map_err(passing)?;
    Ok(WebSocketStream::from_raw_socket(stream, Role::Client, None).await)
}
