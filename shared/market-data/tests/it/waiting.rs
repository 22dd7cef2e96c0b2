//! How long each use case waits while the provider accepts every call and answers none, whatever is stored.

use std::sync::Arc;
use std::time::Duration;

use app::Precondition;
use app::listing::PageRequest;
use books::imports::{self, Duplicates, Format, ImportRequest};
use books::investments::{self, InvestmentCorrection, InvestmentFilter, Purchase};
use books::trades::{self, RequestSize, Side, TradeRequest};
use books::wallets::{self, Transfer};
use books::{holdings, performance};
use chrono::TimeDelta;
use domain::alert::{Condition, Repeat};
use domain::portfolio::PortfolioType;
use domain::{Currency, Instrument, Money, PortfolioId, Price, Quantity, Symbol};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use market_data::instruments::{self, InstrumentFilter};
use market_data::{MarketData, history, quotes};
use notifications::alerts::{self, NewAlert};
use notifications::watchlist;
use research::forecasts::{self, ForecastFilter};
use research::{backtests, reports};
use rust_decimal::Decimal;
use store::{documents, keys};
use testing::InstantTable;
use testing::SilentProvider;
use testing::exchange::{World, bars_through, symbol};
use testing::people::{open_portfolio, opening};
use tokio::time::Instant;
use uuid::Uuid;

/// The longest time that a request waits for a provider.
const CALLERS_WAIT: Duration = Duration::from_millis(2_500);
/// The same, plus what the reads around it may add.
const LONGEST: Duration = Duration::from_millis(2_700);

/// What the customer held before the provider fell silent: a share in dollars and one in euros, whose bars are now old.
struct Before {
    world: World,
    portfolio: PortfolioId,
    investment: Uuid,
}

fn purchase(name: &str) -> Purchase {
    Purchase {
        ticker_symbol: symbol(name),
        quantity: Quantity::parse("1").unwrap(),
        purchase_price: Price::parse("10").unwrap(),
        purchase_date: "2026-11-02".parse().unwrap(),
        fee: Decimal::ZERO,
        currency: None,
    }
}

async fn before() -> Before {
    let world = World::at("2026-11-20T12:00:00Z");
    let (platform, customer) = (&world.platform, world.customer);
    let portfolio = open_portfolio(&platform.app, customer, opening(PortfolioType::Brokerage)).await;
    let cash = Money::parse("1000", Currency::USD).unwrap();
    wallets::transfer(platform, customer, Transfer::Deposit, cash, Some("cash")).await.unwrap();
    world.track("OLD", bars_through("2026-11-19", 200, 10.0)).await;
    world.track("ABROAD", bars_through("2026-11-19", 200, 10.0)).await;
    let key = keys::instrument(&symbol("ABROAD"));
    let (known, version) = documents::read::<Instrument>(platform.app.table(), &key).await.unwrap().unwrap();
    let abroad = Instrument { currency: "EUR".parse().unwrap(), ..known };
    documents::put(platform.app.table(), key, &abroad, Some(version)).await.unwrap();
    let mut investment = Uuid::nil();
    for name in ["ABROAD", "OLD"] {
        investment = investments::record(platform, customer, portfolio, &purchase(name), None).await.unwrap().value.id;
    }
    world.clock.set("2026-12-10T23:30:00Z");
    Before { world, portfolio, investment }
}

fn backtest(name: &str) -> backtests::BacktestRequest {
    let money = |text: &str| Money::parse(text, Currency::USD).unwrap();
    let strategy = backtests::Strategy {
        initial_investment: money("10000"),
        buy: backtests::Rule::parse(backtests::CLASSIC_BUY).unwrap(),
        sell: backtests::Rule::parse(backtests::CLASSIC_SELL).unwrap(),
        fill: backtests::Fill::NextOpen,
        commission_percent: 0.0,
        commission_minimum: money("0"),
        slippage_percent: 0.0,
        fractional: false,
        risk_free_rate: 0.0,
    };
    backtests::BacktestRequest { symbol: symbol(name), from: None, to: None, strategy }
}

fn alert(symbol: &Symbol) -> NewAlert {
    let condition = Condition::Above { price: Price::parse("1000").unwrap() };
    NewAlert { symbol: symbol.clone(), condition, repeat: Repeat::Once, email: false }
}

fn trade(symbol: &Symbol) -> TradeRequest {
    let size = RequestSize::Quantity(Quantity::parse("1").unwrap());
    TradeRequest {
        side: Side::Buy,
        symbol: symbol.clone(),
        size,
        fee: Decimal::ZERO,
        lots: Vec::new(),
        expected_price: None,
    }
}

/// A file with one row of each symbol.
fn file(symbols: &[Symbol]) -> String {
    let rows: Vec<String> = symbols.iter().map(|symbol| format!("{symbol},1,10,2026-11-02")).collect();
    format!("ticker_symbol,quantity,purchase_price,purchase_date\n{}\n", rows.join("\n"))
}

/// Every use case that may wait for the provider, with symbols of these names.
fn use_cases<'a>(
    platform: &'a MarketData,
    before: &'a Before,
    name: &'a str,
) -> Vec<(&'static str, BoxFuture<'a, ()>)> {
    let (customer, one) = (before.world.customer, symbol(name));
    let (two, three, four, five) = (one.clone(), one.clone(), one.clone(), one.clone());
    let hundred: Vec<Symbol> = (0..99).map(|number| symbol(&format!("{name}{number}"))).chain([one.clone()]).collect();
    let order = |symbol| forecasts::ForecastRequest { symbol, horizon: 5, model: forecasts::Model::Naive, as_of: None };
    let alert = alert(&one);
    let report = reports::ReportRequest { symbol: one.clone(), from: None, to: None, backtest: None };
    let asked = move || platform.budget_for(customer);
    vec![
        ("bars", async move { drop(history::load(platform, &one, asked()).await) }.boxed()),
        ("quotes", async move { drop(quotes::load_batch(platform, customer, &hundred, asked()).await) }.boxed()),
        ("an instrument", async move { drop(instruments::look_up(platform, customer, &two, asked()).await) }.boxed()),
        (
            "a search",
            async move {
                let filter = InstrumentFilter { part: Some(name), kind: None };
                drop(instruments::search(platform, customer, &filter, 50, asked()).await);
            }
            .boxed(),
        ),
        ("watching", async move { drop(watchlist::put(platform, customer, &three).await) }.boxed()),
        ("the watchlist", async move { drop(watchlist::list(platform, customer).await) }.boxed()),
        ("an alert", async move { drop(alerts::create(platform, customer, &alert, None).await) }.boxed()),
        ("a report", async move { drop(reports::gather_figures(platform, customer, &report).await) }.boxed()),
        (
            "a backtest",
            async move { drop(backtests::run(platform, customer, &backtest(name), None, None).await) }.boxed(),
        ),
        ("a forecast", async move { drop(forecasts::make(platform, customer, &order(four)).await) }.boxed()),
        (
            "forecasts",
            async move {
                let (filter, page) = (ForecastFilter::default(), PageRequest::newest(50));
                drop(forecasts::list(platform, customer, &five, filter, &page).await);
            }
            .boxed(),
        ),
    ]
}

/// The use cases of a portfolio that may wait for the provider, with symbols of these names.
fn use_cases_of_a_portfolio<'a>(
    platform: &'a MarketData,
    before: &'a Before,
    name: &'a str,
) -> Vec<(&'static str, BoxFuture<'a, ()>)> {
    let (customer, portfolio, one) = (before.world.customer, before.portfolio, symbol(name));
    let twenty: Vec<Symbol> = (0..20).map(|number| symbol(&format!("{name}{number}"))).collect();
    let file = file(&twenty);
    let correction = InvestmentCorrection { ticker_symbol: Some(one.clone()), ..InvestmentCorrection::default() };
    let trade = trade(&one);
    let benchmark = performance::PerformanceSpan { benchmark: Some(one), ..performance::PerformanceSpan::default() };
    vec![
        (
            "an investment",
            async move {
                drop(investments::record(platform, customer, portfolio, &purchase(name), None).await);
            }
            .boxed(),
        ),
        (
            "investments",
            async move {
                let (filter, page) = (InvestmentFilter::default(), PageRequest::newest(50));
                drop(investments::list(platform, customer, portfolio, &filter, &page).await);
            }
            .boxed(),
        ),
        (
            "a correction",
            async move {
                let at = Precondition::Any;
                drop(investments::correct(platform, customer, portfolio, before.investment, &at, &correction).await);
            }
            .boxed(),
        ),
        (
            "an import",
            async move {
                let (file, format) = (file.as_bytes(), Format::Csv);
                let import = ImportRequest { file, format, duplicates: Duplicates::Import, dry_run: false };
                drop(imports::import(platform, customer, portfolio, &import, None).await);
            }
            .boxed(),
        ),
        (
            "a trade",
            async move { drop(trades::execute(platform, customer, portfolio, &trade, Some(name)).await) }.boxed(),
        ),
        ("holdings", async move { drop(holdings::compute(platform, customer, portfolio).await) }.boxed()),
        (
            "performance",
            async move {
                drop(performance::compute(platform, customer, portfolio, &benchmark).await);
            }
            .boxed(),
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn no_use_case_waits_or_gives_a_call_longer_than_the_limit_of_a_request() {
    for (left, name) in [None, Some(25)].into_iter().flat_map(|left| ["NEW", "OLD", "ABROAD"].map(|name| (left, name)))
    {
        let before = before().await;
        let silent = Arc::new(SilentProvider::with_calls_left(left));
        let platform = before.world.on(Arc::new(InstantTable(before.world.table.clone())), silent.clone());
        let of_a_portfolio = use_cases_of_a_portfolio(&platform, &before, name);
        for (what, use_case) in use_cases(&platform, &before, name).into_iter().chain(of_a_portfolio) {
            let started = Instant::now();
            use_case.await;
            assert!(started.elapsed() <= LONGEST, "{what} of {name}: {:?}", started.elapsed());
            let calls = silent.calls();
            // A use case that fails before it calls the provider would prove nothing.
            let needs_none = what == "the watchlist" || (what == "an instrument" && name != "NEW");
            assert_eq!(calls.is_empty(), needs_none, "{what} of {name} with {left:?} calls: {}", calls.len());
            let longest = calls.iter().map(|until| *until - started).max();
            assert!(longest <= Some(CALLERS_WAIT), "{what} of {name} gave a call {longest:?}");
            // The pause after a failed request of one use case is over when the next one runs.
            before.world.clock.forward(TimeDelta::minutes(2));
        }
    }
}
