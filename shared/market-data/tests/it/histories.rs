//! Histories on a real store in memory, with a provider whose responses each test sets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use app::ServiceError;
use chrono::TimeDelta;
use domain::Instrument;
use futures::future::join_all;
use market::call_limits::CALLER_WAIT;
use market::{OnBehalfOf, ProviderError};
use market_data::{history, instruments, staleness};
use testing::exchange::{World, bars_through, symbol};
use testing::{SilentProvider, load};

const NOON: &str = "2026-11-20T12:00:00Z";

/// A world whose exchange lists ACME with this many bars.
fn listing(last: &str, count: usize) -> World {
    let world = World::at(NOON);
    world.exchange.list("ACME", bars_through(last, count, 10.0));
    world
}

#[tokio::test]
async fn a_thousand_readers_of_one_symbol_make_one_call() {
    let world = listing("2026-11-19", 30);
    let acme = symbol("ACME");
    let reads = (0..1_000).map(|_| load(&world.platform, &acme));
    assert!(join_all(reads).await.into_iter().all(|read| read.is_ok()));
    assert_eq!(world.exchange.calls(), ["bars ACME"]);
}

#[tokio::test]
async fn bars_are_served_from_the_store_until_a_newer_one_is_due() {
    let world = listing("2026-11-19", 30);
    load(&world.platform, &symbol("ACME")).await.unwrap();
    // An hour and a half after the close: the bar of the 20th is not out yet.
    world.clock.forward(TimeDelta::minutes(10 * 60 + 30));
    load(&world.platform, &symbol("ACME")).await.unwrap();
    assert_eq!(world.exchange.calls(), ["bars ACME"]);
    world.exchange.list("ACME", bars_through("2026-11-20", 31, 10.01));
    world.clock.forward(TimeDelta::minutes(30));
    let series = load(&world.platform, &symbol("ACME")).await.unwrap();
    assert_eq!((series.last.to_string().as_str(), series.stale), ("2026-11-20", false));
    assert_eq!(world.exchange.calls(), ["bars ACME"]);
}

#[tokio::test]
async fn after_a_failure_the_provider_is_not_called_and_the_last_good_bars_are_stale() {
    let world = listing("2026-11-19", 30);
    load(&world.platform, &symbol("ACME")).await.unwrap();
    assert_eq!(world.exchange.calls(), ["bars ACME"]);
    world.exchange.fail("ACME", ProviderError::TimedOut);
    world.clock.forward(TimeDelta::hours(11));
    for _ in 0..50 {
        let series = load(&world.platform, &symbol("ACME")).await.unwrap();
        assert!(series.stale);
        assert_eq!(series.bars.len(), 30);
    }
    assert_eq!(world.exchange.calls(), ["bars ACME"], "one call when it failed, none in the minute after");
}

#[tokio::test]
async fn without_stored_bars_a_failure_is_an_error_and_an_unknown_symbol_another() {
    let world = World::at(NOON);
    world.exchange.fail("ACME", ProviderError::TimedOut);
    assert!(matches!(load(&world.platform, &symbol("ACME")).await, Err(ServiceError::Provider(_))));
    world.exchange.fail("ACME", ProviderError::UnknownSymbol);
    assert!(
        matches!(load(&world.platform, &symbol("ACME")).await, Err(ServiceError::Provider(_))),
        "not called again immediately"
    );
    world.clock.forward(TimeDelta::minutes(2));
    assert!(matches!(load(&world.platform, &symbol("ACME")).await, Err(ServiceError::UnknownSymbol { .. })));
}

#[tokio::test(start_paused = true)]
async fn with_a_silent_provider_the_last_good_bars_are_served_stale_in_time() {
    let world = listing("2026-11-19", 30);
    load(&world.platform, &symbol("ACME")).await.unwrap();
    world.clock.forward(TimeDelta::hours(11));
    let silent = Arc::new(SilentProvider::default());
    let platform = world.on(world.table.clone(), silent.clone());
    let acme = symbol("ACME");
    let read = async {
        let started = tokio::time::Instant::now();
        let series = load(&platform, &acme).await.unwrap();
        (series.stale, series.bars.len(), started.elapsed())
    };
    // Requests made while another one waits, and while the refresh waits, which has a later deadline.
    let scheduled = history::load(&platform, &acme, platform.budget_for(OnBehalfOf::Schedule));
    let later = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        load(&platform, &acme).await.map(|series| series.stale)
    };
    let started = tokio::time::Instant::now();
    let (scheduled, first, later) = tokio::join!(scheduled, read, later);
    assert_eq!((first.0, first.1), (true, 30));
    assert!(first.2 <= CALLER_WAIT, "{:?}", first.2);
    assert!(later.unwrap());
    assert!(scheduled.unwrap().stale);
    assert!(started.elapsed() <= Duration::from_secs(13), "{:?}", started.elapsed());
    assert_eq!(silent.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_stored_bars_a_silent_provider_is_an_error_in_time() {
    let world = World::at(NOON);
    let platform = world.on(world.table.clone(), Arc::new(SilentProvider::default()));
    let acme = symbol("ACME");
    let started = tokio::time::Instant::now();
    let reads = join_all((0..100).map(|_| load(&platform, &acme))).await;
    assert!(reads.iter().all(|read| matches!(read, Err(ServiceError::Provider(ProviderError::TimedOut)))));
    assert!(started.elapsed() <= CALLER_WAIT, "{:?}", started.elapsed());
    let started = tokio::time::Instant::now();
    let assumed = instruments::find(&platform, &acme, None, platform.budget_for(OnBehalfOf::Platform)).await.unwrap();
    assert_eq!(assumed, Instrument::unlisted(acme));
    assert!(started.elapsed() <= CALLER_WAIT, "{:?}", started.elapsed());
}

#[tokio::test]
async fn bars_of_another_source_are_neither_served_nor_merged() {
    let world = listing("2026-11-19", 30);
    let exchange = &world.exchange;
    *exchange.source.lock().unwrap() = "source before";
    history::load_available(&world.platform, &symbol("ACME"), world.platform.budget_for(OnBehalfOf::Platform))
        .await
        .unwrap();
    assert_eq!(exchange.calls(), ["bars ACME"]);
    *exchange.source.lock().unwrap() = "exchange";
    exchange.list("ACME", bars_through("2026-11-19", 5, 20.0));
    let platform = world.restarted();
    let series =
        history::load_available(&platform, &symbol("ACME"), platform.budget_for(OnBehalfOf::Platform)).await.unwrap();
    assert_eq!((series.source.as_str(), series.bars.len()), ("exchange", 5));
    assert_eq!(exchange.calls(), ["bars ACME"]);
    // The same if the source changes while a process has the old bars in memory.
    *exchange.source.lock().unwrap() = "other";
    let series =
        history::load_available(&platform, &symbol("ACME"), platform.budget_for(OnBehalfOf::Platform)).await.unwrap();
    assert_eq!((series.source.as_str(), exchange.calls().len()), ("other", 1));
}

#[tokio::test]
async fn latest_bars_extend_the_stored_ones_and_replace_nothing_if_they_do_not_reach_back() {
    let world = World::at(NOON);
    let (exchange, platform) = (&world.exchange, &world.platform);
    exchange.list("ACME", bars_through("2026-11-19", 50, 20.0));
    load(platform, &symbol("ACME")).await.unwrap();
    exchange.compact.store(true, Ordering::SeqCst);
    exchange.list("ACME", bars_through("2026-11-20", 5, 20.01));
    world.clock.forward(TimeDelta::hours(11));
    let series = load(platform, &symbol("ACME")).await.unwrap();
    assert_eq!((series.bars.len(), series.last.to_string().as_str(), series.stale), (51, "2026-11-20", false));
    world.clock.forward(TimeDelta::days(30));
    exchange.list("ACME", bars_through("2026-12-18", 5, 20.01));
    let series = load(platform, &symbol("ACME")).await.unwrap();
    assert_eq!((series.bars.len(), series.stale), (51, true));
    exchange.calls();
    for _ in 0..20 {
        world.clock.forward(TimeDelta::hours(1));
        assert!(staleness::of_bars(platform, &load(platform, &symbol("ACME")).await.unwrap()));
    }
    assert!(exchange.calls().is_empty(), "not requested again before newer ones are out");
}

#[tokio::test]
async fn a_session_in_progress_is_not_stored_as_a_bar() {
    // Friday noon in New York: the provider already gives a bar of today.
    let world = listing("2026-11-20", 31);
    world.clock.forward(TimeDelta::hours(5));
    let series = load(&world.platform, &symbol("ACME")).await.unwrap();
    assert_eq!(series.last.to_string(), "2026-11-19");
}

#[tokio::test]
async fn an_unknown_symbol_is_not_requested_again_for_a_day() {
    let world = World::at(NOON);
    for _ in 0..10 {
        let missing = load(&world.platform, &symbol("ACME")).await;
        assert!(matches!(missing, Err(ServiceError::UnknownSymbol { .. })));
        world.clock.forward(TimeDelta::hours(1));
    }
    assert_eq!(world.exchange.calls(), ["bars ACME"]);
}
