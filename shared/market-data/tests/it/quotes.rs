//! Quotes: which one is stored, at which price a trade is executed, what responses show, and which calls it takes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use app::{Created, ServiceError};
use books::holdings::HoldingsRequest;
use books::overview::OverviewRequest;
use books::trades::{self, RequestSize, Side, Trade, TradeRequest};
use books::wallets::{self, Transfer};
use books::{holdings, overview, performance};
use chrono::TimeDelta;
use domain::portfolio::PortfolioType;
use domain::{Bar, Bars, Currency, Money, PortfolioId, Quantity, SplitRatio};
use futures::future::join_all;
use market::{ProviderError, Quote};
use market_data::quote_record::LastQuote;
use market_data::quote_store::{self, Origin};
use market_data::quotes::{self, load_tradable};
use market_data::{MarketData, instruments};
use rust_decimal::Decimal;
use store::fault::{Fault, Faulty, Plan};
use store_sqlite::SqliteTable;
use testing::exchange::{World, bar, bars_through, day, price, quote, symbol, time};
use testing::load;
use testing::people::{open_portfolio, opening};

/// Friday noon in New York.
pub const NOON: &str = "2026-11-20T17:00:00Z";

pub async fn record(platform: &MarketData, quote: &Quote) -> Option<LastQuote> {
    quote_store::record(platform, quote, Origin::Market).await.unwrap()
}

async fn standing(platform: &MarketData, name: &str) -> LastQuote {
    quote_store::read(&platform.app, &symbol(name)).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_stored_quote_is_replaced_by_a_newer_one_only() {
    // (price, day, as of, whether it replaces the stored one)
    let cases = [
        ("10", "2026-11-19", Some("2026-11-19T15:00:00Z"), true),
        ("11", "2026-11-18", Some("2026-11-19T16:00:00Z"), false),
        ("11", "2026-11-19", Some("2026-11-19T14:59:59Z"), false),
        ("10", "2026-11-19", Some("2026-11-19T15:00:00Z"), false),
        ("10", "2026-11-19", Some("2026-11-19T15:00:01Z"), true),
        ("10.01", "2026-11-19", Some("2026-11-19T15:00:01Z"), true),
        ("12", "2026-11-20", Some("2026-11-20T15:00:00Z"), true),
        ("12", "2026-11-19", None, false),
        ("13", "2026-11-20", None, true),
    ];
    let world = World::at(NOON);
    let mut seq = 0;
    for (text, of, as_of, newer) in cases {
        world.clock.forward(TimeDelta::seconds(1));
        let stored = record(&world.platform, &quote("ACME", text, of, as_of)).await;
        assert_eq!(stored.is_some(), newer, "{text} {of} {as_of:?}");
        seq += u64::from(newer);
        let stands = standing(&world.platform, "ACME").await;
        assert_eq!(stands.seq, seq);
        assert!(stored.is_none_or(|stored| stored == stands));
    }
}

#[tokio::test]
async fn a_quote_without_a_time_is_from_the_close_or_from_now_before_it() {
    let world = World::at(NOON);
    let as_of = async |name: &str, of: &str, given: Option<&str>| {
        record(&world.platform, &quote(name, "10", of, given)).await.unwrap().as_of.to_rfc3339()
    };
    assert_eq!(as_of("A", "2026-11-19", None).await, "2026-11-19T21:00:00+00:00");
    assert_eq!(as_of("B", "2026-11-20", None).await, "2026-11-20T17:00:00+00:00");
    let future = as_of("C", "2026-11-20", Some("2026-11-20T18:00:00Z")).await;
    assert_eq!(future, "2026-11-20T17:00:00+00:00", "no quote blocks later ones");
    world.clock.set("2026-11-20T21:00:00Z");
    assert_eq!(as_of("B", "2026-11-20", None).await, "2026-11-20T21:00:00+00:00");
    let to_come = quote_store::record(&world.platform, &quote("D", "10", "2026-11-23", None), Origin::Market).await;
    assert!(matches!(to_come, Err(ServiceError::Provider(ProviderError::Malformed { .. }))));
}

#[tokio::test]
async fn a_quote_below_the_smallest_price_is_reported_also_while_it_is_not_requested_again() {
    let world = World::at(NOON);
    world.exchange.quote_at("DUST", Err(ProviderError::PriceTooSmall));
    let dust = symbol("DUST");
    for _ in 0..2 {
        let batch = quotes::load_batch(
            &world.platform,
            world.customer,
            std::slice::from_ref(&dust),
            world.platform.budget_for(world.customer),
        )
        .await
        .unwrap();
        assert_eq!(batch.unavailable[&dust], "price_too_small");
    }
}

#[tokio::test]
async fn the_previous_close_is_from_the_bars_if_the_provider_gives_none() {
    let world = World::at(NOON);
    world.track("ACME", bars_through("2026-11-19", 30, 10.0)).await;
    let first = record(&world.platform, &quote("ACME", "11", "2026-11-20", Some(NOON))).await.unwrap();
    assert_eq!(first.previous_close, Some(price("10")));
    let given = Quote { previous_close: Some(price("9.99")), ..quote("ACME", "11", "2026-11-20", None) };
    world.clock.forward(TimeDelta::minutes(1));
    assert_eq!(record(&world.platform, &given).await.unwrap().previous_close, Some(price("9.99")));
    world.clock.forward(TimeDelta::minutes(1));
    let later = record(&world.platform, &quote("ACME", "12", "2026-11-20", None)).await.unwrap();
    assert_eq!(later.previous_close, Some(price("9.99")), "a known previous close of the day stays");
    world.clock.set("2026-11-24T17:00:00Z");
    let tuesday = record(&world.platform, &quote("ACME", "12", "2026-11-24", None)).await.unwrap();
    assert_eq!(tuesday.previous_close, None, "the last bar is not of the day before");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_quotes_stored_concurrently_the_newest_remains_and_numbers_are_unique() {
    let world = Arc::new(World::at(NOON));
    let store = |second: i64| {
        let world = world.clone();
        tokio::spawn(async move {
            // Each from its own process, in an order unrelated to their times.
            let as_of = time("2026-11-20T15:00:00Z") + TimeDelta::seconds(second * 37 % 50);
            let as_of = as_of.to_rfc3339();
            record(&world.restarted(), &quote("ACME", "10", "2026-11-20", Some(&as_of))).await
        })
    };
    let stored: Vec<LastQuote> = join_all((0..50).map(store)).await.into_iter().filter_map(Result::unwrap).collect();
    let stands = standing(&world.platform, "ACME").await;
    assert_eq!(stands.as_of, time("2026-11-20T15:00:49Z"));
    let numbers: BTreeSet<u64> = stored.iter().map(|quote| quote.seq).collect();
    assert_eq!(numbers.len(), stored.len());
    assert_eq!(numbers, (1..=stands.seq).collect());
    let mut by_number = stored;
    by_number.sort_by_key(|quote| quote.seq);
    assert!(by_number.is_sorted_by_key(|quote| quote.as_of), "numbers grow with the times");
}

#[tokio::test]
async fn when_the_store_fails_a_quote_is_stored_once_or_not_at_all() {
    // (failures of the first writes, what the caller sees)
    let table = [
        (vec![Some(Fault::Conflict)], Some(1)),
        (vec![Some(Fault::Throttle)], Some(1)),
        (vec![Some(Fault::Conflict), Some(Fault::Throttle), Some(Fault::Conflict)], Some(1)),
        (vec![Some(Fault::ErrorAfter)], Some(1)),
        (vec![Some(Fault::Conflict), Some(Fault::ErrorAfter)], Some(1)),
        (vec![Some(Fault::ErrorBefore)], None),
    ];
    for (faults, seen) in table {
        let world = World::at(NOON);
        let table = SqliteTable::in_memory(world.clock.reader()).unwrap();
        let platform = world.on(Arc::new(Faulty::new(table, Plan::scripted(faults.clone()))), world.exchange.clone());
        let stored = quote_store::record(&platform, &quote("ACME", "10", "2026-11-20", None), Origin::Market).await;
        let stands = quote_store::read(&platform.app, &symbol("ACME")).await.unwrap();
        if let Some(seq) = seen {
            assert_eq!(stored.unwrap().map(|quote| quote.seq), Some(seq), "{faults:?}");
            assert_eq!(stands.map(|quote| quote.seq), Some(seq), "{faults:?}");
        } else {
            assert!(matches!(stored, Err(ServiceError::Store(_))), "{faults:?}");
            assert_eq!(stands, None, "{faults:?}");
        }
    }
}

#[tokio::test]
async fn a_replay_may_start_over_and_a_market_quote_replaces_it() {
    let world = World::at(NOON);
    let replayed = async |of: &str| {
        quote_store::record(&world.platform, &quote("ACME", "10", of, None), Origin::Replay).await.unwrap().unwrap()
    };
    assert_eq!((replayed("2012-06-01").await.seq, replayed("2012-06-04").await.seq), (1, 2));
    let again = replayed("2012-06-01").await;
    assert_eq!((again.seq, again.replay, again.day), (3, true, day("2012-06-01")));
    let market = record(&world.platform, &quote("ACME", "11", "2012-05-01", None)).await.unwrap();
    assert_eq!((market.seq, market.replay), (4, false));
}

/// A split of two for one on the last day.
fn split_on_the_last_day(bars: &Bars) -> Bars {
    let last = bars.last().unwrap();
    let split = Bar { split_ratio: 2.0, ..bar(last.date, last.close / 2.0) };
    Bars::from_rows(bars.slice(0, bars.len() - 1).iter().chain([split])).unwrap()
}

#[tokio::test]
async fn a_trade_uses_the_newer_of_quote_and_bar_unless_a_split_may_be_between() {
    let given = |text: &str, of: &str, previous: Option<&str>| Quote {
        previous_close: previous.map(price),
        ..quote("ACME", text, of, None)
    };
    // (the quote, the price of a trade or none if it waits for the bars), after a close of 10 on the 19th
    let cases = [
        (given("10.5", "2026-11-20", Some("10")), Some("10.5")),
        (given("10.5", "2026-11-20", None), Some("10.5")),
        (given("9", "2026-11-18", None), Some("10")),
        (given("5.5", "2026-11-20", Some("10.02")), Some("5.5")),
        (given("4.99", "2026-11-20", Some("10")), None),
        (given("15.01", "2026-11-20", Some("10")), None),
        (given("15", "2026-11-20", Some("10")), Some("15")),
        // The provider gives the previous close in new units: two for one, on a day with a gain.
        (given("5.2", "2026-11-20", Some("5")), None),
        (given("8.1", "2026-11-20", Some("8")), None),
        // It gives it in old units or not at all; then it is known from the last bar.
        (given("5.2", "2026-11-20", Some("10")), None),
        (given("5.20", "2026-11-20", None), None),
        (given("6.8", "2026-11-20", Some("10")), None),
        (given("6.80", "2026-11-20", None), None),
        (given("8.01", "2026-11-20", Some("10")), Some("8.01")),
        (given("8.01", "2026-11-20", None), Some("8.01")),
        // Once the bars of the day are available they are in its units.
        (given("5.2", "2026-11-19", None), Some("5.2")),
        (Quote { currency: "EUR".parse().unwrap(), ..given("10.5", "2026-11-20", Some("10")) }, None),
    ];
    for (quote, met) in cases {
        let world = World::at(NOON);
        world.track("ACME", bars_through("2026-11-19", 30, 10.0)).await;
        record(&world.platform, &quote).await.unwrap();
        let found =
            load_tradable(&world.platform, world.customer, &symbol("ACME"), world.platform.budget_for(world.customer))
                .await;
        match met {
            Some(met) => assert_eq!(found.unwrap().price, price(met), "{quote:?}"),
            None => assert!(matches!(found, Err(ServiceError::PriceUnconfirmed { .. })), "{quote:?}"),
        }
    }
}

#[tokio::test]
async fn without_a_previous_close_a_fall_like_a_split_waits_for_the_bars() {
    let world = World::at("2026-11-23T22:30:00Z");
    let bars = bars_through("2026-11-23", 32, 10.0);
    world.exchange.list("ACME", bars.slice(0, 30));
    instruments::load(&world.platform, world.customer, &symbol("ACME"), world.platform.budget_for(world.customer))
        .await
        .unwrap();
    // Without the bar of Friday the previous close is not known.
    record(&world.platform, &quote("ACME", "5", "2026-11-23", None)).await.unwrap();
    let waits =
        load_tradable(&world.platform, world.customer, &symbol("ACME"), world.platform.budget_for(world.customer))
            .await;
    assert!(matches!(waits, Err(ServiceError::PriceUnconfirmed { .. })));
    world.exchange.list("ACME", split_on_the_last_day(&bars));
    world.clock.forward(TimeDelta::minutes(30));
    load(&world.platform, &symbol("ACME")).await.unwrap();
    let met =
        load_tradable(&world.platform, world.customer, &symbol("ACME"), world.platform.budget_for(world.customer))
            .await
            .unwrap();
    assert_eq!((met.price, met.day), (price("5"), day("2026-11-23")));
    assert_eq!(
        met.splits.list.last().map(|split| (split.day, split.ratio)),
        Some((met.day, SplitRatio::new(2, 1).unwrap()))
    );
}

#[tokio::test]
async fn bars_too_old_to_trade_at_are_requested_if_a_call_can_be_spared() {
    let world = World::at(NOON);
    world.exchange.list("ACME", bars_through("2026-11-19", 30, 10.0));
    load(&world.platform, &symbol("ACME")).await.unwrap();
    world.exchange.list("ACME", bars_through("2026-11-27", 35, 11.0));
    let met = async || {
        load_tradable(&world.platform, world.customer, &symbol("ACME"), world.platform.budget_for(world.customer)).await
    };
    world.clock.set("2026-11-25T12:00:00Z");
    world.exchange.calls();
    assert_eq!(met().await.unwrap().price, price("10"), "of this week, and no call");
    world.clock.set("2026-11-28T12:00:00Z");
    *world.exchange.left.lock().unwrap() = Some(10);
    assert!(matches!(met().await, Err(ServiceError::PriceUnavailable { .. })), "the last calls are reserved");
    assert!(world.exchange.calls().is_empty());
    *world.exchange.left.lock().unwrap() = None;
    assert_eq!(met().await.unwrap().price, price("11"));
    assert_eq!(world.exchange.calls(), ["bars ACME"]);
}

async fn portfolio(world: &World) -> PortfolioId {
    let cash = Money::parse("100000", Currency::USD).unwrap();
    wallets::transfer(&world.platform, world.customer, Transfer::Deposit, cash, Some("cash")).await.unwrap();
    open_portfolio(&world.platform.app, world.customer, opening(PortfolioType::Brokerage)).await
}

async fn trade(world: &World, portfolio: PortfolioId, side: Side, units: &str, key: &str) -> Trade {
    let size = RequestSize::Quantity(Quantity::parse(units).unwrap());
    let request =
        TradeRequest { side, symbol: symbol("ACME"), size, fee: Decimal::ZERO, lots: Vec::new(), expected_price: None };
    let Created { value, .. } =
        trades::execute(&world.platform, world.customer, portfolio, &request, Some(key)).await.unwrap();
    value
}

#[tokio::test]
async fn as_of_the_last_close_the_quotes_and_trades_of_a_session_do_not_exist() {
    let world = World::at(NOON);
    world.track("ACME", bars_through("2026-11-19", 30, 10.0)).await;
    let portfolio = portfolio(&world).await;
    trade(&world, portfolio, Side::Buy, "10", "one").await;
    record(&world.platform, &quote("ACME", "11", "2026-11-20", None)).await.unwrap();
    trade(&world, portfolio, Side::Buy, "10", "two").await;
    let as_of = async |on: &str| {
        let request = HoldingsRequest { as_of: Some(day(on)), lot_method: None };
        holdings::compute_as(&world.platform, world.customer, portfolio, request).await
    };
    let thursday = as_of("2026-11-19").await.unwrap();
    let held = &thursday.items[0].holding;
    assert_eq!((held.quantity.to_string(), thursday.value.to_string()), ("10".to_owned(), "100.00".to_owned()));
    assert_eq!((held.price_as_of, held.stale), (Some(day("2026-11-19")), false));
    let under_way = as_of("2026-11-20").await;
    assert!(matches!(under_way, Err(ServiceError::Field { field: "as_of", .. })), "{under_way:?}");
    // The overview shows the quote, and its days end with the last close.
    let request = OverviewRequest { days: 30, currency: Currency::USD };
    let now = overview::compute(&world.platform, world.customer, request).await.unwrap();
    assert_eq!((now.value.to_string(), now.cash.to_string()), ("100010.00".to_owned(), "99790.00".to_owned()));
    let last = now.put_in.last().unwrap();
    assert_eq!((last.date, last.value.to_string()), (day("2026-11-19"), "100000.00".to_owned()));
    assert_eq!(last.put_in, last.value, "100 in shares and 99,900 in cash");
}

#[tokio::test]
async fn a_trade_at_a_stored_quote_has_its_day_and_holdings_and_performance_agree() {
    let world = World::at(NOON);
    world.track("ACME", bars_through("2026-11-19", 30, 10.0)).await;
    let portfolio = portfolio(&world).await;
    let at_the_bar = trade(&world, portfolio, Side::Buy, "10", "one").await;
    assert_eq!((at_the_bar.price, at_the_bar.market_day), (price("10"), day("2026-11-19")));
    record(&world.platform, &quote("ACME", "11", "2026-11-20", None)).await.unwrap();
    let at_the_quote = trade(&world, portfolio, Side::Buy, "10", "two").await;
    assert_eq!((at_the_quote.price, at_the_quote.market_day), (price("11"), day("2026-11-20")));
    assert_eq!(at_the_quote.quote_as_of, time(NOON));

    let held = holdings::compute(&world.platform, world.customer, portfolio).await.unwrap();
    assert_eq!((held.value.to_string(), held.cost.to_string()), ("220.00".to_owned(), "210.00".to_owned()));
    assert_eq!(held.day_change.to_string(), "10.00", "the ten of yesterday rose by 1, those of today not");
    performance::compute(&world.platform, world.customer, portfolio, &performance::PerformanceSpan::default())
        .await
        .unwrap();

    // In the evening the bar comes: it closes at 12, after 11.99.
    world.clock.set("2026-11-20T23:00:00Z");
    world.exchange.list("ACME", bars_through("2026-11-20", 31, 12.0));
    load(&world.platform, &symbol("ACME")).await.unwrap();
    let evening = holdings::compute(&world.platform, world.customer, portfolio).await.unwrap();
    assert_eq!((evening.value.to_string(), evening.day_change.to_string()), ("240.00".to_owned(), "10.10".to_owned()));
    let span = performance::PerformanceSpan::default();
    let performance = performance::compute(&world.platform, world.customer, portfolio, &span).await.unwrap();
    let last = performance.series.as_ref().unwrap().last().unwrap();
    assert_eq!((last.date, last.value.to_string()), (day("2026-11-20"), "240.00".to_owned()));
    let sold = trade(&world, portfolio, Side::Sell, "20", "three").await;
    assert_eq!((sold.price, sold.market_day), (price("12"), day("2026-11-20")));
}

#[tokio::test]
async fn a_trade_makes_the_symbol_tracked() {
    let world = World::at(NOON);
    world.exchange.list("ACME", bars_through("2026-11-19", 30, 10.0));
    let portfolio = portfolio(&world).await;
    trade(&world, portfolio, Side::Buy, "1", "one").await;
    let did = refresh::refresh(&world.platform, time(NOON), Duration::from_mins(4)).await.unwrap();
    assert_eq!(did.current + did.refreshed, 1);
}
