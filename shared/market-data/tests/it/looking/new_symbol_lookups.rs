//! New-symbol lookups: how many new symbols a customer may have requested from the provider.

use std::sync::atomic::Ordering;
use std::time::Duration;

use app::ServiceError;
use app::listing::PageRequest;
use books::holdings;
use books::investments::{self, InvestmentFilter, Purchase};
use books::portfolios::NewPortfolio;
use chrono::TimeDelta;
use domain::portfolio::PortfolioType;
use domain::{CustomerId, Instrument, InstrumentType, Quantity};
use market::ProviderError;
use market::call_limits::NEW_SYMBOL_LOOKUPS;
use market_data::quotes::load_batch;
use market_data::{history, instruments, prices};
use notifications::watchlist;
use refresh::refresh;
use research::forecasts::{self, ForecastFilter};
use rust_decimal::Decimal;
use store::{documents, keys};
use testing::exchange::{World, bars_through, day, price, quote, symbol};
use testing::people::{open_portfolio, opening};

use super::{NOON, look};

fn other() -> CustomerId {
    CustomerId(uuid::Uuid::from_u128(8))
}

fn invented(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("NONE{number}")).collect()
}

/// A world with this many calls left, of which the next refresh needs that many.
async fn counted(left: usize, tracked: usize) -> World {
    let world = World::at(NOON);
    for number in 0..tracked {
        world.track(&format!("S{number}"), bars_through("2026-11-19", 30, 10.0)).await;
    }
    refresh(&world.platform, world.clock.now(), Duration::from_mins(1)).await.unwrap();
    world.exchange.calls();
    *world.exchange.left.lock().unwrap() = Some(left);
    world
}

/// Looks up invented symbols; returns how many of them are unknown, and how many could not be looked up.
async fn look_at_invented(world: &World, customer: CustomerId, names: &[String]) -> (usize, usize) {
    let symbols: Vec<_> = names.iter().map(|name| symbol(name)).collect();
    let batch = load_batch(&world.platform, customer, &symbols, world.platform.budget_for(customer)).await.unwrap();
    let of = |code: &str| batch.unavailable.values().filter(|reason| **reason == code).count();
    (of("unknown_symbol"), of("price_unavailable"))
}

#[tokio::test]
async fn a_customer_who_invents_symbols_takes_at_most_ten_calls_a_day() {
    let world = counted(25, 20).await;
    let names = invented(25);
    assert_eq!(look_at_invented(&world, world.customer, &names).await, (NEW_SYMBOL_LOOKUPS, 15));
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
async fn without_lookups_left_no_use_case_takes_a_call_and_known_symbols_work() {
    let world = counted(25, 20).await;
    world.track("ACME", bars_through("2026-11-19", 100, 10.0)).await;
    look_at_invented(&world, world.customer, &invented(10)).await;
    world.exchange.calls();
    let (platform, customer, new) = (&world.platform, world.customer, &symbol("NEW"));
    world.exchange.list("NEW", bars_through("2026-11-19", 100, 10.0));
    let order = |symbol| forecasts::ForecastRequest { symbol, horizon: 5, model: forecasts::Model::Naive, as_of: None };
    let refusals = [
        history::load(platform, new, platform.budget_for(customer)).await.err(),
        forecasts::make(platform, customer, &order(new.clone())).await.err(),
        forecasts::list(platform, customer, new, ForecastFilter::default(), &PageRequest::newest(10)).await.err(),
        instruments::look_up(platform, customer, new, platform.budget_for(customer)).await.err(),
        instruments::load(platform, customer, new, platform.budget_for(customer)).await.err(),
        prices::load(platform, customer, new, platform.budget_for(customer)).await.err(),
        watchlist::put(platform, customer, new).await.err(),
    ];
    for (at, refused) in refusals.iter().enumerate() {
        let is_limit = |error| matches!(error, &ServiceError::TooManyNewSymbols { retry_after_seconds: 86_400 });
        assert!(refused.as_ref().is_some_and(is_limit), "{at}: {refused:?}");
    }
    assert!(world.exchange.calls().is_empty());

    // Stored bars are updated, and a symbol that another customer tracks is not a new-symbol lookup.
    world.clock.set("2026-11-20T23:30:00Z");
    world.exchange.list("ACME", bars_through("2026-11-20", 101, 10.0));
    assert_eq!(history::load(platform, &symbol("ACME"), platform.budget_for(customer)).await.unwrap().bars.len(), 101);
    history::load(platform, new, platform.budget_for(other())).await.unwrap();
    assert!(watchlist::put(platform, customer, new).await.is_ok());
}

#[tokio::test]
async fn a_lookup_without_a_call_does_not_count() {
    let world = counted(25, 20).await;
    let names = invented(12);
    let too_fast = ProviderError::RateLimited { retry_after: Duration::from_millis(1_500) };
    *world.exchange.refuses.lock().unwrap() = Some(too_fast);
    assert_eq!(look_at_invented(&world, world.customer, &names).await, (0, 12));
    assert!(world.exchange.calls().is_empty());
    *world.exchange.refuses.lock().unwrap() = None;
    world.clock.forward(TimeDelta::seconds(2));
    for name in &names {
        world.exchange.quote_at(name, Ok(quote(name, "40", "2026-11-20", None)));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(look(&world, &world.platform, &names).await.quotes.len(), 10);
}

#[tokio::test]
async fn a_call_that_a_source_refuses_counts_as_a_lookup() {
    let world = counted(25, 20).await;
    let names = invented(12);
    for name in &names {
        world.exchange.quote_at(name, Err(ProviderError::RateLimited { retry_after: Duration::from_millis(1_500) }));
    }
    assert_eq!(look_at_invented(&world, world.customer, &names).await, (0, 12));
    assert_eq!(world.exchange.calls().len(), 10);
}

#[tokio::test]
async fn a_registered_symbol_without_prices_is_new() {
    let world = counted(25, 20).await;
    let names = invented(25);
    let symbols: Vec<_> = names.iter().map(|name| symbol(name)).collect();
    for symbol in &symbols {
        let listed = keys::registered_symbol(symbol);
        documents::put(world.platform.app.table(), listed, symbol, None).await.unwrap();
    }
    assert_eq!(look_at_invented(&world, world.customer, &names).await, (10, 15));
    assert_eq!(world.exchange.calls().len(), 10);
}

#[tokio::test]
async fn more_than_ten_lookups_are_allowed_while_the_next_refresh_has_its_calls() {
    let world = counted(25, 8).await;
    assert_eq!(look_at_invented(&world, world.customer, &invented(12)).await, (12, 0), "13 are left");
    world.clock.forward(TimeDelta::minutes(1));
    assert_eq!(look_at_invented(&world, world.customer, &invented(14)[12..]).await, (0, 2));
    let yahoo = counted(2_000, 20).await;
    assert_eq!(look_at_invented(&yahoo, yahoo.customer, &invented(90)).await, (90, 0));
}

#[tokio::test]
async fn on_a_plan_by_the_minute_a_customer_who_invents_symbols_leaves_calls_to_others_and_waits_for_a_minute() {
    let world = counted(18, 200).await;
    *world.exchange.a_minute.lock().unwrap() = Some(75);
    // Ten lookups, and three more of the calls that are left over: five of a minute are reserved.
    let mut unknown = 0;
    for name in invented(20) {
        unknown += look_at_invented(&world, world.customer, &[name]).await.0;
    }
    assert_eq!(unknown, 13);
    assert_eq!(look_at_invented(&world, other(), &invented(22)[20..]).await, (2, 0), "others have their own");
    *world.exchange.left.lock().unwrap() = Some(5);
    let batch = look_at_invented(&world, world.customer, &invented(30)[25..]).await;
    assert_eq!(batch, (0, 5));
    world.clock.forward(TimeDelta::seconds(60));
    assert_eq!(look_at_invented(&world, world.customer, &invented(30)[25..]).await, (5, 0));
    // The name of a new symbol is requested with its bars, as the refresh of no day depends on that call.
    world.exchange.names_cost.store(true, Ordering::SeqCst);
    *world.exchange.left.lock().unwrap() = Some(70);
    world.exchange.calls();
    world.exchange.list("NEW", bars_through("2026-11-19", 100, 10.0));
    let (platform, customer) = (&world.platform, world.customer);
    instruments::load(platform, customer, &symbol("NEW"), platform.budget_for(customer)).await.unwrap();
    assert_eq!(world.exchange.calls(), ["bars NEW", "name NEW"]);
}

#[tokio::test]
async fn a_new_symbol_lookup_takes_one_call_and_its_name_no_needed_one() {
    let world = counted(25, 20).await;
    world.exchange.names_cost.store(true, Ordering::SeqCst);
    let (platform, customer, new) = (&world.platform, world.customer, &symbol("NEW"));
    world.exchange.list("NEW", bars_through("2026-11-19", 100, 10.0));
    let first = instruments::load(platform, customer, new, platform.budget_for(customer)).await.unwrap();
    assert_eq!((first.name.as_str(), world.exchange.calls()), ("NEW", vec!["bars NEW".to_owned()]));
    *world.exchange.left.lock().unwrap() = Some(10);
    assert_eq!(instruments::load(platform, customer, new, platform.budget_for(customer)).await.unwrap(), first);
    assert!(world.exchange.calls().is_empty());
    *world.exchange.left.lock().unwrap() = Some(11);
    let named = instruments::load(platform, customer, new, platform.budget_for(customer)).await.unwrap();
    assert_eq!((named.name.as_str(), world.exchange.calls()), ("NEW Incorporated", vec!["name NEW".to_owned()]));
    // With many calls left the name is requested with the bars.
    *world.exchange.left.lock().unwrap() = Some(2_000);
    world.exchange.list("NEXT", bars_through("2026-11-19", 100, 10.0));
    instruments::load(platform, customer, &symbol("NEXT"), platform.budget_for(customer)).await.unwrap();
    assert_eq!(world.exchange.calls(), ["bars NEXT", "name NEXT"]);
}

#[tokio::test]
async fn new_currency_pairs_are_new_symbol_lookups_of_their_holder() {
    let world = counted(25, 20).await;
    look_at_invented(&world, world.customer, &invented(9)).await;
    world.exchange.calls();
    let abroad = NewPortfolio { base_currency: "CHF".parse().unwrap(), ..opening(PortfolioType::Brokerage) };
    let id = open_portfolio(&world.platform.app, world.customer, abroad).await;
    let purchase = Purchase {
        ticker_symbol: symbol("S0"),
        quantity: Quantity::parse("1").unwrap(),
        purchase_price: price("10"),
        purchase_date: day("2026-11-02"),
        fee: Decimal::ZERO,
        currency: None,
    };
    investments::record(&world.platform, world.customer, id, &purchase, None).await.unwrap();
    world.exchange.calls();
    for calls in [vec!["bars USDCHF=X".to_owned()], Vec::new()] {
        let held = holdings::compute(&world.platform, world.customer, id).await.unwrap();
        assert_eq!(held.value, Decimal::ZERO);
        assert_eq!(world.exchange.calls(), calls, "the pair the other way round is the eleventh");
    }
}

#[tokio::test]
async fn without_a_count_of_calls_lookups_are_not_limited() {
    let world = World::at(NOON);
    assert_eq!(look_at_invented(&world, world.customer, &invented(25)).await, (25, 0));
}

#[tokio::test]
async fn the_type_of_a_lot_recorded_with_a_new_symbol_lookup_is_shown_once_known() {
    let world = counted(25, 0).await;
    let portfolio = open_portfolio(&world.platform.app, world.customer, opening(PortfolioType::Brokerage)).await;
    let mut kinds = Vec::new();
    for name in ["FUND", "BTC-USD"] {
        world.exchange.list(name, bars_through("2026-11-19", 30, 10.0));
        let purchase = Purchase {
            ticker_symbol: symbol(name),
            quantity: Quantity::parse("1").unwrap(),
            purchase_price: price("9"),
            purchase_date: day("2026-11-02"),
            fee: Decimal::ZERO,
            currency: None,
        };
        let made = investments::record(&world.platform, world.customer, portfolio, &purchase, None).await.unwrap();
        kinds.push(made.value.instrument_type);
    }
    assert_eq!(
        kinds,
        [InstrumentType::Stock, InstrumentType::Crypto],
        "the form of a coin's symbol says that it is one"
    );
    let fund = Instrument {
        instrument_type: InstrumentType::Etf,
        name: "A fund".to_owned(),
        ..Instrument::unlisted(symbol("FUND"))
    };
    documents::put_first(&*world.table, &keys::instrument(&symbol("FUND")), fund).await.unwrap();
    let (filter, page) = (InvestmentFilter::default(), PageRequest::newest(10));
    let listed = investments::list(&world.platform, world.customer, portfolio, &filter, &page).await.unwrap().items;
    let kinds: Vec<_> = listed.iter().map(|lot| lot.instrument_type).collect();
    assert_eq!(kinds, [InstrumentType::Crypto, InstrumentType::Etf]);
}
