//! The scheduled refresh: what it requests and in which order, within its calls and time, and what it publishes.

mod grading;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use market::ProviderError;
use market_data::last_run::RefreshSummary;
use market_data::quote_store;
use operations::health;
use refresh::refresh;
use testing::exchange::{World, bars_through, quote, symbol, time};
use testing::{Counts, load};

use crate::friday::{EVENING, NOON, TIME_LIMIT, holding, slot};

#[tokio::test]
async fn quotes_are_requested_while_the_exchange_is_open_and_bars_once_they_are_out() {
    let world = holding(&["ACME", "IBM"]).await;
    for name in ["ACME", "IBM"] {
        world.exchange.quote_at(name, Ok(quote(name, "10.5", "2026-11-20", None)));
    }
    let did = slot(&world.platform, NOON).await;
    assert_eq!((did.refreshed, did.current, did.failed, did.published), (2, 0, 0, 2));
    assert_eq!(world.exchange.sorted_calls(), ["quote ACME", "quote IBM"]);
    assert_eq!(world.bus.quotes(), [("ACME".to_owned(), 1), ("IBM".to_owned(), 1)]);
    let stored = quote_store::read(&world.platform.app, &symbol("ACME")).await.unwrap().unwrap();
    assert_eq!((stored.as_of, stored.previous_close.unwrap().to_string()), (time(NOON), "10".to_owned()));

    world.clock.set(EVENING);
    for name in ["ACME", "IBM"] {
        world.exchange.list(name, bars_through("2026-11-20", 31, 11.0));
    }
    let did = slot(&world.platform, EVENING).await;
    assert_eq!((did.refreshed, did.published), (2, 2));
    assert_eq!(world.exchange.sorted_calls(), ["bars ACME", "bars IBM"], "one call for the bars and the quote");
    let stored = quote_store::read(&world.platform.app, &symbol("ACME")).await.unwrap().unwrap();
    assert_eq!(
        (stored.price.to_string(), stored.seq, stored.as_of),
        ("11".to_owned(), 2, time("2026-11-20T21:00:00Z"))
    );
    assert_eq!(world.bus.quotes(), [("ACME".to_owned(), 2), ("IBM".to_owned(), 2)]);
    assert_eq!(did.oldest_age_seconds, Some(9_000));
    let health = health::check(&world.platform).await;
    assert_eq!((health.newest_quote_age_seconds, health.last_refresh), (Some(9_000), Some(time(EVENING))));
}

#[tokio::test]
async fn without_a_newer_price_nothing_is_written_or_published() {
    let world = holding(&["ACME"]).await;
    world.clock.set(EVENING);
    world.exchange.list("ACME", bars_through("2026-11-20", 31, 11.0));
    assert_eq!(slot(&world.platform, EVENING).await.refreshed, 1);
    world.exchange.calls();
    world.bus.events();
    world.clock.forward(TimeDelta::hours(2));
    let did = slot(&world.platform, "2026-11-21T01:30:00Z").await;
    assert_eq!((did.current, did.refreshed, did.published), (1, 0, 0));
    assert_eq!((world.exchange.calls().len(), world.bus.events().len()), (0, 0), "its bars are those of the day");
    // Monday: the provider still returns Friday's price.
    world.clock.set("2026-11-23T17:00:00Z");
    let did = slot(&world.platform, "2026-11-23T17:00:00Z").await;
    assert_eq!((did.current, did.refreshed, did.published), (1, 0, 0));
    assert_eq!(world.exchange.calls(), ["quote ACME"]);
    assert_eq!(quote_store::read(&world.platform.app, &symbol("ACME")).await.unwrap().unwrap().seq, 1);
}

#[tokio::test]
async fn quotes_whose_event_was_not_accepted_are_published_by_the_next_slot() {
    let world = holding(&["ACME", "IBM"]).await;
    world.exchange.quote_at("ACME", Ok(quote("ACME", "10.5", "2026-11-20", None)));
    world.exchange.quote_at("IBM", Ok(quote("IBM", "10.5", "2026-11-20", None)));
    world.bus.shut.store(true, Ordering::SeqCst);
    let did = slot(&world.platform, NOON).await;
    assert_eq!((did.refreshed, did.published), (2, 0), "a refresh does not fail with the bus");
    world.bus.shut.store(false, Ordering::SeqCst);
    world.clock.forward(TimeDelta::minutes(15));
    world.exchange.fail("ACME", ProviderError::TimedOut);
    assert_eq!(slot(&world.platform, "2026-11-20T17:15:00Z").await.published, 2);
    assert_eq!(world.bus.quotes(), [("ACME".to_owned(), 1), ("IBM".to_owned(), 2)]);
    world.clock.forward(TimeDelta::minutes(15));
    world.exchange.fail("IBM", ProviderError::TimedOut);
    assert_eq!(slot(&world.platform, "2026-11-20T17:30:00Z").await.published, 0, "and they are published only once");
}

#[tokio::test]
async fn one_bad_symbol_never_stops_the_others() {
    let failures = [
        ProviderError::UnknownSymbol,
        ProviderError::TimedOut,
        ProviderError::RateLimited { retry_after: Duration::from_secs(1) },
        ProviderError::KeyRefused,
        ProviderError::TooLarge,
        ProviderError::Malformed { what: "nonsense".to_owned() },
        ProviderError::Unavailable { status: Some(500) },
    ];
    for (at, works_on) in [(NOON, "quotes"), (EVENING, "bars")] {
        for failure in &failures {
            let world = holding(&["ACME", "BAD", "IBM"]).await;
            world.clock.set(at);
            for name in ["ACME", "IBM"] {
                world.exchange.list(name, bars_through("2026-11-20", 31, 11.0));
            }
            world.exchange.fail("BAD", failure.clone());
            let did = slot(&world.platform, at).await;
            assert_eq!((did.refreshed, did.failed), (2, 1), "{works_on}: {failure}");
            assert_eq!(world.bus.quotes().len(), 2, "{works_on}: {failure}");
        }
    }
}

#[tokio::test]
async fn a_symbol_that_the_provider_no_longer_knows_costs_one_call_a_day() {
    let world = holding(&["GONE"]).await;
    world.exchange.fail("GONE", ProviderError::UnknownSymbol);
    for at in ["2026-11-20T17:00:00Z", "2026-11-20T17:15:00Z", "2026-11-20T23:30:00Z", "2026-11-20T23:59:00Z"] {
        world.clock.set(at);
        assert_eq!(slot(&world.platform, at).await.failed, 1, "{at}");
    }
    assert_eq!(world.exchange.calls(), ["quote GONE"]);
}

#[tokio::test]
async fn calls_go_to_symbols_requested_longest_ago_and_some_stay_reserved() {
    let world = World::at("2026-11-20T00:00:00Z");
    for name in ["D", "A", "C", "B"] {
        world.track(name, bars_through("2026-11-19", 30, 10.0)).await;
        world.clock.forward(TimeDelta::minutes(1));
    }
    for name in ["A", "B", "C", "D"] {
        world.exchange.list(name, bars_through("2026-11-20", 31, 11.0));
    }
    world.exchange.calls();
    world.clock.set(EVENING);
    *world.exchange.left.lock().unwrap() = Some(7);
    let did = slot(&world.platform, EVENING).await;
    assert_eq!(world.exchange.sorted_calls(), ["bars A", "bars D"]);
    assert_eq!((did.refreshed, did.postponed, did.budget_left), (2, 2, Some(5)));
    *world.exchange.left.lock().unwrap() = Some(25);
    world.clock.forward(TimeDelta::minutes(15));
    let did = slot(&world.platform, "2026-11-20T23:45:00Z").await;
    assert_eq!(world.exchange.sorted_calls(), ["bars B", "bars C"]);
    assert_eq!((did.refreshed, did.postponed, did.current), (2, 0, 2));
}

#[tokio::test]
async fn slots_of_the_day_never_take_the_calls_that_the_evening_needs() {
    let names: Vec<String> = (0..6).map(|number| format!("S{number}")).collect();
    let world = holding(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    *world.exchange.left.lock().unwrap() = Some(25);
    world.clock.set("2026-11-20T14:30:00Z");
    while world.clock.now() < time("2026-11-20T21:00:00Z") {
        let now = world.clock.now();
        for name in &names {
            let at = now.to_rfc3339();
            world.exchange.quote_at(name, Ok(quote(name, "10.5", "2026-11-20", Some(&at))));
        }
        refresh(&world.platform, now, TIME_LIMIT).await.unwrap();
        world.clock.forward(TimeDelta::minutes(15));
    }
    let by_day = world.exchange.calls();
    assert_eq!(by_day.len(), 13, "25 less 5 for requests, 6 for the evening and 1 for the plan");
    let first_six: std::collections::BTreeSet<&String> = by_day.iter().take(6).collect();
    assert_eq!(first_six.len(), 6, "each symbol once");
    // Slots after the close find the exchange closed and the bars not out yet.
    while world.clock.now() < time("2026-11-20T23:00:00Z") {
        let did = refresh(&world.platform, world.clock.now(), TIME_LIMIT).await.unwrap();
        assert_eq!((did.current, did.failed, did.postponed, did.budget_left), (6, 0, 0, Some(12)));
        world.clock.forward(TimeDelta::minutes(15));
    }
    assert!(world.exchange.calls().is_empty());
    world.clock.set(EVENING);
    for name in &names {
        world.exchange.list(name, bars_through("2026-11-20", 31, 11.0));
    }
    let did = slot(&world.platform, EVENING).await;
    assert_eq!((did.refreshed, did.postponed, did.budget_left), (6, 0, Some(6)));
}

#[tokio::test]
async fn after_the_provider_reports_its_calls_used_up_nothing_is_requested() {
    let names: Vec<String> = (0..40).map(|number| format!("S{number:02}")).collect();
    let world = holding(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for name in &names {
        world.exchange.fail(name, ProviderError::QuotaExhausted { until: None });
    }
    *world.exchange.left.lock().unwrap() = Some(2_000);
    let did = slot(&world.platform, NOON).await;
    assert_eq!((did.failed, did.postponed), (0, 40));
    assert!(world.exchange.calls().len() <= 2, "those that were in progress");
}

#[tokio::test]
async fn a_symbol_for_which_no_source_has_a_call_does_not_hold_up_others() {
    for at in [NOON, EVENING] {
        let names: Vec<String> = (0..40).map(|number| format!("S{number:02}")).collect();
        let world = holding(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        world.clock.set(at);
        for name in &names {
            world.exchange.list(name, bars_through("2026-11-20", 31, 11.0));
        }
        // One of two sources is out of calls; the other has all of them and does not know the symbol.
        world.exchange.fail("S00", ProviderError::QuotaExhausted { until: None });
        let did = slot(&world.platform, at).await;
        // If stored bars are served, the reason why newer ones are missing is not known.
        assert_eq!((did.refreshed, did.failed + did.postponed), (39, 1), "{at}: {did:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_files_too_nothing_is_started_after_the_time_limit() {
    let world = World::at(NOON);
    let platform = world.on(world.table.clone(), Arc::new(market::Sample::new()));
    notifications::watchlist::put(&platform, world.customer, &symbol("IBM")).await.unwrap();
    let did = refresh(&platform, time(NOON), Duration::from_secs(25)).await.unwrap();
    assert_eq!((did.postponed, did.refreshed + did.current), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_before_its_time_limit_and_the_rest_waits_for_the_next_slot() {
    let names: Vec<String> = (0..400).map(|number| format!("S{number:03}")).collect();
    let world = holding(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for name in &names {
        world.exchange.quote_at(name, Ok(quote(name, "10.5", "2026-11-20", None)));
    }
    *world.exchange.takes.lock().unwrap() = Duration::from_secs(9);
    let started = tokio::time::Instant::now();
    let did = slot(&world.platform, NOON).await;
    assert!(started.elapsed() < TIME_LIMIT, "{:?}", started.elapsed());
    assert!(did.refreshed > 100 && did.postponed > 100, "{did:?}");
    assert_eq!(did.refreshed + did.postponed, 400);
    let sizes: Vec<usize> = world.bus.events().iter().map(Vec::len).collect();
    assert_eq!(sizes.iter().sum::<usize>(), did.refreshed);
    assert!(sizes.len() > 10, "receivers do not wait for the end of a long run");
    *world.exchange.takes.lock().unwrap() = Duration::ZERO;
    world.clock.forward(TimeDelta::minutes(5));
    let did = slot(&world.platform, "2026-11-20T17:15:00Z").await;
    assert_eq!(did.refreshed + did.current, 400);
    assert!(did.postponed == 0);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_answers_costs_a_run_no_more_than_its_time() {
    let world = holding(&["ACME", "IBM"]).await;
    world.exchange.hangs.store(true, Ordering::SeqCst);
    let started = tokio::time::Instant::now();
    let did = slot(&world.platform, NOON).await;
    assert_eq!(did.failed, 2);
    assert!(started.elapsed() <= Duration::from_secs(13), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_symbol_that_was_only_viewed_is_not_refreshed() {
    let world = World::at(NOON);
    world.exchange.list("SEEN", bars_through("2026-11-19", 30, 10.0));
    load(&world.platform, &symbol("SEEN")).await.unwrap();
    world.exchange.calls();
    assert_eq!(slot(&world.platform, NOON).await, RefreshSummary { repeated: false, ..RefreshSummary::default() });
    assert!(world.exchange.calls().is_empty());
}

/// How many symbols the soak refreshes; `make soak` says 5,000.
fn soak_symbols() -> usize {
    #[expect(clippy::disallowed_methods, reason = "the size of the soak is set by its command")]
    let given = std::env::var("SEXTANT_SOAK_SYMBOLS");
    given.ok().map_or(300, |given| given.parse().unwrap())
}

#[tokio::test(start_paused = true)]
#[expect(clippy::print_stdout, reason = "the soak prints its figures")]
async fn a_fast_provider_refreshes_thousands_of_symbols_with_a_write_each() {
    let count = soak_symbols();
    let names: Vec<String> = (0..count).map(|number| format!("S{number}")).collect();
    let world = World::at("2026-11-20T12:00:00Z");
    for name in &names {
        world.track(name, bars_through("2026-11-19", 30, 10.0)).await;
    }
    for (at, work) in [(NOON, "quotes"), (EVENING, "bars and quotes")] {
        world.clock.set(at);
        for name in &names {
            world.exchange.list(name, bars_through("2026-11-20", 31, 11.0));
            let as_of = (at == NOON).then_some(NOON);
            world.exchange.quote_at(name, Ok(quote(name, "10.5", "2026-11-20", as_of)));
        }
        world.table.take_counts();
        let did = refresh(&world.restarted(), time(at), TIME_LIMIT).await.unwrap();
        let Counts { reads, writes, .. } = world.table.take_counts();
        let events: Vec<usize> = world.bus.events().iter().map(Vec::len).collect();
        println!("{work} of {count} symbols: {writes} writes, {reads} reads, events of {events:?}");
        assert_eq!((did.refreshed, did.published, did.failed, did.postponed), (count, count, 0, 0));
        assert!(events.iter().all(|&quotes| quotes <= 1_000));
        // A quote is one item; bars are a head, the year that changed, and a lease, acquired and released. The
        // rest is the slot, and the sixteen parts of the log, stored once: the clock of the test stands still.
        let a_symbol = if at == NOON { 1 } else { 5 };
        assert!(writes <= count * a_symbol + 30, "{writes}");
    }
}
