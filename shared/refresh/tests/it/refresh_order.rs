//! The order of symbols in the scheduled refresh when calls are counted, and what a long or dead run leaves behind.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use market::ProviderError;
use market_data::quote_store::{self, Origin};
use refresh::refresh;
use store::{documents, keys};
use testing::exchange::{World, bars_through, quote, symbol, time};

use crate::friday::{EVENING, NOON, TIME_LIMIT, holding, slot};

const NINE: [&str; 9] = ["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9"];

/// A world in which nine symbols and `BAD`, which sorts before them in every order, are tracked.
async fn holding_ten() -> World {
    holding(&["BAD", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9"]).await
}

/// What can be wrong with a symbol: it is delisted, it fails, no source that may have it has a call left, or the provider
/// still returns yesterday's price.
fn wrongs() -> [Option<ProviderError>; 4] {
    let no_call = ProviderError::QuotaExhausted { until: None };
    [Some(ProviderError::UnknownSymbol), Some(ProviderError::TimedOut), Some(no_call), None]
}

/// Calls by symbol since the last time.
fn counted(world: &World) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in world.exchange.calls() {
        *counts.entry(call.split_once(' ').unwrap().1.to_owned()).or_insert(0) += 1;
    }
    counts
}

#[tokio::test]
async fn by_day_a_symbol_without_newer_prices_does_not_hold_up_others() {
    for wrong in wrongs() {
        let world = holding_ten().await;
        world.clock.set("2026-11-20T14:30:00Z");
        match &wrong {
            Some(error) => world.exchange.fail("BAD", error.clone()),
            None => world.exchange.quote_at("BAD", Ok(quote("BAD", "10", "2026-11-19", Some("2026-11-19T21:00:00Z")))),
        }
        // One call per slot: five are reserved for requests, and eleven for the evening.
        for _ in 0..20 {
            let now = world.clock.now().to_rfc3339();
            for name in NINE {
                world.exchange.quote_at(name, Ok(quote(name, "10.5", "2026-11-20", Some(&now))));
            }
            *world.exchange.left.lock().unwrap() = Some(17);
            slot(&world.restarted(), &now).await;
            world.clock.forward(TimeDelta::minutes(15));
        }
        let counts = counted(&world);
        assert_eq!(counts.values().sum::<usize>(), 20);
        assert!(NINE.iter().all(|&name| counts.get(name).is_some_and(|&calls| calls >= 2)), "{wrong:?}: {counts:?}");
        assert!(counts["BAD"] <= 2, "{wrong:?}: {counts:?}");
    }
}

#[tokio::test]
async fn in_the_evening_a_symbol_without_newer_prices_does_not_hold_up_others() {
    for wrong in wrongs() {
        let world = holding_ten().await;
        world.clock.set(EVENING);
        for name in NINE {
            world.exchange.list(name, bars_through("2026-11-20", 31, 11.0));
        }
        if let Some(error) = &wrong {
            world.exchange.fail("BAD", error.clone());
        }
        let mut refreshed = 0;
        for _ in 0..10 {
            *world.exchange.left.lock().unwrap() = Some(6);
            let now = world.clock.now().to_rfc3339();
            refreshed += slot(&world.restarted(), &now).await.refreshed;
            world.clock.forward(TimeDelta::minutes(15));
        }
        let counts = counted(&world);
        assert!(NINE.iter().all(|&name| counts.get(name) == Some(&1)), "{wrong:?}: {counts:?}");
        // If the provider still returns yesterday's price, yesterday's close becomes the first quote.
        assert_eq!(refreshed, NINE.len() + usize::from(wrong.is_none()), "{wrong:?}");
    }
}

#[tokio::test]
async fn twenty_invented_tickers_do_not_hold_up_real_ones() {
    let real = ["S1", "S2", "S3", "S4", "S5", "S6"];
    let world = holding(&real).await;
    for number in 0..20 {
        let invented = symbol(&format!("0X{number:02}"));
        documents::put_first(&*world.table, &keys::registered_symbol(&invented), invented).await.unwrap();
    }
    // Two evenings and the day between them; on the second what was remembered on the first has expired.
    for (evening, last) in [(EVENING, "2026-11-20"), ("2026-11-23T23:30:00Z", "2026-11-23")] {
        world.clock.set(evening);
        for name in real {
            world.exchange.list(name, bars_through(last, 31, 11.0));
        }
        *world.exchange.left.lock().unwrap() = Some(25);
        let did = slot(&world.restarted(), evening).await;
        assert_eq!(did.refreshed, 6, "{evening}: {did:?}");
        assert_eq!(did.failed, 14, "calls that real ones do not need go to the others: {did:?}");
    }
    // The next day all of the 14 are remembered as unknown: no calls are reserved for them and none is requested.
    world.exchange.calls();
    world.clock.set("2026-11-24T17:00:00Z");
    for name in real {
        world.exchange.quote_at(name, Ok(quote(name, "11.5", "2026-11-24", None)));
    }
    *world.exchange.left.lock().unwrap() = Some(25);
    let did = slot(&world.restarted(), "2026-11-24T17:00:00Z").await;
    assert_eq!((did.refreshed, did.failed), (1, 14), "{did:?}");
}

#[tokio::test(start_paused = true)]
async fn a_quote_that_a_request_brings_during_a_run_is_published_by_the_next_run() {
    let world = holding(&["ACME", "IBM"]).await;
    world.exchange.quote_at("ACME", Ok(quote("ACME", "10.5", "2026-11-20", None)));
    world.exchange.fail("IBM", ProviderError::TimedOut);
    *world.exchange.takes.lock().unwrap() = Duration::from_secs(5);
    let caller = async {
        // When it makes its first call, the run has read what was stored before.
        while world.exchange.calls().is_empty() {
            tokio::task::yield_now().await;
        }
        world.clock.forward(TimeDelta::seconds(2));
        let brought = quote("IBM", "20", "2026-11-20", None);
        quote_store::record(&world.platform, &brought, Origin::Market).await.unwrap().unwrap();
    };
    let (did, ()) = tokio::join!(slot(&world.platform, NOON), caller);
    assert_eq!((did.refreshed, did.published), (1, 1));
    assert_eq!(world.bus.quotes(), [("ACME".to_owned(), 1)]);
    world.clock.set("2026-11-20T17:15:00Z");
    world.exchange.fail("ACME", ProviderError::TimedOut);
    assert_eq!(slot(&world.platform, "2026-11-20T17:15:00Z").await.published, 1);
    assert_eq!(world.bus.quotes(), [("IBM".to_owned(), 1)]);
    world.clock.set("2026-11-20T17:30:00Z");
    assert_eq!(slot(&world.platform, "2026-11-20T17:30:00Z").await.published, 0);
}

/// A world of this many symbols, each of which takes nine seconds to request.
async fn slow(count: usize) -> World {
    let names: Vec<String> = (0..count).map(|number| format!("S{number:03}")).collect();
    let world = holding(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for name in &names {
        world.exchange.fail(name, ProviderError::TimedOut);
    }
    *world.exchange.takes.lock().unwrap() = Duration::from_secs(9);
    world
}

#[tokio::test(start_paused = true)]
async fn a_live_run_keeps_its_slot_however_long_it_takes() {
    let world = slow(160).await;
    let second = world.restarted();
    let mut tries = 0;
    let others = async {
        loop {
            tokio::time::sleep(Duration::from_secs(10)).await;
            world.clock.forward(TimeDelta::seconds(10));
            let repeated = refresh(&second, time(NOON), TIME_LIMIT).await;
            assert!(!repeated.is_ok_and(|did| !did.repeated), "a second run of the slot");
            tries += 1;
        }
    };
    let did = tokio::select! {
        did = refresh(&world.platform, time(NOON), Duration::from_hours(1)) => did.unwrap(),
        () = others => unreachable!("they never stop trying"),
    };
    assert_eq!((did.failed, world.exchange.calls().len()), (160, 160));
    assert!(tries > 6, "the first lease had expired long before: {tries}");
    assert!(slot(&second, NOON).await.repeated);
}

#[tokio::test(start_paused = true)]
async fn symbols_requested_by_a_run_that_died_come_after_the_others() {
    let world = slow(160).await;
    // It dies during the ninth group of eight, after more than a minute.
    let mut asked = 0;
    let death = async {
        while asked < 72 {
            tokio::time::sleep(Duration::from_secs(9)).await;
            asked += world.exchange.calls().len();
        }
    };
    tokio::select! {
        _ = refresh(&world.platform, time(NOON), Duration::from_hours(1)) => unreachable!("it dies before"),
        () = death => {}
    }
    world.exchange.calls();
    *world.exchange.takes.lock().unwrap() = Duration::ZERO;
    world.clock.forward(TimeDelta::minutes(15));
    *world.exchange.left.lock().unwrap() = Some(5 + 160 + 15);
    slot(&world.restarted(), "2026-11-20T17:15:00Z").await;
    let asked = world.exchange.sorted_calls();
    assert!(asked.first().is_some_and(|first| first.as_str() > "quote S007"), "{asked:?}");
}
