//! The watchlist.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use app::ServiceError;
use chrono::TimeDelta;
use domain::{Bars, Currency, CustomerId};
use futures::future::join_all;
use market_data::{custom_instruments, quotes};
use notifications::watchlist::{self, MAX_WATCHED};
use store::{documents, keys};
use testing::exchange::{Exchange, bars_through};
use testing::portfolios::stock;
use testing::{TestBed, load};
use uuid::Uuid;

use crate::alerts::world::{World, bar, day, price, symbol};

const ADA: CustomerId = CustomerId(Uuid::from_u128(7));

#[tokio::test]
async fn adding_a_symbol_twice_adds_it_once() {
    let world = World::new();
    let (first, is_new) = watchlist::put(&world.platform, ADA, &symbol("IBM")).await.unwrap();
    assert!(is_new);
    world.clock.forward(TimeDelta::hours(1));
    let (again, is_new) = watchlist::put(&world.platform, ADA, &symbol("IBM")).await.unwrap();
    assert_eq!((again.added_at, is_new), (first.added_at, false));
    let concurrent = join_all((0..10).map(|_| {
        let platform = world.platform.clone();
        async move { watchlist::put(&platform, ADA, &symbol("AAPL")).await.unwrap().1 }
    }))
    .await;
    assert_eq!(concurrent.into_iter().filter(|is_new| *is_new).count(), 1);
    assert_eq!(watchlist::list(&world.platform, ADA).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_list_has_the_newest_entry_first_and_each_price() {
    let world = World::new();
    let house = symbol("MY:HOUSE");
    let instrument = custom_instruments::NewCustomInstrument {
        symbol: house.clone(),
        name: "House".to_owned(),
        currency: Currency::USD,
        instrument_type: domain::InstrumentType::Item,
    };
    custom_instruments::create(&world.platform.app, ADA, &instrument, None).await.unwrap();
    for name in ["MSFT", "MY:HOUSE", "AAPL"] {
        watchlist::put(&world.platform, ADA, &symbol(name)).await.unwrap();
        world.clock.forward(TimeDelta::seconds(1));
    }
    let listed = watchlist::list(&world.platform, ADA).await.unwrap();
    let names: Vec<_> = listed.iter().map(|watched| watched.symbol.as_str()).collect();
    assert_eq!(names, ["AAPL", "MY:HOUSE", "MSFT"]);
    let quote = &listed[0].quote.as_ref().unwrap().quote;
    assert_eq!((quote.price, quote.previous_close, quote.day), (price("10"), Some(price("11")), day("2026-11-19")));
    assert!(listed[1].quote.is_none(), "the house has no valuation yet");
    let valuation = custom_instruments::Valuation { date: day("2026-11-01"), price: price("250000") };
    custom_instruments::value(&world.platform.app, ADA, &house, &[valuation]).await.unwrap();
    let house = watchlist::find(&world.platform, ADA, &house).await.unwrap().quote.unwrap();
    assert_eq!((house.quote.price, house.stale), (price("250000"), false));
}

#[tokio::test]
async fn a_missing_entry_is_not_found_and_an_unknown_symbol_is_refused() {
    let world = World::new();
    let missing = |error: ServiceError| matches!(error, ServiceError::NotFound { what: "watched symbol" });
    assert!(missing(watchlist::find(&world.platform, ADA, &symbol("IBM")).await.unwrap_err()));
    assert!(missing(watchlist::remove(&world.platform.app, ADA, &symbol("IBM")).await.unwrap_err()));
    for name in ["NOPE", "MY:NOPE"] {
        let refused = watchlist::put(&world.platform, ADA, &symbol(name)).await.unwrap_err();
        assert!(matches!(refused, ServiceError::UnknownSymbol { .. }), "{name}: {refused}");
    }
    watchlist::put(&world.platform, ADA, &symbol("IBM")).await.unwrap();
    let other = CustomerId(Uuid::from_u128(8));
    assert!(missing(watchlist::remove(&world.platform.app, other, &symbol("IBM")).await.unwrap_err()));
    watchlist::remove(&world.platform.app, ADA, &symbol("IBM")).await.unwrap();
    assert!(watchlist::list(&world.platform, ADA).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_customer_watches_at_most_two_hundred_symbols() {
    let world = World::new();
    let name = |number: usize| format!("S{number}");
    for number in 0..=MAX_WATCHED {
        let bars = Bars::from_rows([bar(day("2026-11-19"), 10.0)]).unwrap();
        world.market.list(stock(&name(number), "USD", None), bars);
    }
    for number in 0..MAX_WATCHED {
        watchlist::put(&world.platform, ADA, &symbol(&name(number))).await.unwrap();
    }
    let last = symbol(&name(MAX_WATCHED));
    let refused = watchlist::put(&world.platform, ADA, &last).await.unwrap_err();
    assert!(matches!(refused, ServiceError::LimitReached { limit: MAX_WATCHED, .. }), "{refused}");
    watchlist::put(&world.platform, ADA, &symbol(&name(0))).await.unwrap();
    watchlist::remove(&world.platform.app, ADA, &symbol(&name(0))).await.unwrap();
    watchlist::put(&world.platform, ADA, &last).await.unwrap();
    let listed = watchlist::list(&world.platform, ADA).await.unwrap();
    assert!(listed.len() == MAX_WATCHED && listed.iter().all(|watched| watched.quote.is_some()));
}

#[tokio::test]
async fn a_list_makes_no_provider_call_even_if_nothing_is_stored() {
    let (test_bed, provider) = (TestBed::at("2026-11-20T15:00:00Z"), Arc::new(Exchange::default()));
    provider.names_cost.store(true, Ordering::SeqCst);
    for name in ["AAPL", "IBM"] {
        provider.list(name, bars_through("2026-11-19", 2, 10.0));
    }
    let table = Arc::new(test_bed.table());
    let platform = test_bed.platform(table.clone(), provider.clone());
    watchlist::put(&platform, ADA, &symbol("AAPL")).await.unwrap();
    // Watched although nothing else is stored of it, as after a change of the provider.
    let entry = watchlist::WatchlistEntry { symbol: symbol("IBM"), added_at: test_bed.clock.now() };
    documents::put_new(&*table, keys::watch(ADA, &entry.symbol), &entry, None).await.unwrap();
    load(&platform, &symbol("AAPL")).await.unwrap();
    assert!(!provider.calls().is_empty());
    test_bed.clock.forward(TimeDelta::days(3));
    let listed = watchlist::list(&platform, ADA).await.unwrap();
    assert!(provider.calls().is_empty());
    let priced: Vec<_> = listed.iter().map(|watched| (watched.symbol.as_str(), watched.quote.is_some())).collect();
    assert_eq!(priced, [("AAPL", true), ("IBM", false)]);
    assert!(listed[0].quote.as_ref().unwrap().stale);
}

#[tokio::test]
async fn a_list_ignores_prices_of_a_source_that_is_no_longer_configured_without_a_call() {
    let (test_bed, provider) = (TestBed::at("2026-11-20T15:00:00Z"), Arc::new(Exchange::default()));
    provider.list("AAPL", bars_through("2026-11-19", 2, 10.0));
    provider.list("IBM", bars_through("2026-11-19", 2, 10.0));
    let platform = test_bed.platform(Arc::new(test_bed.table()), provider.clone());
    for name in ["AAPL", "IBM"] {
        watchlist::put(&platform, ADA, &symbol(name)).await.unwrap();
    }
    // A stored quote and no bars of AAPL, stored bars and no quote of IBM.
    quotes::load_batch(&platform, ADA, &[symbol("AAPL")], platform.budget_for(ADA)).await.unwrap();
    load(&platform, &symbol("IBM")).await.unwrap();
    let priced = async || {
        let listed = watchlist::list(&platform, ADA).await.unwrap();
        listed.into_iter().filter(|watched| watched.quote.is_some()).count()
    };
    assert_eq!(priced().await, 2);
    provider.calls();
    *provider.source.lock().unwrap() = "another exchange";
    assert_eq!(priced().await, 0);
    assert_eq!(provider.calls(), Vec::<String>::new());
}
