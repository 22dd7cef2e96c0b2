//! Holdings and performance of portfolios with trades and lots held elsewhere, on a real store in memory.

use app::ServiceError;
use app::precondition::Precondition;
use books::holdings;
use books::investments::{self, Purchase};
use books::performance::{self, PerformanceSpan};
use chrono::TimeDelta;
use domain::calendar::next_trading_days;
use domain::{Bar, Bars, Currency, Day, Price, Quantity, Symbol};
use ledger::Side;
use market::{CallBudget, OnBehalfOf, Provider as _, Sample};
use market_data::MarketData;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use testing::portfolios::{Market, SeededRandom, World, stock};
use uuid::Uuid;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

fn lot(symbol: &str, quantity: &str, price: &str, date: Day) -> Purchase {
    Purchase {
        ticker_symbol: symbol.parse().unwrap(),
        quantity: Quantity::parse(quantity).unwrap(),
        purchase_price: Price::parse(price).unwrap(),
        purchase_date: date,
        fee: "1.10".parse().unwrap(),
        currency: None,
    }
}

async fn performed(world: &World, platform: &MarketData, from: Option<Day>) -> Value {
    let span = PerformanceSpan { from, ..PerformanceSpan::default() };
    serde_json::to_value(performance::compute(platform, world.customer, world.portfolio, &span).await.unwrap()).unwrap()
}

async fn held(world: &World) -> Value {
    serde_json::to_value(holdings::compute(&world.platform, world.customer, world.portfolio).await.unwrap()).unwrap()
}

async fn record(world: &World, purchase: &Purchase) -> Uuid {
    investments::record(&world.platform, world.customer, world.portfolio, purchase, None).await.unwrap().value.id
}

fn cents(value: &Value) -> Decimal {
    value.as_str().unwrap_or_else(|| panic!("{value} is no amount")).parse().unwrap()
}

const PARTS: [&str; 10] =
    ["start_value", "price_gain", "income", "dividends", "interest", "fees", "taxes", "fx", "flows", "end_value"];

/// Rows add up to their change in value, and columns to the attribution of the whole.
fn assert_adds_up(answer: &Value) {
    let adds_up = |row: &Value| {
        let part = |name: &str| cents(&row[name]);
        let costs = part("fees") + part("taxes");
        let sum = part("start_value") + part("price_gain") + part("income") - costs + part("fx") + part("flows");
        assert_eq!(sum, part("end_value"), "{row}");
    };
    adds_up(&answer["attribution"]);
    for table in ["attribution_by_symbol", "attribution_by_sector", "attribution_by_currency"] {
        let rows = answer[table].as_array().unwrap();
        rows.iter().for_each(adds_up);
        for part in PARTS {
            let sum: Decimal = rows.iter().map(|row| cents(&row[part])).sum();
            assert_eq!(sum, cents(&answer["attribution"][part]), "{table}: {part}");
        }
    }
}

/// The bars of the sample, on a market whose clock the test sets.
async fn sample(today: &str) -> Market {
    let market = Market::new(day(today));
    for name in ["AAPL", "MSFT", "IBM"] {
        let budget = CallBudget::of(OnBehalfOf::Platform);
        let history = Sample::new().fetch_daily(&symbol(name), budget).await.unwrap();
        market.list(Sample::new().fetch_instrument(&symbol(name), budget).await.unwrap(), history.bars);
    }
    market
}

#[tokio::test]
async fn trades_over_a_split_and_dividends_add_up_to_the_cent() {
    let mut world = World::new(sample("2004-11-10").await, Currency::USD).await;
    let (apple, microsoft) = (symbol("AAPL"), symbol("MSFT"));
    world.trade(Side::Buy, &apple, "33.33333333", day("2004-11-10")).await;
    world.trade(Side::Buy, &microsoft, "100.12345678", day("2004-11-10")).await;
    let first = performed(&world, &world.platform, None).await;
    assert_adds_up(&first);
    // Microsoft's dividend of 3.08 on 2004-11-15: 308.38 for 100.12345678 units.
    world.market.move_to(day("2004-11-15"));
    let second = performed(&world, &world.platform, None).await;
    assert_eq!(second["attribution"]["income"], "308.38");
    assert_eq!(second["series"].as_array().unwrap().last().unwrap()["outflow"], "308.38");
    world.market.move_to(day("2005-02-28"));
    world.trade(Side::Sell, &apple, "66.66666666", day("2005-02-28")).await;
    record(&world, &lot("IBM", "7.7", "90.01", day("2005-01-04"))).await;
    let third = performed(&world, &world.platform, None).await;
    assert_adds_up(&third);
    assert_adds_up(&performed(&world, &world.platform, Some(day("2005-02-11"))).await);
    let rows = third["attribution_by_symbol"].as_array().unwrap();
    assert_eq!((&rows[0]["symbol"], &rows[0]["end_value"]), (&json!("AAPL"), &json!("0.00")), "all of it was sold");
    assert_eq!(third["dividends"], "not credited");
    let now = held(&world).await;
    let symbols: Vec<_> = now["items"].as_array().unwrap().iter().map(|item| item["symbol"].clone()).collect();
    assert_eq!(symbols, [json!("IBM"), json!("MSFT")]);
    let gain = cents(&rows[0]["price_gain"]) - cents(&rows[0]["fees"]);
    assert_eq!(cents(&now["realized_gain"]), gain, "the gain of selling all of it");
}

#[tokio::test]
async fn holdings_combine_lots_of_both_origins_in_current_units() {
    let mut world = World::new(sample("2005-02-25").await, Currency::USD).await;
    world.trade(Side::Buy, &symbol("AAPL"), "10", day("2005-02-25")).await;
    world.market.move_to(day("2005-02-28"));
    world.trade(Side::Buy, &symbol("AAPL"), "3", day("2005-02-28")).await;
    record(&world, &lot("AAPL", "5", "40", day("2005-02-28"))).await;
    let now = held(&world).await;
    let item = &now["items"][0];
    // 10 became 20 at two for one; it closed at 88.99 the day before and at 44.86 on the day.
    assert_eq!((&item["quantity"], &item["price"], &item["stale"]), (&json!("28"), &json!("44.86"), &json!(false)));
    assert_eq!((&item["value"], &item["price_as_of"]), (&json!("1256.08"), &json!("2005-02-28")));
    let lots: Vec<_> = item["lots"].as_array().unwrap().iter().map(|lot| (&lot["origin"], &lot["quantity"])).collect();
    assert_eq!(lots.len(), 3);
    assert_eq!(lots[0], (&json!("trade"), &json!("20")));
    assert!(lots.contains(&(&json!("investment"), &json!("5"))) && lots.contains(&(&json!("trade"), &json!("3"))));
    // 889.90 + 1.25, 134.58 + 1.25, 200.00 + 1.10.
    assert_eq!((&item["cost"], &item["unrealized_gain"]), (&json!("1228.08"), &json!("28.00")));
    // 20 × (44.86 − 88.99 / 2) + 3 × (44.86 − 44.86) + 5 × (44.86 − 40).
    assert_eq!(item["day_change"], "31.60");
    assert_eq!((&now["sectors"][0]["name"], &item["allocation"]), (&json!("Technology"), &json!(1.0)));
    assert_eq!(now["instrument_types"][0]["name"], "stock");
}

#[tokio::test]
async fn a_foreign_holding_without_a_rate_is_listed() {
    let days = ["2013-01-02", "2013-01-03", "2013-01-04"].map(day);
    let bars = |closes: [f64; 3]| {
        let bar = |(date, close): (Day, f64)| Bar {
            date,
            open: close,
            high: close,
            low: close,
            close,
            volume: 1.0,
            adjusted_close: close,
            split_ratio: 1.0,
            dividend: 0.0,
        };
        Bars::from_rows(days.into_iter().zip(closes).map(bar)).unwrap()
    };
    let market = Market::new(days[0]);
    market.list(stock("SAP", "EUR", Some("Software")), bars([100.0, 110.0, 120.0]));
    market.list(stock("VOD", "GBP", None), bars([2.0, 2.0, 2.0]));
    market.list(stock("IBM", "USD", None), bars([200.0, 201.0, 202.0]));
    market.list(stock("EURUSD=X", "USD", None), bars([1.2, 1.3, 1.5]));
    let mut world = World::new(market, Currency::USD).await;
    world.trade(Side::Buy, &symbol("SAP"), "4", days[0]).await;
    record(&world, &lot("VOD", "100", "2", days[0])).await;
    world.trade(Side::Buy, &symbol("IBM"), "1", days[0]).await;
    world.market.move_to(days[2]);
    world.trade(Side::Sell, &symbol("SAP"), "2", days[2]).await;
    let now = held(&world).await;
    assert_eq!(now["unavailable"], json!({"VOD": "fx_unavailable"}));
    let sap = now["items"].as_array().unwrap().iter().find(|item| item["symbol"] == "SAP").unwrap();
    // 2 × 120 × 1.5; what is left of 401.25 at 1.2, the rate of the purchase; 2 × 10 × 1.5.
    assert_eq!(
        (&sap["value"], &sap["cost"], &sap["day_change"]),
        (&json!("360.00"), &json!("240.76"), &json!("30.00"))
    );
    // (240 − 1.25) × 1.5 − 200.62 × 1.2: half of 401.25 is 200.62 to the even cent.
    assert_eq!((&sap["realized_gain"], &now["realized_gain"]), (&json!("117.38"), &json!("117.38")));
    assert_eq!(now["value"], "562.00", "without the one that has no rate");
    let answer = performed(&world, &world.platform, None).await;
    assert_adds_up(&answer);
    assert_eq!(answer["unavailable"]["VOD"], "fx_unavailable");
    let sap = &answer["attribution_by_currency"][0];
    assert_eq!((&sap["name"], &sap["end_value"]), (&json!("EUR"), &json!("360.00")));
    // 4 × 100 × 0.1 on the first day, 4 × 110 × 0.2 on the second.
    assert_eq!(sap["fx"], "128.00");
}

#[tokio::test]
async fn one_more_trade_reads_and_computes_only_the_last_day() {
    let days = next_trading_days(day("2011-01-03"), 300);
    let mut numbers = SeededRandom(5);
    let market = Market::new(days[298]);
    for name in ["ONE", "TWO"] {
        market.list(stock(name, "USD", None), numbers.random_walk(&days));
    }
    let mut world = World::new(market, Currency::USD).await;
    for at in 0..298 {
        world.clock.forward(TimeDelta::minutes(1));
        world.trade(Side::Buy, &symbol(["ONE", "TWO"][at % 2]), "3", days[at]).await;
    }
    world.clock.forward(TimeDelta::hours(1));
    performed(&world, &world.platform, None).await;
    let whole = world.watched.take();
    assert_eq!((whole["TRADE"], whole.get("SERIES")), (298, None));
    world.trade(Side::Buy, &symbol("ONE"), "7", days[298]).await;
    let extended = performed(&world, &world.platform, None).await;
    let read = world.watched.take();
    assert_eq!((read["TRADE"], read["SERIES"]), (1, 3), "two years and their state");
    assert_eq!(extended, performed(&world, &world.forgetful(), None).await);
    performed(&world, &world.platform, None).await;
    let versions = versions(&world).await;
    performed(&world, &world.restarted(), None).await;
    assert_eq!(self::versions(&world).await, versions, "unchanged items are not written again");
    world.market.move_to(days[299]);
    let next = performed(&world, &world.platform, None).await;
    assert_eq!(next, performed(&world, &world.forgetful(), None).await);
    let (before, after) = (versions, self::versions(&world).await);
    assert_eq!(before[0], after[0], "the previous year stays as it was written");
    assert_ne!(before[1..], after[1..]);
}

async fn versions(world: &World) -> Vec<(String, u64)> {
    use store::Table as _;
    let list = store::keys::series(world.portfolio);
    let page = world.watched.table.query(&store::Query::forward(list.partition, list.range, 100)).await.unwrap();
    page.items.into_iter().map(|item| (item.key.sk, item.version.0)).collect()
}

/// Whatever happens in whatever order, stored values equal those of a reader that stores none.
#[tokio::test]
async fn stored_values_equal_computed_ones() {
    for seed in 0..12 {
        let mut numbers = SeededRandom(seed);
        let days = next_trading_days(day("2011-11-01"), 120);
        let market = Market::new(days[3]);
        let names = ["ONE", "TWO", "EURO"];
        for name in names {
            let currency = if name == "EURO" { "EUR" } else { "USD" };
            market.list(stock(name, currency, Some(name)), numbers.random_walk(&days));
        }
        market.list(stock("EURUSD=X", "USD", None), numbers.random_walk(&days));
        let mut world = World::new(market, Currency::USD).await;
        let (mut at, mut lots) = (3, Vec::new());
        for step in 0..25 {
            world.clock.forward(TimeDelta::minutes(i64::try_from(numbers.below(12)).unwrap()));
            let name = symbol(names[numbers.below(3)]);
            match numbers.below(8) {
                0 | 1 => {
                    at = (at + 1 + numbers.below(12)).min(days.len() - 1);
                    world.market.move_to(days[at]);
                }
                2 | 3 => world.trade(Side::Buy, &name, "1.00000007", days[at]).await,
                4 if world.units_of(&name, days[at]) > Decimal::ONE => {
                    world.trade(Side::Sell, &name, "1", days[at]).await;
                }
                5 => {
                    let on = days[numbers.below(days.len())];
                    lots.push(record(&world, &lot(name.as_str(), "2.5", "99.99", on)).await);
                }
                6 if !lots.is_empty() => {
                    let gone = lots.swap_remove(numbers.below(lots.len()));
                    let (customer, portfolio) = (world.customer, world.portfolio);
                    investments::remove(&world.platform, customer, portfolio, gone, &Precondition::None).await.unwrap();
                }
                7 => {
                    let bars = world.market.bars(&name);
                    let wrong = numbers.below(at + 1);
                    let corrected = bars.iter().enumerate().map(|(number, bar)| Bar {
                        close: if number == wrong { bar.close + 1.0 } else { bar.close },
                        high: if number == wrong { bar.high + 1.0 } else { bar.high },
                        ..bar
                    });
                    let currency = if name == symbol("EURO") { "EUR" } else { "USD" };
                    let corrected = Bars::from_rows(corrected).unwrap();
                    world.market.list(stock(name.as_str(), currency, Some(name.as_str())), corrected);
                }
                _ => {}
            }
            let from = [None, Some(days[numbers.below(at + 1)])][numbers.below(2)];
            let kept = performed(&world, &world.platform, from).await;
            assert_eq!(kept, performed(&world, &world.forgetful(), from).await, "seed {seed}, step {step}");
            assert_adds_up(&kept);
        }
    }
}

#[tokio::test]
async fn a_trade_that_was_committed_late_is_included() {
    let days = next_trading_days(day("2012-01-03"), 10);
    let market = Market::new(days[0]);
    market.list(stock("ONE", "USD", None), SeededRandom(1).random_walk(&days));
    let mut world = World::new(market, Currency::USD).await;
    world.trade(Side::Buy, &symbol("ONE"), "1", days[0]).await;
    let id = world.platform.app.new_id();
    let late = world.decide(Side::Buy, &symbol("ONE"), Decimal::ONE, id, days[0]);
    world.market.move_to(days[2]);
    world.clock.forward(TimeDelta::minutes(2));
    performed(&world, &world.platform, None).await;
    world.store(&[late]).await;
    let found = performed(&world, &world.platform, None).await;
    assert_eq!(found, performed(&world, &world.forgetful(), None).await);
    assert_eq!(cents(&found["series"][0]["inflow"]), cents(&found["attribution"]["flows"]));
}

#[tokio::test]
async fn a_value_out_of_range_leaves_out_only_its_symbol() {
    let days = next_trading_days(day("2012-01-03"), 2);
    let market = Market::new(days[1]);
    let vast = SeededRandom(1).random_walk(&days);
    let vast = Bars::from_rows(vast.iter().map(|bar| Bar { close: 1e12, high: 1e12, ..bar })).unwrap();
    market.list(stock("VAST", "USD", None), vast);
    market.list(stock("ONE", "USD", None), SeededRandom(2).random_walk(&days));
    let world = World::new(market, Currency::USD).await;
    for _ in 0..2 {
        record(&world, &lot("VAST", "1000000000000", "0.00000001", days[0])).await;
    }
    record(&world, &lot("ONE", "1", "100", days[0])).await;
    let answer = performed(&world, &world.platform, None).await;
    assert_eq!(answer["unavailable"]["VAST"], "too_large");
    assert_eq!(answer["attribution_by_symbol"].as_array().unwrap().len(), 1);
    let now = held(&world).await;
    assert_eq!((&now["unavailable"], now["items"].as_array().unwrap().len()), (&json!({"VAST": "too_large"}), 1));
}

#[tokio::test]
async fn another_customers_portfolio_and_a_reversed_span_are_refused() {
    let world = World::new(sample("2013-03-01").await, Currency::USD).await;
    let stranger = domain::CustomerId(Uuid::from_u128(8));
    let span = PerformanceSpan::default();
    let refused = performance::compute(&world.platform, stranger, world.portfolio, &span).await;
    assert!(matches!(refused, Err(ServiceError::NotFound { .. })), "{refused:?}");
    let refused = holdings::compute(&world.platform, stranger, world.portfolio).await;
    assert!(matches!(refused, Err(ServiceError::NotFound { .. })), "{refused:?}");
    let span = PerformanceSpan { from: Some(day("2013-03-02")), ..PerformanceSpan::default() };
    let refused = performance::compute(&world.platform, world.customer, world.portfolio, &span).await;
    assert!(matches!(refused, Err(ServiceError::FromAfterTo { .. })), "{refused:?}");
}
