//! The client's side of a live connection over a socket in memory, where time is all that matters.

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

/// A client that hears of AAPL, the platform's end of its socket, and what it has heard.
async fn client() -> (JoinHandle<Result<Over, Failure>>, WebSocketStream<DuplexStream>, Heard) {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let heard = Heard::default();
    let hearing = heard.clone();
    let conversing = tokio::spawn(async move {
        let socket = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
        let mut hear = |news: &Value| {
            hearing.lock().unwrap().push(news.clone());
            ControlFlow::Continue(())
        };
        converse(socket, &["AAPL".parse().unwrap()], &mut Seen::default(), &mut hear).await
    });
    (conversing, WebSocketStream::from_raw_socket(theirs, Role::Server, None).await, heard)
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
async fn it_pings_every_five_minutes_and_makes_place_for_the_next_before_two_hours_are_over() {
    let begun = Instant::now();
    let (conversing, mut platform, heard) = client().await;
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
    assert_eq!((begun.elapsed(), heard.lock().unwrap().len()), (RENEW_AFTER, 1));
    assert!(RENEW_AFTER < Duration::from_hours(2) && pings >= 21, "{pings}");
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_does_not_answer_is_left_after_half_a_minute() {
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
async fn each_quote_is_heard_once_and_alerts_as_they_come() {
    let (conversing, mut platform, heard) = client().await;
    said(&mut platform).await;
    let quote = |seq| json!({ "type": "quote", "symbol": "AAPL", "price": "1", "seq": seq });
    let alert = json!({ "type": "alert", "symbol": "AAPL" });
    for message in [snapshot(2), quote(2), quote(3), quote(3), alert.clone(), quote(1), json!({ "type": "unheard of" })]
    {
        say(&mut platform, &message).await;
    }
    platform.close(None).await.unwrap();
    assert_eq!(conversing.await.unwrap().unwrap(), Over::Lost { had_snapshot: true });
    assert_eq!(*heard.lock().unwrap(), [quote(2), quote(3), alert]);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_ended_is_an_end_for_good_and_a_passing_failure_is_not() {
    for (code, for_good) in [("session_ended", true), ("limit_reached", true), ("unavailable", false)] {
        let (conversing, mut platform, _) = client().await;
        said(&mut platform).await;
        say(&mut platform, &json!({ "type": "error", "code": code, "detail": "no" })).await;
        let failure = conversing.await.unwrap().unwrap_err();
        assert_eq!(matches!(failure, Failure::ForGood(_)), for_good, "{code}");
    }
}

#[test]
fn a_live_address_is_asked_for_over_http() {
    let token = || SecretString::from("t");
    let live = |url, live_url| Listener::new(url, live_url, token(), Vec::new()).unwrap().live.to_string();
    assert_eq!(live("http://127.0.0.1:8080", None), "http://127.0.0.1:8080/live");
    assert_eq!(live("https://a.example/", Some("wss://b.example/live")), "https://b.example/live");
    assert!(Listener::new("nonsense", None, token(), Vec::new()).is_err());
}
