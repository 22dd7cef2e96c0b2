//! How many symbols that nobody looked at before one customer may have the provider asked for.

use std::time::Duration;

use chrono::TimeDelta;
use domain::CustomerId;
use market::ProviderError;
use services::quotes::board;
use services::{MAX_FIRST_LOOKS, ServiceError, forecasts, history, instruments, watchlist};

use super::super::exchange::{World, bars_through, quote, symbol};
use super::{NOON, look};

fn other() -> CustomerId {
    CustomerId(uuid::Uuid::from_u128(8))
}

fn invented(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("NONE{number}")).collect()
}

/// A world whose calls are counted.
fn counted(left: usize) -> World {
    let world = World::at(NOON);
    *world.exchange.left.lock().unwrap() = Some(left);
    world
}

/// Looks at invented symbols; gives how many of them are unknown, and of how many that was not to be had.
async fn look_at_invented(world: &World, customer: CustomerId, names: &[String]) -> (usize, usize) {
    let symbols: Vec<_> = names.iter().map(|name| symbol(name)).collect();
    let board = board(&world.app, customer, &symbols).await.unwrap();
    let of = |code: &str| board.unavailable.values().filter(|told| **told == code).count();
    (of("unknown_symbol"), of("price_unavailable"))
}

#[tokio::test]
async fn a_customer_who_makes_symbols_up_takes_ten_calls_a_day() {
    let world = counted(25);
    let names = invented(25);
    assert_eq!(look_at_invented(&world, world.customer, &names).await, (MAX_FIRST_LOOKS, 15));
    assert_eq!(world.exchange.calls().len(), 10);
    assert_eq!(look_at_invented(&world, world.customer, &names).await, (10, 15));
    assert!(world.exchange.calls().is_empty());
    assert_eq!(look_at_invented(&world, other(), &names[20..]).await.0, 5, "others have their own");
    world.clock.forward(TimeDelta::hours(23));
    assert_eq!(look_at_invented(&world, world.customer, &invented(40)[30..]).await, (0, 10));
    world.exchange.calls();
    world.clock.forward(TimeDelta::minutes(61));
    assert_eq!(look_at_invented(&world, world.customer, &invented(35)[30..]).await, (5, 0));
}

#[tokio::test]
async fn without_first_looks_left_no_use_case_takes_a_call_and_what_is_known_here_is_there() {
    let world = counted(25);
    world.follow("ACME", bars_through("2026-11-19", 100, 10.0)).await;
    look_at_invented(&world, world.customer, &invented(10)).await;
    world.exchange.calls();
    let (app, customer, new) = (&world.app, world.customer, &symbol("NEW"));
    world.exchange.list("NEW", bars_through("2026-11-19", 100, 10.0));
    let order = |symbol| forecasts::Order { symbol, horizon: 5, model: forecasts::Model::Naive, as_of: None };
    let refusals = [
        history::load_for(app, customer, new).await.err(),
        forecasts::make(app, customer, &order(new.clone())).await.err(),
        forecasts::record(app, customer, new, 10, None).await.err(),
        instruments::look_up(app, customer, new).await.err(),
        instruments::known(app, customer, new).await.err(),
        instruments::prices(app, customer, new).await.err(),
        watchlist::put(app, customer, new).await.err(),
    ];
    for (at, refused) in refusals.iter().enumerate() {
        let is_limit = |error| matches!(error, &ServiceError::TooManyFirstLooks { retry_after_seconds: 86_400 });
        assert!(refused.as_ref().is_some_and(is_limit), "{at}: {refused:?}");
    }
    assert!(world.exchange.calls().is_empty());

    // Bars that are stored are brought up to date, and what somebody else follows is no first look.
    world.clock.set("2026-11-20T23:30:00Z");
    world.exchange.list("ACME", bars_through("2026-11-20", 101, 10.0));
    assert_eq!(history::load_for(app, customer, &symbol("ACME")).await.unwrap().bars.len(), 101);
    history::load_for(app, other(), new).await.unwrap();
    assert!(watchlist::put(app, customer, new).await.is_ok());
}

#[tokio::test]
async fn a_look_for_which_no_call_was_made_does_not_count() {
    let world = counted(25);
    let names = invented(12);
    for name in &names {
        let too_fast = ProviderError::RateLimited { retry_after: Duration::from_millis(1_500) };
        world.exchange.quote_at(name, Err(too_fast));
    }
    assert_eq!(look_at_invented(&world, world.customer, &names).await, (0, 12));
    world.clock.forward(TimeDelta::seconds(2));
    for name in &names {
        world.exchange.quote_at(name, Ok(quote(name, "40", "2026-11-20", None)));
    }
    *world.exchange.left.lock().unwrap() = Some(25);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(look(&world, &world.app, &names).await.quotes.len(), 10);
}

#[tokio::test]
async fn where_nobody_counts_calls_there_is_no_limit() {
    let world = World::at(NOON);
    assert_eq!(look_at_invented(&world, world.customer, &invented(25)).await, (25, 0));
}
