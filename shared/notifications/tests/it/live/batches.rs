//! Subscriptions with `batch`: one message for all quotes of an event.

use notifications::live;
use serde_json::{Value, json};
use store::{Table as _, documents, keys};

use crate::live::world::{World, kinds, symbol};

const SYMBOLS: [&str; 5] = ["AAPL", "FB", "GOOG", "IBM", "MSFT"];

impl World {
    async fn subscribe(&self, connection: &str, symbols: &[&str], batch: bool) -> Vec<Value> {
        self.send(connection, &json!({ "action": "subscribe", "symbols": symbols, "batch": batch })).await;
        self.sockets.take(connection)
    }

    /// Publishes a quote of each of the [`SYMBOLS`], and returns how many messages were posted.
    async fn publish_all(&self, seq: u64) -> usize {
        let mut quotes = Vec::new();
        for name in SYMBOLS {
            quotes.push(self.store_quote(name, seq).await);
        }
        live::publish(&self.platform.app, &quotes).await.unwrap().posted
    }
}

#[tokio::test]
async fn with_batches_each_connection_gets_one_message_and_without_one_a_quote() {
    let world = World::new();
    let ada = world.customer("ada").await;
    for (batch, messages) in [(true, 4), (false, 4 * SYMBOLS.len())] {
        let mut connections = Vec::new();
        for _ in 0..4 {
            let connection = world.connect(&ada).await;
            assert_eq!(kinds(&world.subscribe(&connection, &SYMBOLS, batch).await), ["snapshot"]);
            connections.push(connection);
        }
        assert_eq!(world.publish_all(1 + u64::from(batch)).await, messages);
        for connection in connections {
            let received = world.sockets.take(&connection);
            assert_eq!(received.len(), messages / 4);
            let items = if batch { received[0]["items"].as_array().unwrap().clone() } else { received };
            let symbols: Vec<_> = items.iter().map(|quote| quote["symbol"].as_str().unwrap()).collect();
            assert_eq!(symbols, SYMBOLS);
            live::disconnect(&world.platform.app, &connection).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_batch_has_the_quotes_of_the_event_without_their_type() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let (one, many) = (world.connect(&ada).await, world.connect(&ada).await);
    world.subscribe(&one, &["IBM"], false).await;
    world.subscribe(&many, &["IBM"], true).await;
    world.publish_all(7).await;
    let [mut quote] = world.sockets.take(&one).try_into().unwrap();
    assert_eq!(quote.as_object_mut().unwrap().remove("type"), Some("quote".into()));
    assert_eq!(world.sockets.take(&many), [json!({ "type": "quotes", "items": [quote] })]);
}

#[tokio::test]
async fn each_subscription_says_whether_its_symbols_come_in_batches() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let connection = world.connect(&ada).await;
    world.subscribe(&connection, &["AAPL", "IBM", "MSFT"], true).await;
    world.subscribe(&connection, &["FB"], false).await;
    world.publish_all(1).await;
    let received = world.sockets.take(&connection);
    assert_eq!(kinds(&received), ["quote", "quotes"]);
    assert_eq!((&received[0]["symbol"], received[1]["items"].as_array().unwrap().len()), (&json!("FB"), 3));
    // A message without the field is one with false.
    world.send(&connection, &json!({ "action": "subscribe", "symbols": ["AAPL", "IBM"] })).await;
    world.subscribe(&connection, &["FB"], true).await;
    world.sockets.take(&connection);
    world.publish_all(2).await;
    let received = world.sockets.take(&connection);
    assert_eq!(kinds(&received), ["quote", "quote", "quotes"]);
    let of = |message: &Value| message["symbol"].as_str().unwrap().to_owned();
    assert_eq!([of(&received[0]), of(&received[1])], ["AAPL", "IBM"]);
    let items: Vec<_> = received[2]["items"].as_array().unwrap().iter().map(of).collect();
    assert_eq!(items, ["FB", "MSFT"]);
    assert_eq!(world.stored_keys("LIVE#").await.len(), 4, "listed once");
}

#[tokio::test]
async fn a_subscription_stored_without_the_field_gets_single_quotes() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let connection = world.connect_and_subscribe(&ada, &["IBM"]).await;
    let key = keys::subscription(&symbol("IBM"), &connection);
    let item = world.table.get(&key).await.unwrap().unwrap();
    let stored: Value = documents::parse(&item).unwrap();
    let fields: Vec<_> = stored.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["connection", "customer_id", "session"]);
    world.publish_all(1).await;
    assert_eq!(kinds(&world.sockets.take(&connection)), ["quote"]);
}
