//! Returns and values of portfolios on days without an exchange rate, with years stored by older code, and compared
//! with the holdings of the same day.

use std::path::Path;
use std::sync::Arc;

use books::holdings;
use books::investments::{self, Purchase};
use books::performance::{self, FlowTiming, PerformanceSpan};
use domain::calendar::next_trading_days;
use domain::{Bar, Bars, Currency, Day, Price, Quantity};
use ledger::Side;
use market::{CallBudget, Folder, OnBehalfOf, Provider as _};
use market_data::MarketData;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use store::{Expect, Table as _, Write, documents, keys};
use testing::portfolios::{Market, SeededRandom, World, stock};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn bars(rows: &[(&str, f64)]) -> Bars {
    let bar = |&(date, close): &(&str, f64)| Bar {
        date: day(date),
        open: close,
        high: close,
        low: close,
        close,
        volume: 1.0,
        adjusted_close: close,
        split_ratio: 1.0,
        dividend: 0.0,
    };
    Bars::from_rows(rows.iter().map(bar)).unwrap()
}

async fn record(world: &World, symbol: &str, quantity: &str, price: &str, date: Day) {
    let purchase = Purchase {
        ticker_symbol: symbol.parse().unwrap(),
        quantity: Quantity::parse(quantity).unwrap(),
        purchase_price: Price::parse(price).unwrap(),
        purchase_date: date,
        fee: Decimal::ZERO,
        currency: None,
    };
    investments::record(&world.platform, world.customer, world.portfolio, &purchase, None).await.unwrap();
}

async fn performed(world: &World, platform: &MarketData, span: &PerformanceSpan) -> Value {
    serde_json::to_value(performance::compute(platform, world.customer, world.portfolio, span).await.unwrap()).unwrap()
}

async fn held(world: &World) -> Value {
    serde_json::to_value(holdings::compute(&world.platform, world.customer, world.portfolio).await.unwrap()).unwrap()
}

fn row<'a>(answer: &'a Value, date: &str) -> Option<&'a Value> {
    answer["series"].as_array().unwrap().iter().find(|row| row["date"] == date)
}

fn codes(answer: &Value) -> Vec<&str> {
    answer["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap()).collect()
}

/// The prices of a case that once went wrong, on a market whose clock the test sets.
async fn case(name: &str, today: &str) -> Market {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases").join(name);
    let today_here = day(today);
    let folder = Folder::open(&folder, Arc::new(move || today_here)).unwrap();
    let market = Market::new(day(today));
    for symbol in folder.read_symbols() {
        let budget = CallBudget::of(OnBehalfOf::Platform);
        let history = folder.fetch_daily(&symbol, budget).await.unwrap();
        market.list(folder.fetch_instrument(&symbol, budget).await.unwrap(), history.bars);
    }
    market
}

#[tokio::test]
async fn a_gap_in_a_rate_leaves_out_only_its_day() {
    let world = World::new(case("fx-gap", "2020-03-31").await, Currency::USD).await;
    record(&world, "SAP.DE", "10", "69.27", day("2019-10-02")).await;
    record(&world, "USA", "10", "69.27", day("2019-10-02")).await;
    let found = performed(&world, &world.platform, &PerformanceSpan::default()).await;
    // The last rate is of 2019-12-20, the next one of 2019-12-31: ten days apart, with the market open on the 27th and
    // the 30th.
    assert_eq!(found["unavailable"]["fx"], json!(["2019-12-30"]));
    assert_eq!(found["unavailable"].get("SAP.DE"), None, "{}", found["unavailable"]);
    assert_eq!((found["series"].as_array().unwrap().len(), row(&found, "2019-12-30")), (129, None));
    // 10 × 77.61 × 1.13471 + 10 × 77.61, then 10 × 78.69 × 1.14213 + 10 × 78.69.
    let (before, after) = (row(&found, "2019-12-27").unwrap(), row(&found, "2019-12-31").unwrap());
    assert_eq!((&before["value"], &after["value"]), (&json!("1656.75"), &json!("1685.64")));
    let grown = (after["twr"].as_f64().unwrap() + 1.0) / (before["twr"].as_f64().unwrap() + 1.0);
    let expected = 78.69 * 2.142_13 / (77.61 * 2.134_71);
    assert!((grown - expected).abs() < 1e-12, "{grown} is not {expected}: the return spans the gap");
    assert_eq!(row(&found, "2020-03-31").unwrap()["value"], held(&world).await["value"]);
}

#[tokio::test]
async fn a_rate_quoted_the_other_way_round_divides_and_rounds_once() {
    for (name, currency, close, units, quoted, base, worth) in [
        ("VIC", "VND", 100_000.0, "10000", ("USDVND=X", 23_459.0), "USD", "42627.56"),
        ("TYT", "JPY", 7_000.0, "1000000", ("USDJPY=X", 114.4), "USD", "61188811.19"),
        // Nine yen are seven and a half cents, and halves are rounded to even.
        ("TYT", "JPY", 9.0, "1", ("USDJPY=X", 120.0), "USD", "0.08"),
        ("TYT", "JPY", 7_000.0, "1000000", ("JPYUSD=X", 0.008_741_258_741_258_74), "USD", "61188811.19"),
    ] {
        let market = Market::new(day("2019-09-04"));
        market.list(stock(name, currency, None), bars(&[("2019-09-03", close), ("2019-09-04", close)]));
        let (pair, rate) = quoted;
        market.list(stock(pair, &pair[3..6], None), bars(&[("2019-09-03", rate), ("2019-09-04", rate)]));
        let world = World::new(market, base.parse().unwrap()).await;
        record(&world, name, units, &close.to_string(), day("2019-09-03")).await;
        let (now, found) = (held(&world).await, performed(&world, &world.platform, &PerformanceSpan::default()).await);
        assert_eq!((&now["value"], &now["cost"]), (&json!(worth), &json!(worth)), "{pair} at {rate}");
        assert_eq!(now["items"][0]["lots"][0]["cost"], worth);
        let last = row(&found, "2019-09-04").unwrap();
        assert_eq!((&last["value"], &found["attribution"]["fx"]), (&json!(worth), &json!("0.00")));
        assert_eq!(row(&found, "2019-09-03").unwrap()["inflow"], worth);
    }
}

#[tokio::test]
async fn a_benchmark_is_converted_into_the_base_currency() {
    let base: Currency = "EUR".parse().unwrap();
    let world = World::new(case("fx-gap", "2020-03-31").await, base).await;
    record(&world, "USA", "10", "69.27", day("2019-10-02")).await;
    let compared_with = async |name: &str| {
        let span = PerformanceSpan { benchmark: Some(name.parse().unwrap()), ..PerformanceSpan::default() };
        performed(&world, &world.platform, &span).await
    };
    let itself = compared_with("USA").await;
    let figure = |name: &str| itself["metrics"][name].as_f64().unwrap();
    assert!((figure("beta") - 1.0).abs() < 1e-6, "{}", itself["metrics"]);
    assert!(figure("alpha").abs() < 1e-5 && figure("tracking_error") < 1e-5, "{}", itself["metrics"]);
    let francs = bars(&[("2019-10-02", 10.0), ("2020-03-31", 11.0)]);
    world.market.list(stock("SWISS", "CHF", None), francs);
    let without_rate = compared_with("SWISS").await;
    assert_eq!(
        (&without_rate["metrics"]["beta"], &without_rate["unavailable"]["beta"]),
        (&Value::Null, &json!("fx_unavailable"))
    );
}

#[tokio::test]
async fn without_a_rate_holdings_list_the_symbol_and_performance_ends_earlier() {
    let world = World::new(case("fx-gap", "2019-12-30").await, Currency::USD).await;
    record(&world, "SAP.DE", "10", "69.27", day("2019-10-02")).await;
    record(&world, "USA", "10", "69.27", day("2019-10-02")).await;
    let now = held(&world).await;
    assert_eq!((&now["unavailable"], &now["value"]), (&json!({"SAP.DE": "fx_unavailable"}), &json!("779.50")));
    let inside = performed(&world, &world.platform, &PerformanceSpan::default()).await;
    assert_eq!(inside["series"].as_array().unwrap().last().unwrap()["date"], "2019-12-27");
    assert_eq!(inside["attribution"]["end_value"], "1656.75");
    assert_eq!(inside["attribution_by_symbol"][0]["end_value"], "880.65");
}

#[tokio::test]
async fn a_purchase_without_a_rate_uses_the_last_one_with_a_warning() {
    let world = World::new(case("fx-gap", "2020-03-31").await, Currency::USD).await;
    record(&world, "SAP.DE", "10", "69.27", day("2019-10-02")).await;
    let alone = performed(&world, &world.platform, &PerformanceSpan::default()).await;
    record(&world, "SAP.DE", "10", "77.95", day("2019-12-30")).await;
    let found = performed(&world, &world.platform, &PerformanceSpan::default()).await;
    // 779.50 × 1.13471, in the row of the next day that has a rate.
    assert_eq!(row(&found, "2019-12-31").unwrap()["inflow"], "884.51");
    assert_eq!(codes(&found).iter().filter(|code| **code == "rate_of_another_day").count(), 1, "{found}");
    for (one, other) in alone["series"].as_array().unwrap().iter().zip(found["series"].as_array().unwrap()) {
        let (one, other) = (one["twr"].as_f64().unwrap(), other["twr"].as_f64().unwrap());
        assert!((one - other).abs() < 1e-12, "{one} is not {other}");
    }
    let now = held(&world).await;
    assert_eq!(now["items"][0]["lots"][1]["cost"], "884.51", "the same rate as in performance");
    let named = |answer: &Value| {
        let warnings = answer["warnings"].as_array().unwrap().iter();
        warnings.filter(|warning| warning["code"] == "rate_of_another_day").cloned().collect::<Vec<_>>()
    };
    assert_eq!(named(&now), named(&found), "holdings have the same warning");
}

#[tokio::test]
async fn holdings_and_performance_warn_alike_about_missing_rates() {
    let mut world = World::new(case("fx-gap", "2020-03-31").await, Currency::USD).await;
    let symbol = "SAP.DE".parse().unwrap();
    world.trade(Side::Buy, &symbol, "10", day("2019-12-30")).await;
    world.trade(Side::Sell, &symbol, "4", day("2019-12-30")).await;
    let of_rates = |answer: &Value| {
        let warnings = answer["warnings"].as_array().unwrap().iter();
        warnings.filter(|warning| warning["code"] == "rate_of_another_day").cloned().collect::<Vec<_>>()
    };
    let named = of_rates(&held(&world).await);
    assert!(named[0]["detail"].as_str().unwrap().ends_with(": 2, the first on 2019-12-30."), "{named:?}");
    world.trade(Side::Sell, &symbol, "6", day("2020-01-31")).await;
    assert_eq!(of_rates(&held(&world).await), named, "even if nothing is held any more");
    assert_eq!(of_rates(&performed(&world, &world.platform, &PerformanceSpan::default()).await), named);
}

#[tokio::test]
async fn currencies_without_a_pair_are_converted_through_the_dollar() {
    let days = ["2013-01-02", "2013-01-03", "2013-01-04"];
    let listed = |closes: [f64; 3]| bars(&[(days[0], closes[0]), (days[1], closes[1]), (days[2], closes[2])]);
    let market = Market::new(day(days[2]));
    market.list(stock("SAP", "EUR", None), listed([100.0, 110.0, 120.0]));
    market.list(stock("EURUSD=X", "USD", None), listed([1.2, 1.3, 1.5]));
    market.list(stock("GBPUSD=X", "USD", None), listed([1.6, 1.625, 1.6]));
    let world = World::new(market, "GBP".parse().unwrap()).await;
    record(&world, "SAP", "4", "100", day(days[0])).await;
    let found = performed(&world, &world.platform, &PerformanceSpan::default()).await;
    let values: Vec<&Value> = found["series"].as_array().unwrap().iter().map(|row| &row["value"]).collect();
    // 400 × 0.75, 440 × 0.8, 480 × 0.9375.
    assert_eq!(values, ["300.00", "352.00", "450.00"]);
    let now = held(&world).await;
    assert_eq!(now["value"], "450.00");
    assert_eq!((codes(&found), codes(&now)), (vec!["cross_rate"], vec!["cross_rate"]));
}

#[tokio::test]
async fn holdings_and_performance_show_one_value_for_a_portfolio_and_a_day() {
    for base in ["USD", "JPY", "EUR"] {
        let mut numbers = SeededRandom(11);
        let days = next_trading_days(day("2012-01-03"), 40);
        let market = Market::new(days[0]);
        for (name, currency) in [("ONE", "USD"), ("TWO", "EUR"), ("THREE", "JPY"), ("FOUR", "USD")] {
            market.list(stock(name, currency, None), numbers.random_walk(&days));
        }
        for (pair, currency) in [("EURUSD=X", "USD"), ("USDJPY=X", "JPY"), ("EURJPY=X", "JPY")] {
            market.list(stock(pair, currency, None), numbers.random_walk(&days));
        }
        let world = World::new(market, base.parse().unwrap()).await;
        let symbols = ["ONE", "TWO", "THREE", "FOUR"];
        for symbol in symbols {
            record(&world, symbol, "3.33333333", "100.01", days[0]).await;
        }
        for (at, &today) in days.iter().enumerate() {
            world.market.move_to(today);
            record(&world, symbols[at % 4], "0.00700007", "99.99", today).await;
            let found = performed(&world, &world.platform, &PerformanceSpan::default()).await;
            let now = held(&world).await;
            assert_eq!(now["unavailable"], json!({}));
            assert_eq!(row(&found, &today.to_string()).unwrap()["value"], now["value"], "{base} on {today}");
        }
    }
}

#[tokio::test]
async fn the_timing_of_flows_is_selected_and_returned() {
    let market = Market::new(day("2013-01-03"));
    market.list(stock("ONE", "USD", None), bars(&[("2013-01-02", 100.0), ("2013-01-03", 110.0)]));
    let world = World::new(market, Currency::USD).await;
    record(&world, "ONE", "10", "100", day("2013-01-02")).await;
    record(&world, "ONE", "10", "110", day("2013-01-03")).await;
    for (flow_timing, name, expected) in [
        (FlowTiming::Priced, "priced", 0.1),
        (FlowTiming::StartOfDay, "start_of_day", 2200.0 / 2100.0 - 1.0),
        (FlowTiming::EndOfDay, "end_of_day", 0.1),
    ] {
        let found =
            performed(&world, &world.platform, &PerformanceSpan { flow_timing, ..PerformanceSpan::default() }).await;
        assert_eq!(found["flow_timing"], name);
        let twr = found["metrics"]["twr"].as_f64().unwrap();
        assert!((twr - expected).abs() < 1e-12, "{name}: {twr}");
    }
}

#[tokio::test]
async fn a_price_outside_its_days_range_has_a_warning() {
    let market = Market::new(day("2013-01-04"));
    market
        .list(stock("ONE", "USD", None), bars(&[("2013-01-02", 100.0), ("2013-01-03", 110.0), ("2013-01-04", 100.0)]));
    let world = World::new(market, Currency::USD).await;
    record(&world, "ONE", "10", "105", day("2013-01-02")).await;
    record(&world, "ONE", "10", "104.49", day("2013-01-03")).await;
    let found = performed(&world, &world.platform, &PerformanceSpan::default()).await;
    assert_eq!(codes(&found), ["price_outside_the_day"]);
    let detail = found["warnings"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("ONE: ") && detail.ends_with("1, the first on 2013-01-03."), "{detail}");
    let later = PerformanceSpan { from: Some(day("2013-01-04")), ..PerformanceSpan::default() };
    assert_eq!(codes(&performed(&world, &world.platform, &later).await), [""; 0]);
}

/// The items that earlier code stored for a lot of 10 at 100 and one of 10 at the next close: without a version, growth
/// between flows or a displayed value.
fn items_of_old_code() -> [Value; 2] {
    let writing = "0190aaaa-0000-7000-8000-000000000001";
    let standing = |units: &str, price: &str| json!({"symbol": "ONE", "units": units, "price": price, "rate": "1", "lots": 2, "dust": 0});
    let state = json!({
        "base": "USD", "through": "2013-01-04",
        "eve": {"day": "2013-01-03", "standings": [standing("20", "110")]},
        "eve_totals": [{"symbol": "ONE", "inflow": "2100", "end": "2200"}],
        "years": {"2013": writing}, "left_out": {},
        "trades": {"before": "00000000-0000-0000-0000-000000000000", "counted": []},
        "investments_ahead": false
    });
    let year = json!({"writing": writing, "year": {
        "year": 2013, "inputs": INPUTS,
        "days": [
            {"date": "2013-01-02", "value": "1000", "inflow": "1000"},
            {"date": "2013-01-03", "value": "2200", "inflow": "1100"},
            {"date": "2013-01-04", "value": "2100"}
        ],
        "close": {"day": "2013-01-04", "standings": [standing("20", "105")]},
        "totals": [{"symbol": "ONE", "inflow": "2100", "end": "2100"}]
    }});
    [state, year]
}

/// The hash of their prices, which are those of today.
const INPUTS: &str = "0d8b5534d63d11ed21ec78114c20150021a91317d44369ee8bc8f17cdff75e84";

#[tokio::test]
async fn years_stored_by_older_code_are_computed_again() {
    let market = Market::new(day("2013-01-04"));
    market
        .list(stock("ONE", "USD", None), bars(&[("2013-01-02", 100.0), ("2013-01-03", 110.0), ("2013-01-04", 105.0)]));
    let world = World::new(market, Currency::USD).await;
    record(&world, "ONE", "10", "100", day("2013-01-02")).await;
    record(&world, "ONE", "10", "110", day("2013-01-03")).await;
    let expected = performed(&world, &world.platform, &PerformanceSpan::default()).await;
    let twr = expected["metrics"]["twr"].as_f64().unwrap();
    assert!((twr - 0.05).abs() < 1e-12, "{twr}");
    let (state, year) = (keys::series_state(world.portfolio), keys::series_year(world.portfolio, 2013));
    let current: Value = documents::parse(&world.watched.table.get(&year).await.unwrap().unwrap()).unwrap();
    assert_eq!(current["year"]["inputs"], INPUTS, "their prices are the same");
    for (key, item) in [&state, &year].into_iter().zip(items_of_old_code()) {
        let version = world.watched.table.get(key).await.unwrap().map(|item| item.version);
        let body = documents::body(key, &item).unwrap();
        let put = Write::Put { key: key.clone(), body, expires_at: None, expect: Expect::from(version) };
        world.watched.table.transact(vec![put]).await.unwrap();
    }
    assert_eq!(performed(&world, &world.restarted(), &PerformanceSpan::default()).await, expected);
    let again: Value = documents::parse(&world.watched.table.get(&year).await.unwrap().unwrap()).unwrap();
    assert_eq!(
        (&again["year"]["definitions"], &again["year"]["days"]),
        (&json!(valuation::DEFINITIONS), &current["year"]["days"])
    );
}
