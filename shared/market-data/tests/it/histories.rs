//! Services on a real store in memory, with a provider whose answers each test decides.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::{App, Channels, Parts, ServiceError};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{Bar, Bars, Currency, CustomerId, Instrument, Money, Symbol};
use futures::future::join_all;
use market::http::Quota;
use market::{Basis, CallBudget, History, MarketClock, OnBehalfOf, Provider, ProviderError, Sample};
use market_data::quota::DurableQuota;
use market_data::{MarketData, history, instruments};
use objects::FolderObjects;
use research::{backtests, forecasts, reports};
use store::Table;
use store_sqlite::SqliteTable;
use testing::{HandClock, load};
use uuid::Uuid;

/// A live provider that gives what it is told to, and counts how often it was asked.
struct Scripted {
    answer: Mutex<Result<Bars, ProviderError>>,
    calls: AtomicUsize,
}

#[async_trait]
impl Provider for Scripted {
    fn source(&self) -> &'static str {
        "scripted"
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Live
    }

    fn revision(&self, _symbol: &Symbol) -> Option<String> {
        None
    }

    async fn fetch_daily(&self, _symbol: &Symbol, _budget: CallBudget) -> Result<History, ProviderError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let bars = self.answer.lock().unwrap().clone()?;
        Ok(History {
            source: self.source(),
            bars,
            basis: Basis::Quoted,
            currency: Currency::USD,
            notes: Vec::new(),
            held_back: None,
        })
    }

    async fn fetch_instrument(&self, symbol: &Symbol, _budget: CallBudget) -> Result<Instrument, ProviderError> {
        Ok(Instrument::unlisted(symbol.clone()))
    }
}

struct Bench {
    platform: MarketData,
    clock: HandClock,
    table: Arc<dyn Table>,
    objects: Arc<FolderObjects>,
    _folder: tempfile::TempDir,
}

fn bench(provider: Arc<dyn Provider>) -> Bench {
    let clock = HandClock::at("2026-11-20T12:00:00Z");
    let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.reader()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let objects = Arc::new(FolderObjects::open(folder.path(), [7; 32], clock.reader()).unwrap());
    let parts =
        Parts { table: table.clone(), objects: objects.clone(), clock: clock.reader(), channels: Channels::none() };
    Bench { platform: MarketData::new(App::new(parts), provider), clock, table, objects, _folder: folder }
}

fn scripted(answer: Result<Bars, ProviderError>) -> (Arc<Scripted>, Bench) {
    let provider = Arc::new(Scripted { answer: Mutex::new(answer), calls: AtomicUsize::new(0) });
    let bench = bench(provider.clone());
    (provider, bench)
}

fn bars_through(last: &str, count: i32) -> Bars {
    let last: domain::Day = last.parse().unwrap();
    let day = |back: i32| last.plus_days(-back);
    let bar = |date| Bar {
        date,
        open: 10.0,
        high: 11.0,
        low: 9.0,
        close: 10.0,
        volume: 100.0,
        adjusted_close: 10.0,
        split_ratio: 1.0,
        dividend: 0.0,
    };
    Bars::from_rows((0..count).rev().map(|back| bar(day(back)))).unwrap()
}

fn symbol() -> Symbol {
    "ACME".parse().unwrap()
}

#[tokio::test]
async fn a_thousand_readers_of_one_symbol_make_one_call() {
    let (provider, bench) = scripted(Ok(bars_through("2026-11-19", 30)));
    let acme = symbol();
    let reads = (0..1_000).map(|_| load(&bench.platform, &acme));
    assert!(join_all(reads).await.into_iter().all(|read| read.is_ok()));
    assert_eq!(provider.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn bars_are_served_from_the_store_until_a_newer_one_is_due() {
    let (provider, bench) = scripted(Ok(bars_through("2026-11-19", 30)));
    load(&bench.platform, &symbol()).await.unwrap();
    // An hour and a half after the close, when the bar of the 20th is not out yet.
    bench.clock.forward(TimeDelta::minutes(10 * 60 + 30));
    load(&bench.platform, &symbol()).await.unwrap();
    assert_eq!(provider.calls.load(Ordering::SeqCst), 1);
    *provider.answer.lock().unwrap() = Ok(bars_through("2026-11-20", 31));
    bench.clock.forward(TimeDelta::minutes(30));
    let series = load(&bench.platform, &symbol()).await.unwrap();
    assert_eq!((series.last.to_string().as_str(), series.stale), ("2026-11-20", false));
    assert_eq!(provider.calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_provider_that_fails_is_left_alone_and_the_last_good_bars_are_marked_stale() {
    let (provider, bench) = scripted(Ok(bars_through("2026-11-19", 30)));
    load(&bench.platform, &symbol()).await.unwrap();
    *provider.answer.lock().unwrap() = Err(ProviderError::TimedOut);
    bench.clock.forward(TimeDelta::hours(11));
    for _ in 0..50 {
        let series = load(&bench.platform, &symbol()).await.unwrap();
        assert!(series.stale);
        assert_eq!(series.bars.len(), 30);
    }
    assert_eq!(provider.calls.load(Ordering::SeqCst), 2, "one call when it failed, none in the minute after");
}

#[tokio::test]
async fn without_stored_bars_a_failure_is_an_error_and_an_unknown_symbol_is_its_own() {
    let (provider, bench) = scripted(Err(ProviderError::TimedOut));
    assert!(matches!(load(&bench.platform, &symbol()).await, Err(ServiceError::Provider(_))));
    *provider.answer.lock().unwrap() = Err(ProviderError::UnknownSymbol);
    assert!(
        matches!(load(&bench.platform, &symbol()).await, Err(ServiceError::Provider(_))),
        "not asked again at once"
    );
    bench.clock.forward(TimeDelta::minutes(2));
    assert!(matches!(load(&bench.platform, &symbol()).await, Err(ServiceError::UnknownSymbol { .. })));
}

/// A live provider that takes every call and never answers.
struct Silent(AtomicUsize);

#[async_trait]
impl Provider for Silent {
    fn source(&self) -> &'static str {
        "scripted"
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Live
    }

    fn revision(&self, _symbol: &Symbol) -> Option<String> {
        None
    }

    async fn fetch_daily(&self, _symbol: &Symbol, _budget: CallBudget) -> Result<History, ProviderError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }

    async fn fetch_instrument(&self, _symbol: &Symbol, _budget: CallBudget) -> Result<Instrument, ProviderError> {
        std::future::pending().await
    }
}

/// The same store and clock in another process, with another provider.
fn restarted(bench: &Bench, provider: Arc<dyn Provider>) -> MarketData {
    let (table, objects, clock) = (bench.table.clone(), bench.objects.clone(), bench.clock.reader());
    MarketData::new(App::new(Parts { table, objects, clock, channels: Channels::none() }), provider)
}

/// The longest that a caller waits for a provider.
const CALLERS_WAIT: Duration = Duration::from_millis(2_500);

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_answers_keeps_no_caller_longer_and_the_last_good_bars_are_served_stale() {
    let (_, bench) = scripted(Ok(bars_through("2026-11-19", 30)));
    load(&bench.platform, &symbol()).await.unwrap();
    bench.clock.forward(TimeDelta::hours(11));
    let silent = Arc::new(Silent(AtomicUsize::new(0)));
    let platform = restarted(&bench, silent.clone());
    let acme = symbol();
    let read = async {
        let started = tokio::time::Instant::now();
        let series = load(&platform, &acme).await.unwrap();
        (series.stale, series.bars.len(), started.elapsed())
    };
    // Callers who come while another one waits, and while the schedule does, which is more patient.
    let scheduled = history::load(&platform, &acme, platform.budget_for(OnBehalfOf::Schedule));
    let later = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        load(&platform, &acme).await.map(|series| series.stale)
    };
    let started = tokio::time::Instant::now();
    let (scheduled, first, later) = tokio::join!(scheduled, read, later);
    assert_eq!((first.0, first.1), (true, 30));
    assert!(first.2 <= CALLERS_WAIT, "{:?}", first.2);
    assert!(later.unwrap());
    assert!(scheduled.unwrap().stale);
    assert!(started.elapsed() <= Duration::from_secs(13), "{:?}", started.elapsed());
    assert_eq!(silent.0.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn without_stored_bars_a_provider_that_never_answers_is_an_error_in_time() {
    let bench = bench(Arc::new(Silent(AtomicUsize::new(0))));
    let acme = symbol();
    let started = tokio::time::Instant::now();
    let reads = join_all((0..100).map(|_| load(&bench.platform, &acme))).await;
    assert!(reads.iter().all(|read| matches!(read, Err(ServiceError::Provider(ProviderError::TimedOut)))));
    assert!(started.elapsed() <= CALLERS_WAIT, "{:?}", started.elapsed());
    let started = tokio::time::Instant::now();
    let assumed =
        instruments::find(&bench.platform, &acme, None, bench.platform.budget_for(OnBehalfOf::Platform)).await.unwrap();
    assert_eq!(assumed, Instrument::unlisted(acme));
    assert!(started.elapsed() <= CALLERS_WAIT, "{:?}", started.elapsed());
}

#[tokio::test]
async fn bars_of_another_source_are_neither_served_nor_joined() {
    let (_, bench) = scripted(Ok(bars_through("2026-11-19", 30)));
    history::load_at_hand(&bench.platform, &symbol(), bench.platform.budget_for(OnBehalfOf::Platform)).await.unwrap();
    let exchange = Arc::new(testing::exchange::Exchange::default());
    exchange.list("ACME", testing::exchange::bars_through("2026-11-19", 5, 20.0));
    let platform = restarted(&bench, exchange.clone());
    let series = history::load_at_hand(&platform, &symbol(), platform.budget_for(OnBehalfOf::Platform)).await.unwrap();
    assert_eq!((series.source.as_str(), series.bars.len()), ("exchange", 5));
    assert_eq!(exchange.calls(), ["bars ACME"]);
    // The same, where the source changes under a process that has the old bars in memory.
    *exchange.source.lock().unwrap() = "other";
    let series = history::load_at_hand(&platform, &symbol(), platform.budget_for(OnBehalfOf::Platform)).await.unwrap();
    assert_eq!((series.source.as_str(), exchange.calls().len()), ("other", 1));
}

#[tokio::test]
async fn the_latest_bars_of_a_source_extend_what_is_stored_and_one_that_does_not_reach_back_replaces_nothing() {
    let (_, bench) = scripted(Ok(bars_through("2026-11-19", 1)));
    let exchange = Arc::new(testing::exchange::Exchange::default());
    exchange.list("ACME", testing::exchange::bars_through("2026-11-19", 50, 20.0));
    let platform = restarted(&bench, exchange.clone());
    load(&platform, &symbol()).await.unwrap();
    exchange.compact.store(true, Ordering::SeqCst);
    exchange.list("ACME", testing::exchange::bars_through("2026-11-20", 5, 20.01));
    bench.clock.forward(TimeDelta::hours(11));
    let series = load(&platform, &symbol()).await.unwrap();
    assert_eq!((series.bars.len(), series.last.to_string().as_str(), series.stale), (51, "2026-11-20", false));
    bench.clock.forward(TimeDelta::days(30));
    exchange.list("ACME", testing::exchange::bars_through("2026-12-18", 5, 20.01));
    let series = load(&platform, &symbol()).await.unwrap();
    assert_eq!((series.bars.len(), series.stale), (51, true));
    exchange.calls();
    for _ in 0..20 {
        bench.clock.forward(TimeDelta::hours(1));
        assert!(market_data::staleness::of_bars(&platform, &load(&platform, &symbol()).await.unwrap()));
    }
    assert!(exchange.calls().is_empty(), "not asked for again before there are newer ones");
}

#[tokio::test]
async fn a_forecast_made_by_many_at_once_is_one_forecast() {
    let bench = bench(Arc::new(Sample::new()));
    let order =
        forecasts::Order { symbol: "IBM".parse().unwrap(), horizon: 30, model: forecasts::Model::Walk, as_of: None };
    let customer = CustomerId(Uuid::from_u128(1));
    let made = join_all((0..8).map(|_| forecasts::make(&bench.platform, customer, &order))).await;
    let first = made[0].as_ref().unwrap();
    assert!(made.iter().all(|one| one.as_ref().unwrap() == first), "the same numbers, whether computed or read back");
}

#[tokio::test]
async fn parallel_callers_never_take_more_calls_than_the_budget_has() {
    let bench = bench(Arc::new(Sample::new()));
    let budgets: Vec<_> =
        (0..50).map(|_| DurableQuota::alpha_vantage(bench.table.clone(), bench.clock.reader())).collect();
    let taken =
        join_all(budgets.iter().map(|budget| budget.take(Duration::ZERO, CallBudget::of(OnBehalfOf::Platform)))).await;
    assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 25);
    bench.clock.forward(TimeDelta::hours(23));
    assert!(
        budgets[0].take(Duration::ZERO, CallBudget::of(OnBehalfOf::Platform)).await.is_err(),
        "not in the same 24 hours"
    );
    bench.clock.forward(TimeDelta::hours(1) + TimeDelta::seconds(15));
    assert!(budgets[0].take(Duration::ZERO, CallBudget::of(OnBehalfOf::Platform)).await.is_ok());
}

#[tokio::test]
async fn a_provider_that_says_the_day_is_used_up_is_not_asked_for_a_day() {
    let bench = bench(Arc::new(Sample::new()));
    let budget = DurableQuota::alpha_vantage(bench.table.clone(), bench.clock.reader());
    let refused = budget.mark_exhausted().await;
    assert_eq!(refused.until, Some("2026-11-21T12:00:00Z".parse().unwrap()));
    assert_eq!(budget.take(Duration::ZERO, CallBudget::of(OnBehalfOf::Platform)).await, Err(refused.into()));
    bench.clock.forward(TimeDelta::hours(24));
    assert!(budget.take(Duration::ZERO, CallBudget::of(OnBehalfOf::Platform)).await.is_ok());
}

fn backtest_order() -> backtests::Order {
    let rule = |text: &str| backtests::Rule::parse(text).unwrap();
    let money = |text: &str| Money::parse(text, Currency::USD).unwrap();
    let strategy = backtests::Strategy {
        initial_investment: money("10000"),
        buy: rule(backtests::CLASSIC_BUY),
        sell: rule(backtests::CLASSIC_SELL),
        fill: backtests::Fill::NextOpen,
        commission_percent: 0.0,
        commission_minimum: money("0"),
        slippage_percent: 0.0,
        fractional: false,
        risk_free_rate: 0.0,
    };
    backtests::Order { symbol: "FB".parse().unwrap(), from: None, to: None, strategy }
}

#[tokio::test]
async fn a_backtest_of_another_customer_is_not_found() {
    let bench = bench(Arc::new(Sample::new()));
    let (owner, other) = (CustomerId(Uuid::from_u128(1)), CustomerId(Uuid::from_u128(2)));
    let made = backtests::run(&bench.platform, owner, &backtest_order(), None).await.unwrap();
    assert_eq!(backtests::find(&bench.platform.app, owner, made.id).await.unwrap(), made.json);
    let missing = backtests::find(&bench.platform.app, other, made.id).await;
    assert!(matches!(missing, Err(ServiceError::NotFound { what: "backtest" })));
    let missing = backtests::find_run(&bench.platform.app, other, made.id).await;
    assert!(matches!(missing, Err(ServiceError::NotFound { what: "backtest" })));
}

#[tokio::test]
async fn a_session_under_way_is_not_stored_as_a_bar() {
    // Friday noon in New York: the provider already gives a bar of today.
    let (_, bench) = scripted(Ok(bars_through("2026-11-20", 31)));
    bench.clock.forward(TimeDelta::hours(5));
    let series = load(&bench.platform, &symbol()).await.unwrap();
    assert_eq!(series.last.to_string(), "2026-11-19");
}

#[tokio::test]
async fn an_unknown_symbol_is_not_asked_for_again_for_a_day() {
    let (provider, bench) = scripted(Err(ProviderError::UnknownSymbol));
    for _ in 0..10 {
        let missing = load(&bench.platform, &symbol()).await;
        assert!(matches!(missing, Err(ServiceError::UnknownSymbol { .. })));
        bench.clock.forward(TimeDelta::hours(1));
    }
    assert_eq!(provider.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_report_of_the_same_content_is_made_once() {
    let bench = bench(Arc::new(Sample::new()));
    let customer = CustomerId(Uuid::from_u128(1));
    let made = Arc::new(AtomicUsize::new(0));
    let publish = |content: &'static [u8]| {
        let made = made.clone();
        let pdf = move |_, _| {
            made.fetch_add(1, Ordering::SeqCst);
            Ok::<_, String>(b"%PDF-".to_vec())
        };
        reports::publish(&bench.platform.app, customer, content, "a.pdf".to_owned(), pdf)
    };
    bench.objects.set_base_url("http://127.0.0.1").unwrap();
    let first = publish(b"one").await.unwrap();
    assert_eq!(publish(b"one").await.unwrap().id, first.id);
    assert_ne!(publish(b"two").await.unwrap().id, first.id);
    assert_eq!(made.load(Ordering::SeqCst), 2);
    // The record goes before the object does: a link never leads nowhere.
    bench.clock.forward(TimeDelta::days(26));
    assert_ne!(publish(b"one").await.unwrap().id, first.id);
}
