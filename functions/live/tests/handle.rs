//! WebSocket events, valid and malformed: none of them makes the function fail.

#![expect(clippy::unwrap_used, reason = "in a test program a failed unwrap is a failed test")]

use std::sync::{Arc, Mutex};

use app::Channels;
use app::push::{Push, PushError};
use async_trait::async_trait;
use identity::sessions::SessionKind;
use market::Sample;
use market_data::MarketData;
use serde_json::{Value, json};
use testing::TestBed;
use testing::people::{SignedIn, person, register, sign_in};

/// Records the messages to the only connection.
#[derive(Default)]
struct RecordingSocket(Mutex<Vec<Value>>);

#[async_trait]
impl Push for RecordingSocket {
    async fn post(&self, _connection: &str, text: &str) -> Result<(), PushError> {
        self.0.lock().unwrap().push(serde_json::from_str(text).unwrap());
        Ok(())
    }

    async fn close(&self, _connection: &str) -> Result<(), PushError> {
        Ok(())
    }
}

struct World {
    platform: MarketData,
    socket: Arc<RecordingSocket>,
    _test_bed: TestBed,
}

impl World {
    fn new() -> Self {
        let (test_bed, socket) = (TestBed::at("2026-11-20T12:00:00Z"), Arc::new(RecordingSocket::default()));
        let channels = Channels { push: socket.clone(), ..Channels::none() };
        let platform = test_bed.platform_with(Arc::new(test_bed.table()), Arc::new(Sample::new()), channels);
        Self { platform, socket, _test_bed: test_bed }
    }

    /// A ticket of a new customer.
    async fn ticket(&self, name: &str) -> String {
        let person = person(name);
        let email = person.email.clone();
        register(&self.platform.app, person).await;
        let SignedIn { id, session, .. } = sign_in(&self.platform.app, &email, SessionKind::Api).await;
        notifications::live::issue_ticket(&self.platform.app, id, &session).await.unwrap().ticket
    }

    async fn status(&self, event: Value) -> u64 {
        let allowed = ["https://app.example".to_owned()];
        live::handle(&self.platform, &allowed, event).await.unwrap()["statusCode"].as_u64().unwrap()
    }
}

fn context(route: &str) -> Value {
    json!({
        "routeKey": route, "connectionId": "L0SM9cOFvHcCIhw=", "stage": "live", "domainName": "api.example",
        "connectedAt": 1_795_176_000_000_u64,
    })
}

fn connect(ticket: &str, headers: &Value) -> Value {
    json!({
        "requestContext": context("$connect"), "headers": headers,
        "queryStringParameters": { "ticket": ticket }, "isBase64Encoded": false,
    })
}

fn message(body: &Value, is_base64_encoded: bool) -> Value {
    json!({ "requestContext": context("$default"), "body": body, "isBase64Encoded": is_base64_encoded })
}

#[tokio::test]
async fn a_connection_opens_sends_messages_and_closes() {
    let world = World::new();
    let ticket = world.ticket("ada").await;
    assert_eq!(world.status(connect(&ticket, &json!({ "Host": "api.example" }))).await, 200);
    assert_eq!(world.status(message(&json!(r#"{"action": "ping"}"#), false)).await, 200);
    // {"action": "ping"}, encoded by coreutils' base64.
    assert_eq!(world.status(message(&json!("eyJhY3Rpb24iOiAicGluZyJ9"), true)).await, 200);
    assert_eq!(*world.socket.0.lock().unwrap(), [json!({ "type": "pong" }), json!({ "type": "pong" })]);
    assert_eq!(world.status(json!({ "requestContext": context("$disconnect") })).await, 200);
    world.socket.0.lock().unwrap().clear();
    assert_eq!(world.status(message(&json!(r#"{"action": "ping"}"#), false)).await, 200);
    assert_eq!(world.socket.0.lock().unwrap()[0]["code"], "not_connected");
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_before_its_ticket_is_read() {
    let world = World::new();
    let ticket = world.ticket("ada").await;
    for origin in ["https://evil.example", "null", "", "http://app.example", "https://other.api.example"] {
        for name in ["Origin", "origin", "ORIGIN"] {
            assert_eq!(world.status(connect(&ticket, &json!({ "host": "api.example", name: origin }))).await, 403);
        }
    }
    assert_eq!(
        world.status(connect(&ticket, &json!({ "origin": "https://app.example" }))).await,
        200,
        "the ticket was not used"
    );
    for (name, headers) in [
        ("ben", json!({ "Origin": "https://api.example", "Host": "api.example" })),
        ("cyd", json!({ "Origin": "https://api.example" })),
        ("dan", json!({})),
        ("eve", Value::Null),
    ] {
        world.status(json!({ "requestContext": context("$disconnect") })).await;
        let ticket = world.ticket(name).await;
        assert_eq!(world.status(connect(&ticket, &headers)).await, 200, "{headers}");
    }
}

#[tokio::test]
async fn malformed_requests_are_refused_and_never_fail_the_function() {
    let world = World::new();
    for query in
        [Value::Null, json!({}), json!({ "token": "x" }), json!({ "ticket": "" }), json!({ "ticket": "ä\u{0}" })]
    {
        let event = json!({ "requestContext": context("$connect"), "queryStringParameters": query });
        assert_eq!(world.status(event).await, 403, "{query}");
    }
    let ticket = world.ticket("ada").await;
    assert_eq!(world.status(connect(&ticket, &Value::Null)).await, 200);
    for (body, is_base64_encoded) in [
        (Value::Null, false),
        (json!(""), false),
        (json!("\u{0}"), false),
        (json!("not base64!"), true),
        (json!("//4="), true),
    ] {
        assert_eq!(world.status(message(&body, is_base64_encoded)).await, 200, "{body}");
        let message = world.socket.0.lock().unwrap().pop().unwrap();
        assert_eq!(message["code"], "invalid_json", "{body}");
    }
}

#[tokio::test]
async fn an_event_that_is_not_of_a_websocket_fails_the_function() {
    let world = World::new();
    for event in [json!({}), json!({ "requestContext": {} }), json!({ "requestContext": context("stray") })] {
        assert!(live::handle(&world.platform, &[], event).await.is_err());
    }
}
