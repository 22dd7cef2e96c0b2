//! What a call in progress or a failed request blocks, and for how long.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use app::ServiceError;
use chrono::TimeDelta;
use market::{OnBehalfOf, ProviderError};
use market_data::quotes::{QuoteBatch, load_batch};
use market_data::{MarketData, history};
use notifications::watchlist;
use testing::InstantTable;
use testing::exchange::{World, bars_through, quote, symbol};
use testing::load;
use tokio::time::Instant;

use super::NOON;

/// A process that waits only for the provider.
fn process(world: &World) -> MarketData {
    world.on(Arc::new(InstantTable(world.table.clone())), world.exchange.clone())
}

async fn look(world: &World, platform: &MarketData, names: &[String]) -> QuoteBatch {
    let symbols: Vec<_> = names.iter().map(|name| symbol(name)).collect();
    load_batch(platform, world.customer, &symbols, platform.budget_for(world.customer)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn bars_stored_by_another_process_after_a_timeout_are_used_by_the_next_read() {
    let world = World::at(NOON);
    world.exchange.list("ACME", bars_through("2026-11-19", 30, 10.0));
    *world.exchange.takes.lock().unwrap() = Duration::from_secs(3);
    let (other, platform, acme) = (process(&world), process(&world), symbol("ACME"));
    let schedule = history::load(&other, &acme, other.budget_for(OnBehalfOf::Schedule));
    let reader = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        load(&platform, &acme).await
    };
    let (stored, gave_up) = tokio::join!(schedule, reader);
    assert!(stored.is_ok());
    assert!(matches!(gave_up, Err(ServiceError::Provider(ProviderError::TimedOut))), "{gave_up:?}");
    assert_eq!(load(&platform, &acme).await.unwrap().bars.len(), 30);
    assert_eq!(world.exchange.calls(), ["bars ACME"]);
}

#[tokio::test]
async fn bars_stored_meanwhile_are_served_during_the_pause_after_a_failure() {
    let world = World::at(NOON);
    world.exchange.fail("ACME", ProviderError::Unavailable { status: Some(500) });
    assert!(load(&world.platform, &symbol("ACME")).await.is_err());
    world.exchange.list("ACME", bars_through("2026-11-19", 30, 10.0));
    let other = world.restarted();
    world.clock.forward(TimeDelta::seconds(59));
    assert!(load(&other, &symbol("ACME")).await.is_err(), "no process calls it");
    world.clock.forward(TimeDelta::seconds(1));
    load(&other, &symbol("ACME")).await.unwrap();
    world.clock.forward(TimeDelta::seconds(-1));
    assert!(load(&world.platform, &symbol("ACME")).await.is_ok(), "stored, and no call is needed");
}

#[tokio::test]
async fn a_failed_quote_does_not_block_the_bars() {
    let world = World::at(NOON);
    world.exchange.list("ACME", bars_through("2026-11-19", 30, 10.0));
    world.exchange.quote_at("ACME", Err(ProviderError::Unavailable { status: Some(500) }));
    let shown = look(&world, &world.platform, &["ACME".to_owned()]).await;
    assert_eq!(shown.unavailable[&symbol("ACME")], "price_unavailable");
    assert_eq!(load(&world.platform, &symbol("ACME")).await.unwrap().bars.len(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_symbol_that_was_not_requested_for_lack_of_time_is_requested_next() {
    let names: Vec<String> = (0..9).map(|number| format!("NEW{number}")).collect();
    for is_another_process in [false, true] {
        let world = World::at(NOON);
        for name in &names {
            world.exchange.quote_at(name, Ok(quote(name, "40", "2026-11-20", None)));
        }
        // Eight are requested concurrently, and then no time is left for the ninth.
        *world.exchange.takes.lock().unwrap() = Duration::from_millis(2_200);
        let platform = process(&world);
        let shown = look(&world, &platform, &names).await;
        assert_eq!((shown.quotes.len(), world.exchange.calls().len()), (8, 8));
        let next = if is_another_process { process(&world) } else { platform };
        assert_eq!(look(&world, &next, &names).await.quotes.len(), 9);
        assert_eq!(world.exchange.calls(), ["quote NEW8"]);
    }
}

#[tokio::test]
async fn a_symbol_whose_call_came_too_late_pauses_no_longer_than_necessary() {
    let world = World::at(NOON);
    let names: Vec<String> = (0..5).map(|number| format!("NEW{number}")).collect();
    for (at, name) in names.iter().enumerate() {
        let too_fast = ProviderError::RateLimited { retry_after: Duration::from_millis(1_500) };
        let answer = if at < 2 { Ok(quote(name, "40", "2026-11-20", None)) } else { Err(too_fast) };
        world.exchange.quote_at(name, answer);
    }
    assert_eq!(look(&world, &world.platform, &names).await.quotes.len(), 2);
    for name in &names {
        world.exchange.quote_at(name, Ok(quote(name, "40", "2026-11-20", None)));
    }
    world.exchange.calls();
    assert_eq!(look(&world, &world.platform, &names).await.quotes.len(), 2);
    assert!(world.exchange.calls().is_empty(), "not yet");
    world.clock.forward(TimeDelta::seconds(2));
    assert_eq!(look(&world, &world.platform, &names[..4]).await.quotes.len(), 4);
    assert_eq!(look(&world, &world.restarted(), &names).await.quotes.len(), 5);
}

#[tokio::test]
async fn a_function_without_a_provider_does_not_block_the_others() {
    let world = World::at(NOON);
    world.exchange.fail("ACME", ProviderError::NotGiven);
    let none = load(&world.platform, &symbol("ACME")).await;
    assert!(matches!(none, Err(ServiceError::Provider(ProviderError::NotGiven))), "{none:?}");
    assert!(look(&world, &world.platform, &["ACME".to_owned()]).await.quotes.is_empty());
    world.exchange.list("ACME", bars_through("2026-11-19", 30, 10.0));
    assert!(load(&world.restarted(), &symbol("ACME")).await.is_ok());
    assert_eq!(look(&world, &world.restarted(), &["ACME".to_owned()]).await.quotes.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_read_of_stored_bars_does_not_wait_for_a_call_in_progress() {
    let world = World::at(NOON);
    world.track("ACME", bars_through("2026-11-18", 30, 10.0)).await;
    world.clock.set("2026-11-20T23:30:00Z");
    world.exchange.hangs.store(true, Ordering::SeqCst);
    world.exchange.calls();
    let (platform, acme) = (process(&world), symbol("ACME"));
    let refresh = history::load(&platform, &acme, platform.budget_for(OnBehalfOf::Schedule));
    let readers = async {
        while world.exchange.calls().is_empty() {
            tokio::task::yield_now().await;
        }
        let started = Instant::now();
        assert_eq!(
            history::load_available(&platform, &acme, platform.budget_for(OnBehalfOf::Platform))
                .await
                .unwrap()
                .bars
                .len(),
            30
        );
        assert_eq!(look(&world, &platform, &["ACME".to_owned()]).await.quotes.len(), 1);
        assert!(watchlist::put(&platform, world.customer, &acme).await.unwrap().0.quote.is_some());
        started.elapsed()
    };
    let (refreshed, waited) = tokio::join!(refresh, readers);
    assert!(refreshed.unwrap().stale);
    assert!(waited <= Duration::from_millis(300), "{waited:?}");
}
