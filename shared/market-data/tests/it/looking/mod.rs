//! Last prices of many symbols, viewed instruments, and searches: what they return and which calls they make.

mod abroad;
mod new_symbol_lookups;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use app::ServiceError;
use chrono::TimeDelta;
use domain::{Currency, Instrument};
use futures::future::join_all;
use market::{ProviderError, Quote, Sample};
use market_data::instruments::{self, InstrumentFilter};
use market_data::quote_store::{self, Origin};
use market_data::quotes::{QuoteBatch, QuoteWithAge, load_batch};
use market_data::{MarketData, custom_instruments};
use testing::exchange::{World, bars_through, day, price, quote, symbol};

use super::quotes::{NOON, record};

async fn look(world: &World, platform: &MarketData, symbols: &[&str]) -> QuoteBatch {
    let symbols: Vec<_> = symbols.iter().map(|name| symbol(name)).collect();
    load_batch(platform, world.customer, &symbols, platform.budget_for(world.customer)).await.unwrap()
}

/// Symbol, price, whether stale, of each quote of a batch.
fn lines(batch: &QuoteBatch) -> Vec<String> {
    let line = |item: &QuoteWithAge| {
        format!("{} {}{}", item.quote.symbol, item.quote.price, if item.stale { " stale" } else { "" })
    };
    batch.quotes.iter().map(line).collect()
}

#[tokio::test]
async fn a_batch_returns_stored_quotes_and_requests_missing_ones_once() {
    let world = World::at(NOON);
    world.track("BARS", bars_through("2026-11-19", 30, 10.0)).await;
    world.track("BOTH", bars_through("2026-11-19", 30, 20.0)).await;
    record(&world.platform, &quote("BOTH", "21", "2026-11-20", None)).await.unwrap();
    world.track("OLD", bars_through("2026-11-19", 30, 30.0)).await;
    record(&world.platform, &quote("OLD", "29", "2026-11-18", None)).await.unwrap();
    world.exchange.quote_at("NEW", Ok(quote("NEW", "40", "2026-11-20", None)));
    world.exchange.fail("DOWN", ProviderError::Unavailable { status: Some(500) });
    world.exchange.calls();
    let batch = look(&world, &world.platform, &["NEW", "NONE", "OLD", "DOWN", "BOTH", "BARS"]).await;
    assert_eq!(lines(&batch), ["NEW 40", "OLD 30", "BOTH 21", "BARS 10"]);
    let unavailable: Vec<_> = batch.unavailable.iter().map(|(symbol, code)| format!("{symbol} {code}")).collect();
    assert_eq!(unavailable, ["DOWN price_unavailable", "NONE unknown_symbol"]);
    let mut calls = world.exchange.calls();
    calls.sort();
    assert_eq!(calls, ["quote DOWN", "quote NEW", "quote NONE"]);
    assert_eq!(batch.quotes[1].quote.seq, 1, "continues the numbers of the quotes");
    assert_eq!((batch.quotes[0].age_seconds, batch.quotes[3].age_seconds), (0, 20 * 3600));

    world.exchange.calls();
    look(&world, &world.platform, &["NEW", "NONE", "OLD", "DOWN", "BOTH", "BARS"]).await;
    assert!(world.exchange.calls().is_empty(), "stored, unknown for a day, and not requested for a minute");
    world.clock.forward(TimeDelta::minutes(31));
    assert_eq!(lines(&look(&world, &world.platform, &["NEW"]).await), ["NEW 40 stale"]);
}

#[tokio::test(start_paused = true)]
async fn a_first_quote_without_a_previous_close_makes_no_request_wait() {
    let world = World::at(NOON);
    world.exchange.quote_at("NEW", Ok(quote("NEW", "40", "2026-11-20", None)));
    let started = tokio::time::Instant::now();
    assert_eq!(lines(&look(&world, &world.platform, &["NEW"]).await), ["NEW 40"]);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_thousand_readers_of_one_new_quote_make_one_call() {
    let world = World::at(NOON);
    world.exchange.quote_at("NEW", Ok(quote("NEW", "40", "2026-11-20", None)));
    let batches = join_all((0..1_000).map(|_| look(&world, &world.platform, &["NEW"]))).await;
    assert!(batches.iter().all(|batch| lines(batch) == ["NEW 40"]));
    assert_eq!(world.exchange.calls(), ["quote NEW"]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_a_hundred_symbols_waits_no_longer_than_one_request() {
    let world = World::at(NOON);
    world.exchange.hangs.store(true, Ordering::SeqCst);
    let names: Vec<String> = (0..100).map(|number| format!("S{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let started = tokio::time::Instant::now();
    let batch = look(&world, &world.platform, &names).await;
    assert!(started.elapsed() <= Duration::from_millis(2_600), "{:?}", started.elapsed());
    assert_eq!((batch.quotes.len(), batch.unavailable.len()), (0, 100));
    assert!(world.exchange.calls().len() <= 100, "at most one call per symbol");
}

#[tokio::test]
async fn with_files_the_last_bar_is_the_quote_and_ages_by_the_clock_of_the_files() {
    let world = World::at(NOON);
    let platform = world.on(world.table.clone(), Arc::new(Sample::new()));
    let batch = look(&world, &platform, &["AAPL", "NONE"]).await;
    let shown = &batch.quotes[0];
    assert_eq!(lines(&batch), ["AAPL 430.47"]);
    assert_eq!(
        (shown.quote.previous_close.map(|close| close.to_string()), shown.age_seconds),
        (Some("441.4".to_owned()), 0)
    );
    assert_eq!((shown.quote.source.as_str(), shown.quote.seq), ("sample", 0));
    assert_eq!(batch.unavailable[&symbol("NONE")], "unknown_symbol");
    // A quote of a finished replay is not used.
    let old = Quote { source: "sample", ..quote("AAPL", "1", "2004-01-02", None) };
    quote_store::record(&platform, &old, Origin::Replay).await.unwrap();
    assert_eq!(lines(&look(&world, &platform, &["AAPL"]).await), ["AAPL 430.47"]);
}

#[tokio::test]
async fn a_custom_instrument_is_visible_to_its_owner_only_and_never_stale() {
    let world = World::at(NOON);
    let item = custom_instruments::NewCustomInstrument {
        symbol: symbol("MY:HOUSE"),
        name: "The house".to_owned(),
        currency: Currency::USD,
        instrument_type: domain::InstrumentType::Item,
    };
    custom_instruments::create(&world.platform.app, world.customer, &item, None).await.unwrap();
    let valuation = custom_instruments::Valuation { date: day("2020-01-01"), price: price("250000") };
    custom_instruments::value(&world.platform.app, world.customer, &item.symbol, &[valuation]).await.unwrap();
    assert_eq!(lines(&look(&world, &world.platform, &["MY:HOUSE"]).await), ["MY:HOUSE 250000"]);
    let other = domain::CustomerId(uuid::Uuid::from_u128(8));
    let foreign =
        load_batch(&world.platform, other, &[symbol("MY:HOUSE")], world.platform.budget_for(other)).await.unwrap();
    assert_eq!(foreign.unavailable[&symbol("MY:HOUSE")], "unknown_symbol");
    assert!(world.exchange.calls().is_empty());
}

fn named(name: &str, title: &str) -> Instrument {
    Instrument { name: title.to_owned(), ..Instrument::unlisted(symbol(name)) }
}

#[tokio::test]
async fn a_viewed_ticker_is_validated_by_search_or_quote_and_remembered_if_unknown() {
    let world = World::at(NOON);
    *world.exchange.found.lock().unwrap() = Ok(vec![named("ACME", "Acme Anvils")]);
    let known = instruments::look_up(
        &world.platform,
        world.customer,
        &symbol("ACME"),
        world.platform.budget_for(world.customer),
    )
    .await
    .unwrap();
    assert_eq!((known.name.as_str(), world.exchange.calls()), ("Acme Anvils", vec!["search acme".to_owned()]));
    instruments::look_up(&world.platform, world.customer, &symbol("ACME"), world.platform.budget_for(world.customer))
        .await
        .unwrap();
    assert!(world.exchange.calls().is_empty(), "the result of a search is used for a day");

    *world.exchange.found.lock().unwrap() = Ok(Vec::new());
    world.exchange.quote_at("EURUSD=X", Ok(quote("EURUSD=X", "1.1", "2026-11-20", None)));
    instruments::look_up(
        &world.platform,
        world.customer,
        &symbol("EURUSD=X"),
        world.platform.budget_for(world.customer),
    )
    .await
    .unwrap();
    assert_eq!(world.exchange.calls(), ["search eurusd=x", "quote EURUSD=X"]);

    for _ in 0..3 {
        let unknown = instruments::look_up(
            &world.platform,
            world.customer,
            &symbol("NONE"),
            world.platform.budget_for(world.customer),
        )
        .await;
        assert!(matches!(unknown, Err(ServiceError::UnknownSymbol { .. })));
        world.clock.forward(TimeDelta::hours(7));
    }
    assert_eq!(world.exchange.calls(), ["search none", "quote NONE"]);
    world.clock.forward(TimeDelta::hours(24));
    let _unknown = instruments::look_up(
        &world.platform,
        world.customer,
        &symbol("NONE"),
        world.platform.budget_for(world.customer),
    )
    .await;
    assert_eq!(world.exchange.calls(), ["search none", "quote NONE"], "requested again after a day");
    assert_eq!(refresh::refresh(&world.platform, world.clock.now(), Duration::from_mins(1)).await.unwrap().current, 0);
}

#[tokio::test(start_paused = true)]
async fn a_second_call_gets_the_time_that_the_first_has_left() {
    let world = World::at(NOON);
    *world.exchange.takes.lock().unwrap() = Duration::from_secs(1);
    world.exchange.quote_at("NEW", Ok(quote("NEW", "40", "2026-11-20", None)));
    instruments::look_up(&world.platform, world.customer, &symbol("NEW"), world.platform.budget_for(world.customer))
        .await
        .unwrap();
    assert_eq!(world.exchange.calls(), ["search new", "quote NEW"]);
    let given = world.exchange.given.lock().unwrap().clone();
    assert_eq!(given[0], Duration::from_secs(2));
    assert!(given[1] <= Duration::from_millis(1_500), "{given:?}");
}

#[tokio::test]
async fn a_search_finds_stored_and_provider_instruments_and_works_without_a_provider() {
    let world = World::at(NOON);
    world.track("ACME", bars_through("2026-11-19", 30, 10.0)).await;
    world.exchange.calls();
    *world.exchange.found.lock().unwrap() = Ok(vec![named("ACMX", "Acme Fund")]);
    let find = async |part: Option<&str>| {
        let (filter, budget) = (InstrumentFilter { part, kind: None }, world.platform.budget_for(world.customer));
        let found = instruments::search(&world.platform, world.customer, &filter, 50, budget).await.unwrap();
        found.into_iter().map(|instrument| instrument.symbol.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(find(Some("acme")).await, ["ACME", "ACMX"]);
    assert_eq!(find(None).await, ["ACME"], "the whole list has the stored instruments");
    assert_eq!(world.exchange.calls(), ["search acme"]);
    *world.exchange.found.lock().unwrap() = Err(ProviderError::TimedOut);
    assert_eq!(find(Some("incorporated")).await, ["ACME"], "found by its stored name");
    *world.exchange.source.lock().unwrap() = "alpha_vantage";
    assert_eq!(find(Some("gold")).await, ["XAU=G", "XAU=KG", "XAU=OZT"], "gold needs no answer of a source");
    *world.exchange.found.lock().unwrap() = Ok(vec![named("GOLD", "Barrick Gold")]);
    assert_eq!(
        find(Some("gold")).await,
        ["GOLD", "XAU=G", "XAU=KG", "XAU=OZT"],
        "requested again, because it had failed"
    );
    *world.exchange.source.lock().unwrap() = "exchange";
    *world.exchange.left.lock().unwrap() = Some(10);
    world.exchange.calls();
    assert_eq!(find(Some("ac")).await, ["ACME"]);
    assert!(world.exchange.calls().is_empty(), "searches reserve the last calls for prices");
}
