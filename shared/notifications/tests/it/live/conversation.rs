//! Client messages and their replies.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::{Bar, Bars, Currency};
use identity::sessions::SessionKind;
use market::MarketClock;
use market_data::quote_record::LastQuote;
use notifications::live::{self, MAX_FRAME_BYTES, MAX_SYMBOLS};
use serde_json::{Value, json};
use store::bars::SeriesHead;
use store::{Table as _, documents, keys};

use crate::live::world::{SOURCE, World, kinds, symbol};

fn bar(date: &str, close: f64, split_ratio: f64) -> Bar {
    Bar {
        date: date.parse().unwrap(),
        open: close,
        high: close,
        low: close,
        close,
        volume: 1.0,
        adjusted_close: close,
        split_ratio,
        dividend: 0.0,
    }
}

impl World {
    async fn reply_to(&self, connection: &str, message: Value) -> Vec<Value> {
        self.send(connection, &message).await;
        self.sockets.take(connection)
    }

    async fn reply_to_text(&self, connection: &str, text: &str) -> Vec<Value> {
        live::receive(&self.platform, connection, text).await.unwrap();
        self.sockets.take(connection)
    }
}

#[tokio::test]
async fn a_snapshot_has_the_stored_quote_or_the_last_bar_or_a_code() {
    let world = World::new();
    let ada = world.customer("ada").await;
    world.store_quote("AAPL", 7).await;
    let bars = Bars::from_rows([bar("2026-11-18", 100.0, 1.0), bar("2026-11-19", 30.5, 4.0)]).unwrap();
    let head = SeriesHead {
        source: SOURCE.to_owned(),
        basis: "quoted".to_owned(),
        currency: Currency::USD,
        revision: None,
        fetched_at: world.now(),
        notes: Vec::new(),
    };
    store::bars::save(&*world.table, &symbol("IBM"), &bars, &head).await.unwrap();
    let unknown = keys::unknown_symbol(&symbol("NOSUCH"));
    documents::put_new(&*world.table, unknown, &world.now(), None).await.unwrap();
    let connection = world.connect(&ada).await;
    let symbols = ["aapl", "IBM", "MSFT", "NOSUCH", "MY:HOUSE"];
    let messages = world.reply_to(&connection, json!({ "action": "subscribe", "symbols": symbols })).await;
    assert_eq!(kinds(&messages), ["snapshot"]);
    let quotes: BTreeMap<&str, &Value> = messages[0]["quotes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|quote| (quote["symbol"].as_str().unwrap(), quote))
        .collect();
    assert_eq!(quotes.keys().copied().collect::<Vec<_>>(), ["AAPL", "IBM"]);
    let stored = json!({
        "symbol": "AAPL", "price": "7.25", "previous_close": "1.5", "currency": "USD", "day": "2026-11-20",
        "as_of": "2026-11-20T12:00:00.000Z", "source": "made by hand", "seq": 7, "fetched_at": "2026-11-20T12:00:00.000Z",
    });
    assert_eq!(quotes["AAPL"], &stored);
    let of_bar = json!({
        "symbol": "IBM", "price": "30.5", "previous_close": "25", "currency": "USD", "day": "2026-11-19",
        "as_of": "2026-11-19T21:00:00.000Z", "source": "made by hand", "seq": 0, "fetched_at": "2026-11-20T12:00:00.000Z",
    });
    assert_eq!(quotes["IBM"], &of_bar);
    let unavailable = json!({ "MSFT": "price_unavailable", "NOSUCH": "unknown_symbol", "MY:HOUSE": "unknown_symbol" });
    assert_eq!(messages[0]["unavailable"], unavailable);
    // A bar that is newer than the quote replaces it, with the `seq` of the quote.
    let quote = world.store_quote("IBM", 5).await;
    let older =
        LastQuote { day: "2026-11-18".parse().unwrap(), as_of: "2026-11-18T21:00:00Z".parse().unwrap(), ..quote };
    let key = keys::quote(&older.symbol);
    let version = world.table.get(&key).await.unwrap().unwrap().version;
    documents::put(&*world.table, key, &older, Some(version)).await.unwrap();
    let messages = world.reply_to(&connection, json!({ "action": "subscribe", "symbols": ["IBM"] })).await;
    assert_eq!(
        (messages.len(), &messages[0]["quotes"][0]["price"], &messages[0]["quotes"][0]["seq"]),
        (1, &json!("30.5"), &json!(5))
    );
    // Unknown symbols are neither listed nor tracked. The next scheduled refresh requests the others.
    assert_eq!(world.stored_keys("LIVE#").await.len(), 3);
    let tracked = async |name: &str| world.table.get(&keys::registered_symbol(&symbol(name))).await.unwrap().is_some();
    assert!(tracked("AAPL").await && tracked("IBM").await && tracked("MSFT").await);
    assert!(!tracked("NOSUCH").await && !tracked("MY:HOUSE").await);
}

#[tokio::test]
async fn updates_follow_the_snapshot_until_the_client_unsubscribes() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let connection = world.connect_and_subscribe(&ada, &["AAPL", "IBM"]).await;
    let first = world.store_quote("AAPL", 1).await;
    live::publish(&world.platform.app, &[first, world.store_quote("IBM", 1).await]).await.unwrap();
    let messages = world.sockets.take(&connection);
    assert_eq!(kinds(&messages), ["quote", "quote"]);
    assert_eq!(
        (&messages[0]["symbol"], &messages[0]["seq"], &messages[0]["price"]),
        (&json!("AAPL"), &json!(1), &json!("1.25"))
    );
    let messages = world.reply_to(&connection, json!({ "action": "unsubscribe", "symbols": ["AAPL", "MSFT"] })).await;
    assert_eq!(messages, [json!({ "type": "unsubscribed", "symbols": ["AAPL", "MSFT"] })]);
    let quotes = [world.store_quote("AAPL", 2).await, world.store_quote("IBM", 2).await];
    live::publish(&world.platform.app, &quotes).await.unwrap();
    let messages = world.sockets.take(&connection);
    assert_eq!(messages.iter().map(|quote| &quote["symbol"]).collect::<Vec<_>>(), ["IBM"]);
}

#[tokio::test]
async fn subscribing_again_sends_a_new_snapshot_and_lists_the_connection_once() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let connection = world.connect_and_subscribe(&ada, &["AAPL"]).await;
    world.store_quote("AAPL", 3).await;
    let messages = world.reply_to(&connection, json!({ "action": "subscribe", "symbols": ["AAPL"] })).await;
    assert_eq!(kinds(&messages), ["snapshot"]);
    assert_eq!(messages[0]["quotes"][0]["seq"], 3);
    live::publish(&world.platform.app, &[world.store_quote("AAPL", 4).await]).await.unwrap();
    assert_eq!(kinds(&world.sockets.take(&connection)), ["quote"], "listed once");
}

#[tokio::test]
async fn quotes_of_a_replay_are_marked_in_every_message() {
    let world = World::of(MarketClock::StandsAt("2026-11-20".parse().unwrap()));
    let ada = world.customer("ada").await;
    let connection = world.connect(&ada).await;
    let mut quote = world.store_quote("AAPL", 1).await;
    // A quote of the live market says nothing about the current day of the replay.
    let messages = world.reply_to(&connection, json!({ "action": "subscribe", "symbols": ["AAPL"] })).await;
    assert_eq!(messages[0]["unavailable"]["AAPL"], "price_unavailable");
    quote.replay = true;
    let key = keys::quote(&quote.symbol);
    let version = world.table.get(&key).await.unwrap().unwrap().version;
    documents::put(&*world.table, key, &quote, Some(version)).await.unwrap();
    let messages = world.reply_to(&connection, json!({ "action": "subscribe", "symbols": ["AAPL"] })).await;
    assert_eq!(messages[0]["quotes"][0]["replay"], true);
    quote.seq = 2;
    live::publish(&world.platform.app, &[quote]).await.unwrap();
    assert_eq!(world.sockets.take(&connection)[0]["replay"], true);
}

#[tokio::test]
async fn a_customer_cannot_fill_the_symbol_registry_with_made_up_symbols() {
    let world = World::new();
    let (ada, ben) = (world.customer("ada").await, world.customer("ben").await);
    let (one, other) = (world.connect(&ada).await, world.connect(&ada).await);
    let names = |hundred: usize| (0..100).map(|number| format!("X{hundred}{number:02}")).collect::<Vec<_>>();
    let mut codes = Vec::new();
    for (hundred, connection) in [(0, &one), (1, &other), (2, &one), (3, &other)] {
        world.forward(TimeDelta::seconds(10));
        let messages = world.reply_to(connection, json!({ "action": "subscribe", "symbols": names(hundred) })).await;
        codes.push(messages[0]["code"].as_str().unwrap_or("none").to_owned());
        world.reply_to(connection, json!({ "action": "unsubscribe", "symbols": names(hundred) })).await;
    }
    assert_eq!(codes, ["none", "none", "limit_reached", "limit_reached"]);
    assert_eq!(world.stored_keys("DIRECTORY#symbols#").await.len(), 200);
    assert!(world.stored_keys("LIVE#").await.is_empty());
    // Tracked symbols do not count, and each customer has a limit of their own.
    let messages = world.reply_to(&one, json!({ "action": "subscribe", "symbols": names(0) })).await;
    assert_eq!(kinds(&messages), ["snapshot"]);
    let connection_of_ben = world.connect(&ben).await;
    let messages = world.reply_to(&connection_of_ben, json!({ "action": "subscribe", "symbols": ["X200"] })).await;
    assert_eq!(kinds(&messages), ["snapshot"]);
    world.forward(TimeDelta::days(1));
    let ada = world.sign_in_again(ada.id, &ada.email, SessionKind::Api).await;
    let tomorrow = world.connect(&ada).await;
    let messages = world.reply_to(&tomorrow, json!({ "action": "subscribe", "symbols": names(4) })).await;
    assert_eq!(kinds(&messages), ["snapshot"]);
}

#[tokio::test]
async fn a_connection_subscribes_to_at_most_a_hundred_symbols() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let connection = world.connect(&ada).await;
    let names: Vec<String> = (0..MAX_SYMBOLS).map(|number| format!("S{number}")).collect();
    let messages = world.reply_to(&connection, json!({ "action": "subscribe", "symbols": names })).await;
    assert_eq!(messages[0]["unavailable"].as_object().unwrap().len(), MAX_SYMBOLS);
    assert_eq!(world.stored_keys("LIVE#").await.len(), MAX_SYMBOLS);
    let messages = world.reply_to(&connection, json!({ "action": "subscribe", "symbols": ["ONEMORE", "S0"] })).await;
    assert_eq!(messages[0]["code"], "too_many_symbols");
    assert_eq!(world.stored_keys("LIVE#").await.len(), MAX_SYMBOLS, "the refused message had no effect");
    let messages = world.reply_to(&connection, json!({ "action": "subscribe", "symbols": ["S0"] })).await;
    assert_eq!(kinds(&messages), ["snapshot"], "a symbol that is subscribed to already does not count again");
    world.reply_to(&connection, json!({ "action": "unsubscribe", "symbols": ["S0"] })).await;
    let messages = world.reply_to(&connection, json!({ "action": "subscribe", "symbols": ["ONEMORE"] })).await;
    assert_eq!(kinds(&messages), ["snapshot"]);
    world.reply_to(&connection, json!({ "action": "unsubscribe", "symbols": names })).await;
    assert_eq!(world.stored_keys("LIVE#").await.len(), 1);
    live::disconnect(&world.platform.app, &connection).await.unwrap();
    world.assert_no_connection_is_left().await;
}

#[tokio::test]
async fn a_hundred_subscriptions_end_with_one_message_or_with_the_connection() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let names: Vec<String> = (0..MAX_SYMBOLS).map(|number| format!("S{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (one, other) =
        (world.connect_and_subscribe(&ada, &names).await, world.connect_and_subscribe(&ada, &names).await);
    world.reply_to(&one, json!({ "action": "unsubscribe", "symbols": names })).await;
    assert_eq!(world.stored_keys("LIVE#").await.len(), MAX_SYMBOLS);
    live::disconnect(&world.platform.app, &other).await.unwrap();
    assert!(world.stored_keys("LIVE#").await.is_empty());
}

#[tokio::test]
async fn a_malformed_message_gets_its_code_and_leaves_the_connection_open() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let connection = world.connect(&ada).await;
    for (text, code) in [
        ("hello", "invalid_json"),
        (r#"{"action": "buy"}"#, "unknown_action"),
        (r#"{"action": "subscribe", "symbols": ["A/B"]}"#, "invalid_symbol"),
        (r#"{"action": "subscribe", "symbols": ["A"], "all": true}"#, "invalid_message"),
    ] {
        let messages = world.reply_to_text(&connection, text).await;
        assert_eq!(
            (messages.len(), &messages[0]["type"], &messages[0]["code"]),
            (1, &json!("error"), &json!(code)),
            "{text}"
        );
    }
    assert_eq!(kinds(&world.reply_to(&connection, json!({ "action": "ping" })).await), ["pong"]);
    assert!(world.stored_keys("LIVE#").await.is_empty());
}

#[tokio::test]
async fn a_message_over_32_kb_closes_the_connection() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let ping = |length: usize| format!(r#"{{"action": "ping"{}}}"#, " ".repeat(length - 18));
    let connection = world.connect(&ada).await;
    let messages = world.reply_to_text(&connection, &ping(MAX_FRAME_BYTES)).await;
    assert_eq!(kinds(&messages), ["pong"]);
    let messages = world.reply_to_text(&connection, &ping(MAX_FRAME_BYTES + 1)).await;
    assert_eq!(messages[0]["code"], "message_too_large");
    assert!(world.sockets.is_closed(&connection));
    world.assert_no_connection_is_left().await;
}

#[tokio::test]
async fn a_client_over_the_rate_limit_is_disconnected_and_one_within_it_is_not() {
    let world = World::new();
    let ada = world.customer("ada").await;
    let (fast, steady) =
        (world.connect_and_subscribe(&ada, &["AAPL"]).await, world.connect_and_subscribe(&ada, &["AAPL"]).await);
    for _ in 0..19 {
        assert_eq!(kinds(&world.reply_to(&fast, json!({ "action": "ping" })).await), ["pong"]);
    }
    // The subscription was the twentieth message. Malformed messages count too.
    assert_eq!(world.reply_to_text(&fast, "hello").await[0]["code"], "too_many_messages");
    assert!(world.sockets.is_closed(&fast) && !world.sockets.is_closed(&steady));
    assert_eq!(world.stored_keys("LIVE#").await.len(), 1);
    for _ in 0..100 {
        world.forward(TimeDelta::milliseconds(200));
        assert_eq!(kinds(&world.reply_to(&steady, json!({ "action": "ping" })).await), ["pong"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_concurrent_messages_all_get_a_reply_and_leave_the_connection_open() {
    let world = std::sync::Arc::new(World::new());
    let ada = world.customer("ada").await;
    let connection = world.connect(&ada).await;
    let pings = (0..20).map(|_| {
        let (platform, connection) = (world.platform.clone(), connection.clone());
        tokio::spawn(async move { live::receive(&platform, &connection, r#"{"action": "ping"}"#).await.unwrap() })
    });
    futures::future::join_all(pings).await.into_iter().for_each(Result::unwrap);
    let messages = world.sockets.take(&connection);
    let is_reply = |message: &Value| message["type"] == "pong" || message["code"] == "unavailable";
    assert!(messages.len() == 20 && messages.iter().all(is_reply), "{messages:?}");
    assert!(!world.sockets.is_closed(&connection));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_concurrent_messages_at_most_the_burst_is_handled() {
    let world = std::sync::Arc::new(World::new());
    let ada = world.customer("ada").await;
    let connection = world.connect(&ada).await;
    let pings = (0..100).map(|_| {
        let (platform, connection) = (world.platform.clone(), connection.clone());
        tokio::spawn(async move { live::receive(&platform, &connection, r#"{"action": "ping"}"#).await.unwrap() })
    });
    futures::future::join_all(pings).await.into_iter().for_each(Result::unwrap);
    let messages = world.sockets.take(&connection);
    let pongs = kinds(&messages).into_iter().filter(|kind| *kind == "pong").count();
    assert!((1..=20).contains(&pongs), "{pongs}");
    assert!(world.sockets.is_closed(&connection));
    world.assert_no_connection_is_left().await;
}
