//! From the schedule to whoever listens: a refresh, the event, the push, and the alert that fires.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use gateway::{AlphaVantageAccess, Prices};
use refresh::Work;
use serde_json::{Value, json};

use crate::live_client::Live;
use crate::provider::LoopbackProvider;
use crate::target::{self, Target, each};

/// While New York trades: a slot of the refresh asks for quotes.
const OPEN: &str = "2026-06-10T15:00:00Z";

fn scheduled(time: DateTime<Utc>) -> Value {
    json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
        "source": "aws.scheduler", "account": "123456789012", "region": "us-east-1", "resources": [], "detail": "{}",
        "time": time.to_rfc3339_opts(SecondsFormat::Secs, true),
    })
}

/// The next two messages, the quote first: who is told first is nobody's promise.
async fn quote_and_alert(live: &mut Live) -> (Value, Value) {
    let (one, other) = (live.next().await, live.next().await);
    if one["type"] == "quote" { (one, other) } else { (other, one) }
}

/// Subscribes to a symbol that has no price yet.
async fn listening(target: &Target, symbol: &str) -> (Target, Live) {
    let customer = target.newcomer().await;
    let mut live = customer.live().await;
    live.send(&json!({ "action": "subscribe", "symbols": [symbol] })).await;
    let snapshot = live.next().await;
    assert_eq!(snapshot["type"], "snapshot", "{}", target.name);
    assert_eq!(snapshot["unavailable"][symbol], "price_unavailable", "{}", target.name);
    // The snapshot comes before the connection is listed; the next message is taken when the one before has been.
    live.send(&json!({ "action": "ping" })).await;
    assert_eq!(live.next().await["type"], "pong", "{}", target.name);
    (customer, live)
}

/// Makes an alert that the first price fires, and gives its id.
async fn alerted(customer: &Target, symbol: &str) -> String {
    let above = json!({ "symbol": symbol, "condition": { "type": "above", "price": "100" }, "repeat": "once" });
    let alert = customer.post("/alerts", &above).await.expect_status(201).json();
    alert["id"].as_str().unwrap().to_owned()
}

async fn hears_of_the_first_quote_and_the_alert(target: &Target, live: &mut Live, symbol: &str) {
    let (quote, alert) = quote_and_alert(live).await;
    is_the_first(target, &quote, symbol);
    assert_eq!((&alert["type"], &alert["price"]), (&json!("alert"), &json!("120.5")), "{}: {alert}", target.name);
    let seen = target.get(&format!("/quotes?symbols={symbol}")).await.expect_status(200).json();
    assert_eq!(seen["items"][0]["price"], "120.5", "{}: {seen}", target.name);
}

fn is_the_first(target: &Target, quote: &Value, symbol: &str) {
    assert_eq!((&quote["type"], &quote["symbol"]), (&json!("quote"), &json!(symbol)), "{}: {quote}", target.name);
    assert_eq!((&quote["price"], &quote["seq"]), (&json!("120.5"), &json!(1)), "{}: {quote}", target.name);
    assert_eq!(quote["source"], "alpha_vantage");
}

#[test]
fn a_scheduled_refresh_reaches_whoever_subscribed_on_the_emulated_aws() {
    let Some((target, provider_url)) = target::with_provider() else {
        eprintln!("SKIPPED: no emulated AWS, SEXTANT_TEST_AWS is not set");
        return;
    };
    target::run(async || {
        let now = target::now();
        let (provider, _) = LoopbackProvider::listen(provider_url.trim_start_matches("http://"), now).await;
        provider.set("LOOP", 12_050);
        let target = target.newcomer().await;
        let (customer, mut live) = listening(&target, "LOOP").await;
        // Nobody turns the clock of the emulated AWS. In the hours between the close and the day's bars the refresh asks
        // for nothing, and tells of what somebody's look has brought.
        let rests = refresh::work_at(now) == Work::Rest;
        if rests {
            customer.get("/quotes?symbols=LOOP").await.expect_status(200);
        } else {
            alerted(&customer, "LOOP").await;
        }
        target.run_scheduled_now("refresh-prices").await;
        if rests {
            is_the_first(&target, &live.next().await, "LOOP");
        } else {
            hears_of_the_first_quote_and_the_alert(&target, &mut live, "LOOP").await;
        }
        let calls = provider.calls("LOOP");
        let again = target.invoke("refresh-prices", &scheduled(now)).await;
        assert_eq!(again["repeated"], true, "a slot of before has been done by the later one");
        assert_eq!(provider.calls("LOOP"), calls);
        live.leave().await;
    });
}

#[test]
fn quotes_follow_each_other_slot_by_slot_on_one_machine() {
    target::run(async || {
        let clock = Arc::new(Mutex::new(OPEN.parse::<DateTime<Utc>>().unwrap()));
        let at = |clock: &Mutex<DateTime<Utc>>| *clock.lock().unwrap();
        let (provider, url) = LoopbackProvider::listen("127.0.0.1:0", at(&clock)).await;
        provider.set("LOOP", 12_050);
        let home = tempfile::tempdir().unwrap();
        let access = AlphaVantageAccess { key: "not-a-key".into(), base_url: Some(url) };
        let prices = Prices::Live { alpha_vantage: Some(access), yahoo: None };
        let reader = clock.clone();
        let settings =
            gateway::Settings { prices, clock: Arc::new(move || at(&reader)), ..target::settings(home.path()) };
        let (server, target) = Target::serve(settings).await;
        let target = target.newcomer().await;
        let (customer, mut live) = listening(&target, "LOOP").await;
        let alert = alerted(&customer, "LOOP").await;
        let did = target.invoke("refresh-prices", &scheduled(at(&clock))).await;
        assert_eq!((&did["refreshed"], &did["told"]), (&json!(1), &json!(1)), "{did}");
        hears_of_the_first_quote_and_the_alert(&target, &mut live, "LOOP").await;
        let history = customer.get(&format!("/alerts/{alert}/history")).await.expect_status(200).json();
        let fired = &history["items"][0];
        assert_eq!((&fired["price"], &fired["market_day"]), (&json!("120.5"), &json!("2026-06-10")), "{history}");
        let next = at(&clock) + TimeDelta::minutes(15);
        *clock.lock().unwrap() = next;
        provider.set_now(next);
        provider.set("LOOP", 12_175);
        // The event of the slot is delivered twice, and the slot of a machine that woke up late besides.
        for slot in [next, next, next - TimeDelta::minutes(5)] {
            target.invoke("refresh-prices", &scheduled(slot)).await;
        }
        let quote = live.next().await;
        assert_eq!((&quote["price"], &quote["seq"]), (&json!("121.75"), &json!(2)), "{quote}");
        let asked = provider.calls("LOOP").iter().filter(|call| *call == "GLOBAL_QUOTE").count();
        assert_eq!(asked, 2, "one call a slot");
        live.send(&json!({ "action": "ping" })).await;
        assert_eq!(live.next().await["type"], "pong", "the alert was to fire once, and the quotes came once");
        live.leave().await;
        server.stop().await;
    });
}

#[test]
fn a_snapshot_comes_before_anything_else_and_nonsense_leaves_the_connection_open() {
    each(async |target: &Target| {
        let mut live = target.newcomer().await.live().await;
        // So that its bars are stored: a snapshot asks no provider.
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
fn a_replay_moves_day_by_day_and_says_so_in_every_message() {
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
        for (message, answer) in [
            (json!({ "action": "ping" }), "pong"),
            (json!({ "action": "dance" }), "error"),
            (json!({ "action": "unsubscribe", "symbols": ["AAPL"] }), "unsubscribed"),
        ] {
            live.send(&message).await;
            loop {
                let told = live.next().await;
                assert_eq!(told["replay"], true, "every message says so: {told}");
                if told["type"] == answer {
                    break;
                }
            }
        }
        let seen = target.get("/quotes?symbols=AAPL").await.expect_status(200).json();
        assert_eq!(
            (&seen["items"][0]["replay"], &seen["items"][0]["source"]),
            (&json!(true), &json!("replay")),
            "{seen}"
        );
        live.leave().await;
        server.stop().await;
    });
}
