//! What is said and answered.

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
    async fn answers(&self, connection: &str, message: Value) -> Vec<Value> {
        self.say(connection, &message).await;
        self.sockets.take(connection)
    }

    async fn answers_text(&self, connection: &str, text: &str) -> Vec<Value> {
        live::receive(&self.platform, connection, text).await.unwrap();
        self.sockets.take(connection)
    }
}

#[tokio::test]
async fn a_snapshot_has_the_stored_quote_else_the_last_bar_else_the_reason() {
    let world = World::new();
    let ada = world.someone("ada").await;
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
    let connection = world.connected(&ada).await;
    let asked = ["aapl", "IBM", "MSFT", "NOSUCH", "MY:HOUSE"];
    let told = world.answers(&connection, json!({ "action": "subscribe", "symbols": asked })).await;
    assert_eq!(kinds(&told), ["snapshot"]);
    let quotes: BTreeMap<&str, &Value> =
        told[0]["quotes"].as_array().unwrap().iter().map(|quote| (quote["symbol"].as_str().unwrap(), quote)).collect();
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
    assert_eq!(told[0]["unavailable"], unavailable);
    // A bar that is newer than a quote stands for it, under the quote's number.
    let quote = world.store_quote("IBM", 5).await;
    let older =
        LastQuote { day: "2026-11-18".parse().unwrap(), as_of: "2026-11-18T21:00:00Z".parse().unwrap(), ..quote };
    let key = keys::quote(&older.symbol);
    let version = world.table.get(&key).await.unwrap().unwrap().version;
    documents::put(&*world.table, key, &older, Some(version)).await.unwrap();
    let told = world.answers(&connection, json!({ "action": "subscribe", "symbols": ["IBM"] })).await;
    assert_eq!(
        (told.len(), &told[0]["quotes"][0]["price"], &told[0]["quotes"][0]["seq"]),
        (1, &json!("30.5"), &json!(5))
    );
    // What is unknown is neither listed nor tracked; the others the next scheduled refresh asks for.
    assert_eq!(world.left("LIVE#").await.len(), 3);
    let tracked = async |name: &str| world.table.get(&keys::registered_symbol(&symbol(name))).await.unwrap().is_some();
    assert!(tracked("AAPL").await && tracked("IBM").await && tracked("MSFT").await);
    assert!(!tracked("NOSUCH").await && !tracked("MY:HOUSE").await);
}

#[tokio::test]
async fn updates_follow_the_snapshot_until_the_symbol_is_given_up() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let connection = world.listening(&ada, &["AAPL", "IBM"]).await;
    let first = world.store_quote("AAPL", 1).await;
    live::publish(&world.platform.app, &[first, world.store_quote("IBM", 1).await]).await.unwrap();
    let told = world.sockets.take(&connection);
    assert_eq!(kinds(&told), ["quote", "quote"]);
    assert_eq!((&told[0]["symbol"], &told[0]["seq"], &told[0]["price"]), (&json!("AAPL"), &json!(1), &json!("1.25")));
    let told = world.answers(&connection, json!({ "action": "unsubscribe", "symbols": ["AAPL", "MSFT"] })).await;
    assert_eq!(told, [json!({ "type": "unsubscribed", "symbols": ["AAPL", "MSFT"] })]);
    let quotes = [world.store_quote("AAPL", 2).await, world.store_quote("IBM", 2).await];
    live::publish(&world.platform.app, &quotes).await.unwrap();
    let told = world.sockets.take(&connection);
    assert_eq!(told.iter().map(|quote| &quote["symbol"]).collect::<Vec<_>>(), ["IBM"]);
}

#[tokio::test]
async fn to_subscribe_again_is_to_resume() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let connection = world.listening(&ada, &["AAPL"]).await;
    world.store_quote("AAPL", 3).await;
    let told = world.answers(&connection, json!({ "action": "subscribe", "symbols": ["AAPL"] })).await;
    assert_eq!(kinds(&told), ["snapshot"]);
    assert_eq!(told[0]["quotes"][0]["seq"], 3);
    live::publish(&world.platform.app, &[world.store_quote("AAPL", 4).await]).await.unwrap();
    assert_eq!(kinds(&world.sockets.take(&connection)), ["quote"], "listed once");
}

#[tokio::test]
async fn what_is_of_a_replay_says_so_in_every_message() {
    let world = World::of(MarketClock::StandsAt("2026-11-20".parse().unwrap()));
    let ada = world.someone("ada").await;
    let connection = world.connected(&ada).await;
    let mut quote = world.store_quote("AAPL", 1).await;
    // One of the market as it is says nothing of the day that the replay stands at.
    let told = world.answers(&connection, json!({ "action": "subscribe", "symbols": ["AAPL"] })).await;
    assert_eq!(told[0]["unavailable"]["AAPL"], "price_unavailable");
    quote.replay = true;
    let key = keys::quote(&quote.symbol);
    let version = world.table.get(&key).await.unwrap().unwrap().version;
    documents::put(&*world.table, key, &quote, Some(version)).await.unwrap();
    let told = world.answers(&connection, json!({ "action": "subscribe", "symbols": ["AAPL"] })).await;
    assert_eq!(told[0]["quotes"][0]["replay"], true);
    quote.seq = 2;
    live::publish(&world.platform.app, &[quote]).await.unwrap();
    assert_eq!(world.sockets.take(&connection)[0]["replay"], true);
}

#[tokio::test]
async fn what_a_customer_makes_up_does_not_grow_the_symbol_registry_of_everybody() {
    let world = World::new();
    let (ada, ben) = (world.someone("ada").await, world.someone("ben").await);
    let (one, other) = (world.connected(&ada).await, world.connected(&ada).await);
    let names = |hundred: usize| (0..100).map(|number| format!("X{hundred}{number:02}")).collect::<Vec<_>>();
    let mut codes = Vec::new();
    for (hundred, connection) in [(0, &one), (1, &other), (2, &one), (3, &other)] {
        world.forward(TimeDelta::seconds(10));
        let told = world.answers(connection, json!({ "action": "subscribe", "symbols": names(hundred) })).await;
        codes.push(told[0]["code"].as_str().unwrap_or("none").to_owned());
        world.answers(connection, json!({ "action": "unsubscribe", "symbols": names(hundred) })).await;
    }
    assert_eq!(codes, ["none", "none", "limit_reached", "limit_reached"]);
    assert_eq!(world.left("DIRECTORY#symbols#").await.len(), 200);
    assert!(world.left("LIVE#").await.is_empty());
    // What is tracked already costs nothing, and others have made nothing up.
    let told = world.answers(&one, json!({ "action": "subscribe", "symbols": names(0) })).await;
    assert_eq!(kinds(&told), ["snapshot"]);
    let bens = world.connected(&ben).await;
    let told = world.answers(&bens, json!({ "action": "subscribe", "symbols": ["X200"] })).await;
    assert_eq!(kinds(&told), ["snapshot"]);
    world.forward(TimeDelta::days(1));
    let ada = world.signed_in(ada.id, &ada.email, SessionKind::Api).await;
    let tomorrow = world.connected(&ada).await;
    let told = world.answers(&tomorrow, json!({ "action": "subscribe", "symbols": names(4) })).await;
    assert_eq!(kinds(&told), ["snapshot"]);
}

#[tokio::test]
async fn a_connection_hears_of_a_hundred_symbols_and_no_more() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let connection = world.connected(&ada).await;
    let names: Vec<String> = (0..MAX_SYMBOLS).map(|number| format!("S{number}")).collect();
    let told = world.answers(&connection, json!({ "action": "subscribe", "symbols": names })).await;
    assert_eq!(told[0]["unavailable"].as_object().unwrap().len(), MAX_SYMBOLS);
    assert_eq!(world.left("LIVE#").await.len(), MAX_SYMBOLS);
    let told = world.answers(&connection, json!({ "action": "subscribe", "symbols": ["ONEMORE", "S0"] })).await;
    assert_eq!(told[0]["code"], "too_many_symbols");
    assert_eq!(world.left("LIVE#").await.len(), MAX_SYMBOLS, "and nothing of the refused message was done");
    let told = world.answers(&connection, json!({ "action": "subscribe", "symbols": ["S0"] })).await;
    assert_eq!(kinds(&told), ["snapshot"], "what is heard of already takes no more room");
    world.answers(&connection, json!({ "action": "unsubscribe", "symbols": ["S0"] })).await;
    let told = world.answers(&connection, json!({ "action": "subscribe", "symbols": ["ONEMORE"] })).await;
    assert_eq!(kinds(&told), ["snapshot"]);
    world.answers(&connection, json!({ "action": "unsubscribe", "symbols": names })).await;
    assert_eq!(world.left("LIVE#").await.len(), 1);
    live::disconnect(&world.platform.app, &connection).await.unwrap();
    world.assert_no_connection_is_left().await;
}

#[tokio::test]
async fn a_hundred_symbols_are_all_given_up_at_once_and_all_forgotten_at_once() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let names: Vec<String> = (0..MAX_SYMBOLS).map(|number| format!("S{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (one, other) = (world.listening(&ada, &names).await, world.listening(&ada, &names).await);
    world.answers(&one, json!({ "action": "unsubscribe", "symbols": names })).await;
    assert_eq!(world.left("LIVE#").await.len(), MAX_SYMBOLS);
    live::disconnect(&world.platform.app, &other).await.unwrap();
    assert!(world.left("LIVE#").await.is_empty());
}

#[tokio::test]
async fn nonsense_is_refused_by_name_and_the_connection_stays() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let connection = world.connected(&ada).await;
    for (text, code) in [
        ("hello", "invalid_json"),
        (r#"{"action": "buy"}"#, "unknown_action"),
        (r#"{"action": "subscribe", "symbols": ["A/B"]}"#, "invalid_symbol"),
        (r#"{"action": "subscribe", "symbols": ["A"], "all": true}"#, "invalid_message"),
    ] {
        let told = world.answers_text(&connection, text).await;
        assert_eq!((told.len(), &told[0]["type"], &told[0]["code"]), (1, &json!("error"), &json!(code)), "{text}");
    }
    assert_eq!(kinds(&world.answers(&connection, json!({ "action": "ping" })).await), ["pong"]);
    assert!(world.left("LIVE#").await.is_empty());
}

#[tokio::test]
async fn a_message_over_32_kb_closes_the_connection() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let ping = |length: usize| format!(r#"{{"action": "ping"{}}}"#, " ".repeat(length - 18));
    let connection = world.connected(&ada).await;
    let told = world.answers_text(&connection, &ping(MAX_FRAME_BYTES)).await;
    assert_eq!(kinds(&told), ["pong"]);
    let told = world.answers_text(&connection, &ping(MAX_FRAME_BYTES + 1)).await;
    assert_eq!(told[0]["code"], "message_too_large");
    assert!(world.sockets.is_closed(&connection));
    world.assert_no_connection_is_left().await;
}

#[tokio::test]
async fn whoever_floods_is_shut_out_and_whoever_keeps_to_five_a_second_is_not() {
    let world = World::new();
    let ada = world.someone("ada").await;
    let (fast, steady) = (world.listening(&ada, &["AAPL"]).await, world.listening(&ada, &["AAPL"]).await);
    for _ in 0..19 {
        assert_eq!(kinds(&world.answers(&fast, json!({ "action": "ping" })).await), ["pong"]);
    }
    // The twentieth was the subscription. Nonsense counts like anything else.
    assert_eq!(world.answers_text(&fast, "hello").await[0]["code"], "too_many_messages");
    assert!(world.sockets.is_closed(&fast) && !world.sockets.is_closed(&steady));
    assert_eq!(world.left("LIVE#").await.len(), 1);
    for _ in 0..100 {
        world.forward(TimeDelta::milliseconds(200));
        assert_eq!(kinds(&world.answers(&steady, json!({ "action": "ping" })).await), ["pong"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_messages_at_the_same_time_are_all_answered_and_end_nothing() {
    let world = std::sync::Arc::new(World::new());
    let ada = world.someone("ada").await;
    let connection = world.connected(&ada).await;
    let pings = (0..20).map(|_| {
        let (platform, connection) = (world.platform.clone(), connection.clone());
        tokio::spawn(async move { live::receive(&platform, &connection, r#"{"action": "ping"}"#).await.unwrap() })
    });
    futures::future::join_all(pings).await.into_iter().for_each(Result::unwrap);
    let told = world.sockets.take(&connection);
    let answered = |told: &Value| told["type"] == "pong" || told["code"] == "unavailable";
    assert!(told.len() == 20 && told.iter().all(answered), "{told:?}");
    assert!(!world.sockets.is_closed(&connection));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_messages_at_the_same_time_no_more_than_the_burst_are_answered() {
    let world = std::sync::Arc::new(World::new());
    let ada = world.someone("ada").await;
    let connection = world.connected(&ada).await;
    let pings = (0..100).map(|_| {
        let (platform, connection) = (world.platform.clone(), connection.clone());
        tokio::spawn(async move { live::receive(&platform, &connection, r#"{"action": "ping"}"#).await.unwrap() })
    });
    futures::future::join_all(pings).await.into_iter().for_each(Result::unwrap);
    let told = world.sockets.take(&connection);
    let pongs = kinds(&told).into_iter().filter(|kind| *kind == "pong").count();
    assert!((1..=20).contains(&pongs), "{pongs}");
    assert!(world.sockets.is_closed(&connection));
    world.assert_no_connection_is_left().await;
}
