//! Calls to a live provider when many processes request the same, and how long requests wait.

mod failures;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use app::ServiceError;
use books::imports::{self, Duplicates, Format, ImportRequest};
use books::{holdings, investments};
use chrono::TimeDelta;
use domain::portfolio::PortfolioType;
use domain::{CustomerId, Instrument, PortfolioId, Price, Quantity};
use futures::future::join_all;
use market::ProviderError;
use market_data::quotes::load_batch;
use market_data::{MarketData, instruments, series, staleness, warnings};
use research::forecasts;
use store::keys;
use testing::InstantTable;
use testing::exchange::{World, bars_through, quote, symbol};
use testing::people::{open_portfolio, opening};
use testing::{SilentProvider, load};
use tokio::time::Instant;

const NOON: &str = "2026-11-20T12:00:00Z";
/// The longest time that a request waits for a provider, and what reads of the store may add.
const CALLERS_WAIT: Duration = Duration::from_millis(2_600);

/// As many processes as there may be concurrent requests in the cloud.
fn processes(world: &World) -> Vec<MarketData> {
    (0..25).map(|_| world.restarted()).collect()
}

async fn read_by_all(apps: &[MarketData]) -> Vec<Result<Arc<series::PriceSeries>, ServiceError>> {
    let acme = &symbol("ACME");
    join_all(apps.iter().flat_map(|platform| (0..40).map(move |_| load(platform, acme)))).await
}

#[tokio::test]
async fn a_thousand_reads_by_many_processes_make_one_call() {
    let world = World::at(NOON);
    world.exchange.list("ACME", bars_through("2026-11-19", 30, 10.0));
    *world.exchange.takes.lock().unwrap() = Duration::from_millis(300);
    let reads = read_by_all(&processes(&world)).await;
    assert_eq!(reads.len(), 1_000);
    assert!(reads.iter().all(|read| read.as_ref().is_ok_and(|series| !series.stale && series.bars.len() == 30)));
    assert_eq!(world.exchange.calls(), ["bars ACME"]);
}

#[tokio::test]
async fn a_thousand_requests_for_a_new_quote_by_many_processes_make_one_call() {
    let world = World::at(NOON);
    world.exchange.quote_at("ACME", Ok(quote("ACME", "40", "2026-11-20", None)));
    *world.exchange.takes.lock().unwrap() = Duration::from_millis(300);
    let (apps, acme) = (processes(&world), [symbol("ACME")]);
    let looks = apps.iter().flat_map(|platform| {
        (0..40).map(|_| load_batch(platform, world.customer, &acme, platform.budget_for(world.customer)))
    });
    let batches = join_all(looks).await;
    assert!(batches.iter().all(|batch| batch.as_ref().unwrap().quotes.len() == 1));
    assert_eq!(world.exchange.calls(), ["quote ACME"]);
}

#[tokio::test]
async fn a_failure_is_shared_by_all_processes_for_a_minute() {
    let world = World::at(NOON);
    world.exchange.fail("ACME", ProviderError::Unavailable { status: Some(500) });
    *world.exchange.takes.lock().unwrap() = Duration::from_millis(300);
    let reads = read_by_all(&processes(&world)).await;
    assert!(reads.iter().all(|read| matches!(read, Err(ServiceError::Provider(_)))));
    assert_eq!(world.exchange.calls(), ["bars ACME"]);
    world.exchange.list("ACME", bars_through("2026-11-19", 30, 10.0));
    world.clock.forward(TimeDelta::seconds(30));
    assert!(load(&world.restarted(), &symbol("ACME")).await.is_err());
    assert!(world.exchange.calls().is_empty(), "left alone");
    world.clock.forward(TimeDelta::seconds(31));
    assert!(load(&world.restarted(), &symbol("ACME")).await.is_ok());
}

#[tokio::test]
async fn after_a_failure_all_processes_serve_the_last_good_bars() {
    let world = World::at(NOON);
    world.track("ACME", bars_through("2026-11-19", 30, 10.0)).await;
    world.clock.set("2026-11-20T23:00:00Z");
    world.exchange.calls();
    world.exchange.fail("ACME", ProviderError::TimedOut);
    let reads = read_by_all(&processes(&world)).await;
    assert!(reads.iter().all(|read| read.as_ref().is_ok_and(|series| series.stale && series.bars.len() == 30)));
    assert_eq!(world.exchange.calls(), ["bars ACME"]);
}

#[tokio::test]
async fn after_a_process_dies_the_next_one_takes_over_when_its_lease_expires() {
    let world = World::at(NOON);
    world.exchange.list("ACME", bars_through("2026-11-19", 30, 10.0));
    world.exchange.hangs.store(true, Ordering::SeqCst);
    let dying = world.restarted();
    let dying = tokio::spawn(async move { load(&dying, &symbol("ACME")).await });
    while world.exchange.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
    world.exchange.hangs.store(false, Ordering::SeqCst);
    let next = load(&world.restarted(), &symbol("ACME")).await;
    assert!(matches!(next, Err(ServiceError::Provider(ProviderError::TimedOut))));
    assert!(world.exchange.calls().is_empty(), "the dead process may still get its response");
    world.clock.forward(TimeDelta::seconds(4));
    assert!(load(&world.restarted(), &symbol("ACME")).await.is_ok());
    assert_eq!(world.exchange.calls(), ["bars ACME"]);
}

async fn opened(platform: &MarketData, customer: CustomerId) -> PortfolioId {
    open_portfolio(&platform.app, customer, opening(PortfolioType::Brokerage)).await
}

/// A file with one row of each symbol.
fn file(names: impl Iterator<Item = String>) -> String {
    let rows = names.map(|name| format!("{name},1,10,2026-11-02\n"));
    format!("ticker_symbol,quantity,purchase_price,purchase_date\n{}", rows.collect::<String>())
}

fn new_symbols(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("NEW{number}"))
}

async fn import(
    platform: &MarketData,
    customer: CustomerId,
    id: PortfolioId,
    text: &str,
) -> Result<usize, ServiceError> {
    let (file, format) = (text.as_bytes(), Format::Csv);
    let import = ImportRequest { file, format, duplicates: Duplicates::Ask, dry_run: false };
    imports::import(platform, customer, id, &import, None).await.map(|report| report.value.items.len())
}

#[tokio::test(start_paused = true)]
async fn a_request_with_new_symbols_waits_no_longer_than_for_one_call() {
    let world = World::at(NOON);
    let silent = Arc::new(SilentProvider::default());
    let platform = world.on(world.table.clone(), silent.clone());
    let id = opened(&platform, world.customer).await;
    let started = Instant::now();
    assert!(
        instruments::load(&platform, world.customer, &symbol("ACME"), platform.budget_for(world.customer))
            .await
            .is_err()
    );
    assert!(started.elapsed() <= CALLERS_WAIT, "{:?}", started.elapsed());

    let started = Instant::now();
    let imported = import(&platform, world.customer, id, &file(new_symbols(10))).await;
    assert!(matches!(imported, Err(ServiceError::Provider(ProviderError::TimedOut))), "{imported:?}");
    assert!(started.elapsed() <= CALLERS_WAIT, "{:?}", started.elapsed());

    // Here the bars are available, and the name of the instrument is not.
    world.exchange.list("BARS", bars_through("2026-11-19", 30, 10.0));
    load(&world.platform, &symbol("BARS")).await.unwrap();
    let started = Instant::now();
    instruments::load(&platform, world.customer, &symbol("BARS"), platform.budget_for(world.customer)).await.unwrap();
    assert!(started.elapsed() <= CALLERS_WAIT, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_late_name_after_late_bars_delays_no_request_and_is_requested_next_time() {
    let world = World::at(NOON);
    world.exchange.list("ACME", bars_through("2026-11-19", 30, 10.0));
    *world.exchange.takes.lock().unwrap() = Duration::from_millis(2_300);
    let started = Instant::now();
    let known =
        instruments::load(&world.platform, world.customer, &symbol("ACME"), world.platform.budget_for(world.customer))
            .await
            .unwrap();
    assert!(started.elapsed() <= CALLERS_WAIT, "{:?}", started.elapsed());
    assert_eq!(known, Instrument::unlisted(symbol("ACME")), "no time was left to ask");
    let known =
        instruments::load(&world.platform, world.customer, &symbol("ACME"), world.platform.budget_for(world.customer))
            .await
            .unwrap();
    assert_eq!(known.name, "ACME Incorporated");
}

/// A portfolio in dollars with a lot in each of these currencies.
async fn holding_abroad(world: &World, currencies: &[&str]) -> PortfolioId {
    let id = opened(&world.platform, world.customer).await;
    for currency in currencies {
        let name = &format!("IN-{currency}");
        world.track(name, bars_through("2026-11-19", 30, 10.0)).await;
        // As the provider describes an instrument that is quoted abroad.
        let key = keys::instrument(&symbol(name));
        let (known, version) =
            store::documents::read::<Instrument>(world.platform.app.table(), &key).await.unwrap().unwrap();
        let abroad = Instrument { currency: currency.parse().unwrap(), ..known };
        store::documents::put(world.platform.app.table(), key, &abroad, Some(version)).await.unwrap();
        let purchase = investments::Purchase {
            ticker_symbol: symbol(name),
            quantity: Quantity::parse("1").unwrap(),
            purchase_price: Price::parse("10").unwrap(),
            purchase_date: "2026-11-02".parse().unwrap(),
            fee: rust_decimal::Decimal::ZERO,
            currency: None,
        };
        investments::record(&world.platform, world.customer, id, &purchase, None).await.unwrap();
    }
    id
}

#[tokio::test(start_paused = true)]
async fn holdings_in_two_foreign_currencies_wait_no_longer_than_for_one_call() {
    let world = World::at(NOON);
    let id = holding_abroad(&world, &["EUR", "GBP"]).await;
    let silent = Arc::new(SilentProvider::default());
    let platform = world.on(Arc::new(InstantTable(world.table.clone())), silent.clone());
    let started = Instant::now();
    let found = holdings::compute(&platform, world.customer, id).await.unwrap();
    assert!(started.elapsed() <= CALLERS_WAIT, "{:?}", started.elapsed());
    assert_eq!(found.items.len(), 2);
    assert_eq!(silent.calls().len(), 2, "two pairs, concurrently, and no other call");
}

#[tokio::test]
async fn a_currency_pair_is_requested_the_other_way_round_only_if_it_is_unknown() {
    for (listed, calls) in [("EURUSD=X", vec!["bars EURUSD=X"]), ("USDEUR=X", vec!["bars EURUSD=X", "bars USDEUR=X"])] {
        let world = World::at(NOON);
        let id = holding_abroad(&world, &["EUR"]).await;
        world.exchange.list(listed, bars_through("2026-11-19", 30, 2.0));
        world.exchange.calls();
        holdings::compute(&world.platform, world.customer, id).await.unwrap();
        assert_eq!(world.exchange.calls(), calls, "{listed}");
    }
}

#[tokio::test]
async fn an_import_requests_twenty_symbols_and_continues_when_it_is_sent_again() {
    let world = World::at(NOON);
    let id = opened(&world.platform, world.customer).await;
    for name in new_symbols(30) {
        world.exchange.list(&name, bars_through("2026-11-19", 30, 10.0));
    }
    let text = file(new_symbols(30));
    let first = import(&world.platform, world.customer, id, &text).await;
    assert!(matches!(first, Err(ServiceError::Provider(_))), "{first:?}");
    assert_eq!(world.exchange.calls().len(), 20);
    assert_eq!(import(&world.platform, world.customer, id, &text).await.unwrap(), 30);
    assert_eq!(world.exchange.calls().len(), 10);
}

#[tokio::test]
async fn unknown_symbols_do_not_keep_an_import_from_completing() {
    let world = World::at(NOON);
    let id = opened(&world.platform, world.customer).await;
    let text = file(new_symbols(25));
    assert!(matches!(import(&world.platform, world.customer, id, &text).await, Err(ServiceError::Provider(_))));
    let refused = import(&world.platform, world.customer, id, &text).await;
    assert!(matches!(refused, Err(ServiceError::InvalidRows { count: 25, .. })), "{refused:?}");
}

#[tokio::test]
async fn bars_without_the_last_session_are_stale_from_1800_and_requested_again_an_hour_later() {
    let world = World::at("2026-11-20T22:30:00Z");
    world.exchange.list("ACME", bars_through("2026-11-19", 30, 10.0));
    let read = async || load(&world.restarted(), &symbol("ACME")).await.unwrap();
    let is_stale = |series: &Arc<series::PriceSeries>| staleness::of_bars(&world.platform, series);
    let series = read().await;
    assert!(!is_stale(&series), "17:30 in New York: not missing yet");
    world.clock.set("2026-11-20T23:00:00Z");
    let series = read().await;
    assert!((is_stale(&series), series.stale) == (true, false), "it is missing, and the provider did not fail");
    let warnings = warnings::of_series(&world.platform, &series, (series.first, series.last));
    assert_eq!(warnings[0].code, "stale");
    world.exchange.calls();
    for _ in 0..10 {
        world.clock.forward(TimeDelta::minutes(5));
        assert!(is_stale(&read().await));
    }
    assert!(world.exchange.calls().is_empty());
    world.clock.forward(TimeDelta::minutes(10));
    world.exchange.list("ACME", bars_through("2026-11-20", 31, 10.0));
    assert!(!is_stale(&read().await));
}

#[tokio::test]
async fn polling_a_monthly_price_takes_one_call_a_day() {
    let world = World::at(NOON);
    world.exchange.list("COPPER=T", bars_through("2026-10-01", 30, 10.0));
    for minute in 0..48 * 4 {
        let series = load(&world.platform, &symbol("COPPER=T")).await.unwrap();
        assert!(staleness::of_bars(&world.platform, &series) && !series.stale, "quarter of an hour {minute}");
        world.clock.forward(TimeDelta::minutes(15));
    }
    assert_eq!(world.exchange.calls(), ["bars COPPER=T"; 2], "the new-symbol lookup, and on Friday when bars are out");
}

#[tokio::test]
async fn a_forecast_made_while_its_symbol_is_graded_is_seen_by_the_next_run() {
    let world = World::at(NOON);
    world.exchange.list("ACME", bars_through("2026-11-19", 100, 10.0));
    let order = |horizon| forecasts::ForecastRequest {
        symbol: symbol("ACME"),
        horizon,
        model: forecasts::Model::Naive,
        as_of: None,
    };
    let key = keys::awaited_grade(&symbol("ACME"));
    forecasts::make(&world.platform, world.customer, &order(5)).await.unwrap();
    let before = world.platform.app.table().get(&key).await.unwrap().unwrap();
    forecasts::make(&world.platform, world.customer, &order(60)).await.unwrap();
    let after = world.platform.app.table().get(&key).await.unwrap().unwrap();
    assert_eq!(after.body, before.body, "the first of them matures at the same time as before");
    assert!(after.version > before.version, "an earlier reader may not settle it");
}
