//! The client side of a live connection, over a socket in memory with a paused clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::conversation::{ANSWER_WITHIN, Over, PING_EVERY, RENEW_AFTER, converse};
use super::*;

type Heard = Arc<Mutex<Vec<Value>>>;

/// A client subscribed to AAPL, the platform's end of its socket, and the messages that it received.
async fn client() -> (JoinHandle<Result<Over, Failure>>, WebSocketStream<DuplexStream>, Heard) {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let on_messaged = Heard::default();
    let on_messageing = on_messaged.clone();
    let conversing = tokio::spawn(async move {
        let socket = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
        let mut on_message = |news: &Value| {
            on_messageing.lock().unwrap().push(news.clone());
            ControlFlow::Continue(())
        };
        converse(socket, &["AAPL".parse().unwrap()], &mut SeenQuotes::default(), &mut on_message).await
    });
    (conversing, WebSocketStream::from_raw_socket(theirs, Role::Server, None).await, on_messaged)
}

async fn said(platform: &mut WebSocketStream<DuplexStream>) -> Value {
    loop {
        match platform.next().await {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return json!("closed"),
            Some(Ok(_)) => {}
        }
    }
}

async fn say(platform: &mut WebSocketStream<DuplexStream>, message: &Value) {
    platform.send(Message::text(message.to_string())).await.unwrap();
}

fn snapshot(seq: u64) -> Value {
    json!({ "type": "snapshot", "quotes": [{ "symbol": "AAPL", "price": "1", "seq": seq }], "unavailable": {} })
}

#[tokio::test(start_paused = true)]
async fn it_pings_every_five_minutes_and_reconnects_before_two_hours() {
    let begun = Instant::now();
    let (conversing, mut platform, on_messaged) = client().await;
    assert_eq!(said(&mut platform).await, json!({ "action": "subscribe", "symbols": ["AAPL"] }));
    say(&mut platform, &snapshot(1)).await;
    let mut pings = 0;
    loop {
        match said(&mut platform).await {
            ping if ping == json!({ "action": "ping" }) => {
                pings += 1;
                assert_eq!(begun.elapsed().as_secs(), pings * PING_EVERY.as_secs());
                say(&mut platform, &json!({ "type": "pong" })).await;
            }
            other => {
                assert_eq!(other, "closed");
                break;
            }
        }
    }
    assert_eq!(conversing.await.unwrap().unwrap(), Over::Renewed);
    assert_eq!((begun.elapsed(), on_messaged.lock().unwrap().len()), (RENEW_AFTER, 1));
    assert!(RENEW_AFTER < Duration::from_hours(2) && pings >= 21, "{pings}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_response_is_dropped_after_half_a_minute() {
    let begun = Instant::now();
    let (conversing, mut platform, _) = client().await;
    said(&mut platform).await;
    assert_eq!(conversing.await.unwrap().unwrap(), Over::Lost { had_snapshot: false });
    assert_eq!(begun.elapsed(), ANSWER_WITHIN);

    let begun = Instant::now();
    let (conversing, mut platform, _) = client().await;
    said(&mut platform).await;
    say(&mut platform, &snapshot(1)).await;
    assert_eq!(conversing.await.unwrap().unwrap(), Over::Lost { had_snapshot: true });
    assert_eq!(begun.elapsed(), PING_EVERY + ANSWER_WITHIN);
}

#[tokio::test(start_paused = true)]
async fn each_quote_is_reported_once_and_alerts_on_arrival() {
    let (conversing, mut platform, on_messaged) = client().await;
    said(&mut platform).await;
    let quote = |seq| json!({ "type": "quote", "symbol": "AAPL", "price": "1", "seq": seq });
    let alert = json!({ "type": "alert", "symbol": "AAPL" });
    for message in
        [snapshot(2), quote(2), quote(3), quote(3), alert.clone(), quote(1), json!({ "type": "unon_messaged of" })]
    {
        say(&mut platform, &message).await;
    }
    platform.close(None).await.unwrap();
    assert_eq!(conversing.await.unwrap().unwrap(), Over::Lost { had_snapshot: true });
    assert_eq!(*on_messaged.lock().unwrap(), [quote(2), quote(3), alert]);
}

#[tokio::test(start_paused = true)]
async fn an_ended_session_is_permanent_and_other_failures_are_temporary() {
    for (code, for_good) in [("session_ended", true), ("limit_reached", true), ("unavailable", false)] {
        let (conversing, mut platform, _) = client().await;
        said(&mut platform).await;
        say(&mut platform, &json!({ "type": "error", "code": code, "detail": "no" })).await;
        let failure = conversing.await.unwrap().unwrap_err();
        assert_eq!(matches!(failure, Failure::Permanent(_)), for_good, "{code}");
    }
}

#[test]
fn a_websocket_url_is_requested_over_http() {
    let token = || SecretString::from("t");
    let live = |url, live_url| Listener::new(url, live_url, token(), Vec::new()).unwrap().live.to_string();
    assert_eq!(live("http://127.0.0.1:8080", None), "http://127.0.0.1:8080/live");
    assert_eq!(live("https://a.example/", Some("wss://b.example/live")), "https://b.example/live");
    assert!(Listener::new("nonsense", None, token(), Vec::new()).is_err());
}
