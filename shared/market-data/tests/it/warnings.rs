//! Warnings about prices: all responses agree, and contain only what concerns their span.

use app::listing::PageRequest;
use std::fmt::Write as _;
use std::sync::Arc;

use books::holdings;
use books::investments::{self, Purchase};
use books::performance::{self, PerformanceSpan};
use domain::portfolio::PortfolioType;
use domain::{Bars, Currency, InstrumentType, Money, PortfolioId, Quantity};
use market::{Folder, Note};
use market_data::custom_instruments::{self, NewCustomInstrument, Valuation};
use market_data::{MarketData, quote_store, quotes, staleness, warnings};
use notifications::watchlist;
use research::backtests::{self, Strategy};
use research::forecasts::{self, ForecastFilter, Model};
use research::reports;
use research::stored_backtests;
use serde_json::Value;
use testing::exchange::{World, bar, bars_through, day, price, symbol};
use testing::load;
use testing::people::{open_portfolio, opening};

/// Whether a response says that a newer price should exist, by the name of the response.
type StaleByResponse = Vec<(&'static str, bool)>;

async fn opened(world: &World, platform: &MarketData, names: &[&str]) -> PortfolioId {
    let id = open_portfolio(&platform.app, world.customer, opening(PortfolioType::Brokerage)).await;
    for name in names {
        let lot = Purchase {
            ticker_symbol: symbol(name),
            quantity: Quantity::parse("1").unwrap(),
            purchase_price: price("10"),
            purchase_date: day("2019-10-02"),
            fee: "0".parse().unwrap(),
            currency: None,
        };
        investments::record(platform, world.customer, id, &lot, None).await.unwrap();
    }
    id
}

fn order(name: &str) -> backtests::BacktestRequest {
    let rule = |text: &str| backtests::Rule::parse(text).unwrap();
    let money = |text: &str| Money::parse(text, Currency::USD).unwrap();
    let strategy = Strategy {
        initial_investment: money("10000"),
        buy: rule("close > 0"),
        sell: rule("close < 0"),
        fill: backtests::Fill::NextOpen,
        commission_percent: 0.0,
        commission_minimum: money("0"),
        slippage_percent: 0.0,
        fractional: false,
        risk_free_rate: 0.0,
    };
    backtests::BacktestRequest { symbol: symbol(name), from: None, to: None, strategy }
}

fn codes(warnings: &[warnings::Warning]) -> Vec<&str> {
    warnings.iter().map(|warning| warning.code.as_str()).collect()
}

/// The codes in a response's JSON.
fn codes_in(answer: &Value) -> Vec<&str> {
    answer["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap()).collect()
}

async fn backtest(world: &World, platform: &MarketData, order: &backtests::BacktestRequest) -> Value {
    serde_json::from_slice(&backtests::run(platform, world.customer, order, None, None).await.unwrap().json).unwrap()
}

/// Whether holdings, performance, quotes and the watchlist are stale.
async fn stale_responses_about_holdings(
    world: &World,
    platform: &MarketData,
    portfolio: PortfolioId,
    name: &str,
) -> StaleByResponse {
    let held = serde_json::to_value(holdings::compute(platform, world.customer, portfolio).await.unwrap()).unwrap();
    let item = held["items"].as_array().unwrap().iter().find(|item| item["symbol"] == name).unwrap();
    let span = PerformanceSpan::default();
    let performed = performance::compute(platform, world.customer, portfolio, &span).await.unwrap();
    let batch = quotes::load_batch(platform, world.customer, &[symbol(name)], platform.budget_for(world.customer))
        .await
        .unwrap();
    let (watched, _) = watchlist::put(platform, world.customer, &symbol(name)).await.unwrap();
    let watched = watched.quote.unwrap();
    let is_named = |warning: &warnings::Warning| warning.code == "stale" && warning.detail.starts_with(name);
    vec![
        ("a holding", item["stale"] == true),
        ("warnings of holdings", codes_in(&held).contains(&"stale")),
        ("warnings of performance", performed.warnings.iter().any(is_named)),
        ("a quote", batch.quotes[0].stale),
        ("warnings of a quote", codes(&batch.quotes[0].warnings).contains(&"stale")),
        ("a watched price", watched.stale),
    ]
}

/// Whether responses about one symbol of the market are stale.
async fn stale_responses_about_a_symbol(world: &World, platform: &MarketData, name: &str) -> StaleByResponse {
    let series = load(platform, &symbol(name)).await.unwrap();
    let as_of = forecasts::ForecastRequest { symbol: symbol(name), horizon: 5, model: Model::Naive, as_of: None };
    let forecast = forecasts::make(platform, world.customer, &as_of).await.unwrap();
    let record =
        forecasts::list(platform, world.customer, &symbol(name), ForecastFilter::default(), &PageRequest::newest(50))
            .await
            .unwrap();
    let asked = reports::ReportRequest { symbol: symbol(name), from: None, to: None, backtest: None };
    let report = reports::gather_figures(platform, world.customer, &asked).await.unwrap();
    vec![
        ("bars", staleness::of_bars(platform, &series)),
        ("a backtest", codes_in(&backtest(world, platform, &order(name)).await).contains(&"stale")),
        ("a forecast", codes(&forecast.warnings).contains(&"stale")),
        ("the record of forecasts", codes(&record.items[0].warnings).contains(&"stale")),
        ("a report", codes(&report.warnings).contains(&"stale")),
    ]
}

fn all(said: &StaleByResponse, expected: bool) -> bool {
    said.iter().all(|&(_, stale)| stale == expected)
}

#[tokio::test]
async fn all_responses_agree_about_a_live_price() {
    // (now, last bar, whether a newer one should exist); 2026-11-20 is a Friday.
    let situations = [
        ("2026-11-20T17:00:00Z", "2026-11-19", false, "while the exchange is open, yesterday's bar is the last"),
        ("2026-11-20T22:30:00Z", "2026-11-19", false, "after the close, and before the bars are out"),
        ("2026-11-20T23:00:00Z", "2026-11-19", true, "the bars are out, and this one is missing"),
        ("2026-11-22T17:00:00Z", "2026-11-20", false, "on Sunday the bar of Friday is the last"),
        ("2026-11-22T17:00:00Z", "2026-11-18", true, "on Sunday the bar of Friday is missing"),
        ("2026-11-26T23:30:00Z", "2026-11-25", false, "Thanksgiving is not a session"),
    ];
    for (now, last, expected, why) in situations {
        let world = World::at(now);
        world.exchange.list("ACME", bars_through(last, 80, 20.0));
        let portfolio = opened(&world, &world.platform, &["ACME"]).await;
        let mut said = stale_responses_about_a_symbol(&world, &world.platform, "ACME").await;
        said.extend(stale_responses_about_holdings(&world, &world.platform, portfolio, "ACME").await);
        assert!(all(&said, expected), "{why}: {said:?}");
    }
}

#[tokio::test]
async fn all_responses_agree_about_a_file_that_ends_before_the_others() {
    let world = World::at("2026-11-20T17:00:00Z");
    let files = tempfile::tempdir().unwrap();
    for (name, last) in [("OLD", "2019-12-27"), ("NEW", "2019-12-31")] {
        let mut text = "Date,Open,High,Low,Close,Volume\n".to_owned();
        for bar in bars_through(last, 80, 20.0).iter() {
            let price = bar.close;
            writeln!(text, "{},{price},{price},{price},{price},100", bar.date).unwrap();
        }
        std::fs::write(files.path().join(format!("{name}.csv")), text).unwrap();
    }
    let platform =
        world.on(world.table.clone(), Arc::new(Folder::open(files.path(), Arc::new(|| day("2026-11-20"))).unwrap()));
    for (name, expected) in [("OLD", true), ("NEW", false)] {
        let portfolio = opened(&world, &platform, &[name]).await;
        let mut said = stale_responses_about_a_symbol(&world, &platform, name).await;
        said.extend(stale_responses_about_holdings(&world, &platform, portfolio, name).await);
        assert!(all(&said, expected), "{name}: {said:?}");
    }
    // A span that ends earlier does not depend on the missing bars.
    let ended = backtests::BacktestRequest { to: Some(day("2019-12-20")), ..order("OLD") };
    assert!(!codes_in(&backtest(&world, &platform, &ended).await).contains(&"stale"));
}

#[tokio::test]
async fn a_custom_instrument_is_never_stale_however_old_its_last_value() {
    let world = World::at("2026-11-20T23:30:00Z");
    let item = NewCustomInstrument {
        symbol: symbol("MY:HOUSE"),
        name: "The house".to_owned(),
        currency: Currency::USD,
        instrument_type: InstrumentType::Item,
    };
    custom_instruments::create(&world.platform.app, world.customer, &item, None).await.unwrap();
    let value = Valuation { date: day("2020-01-02"), price: price("250000") };
    custom_instruments::value(&world.platform.app, world.customer, &item.symbol, &[value]).await.unwrap();
    let portfolio = opened(&world, &world.platform, &["MY:HOUSE"]).await;
    let said = stale_responses_about_holdings(&world, &world.platform, portfolio, "MY:HOUSE").await;
    assert!(all(&said, false), "{said:?}");
}

#[tokio::test]
async fn a_lot_of_the_current_session_is_reported_only_while_it_is_not_included() {
    let world = World::at("2026-11-20T17:00:00Z");
    world.exchange.list("ACME", bars_through("2026-11-19", 80, 20.0));
    let portfolio = opened(&world, &world.platform, &["ACME"]).await;
    let now = testing::exchange::quote("ACME", "21", "2026-11-20", Some("2026-11-20T16:55:00Z"));
    quote_store::record(&world.platform, &now, quote_store::Origin::Market).await.unwrap().unwrap();
    let lot = Purchase {
        ticker_symbol: symbol("ACME"),
        quantity: Quantity::parse("1").unwrap(),
        purchase_price: price("21"),
        purchase_date: day("2026-11-20"),
        fee: "0".parse().unwrap(),
        currency: None,
    };
    investments::record(&world.platform, world.customer, portfolio, &lot, None).await.unwrap();
    let held = holdings::compute(&world.platform, world.customer, portfolio).await.unwrap();
    assert_eq!((held.value.to_string(), held.items[0].lots.as_ref().unwrap().len()), ("42.00".to_owned(), 2));
    let performed =
        performance::compute(&world.platform, world.customer, portfolio, &PerformanceSpan::default()).await.unwrap();
    let named = |warnings: &[warnings::Warning]| {
        let named = warnings.iter().filter(|warning| warning.code == "investments_to_come");
        named.map(|warning| warning.detail.clone()).collect::<Vec<_>>()
    };
    assert_eq!(named(&held.warnings), [""; 0]);
    assert_eq!(named(&performed.warnings), ["ACME: lots dated after 2026-11-19 are not included: 1."]);
}

fn moved(date: &str) -> Note {
    Note::UnexplainedMove { date: day(date), fraction: 0.6 }
}

fn gap(from: &str, to: &str) -> Note {
    Note::Gap { from: day(from), to: day(to) }
}

#[tokio::test]
async fn notes_are_in_every_response_whose_span_they_concern() {
    let world = World::at("2026-11-20T23:30:00Z");
    world.exchange.list("ACME", bars_through("2026-11-20", 200, 20.0));
    let notes = vec![
        Note::DividendsDerived,
        moved("2026-03-10"),
        Note::ImpossibleBar { date: day("2026-10-06") },
        gap("2026-10-07", "2026-10-20"),
        moved("2026-11-20"),
    ];
    *world.exchange.notes.lock().unwrap() = notes;
    let (all, late) = (["dividends_derived", "unexplained_move", "impossible_bar", "gap", "unexplained_move"], 2..);
    let late = [&all[..1], &all[late]].concat();

    let whole = backtest(&world, &world.platform, &order("ACME")).await;
    assert_eq!(codes_in(&whole), all);
    let id = whole["id"].as_str().unwrap().parse().unwrap();
    let (stored, _) = stored_backtests::find_json(&world.platform.app, world.customer, id).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&stored).unwrap()["warnings"], whole["warnings"]);
    let from_october = backtests::BacktestRequest { from: Some(day("2026-10-01")), ..order("ACME") };
    assert_eq!(codes_in(&backtest(&world, &world.platform, &from_october).await), late);

    let order = forecasts::ForecastRequest { symbol: symbol("ACME"), horizon: 5, model: Model::Naive, as_of: None };
    let forecast = forecasts::make(&world.platform, world.customer, &order).await.unwrap();
    assert_eq!(codes(&forecast.warnings), all);
    let earlier = forecasts::ForecastRequest { as_of: Some(day("2026-09-30")), ..order };
    let earlier = forecasts::make(&world.platform, world.customer, &earlier).await.unwrap();
    assert_eq!(codes(&earlier.warnings), all[..2]);
    let record = forecasts::list(
        &world.platform,
        world.customer,
        &symbol("ACME"),
        ForecastFilter::default(),
        &PageRequest::newest(50),
    )
    .await
    .unwrap();
    let graded = record.items.iter().find(|item| item.terms.id == earlier.forecast.terms.id).unwrap();
    assert_eq!(codes(&graded.warnings), all[..3], "it was graded with the bars up to 7 October");

    let asked = reports::ReportRequest { symbol: symbol("ACME"), from: None, to: None, backtest: None };
    assert_eq!(codes(&reports::gather_figures(&world.platform, world.customer, &asked).await.unwrap().warnings), all);

    let portfolio = opened(&world, &world.platform, &["ACME"]).await;
    let held = holdings::compute(&world.platform, world.customer, portfolio).await.unwrap();
    assert_eq!(codes(&held.warnings), all);
    assert!(held.warnings.iter().all(|warning| warning.detail.starts_with("ACME: ")));
    let performed = async |from: &str, to: &str, benchmark: Option<&str>| {
        let span = PerformanceSpan {
            from: Some(day(from)),
            to: Some(day(to)),
            benchmark: benchmark.map(symbol),
            ..PerformanceSpan::default()
        };
        performance::compute(&world.platform, world.customer, portfolio, &span).await.unwrap().warnings
    };
    assert_eq!(codes(&performed("2026-10-01", "2026-11-20", None).await), late);
    assert_eq!(codes(&performed("2026-04-01", "2026-09-30", None).await), all[..1]);
    world.exchange.list("OTHER", bars_through("2026-11-20", 200, 20.0));
    let compared = performed("2026-04-01", "2026-09-30", Some("OTHER")).await;
    let named: Vec<_> = compared.iter().map(|warning| warning.detail.split(':').next().unwrap()).collect();
    assert_eq!(named, ["ACME", "OTHER"], "the benchmark has notes too");

    let batch = quotes::load_batch(
        &world.platform,
        world.customer,
        &[symbol("ACME")],
        world.platform.budget_for(world.customer),
    )
    .await
    .unwrap();
    assert_eq!(
        codes(&batch.quotes[0].warnings),
        ["dividends_derived", "unexplained_move"],
        "of its own day and the day before"
    );
}

#[tokio::test]
async fn notes_on_older_bars_stay_when_the_latest_bars_are_merged() {
    let world = World::at("2026-11-19T23:30:00Z");
    world.exchange.list("ACME", bars_through("2026-11-19", 300, 20.0));
    *world.exchange.notes.lock().unwrap() = vec![Note::DividendsDerived, moved("2026-01-12"), moved("2026-11-19")];
    let first = load(&world.platform, &symbol("ACME")).await.unwrap();
    assert_eq!(first.notes.len(), 3);

    world.clock.set("2026-11-20T23:30:00Z");
    let latest = bars_through("2026-11-20", 100, 20.01);
    world.exchange.list("ACME", latest);
    world.exchange.compact.store(true, std::sync::atomic::Ordering::SeqCst);
    *world.exchange.notes.lock().unwrap() = vec![moved("2026-11-18")];
    let expected = [Note::DividendsDerived, Note::CompactHistory, moved("2026-01-12"), moved("2026-11-18")];
    for platform in [world.platform.clone(), world.restarted()] {
        let series = load(&platform, &symbol("ACME")).await.unwrap();
        assert_eq!((series.bars.len(), series.notes.as_slice()), (301, &expected[..]));
    }
}

#[tokio::test]
async fn forecasts_and_backtests_on_weekly_bars_carry_a_warning() {
    let world = World::at("2026-11-20T23:30:00Z");
    let weekly = (0..90).rev().map(|week| bar(day("2026-11-20").plus_days(-7 * week), 20.0 + f64::from(week % 5)));
    world.exchange.list("WEEK", Bars::from_rows(weekly).unwrap());
    let run = backtest(&world, &world.platform, &order("WEEK")).await;
    assert_eq!((&run["periods_per_year"], codes_in(&run)), (&52.into(), vec!["not_daily"]));
    let order = forecasts::ForecastRequest { symbol: symbol("WEEK"), horizon: 5, model: Model::Naive, as_of: None };
    let made = forecasts::make(&world.platform, world.customer, &order).await.unwrap();
    assert_eq!(codes(&made.warnings), ["not_daily"]);
}
