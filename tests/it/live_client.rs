//! A client of live connections, like a customer's program.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::answer::assert_written_alike;
use crate::target::{Target, each};

/// The deadline for a message. An emulated function has to start first.
const DEADLINE: Duration = Duration::from_secs(30);

/// A live connection.
pub struct Live(WebSocketStream<TcpStream>);

impl Live {
    /// Connects to a URL that contains the ticket; a refusal is an [`Error::Http`].
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let host = url.strip_prefix("ws://").unwrap().split('/').next().unwrap();
        let stream = TcpStream::connect(host).await?;
        Ok(Self(tokio_tungstenite::client_async(url, stream).await?.0))
    }

    /// Connects as a browser does for a page of this origin.
    pub async fn connect_from(url: &str, origin: &str) -> Result<Self, Error> {
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let stream = TcpStream::connect(request.uri().authority().unwrap().as_str()).await?;
        Ok(Self(tokio_tungstenite::client_async(request, stream).await?.0))
    }

    /// Sends a message.
    pub async fn send(&mut self, message: &Value) {
        self.send_raw(Message::text(message.to_string())).await;
    }

    /// Sends a message that need not be JSON.
    pub async fn send_raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// The next message.
    pub async fn next(&mut self) -> Value {
        loop {
            match self.received().await {
                Some(Ok(Message::Text(text))) => {
                    let message = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                    assert_written_alike(&message, "a live message");
                    return message;
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?} where a message was due"),
            }
        }
    }

    /// Waits until the platform closes the connection and returns the code of its close frame; earlier messages are
    /// skipped.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match self.received().await {
                Some(Ok(Message::Close(frame))) => return frame.map_or(1005, |frame| frame.code.into()),
                Some(Ok(_)) => {}
                other => panic!("{other:?} where a close frame was due"),
            }
        }
    }

    /// Closes the connection and waits until the platform has closed it too.
    pub async fn leave(mut self) {
        self.0.close(None).await.unwrap();
        while let Some(Ok(_)) = self.received().await {}
    }

    async fn received(&mut self) -> Option<Result<Message, Error>> {
        tokio::time::timeout(DEADLINE, self.0.next()).await.expect("something comes in time")
    }
}

#[test]
fn a_ticket_connects_once_and_is_required() {
    each(async |target: &Target| {
        let ticket = target.post("/live-tickets", &json!({})).await.expect_status(201).json();
        let url = format!("{}?ticket={}", target.live_url(), ticket["ticket"].as_str().unwrap());
        let mut live = Live::connect(&url).await.unwrap();
        live.send(&json!({ "action": "ping" })).await;
        assert_eq!(live.next().await["type"], "pong", "{}", target.name);
        for refused in [url.as_str(), target.live_url()] {
            match Live::connect(refused).await {
                Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{}", target.name),
                Err(error) => panic!("{}: {error}", target.name),
                Ok(_) => panic!("{} let pass {refused}", target.name),
            }
        }
        live.leave().await;
    });
}

#[test]
fn a_page_of_another_origin_is_refused_and_its_ticket_is_not_used_up() {
    each(async |target: &Target| {
        let ticket = target.post("/live-tickets", &json!({})).await.expect_status(201).json();
        let url = format!("{}?ticket={}", target.live_url(), ticket["ticket"].as_str().unwrap());
        match Live::connect_from(&url, "https://evil.example").await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{}", target.name),
            Err(error) => panic!("{}: {error}", target.name),
            Ok(_) => panic!("{} let pass a page of another origin", target.name),
        }
        let host = url.trim_start_matches("ws://").split('/').next().unwrap();
        let own = format!("http://{host}");
        let mut live = match Live::connect_from(&url, &own).await {
            Ok(live) => live,
            Err(error) => panic!("{} refused {own}: {error}", target.name),
        };
        live.send(&json!({ "action": "ping" })).await;
        assert_eq!(live.next().await["type"], "pong", "{}", target.name);
        live.leave().await;
    });
}

#[test]
fn signing_out_closes_the_connection_with_a_message() {
    each(async |target: &Target| {
        let customer = target.newcomer().await;
        let mut live = customer.live().await;
        live.send_raw(Message::text("not JSON")).await;
        assert_eq!(live.next().await["type"], "error", "{}", target.name);
        customer.delete("/sessions/current").await.expect_status(204);
        assert_eq!(live.next().await["code"], "session_ended", "{}", target.name);
        assert_eq!(live.closed().await, 1000, "{}", target.name);
    });
}
