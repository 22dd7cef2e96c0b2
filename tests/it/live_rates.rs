//! From the schedule to the subscribed client: a refresh, its event, the push, and the alert that fires.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use gateway::{AlphaVantageAccess, LiveSources, Prices};
use market::alpha_vantage::FREE_PLAN;
use market_data::quote_record::QUOTES_REFRESHED;
use refresh::Work;
use serde_json::{Value, json};

use crate::live_client::Live;
use crate::provider::LoopbackProvider;
use crate::target::{self, Target, each};

/// The New York exchange is open, so the refresh requests quotes.
const OPEN: &str = "2026-06-10T15:00:00Z";

fn scheduled(time: DateTime<Utc>) -> Value {
    json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
        "source": "aws.scheduler", "account": "123456789012", "region": "us-east-1", "resources": [], "detail": "{}",
        "time": time.to_rfc3339_opts(SecondsFormat::Secs, true),
    })
}

/// The next two messages, the quote first. They may arrive in either order.
async fn quote_and_alert(live: &mut Live) -> (Value, Value) {
    let (one, other) = (live.next().await, live.next().await);
    if one["type"] == "quote" { (one, other) } else { (other, one) }
}

/// Subscribes to a symbol that has no price yet.
pub async fn subscribe(target: &Target, symbol: &str) -> (Target, Live) {
    let customer = target.newcomer().await;
    let mut live = customer.live().await;
    live.send(&json!({ "action": "subscribe", "symbols": [symbol] })).await;
    let snapshot = live.next().await;
    assert_eq!(snapshot["type"], "snapshot", "{}", target.name);
    assert_eq!(snapshot["unavailable"][symbol], "price_unavailable", "{}", target.name);
    // The snapshot is sent before the connection is listed. The next message is handled after that.
    live.send(&json!({ "action": "ping" })).await;
    assert_eq!(live.next().await["type"], "pong", "{}", target.name);
    (customer, live)
}

/// Creates an alert that fires at the first price, and returns its id.
async fn create_alert(customer: &Target, symbol: &str) -> String {
    let above = json!({ "symbol": symbol, "condition": { "type": "above", "price": "100" }, "repeat": "once" });
    let alert = customer.post("/alerts", &above).await.expect_status(201).json();
    alert["id"].as_str().unwrap().to_owned()
}

async fn assert_first_quote_and_alert(target: &Target, live: &mut Live, symbol: &str) {
    let (quote, alert) = quote_and_alert(live).await;
    assert_first_quote(target, &quote, symbol);
    assert_eq!((&alert["type"], &alert["price"]), (&json!("alert"), &json!("120.5")), "{}: {alert}", target.name);
    let quotes = target.get(&format!("/quotes?symbols={symbol}")).await.expect_status(200).json();
    assert_eq!(quotes["items"][0]["price"], "120.5", "{}: {quotes}", target.name);
}

fn assert_first_quote(target: &Target, quote: &Value, symbol: &str) {
    assert_eq!((&quote["type"], &quote["symbol"]), (&json!("quote"), &json!(symbol)), "{}: {quote}", target.name);
    assert_eq!((&quote["price"], &quote["seq"]), (&json!("120.5"), &json!(1)), "{}: {quote}", target.name);
    assert_eq!(quote["source"], "alpha_vantage");
}

#[test]
fn a_scheduled_refresh_reaches_subscribers_on_the_emulated_aws() {
    let Some((target, provider_url)) = target::with_provider() else {
        eprintln!("SKIPPED: no emulated AWS, SEXTANT_TEST_AWS is not set");
        return;
    };
    target::run(async || {
        let now = target::now();
        let (provider, _) = LoopbackProvider::listen(provider_url.trim_start_matches("http://"), now).await;
        provider.set("LOOP", 12_050);
        let target = target.newcomer().await;
        let (customer, mut live) = subscribe(&target, "LOOP").await;
        // The clock of the emulated AWS cannot be set. Between the close and the day's bars the refresh requests
        // nothing, and publishes the quote that a request has stored.
        let rests = refresh::work_at(now) == Work::Rest;
        if rests {
            customer.get("/quotes?symbols=LOOP").await.expect_status(200);
        } else {
            create_alert(&customer, "LOOP").await;
        }
        target.run_scheduled_now("refresh-prices").await;
        if rests {
            assert_first_quote(&target, &live.next().await, "LOOP");
        } else {
            assert_first_quote_and_alert(&target, &mut live, "LOOP").await;
        }
        let calls = provider.calls("LOOP");
        let again = target.invoke("refresh-prices", &scheduled(now)).await;
        assert_eq!(again["repeated"], true, "an earlier slot is done with the later one");
        assert_eq!(provider.calls("LOOP"), calls);
        live.leave().await;
    });
}

#[test]
fn each_slot_publishes_its_quote_on_one_machine() {
    target::run(async || {
        let clock = Arc::new(Mutex::new(OPEN.parse::<DateTime<Utc>>().unwrap()));
        let at = |clock: &Mutex<DateTime<Utc>>| *clock.lock().unwrap();
        let (provider, url) = LoopbackProvider::listen("127.0.0.1:0", at(&clock)).await;
        provider.set("LOOP", 12_050);
        let home = tempfile::tempdir().unwrap();
        let access = AlphaVantageAccess { key: "not-a-key".into(), plan: FREE_PLAN, base_url: Some(url) };
        let prices = Prices::Live(Box::new(LiveSources { alpha_vantage: Some(access), ..LiveSources::default() }));
        let reader = clock.clone();
        let settings =
            gateway::Settings { prices, clock: Arc::new(move || at(&reader)), ..target::settings(home.path()) };
        let (server, target) = Target::serve(settings).await;
        let target = target.newcomer().await;
        let (customer, mut live) = subscribe(&target, "LOOP").await;
        let alert = create_alert(&customer, "LOOP").await;
        let did = target.invoke("refresh-prices", &scheduled(at(&clock))).await;
        assert_eq!((&did["refreshed"], &did["told"]), (&json!(1), &json!(1)), "{did}");
        assert_first_quote_and_alert(&target, &mut live, "LOOP").await;
        let history = customer.get(&format!("/alerts/{alert}/history")).await.expect_status(200).json();
        let fired = &history["items"][0];
        assert_eq!((&fired["price"], &fired["market_day"]), (&json!("120.5"), &json!("2026-06-10")), "{history}");
        let next = at(&clock) + TimeDelta::minutes(15);
        *clock.lock().unwrap() = next;
        provider.set_now(next);
        provider.set("LOOP", 12_175);
        // The event of the slot is delivered twice, and then that of an earlier slot, late.
        for slot in [next, next, next - TimeDelta::minutes(5)] {
            target.invoke("refresh-prices", &scheduled(slot)).await;
        }
        let quote = live.next().await;
        assert_eq!((&quote["price"], &quote["seq"]), (&json!("121.75"), &json!(2)), "{quote}");
        let requests = provider.calls("LOOP").iter().filter(|call| *call == "GLOBAL_QUOTE").count();
        assert_eq!(requests, 2, "one call a slot");
        live.send(&json!({ "action": "ping" })).await;
        assert_eq!(live.next().await["type"], "pong", "the alert fires once, and each quote comes once");
        live.leave().await;
        server.stop().await;
    });
}

/// The event that each of these symbols has a new quote.
pub fn refreshed(symbols: &[String], seq: u64) -> Value {
    let now = target::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let quotes: Vec<_> = symbols
        .iter()
        .map(|symbol| {
            json!({
                "symbol": symbol, "price": "12.50", "previous_close": null, "currency": "USD", "day": "2026-06-10",
                "as_of": now, "source": "test", "seq": seq, "fetched_at": now,
            })
        })
        .collect();
    json!({ "detail-type": QUOTES_REFRESHED, "time": now, "detail": { "quotes": quotes } })
}

#[test]
fn a_connection_with_batches_gets_one_message_an_event_and_the_others_one_a_quote() {
    each(async |target: &Target| {
        let symbols: Vec<String> = (0..4).map(|number| format!("BATCH{number}")).collect();
        let customer = target.newcomer().await;
        let mut connections = Vec::new();
        for batch in [true, false, true] {
            let mut live = customer.live().await;
            live.send(&json!({ "action": "subscribe", "symbols": symbols, "batch": batch })).await;
            assert_eq!(live.next().await["type"], "snapshot", "{}", target.name);
            // The next message is handled after the connection is listed.
            live.send(&json!({ "action": "ping" })).await;
            assert_eq!(live.next().await["type"], "pong", "{}", target.name);
            connections.push((batch, live));
        }
        let did = target.invoke("publish-rates", &refreshed(&symbols, 1)).await;
        assert_eq!(did["published"]["posted"], 1 + symbols.len() + 1, "{}: {did}", target.name);
        for (batch, live) in &mut connections {
            let messages = if *batch {
                let message = live.next().await;
                assert_eq!(message["type"], "quotes", "{}: {message}", target.name);
                message["items"].as_array().unwrap().clone()
            } else {
                vec![live.next().await, live.next().await, live.next().await, live.next().await]
            };
            let received: Vec<_> = messages.iter().map(|quote| quote["symbol"].as_str().unwrap()).collect();
            assert_eq!(received, symbols, "{}", target.name);
        }
        // The second connection changes to batches, the third back from them.
        for (batch, live) in &mut connections[1..] {
            live.send(&json!({ "action": "subscribe", "symbols": symbols, "batch": !*batch })).await;
            assert_eq!(live.next().await["type"], "snapshot", "{}", target.name);
            live.send(&json!({ "action": "ping" })).await;
            assert_eq!(live.next().await["type"], "pong", "{}", target.name);
        }
        let did = target.invoke("publish-rates", &refreshed(&symbols, 2)).await;
        assert_eq!(did["published"]["posted"], 2 + symbols.len(), "{}: {did}", target.name);
        let expected = ["quotes", "quotes", "quote"];
        for ((_, mut live), expected) in connections.into_iter().zip(expected) {
            assert_eq!(live.next().await["type"], expected, "{}", target.name);
            live.leave().await;
        }
    });
}

#[test]
fn the_snapshot_comes_first_and_a_malformed_message_leaves_the_connection_open() {
    each(async |target: &Target| {
        let mut live = target.newcomer().await.live().await;
        // Stores the bars: a snapshot calls no provider.
        target.get("/fetch-data/AAPL").await.expect_status(200);
        live.send(&json!({ "action": "subscribe", "symbols": ["aapl", "MY:HOUSE"] })).await;
        let snapshot = live.next().await;
        assert_eq!(snapshot["quotes"][0]["price"], "430.47", "{}: {snapshot}", target.name);
        assert_eq!(snapshot["unavailable"], json!({ "MY:HOUSE": "unknown_symbol" }), "{}", target.name);
        for (message, code) in [
            (json!({ "action": "dance" }), "unknown_action"),
            (json!({ "action": "subscribe" }), "invalid_message"),
            (json!({ "action": "subscribe", "symbols": ["not a symbol"] }), "invalid_symbol"),
            (json!({ "action": "ping", "more": 1 }), "invalid_message"),
            (json!({ "action": "subscribe", "symbols": ["AAPL"], "batch": "yes" }), "invalid_message"),
            (json!(["subscribe"]), "invalid_message"),
        ] {
            live.send(&message).await;
            assert_eq!(live.next().await["code"], code, "{} {message}", target.name);
        }
        let many: Vec<String> = (0..101).map(|number| format!("S{number}")).collect();
        live.send(&json!({ "action": "subscribe", "symbols": many })).await;
        assert_eq!(live.next().await["code"], "too_many_symbols", "{}", target.name);
        live.leave().await;
    });
}

#[test]
fn a_replay_moves_day_by_day_and_marks_every_message() {
    target::run(async || {
        let home = tempfile::tempdir().unwrap();
        let replay = Some("20".parse().unwrap());
        let (server, target) = Target::serve(gateway::Settings { replay, ..target::settings(home.path()) }).await;
        let target = target.newcomer().await;
        let mut live = target.live().await;
        live.send(&json!({ "action": "subscribe", "symbols": ["AAPL"] })).await;
        let snapshot = live.next().await;
        assert_eq!((&snapshot["type"], &snapshot["replay"]), (&json!("snapshot"), &json!(true)), "{snapshot}");
        let quotes = [live.next().await, live.next().await, live.next().await];
        for quote in &quotes {
            assert_eq!((&quote["replay"], &quote["source"]), (&json!(true), &json!("replay")), "{quote}");
        }
        for pair in quotes.windows(2) {
            assert!(pair[0]["seq"].as_u64() < pair[1]["seq"].as_u64(), "{quotes:?}");
            assert!(pair[0]["day"].as_str() < pair[1]["day"].as_str(), "{quotes:?}");
        }
        live.send(&json!({ "action": "subscribe", "symbols": ["AAPL"] })).await;
        let snapshot = loop {
            let message = live.next().await;
            if message["type"] == "snapshot" {
                break message;
            }
        };
        assert_eq!(snapshot["quotes"][0]["replay"], true, "{snapshot}");
        for (message, expected) in [
            (json!({ "action": "ping" }), "pong"),
            (json!({ "action": "dance" }), "error"),
            (json!({ "action": "unsubscribe", "symbols": ["AAPL"] }), "unsubscribed"),
        ] {
            live.send(&message).await;
            loop {
                let reply = live.next().await;
                assert_eq!(reply["replay"], true, "every message is marked: {reply}");
                if reply["type"] == expected {
                    break;
                }
            }
        }
        let quotes = target.get("/quotes?symbols=AAPL").await.expect_status(200).json();
        assert_eq!(
            (&quotes["items"][0]["replay"], &quotes["items"][0]["source"]),
            (&json!(true), &json!("replay")),
            "{quotes}"
        );
        live.leave().await;
        server.stop().await;
    });
}
