//! Holdings and performance as of an earlier day, and by another lot method, compared with what was answered on that
//! day and with examples computed by hand.

use app::ServiceError;
use books::holdings::{self, AutomaticLotMethod, HoldingsRequest};
use books::investments::{self, Purchase};
use books::performance::{self, PerformanceSpan};
use domain::calendar::next_trading_days;
use domain::{Currency, Day, Price, Quantity, Symbol};
use ledger::Side;
use market::{CallBudget, OnBehalfOf, Provider as _, Sample};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use testing::portfolios::{Market, SeededRandom, World, stock};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

async fn held(world: &World, as_of: Option<Day>, lot_method: Option<AutomaticLotMethod>) -> Value {
    let request = HoldingsRequest { as_of, lot_method };
    let found = holdings::compute_as(&world.platform, world.customer, world.portfolio, request).await;
    serde_json::to_value(found.unwrap()).unwrap()
}

async fn performed(world: &World, as_of: Option<Day>) -> Value {
    let span = PerformanceSpan { as_of, benchmark: Some(symbol("ONE")), ..PerformanceSpan::default() };
    let found = performance::compute(&world.platform, world.customer, world.portfolio, &span).await;
    serde_json::to_value(found.unwrap()).unwrap()
}

async fn record(world: &World, name: &str, date: Day) {
    let purchase = Purchase {
        ticker_symbol: symbol(name),
        quantity: Quantity::parse("2.5").unwrap(),
        purchase_price: Price::parse("99.99").unwrap(),
        purchase_date: date,
        fee: "1.10".parse().unwrap(),
        currency: None,
    };
    investments::record(&world.platform, world.customer, world.portfolio, &purchase, None).await.unwrap();
}

/// Ten shares of Apple on 2012-04-24 at 560.28 and ten on the next day at 610.00, five sold on the day after at 607.70,
/// each with a fee of 1.25.
async fn apple() -> World {
    let (market, budget) = (Market::new(day("2012-04-24")), CallBudget::of(OnBehalfOf::Platform));
    let apple = symbol("AAPL");
    let history = Sample::new().fetch_daily(&apple, budget).await.unwrap();
    market.list(Sample::new().fetch_instrument(&apple, budget).await.unwrap(), history.bars);
    let mut world = World::new(market, Currency::USD).await;
    for (side, units, on) in
        [(Side::Buy, "10", "2012-04-24"), (Side::Buy, "10", "2012-04-25"), (Side::Sell, "5", "2012-04-26")]
    {
        world.market.move_to(day(on));
        world.trade(side, &apple, units, day(on)).await;
    }
    world
}

#[tokio::test]
async fn holdings_as_of_a_day_have_its_lots_and_prices() {
    let world = apple().await;
    world.market.move_to(day("2013-03-01"));
    let figures = async |on: &str| {
        let found = held(&world, Some(day(on)), None).await;
        assert_eq!(found["as_of"], on);
        let figure = |name: &str| found["items"][0][name].clone();
        ["quantity", "price", "price_as_of", "value", "cost", "realized_gain", "day_change", "stale"].map(figure)
    };
    let expected = |parts: [&str; 7]| {
        let [quantity, price, on, value, cost, realized, change] = parts.map(Value::from);
        [quantity, price, on, value, cost, realized, change, json!(false)]
    };
    let of = ["10", "560.28", "2012-04-24", "5602.80", "5604.05", "0.00", "0.00"];
    assert_eq!(figures("2012-04-24").await, expected(of), "bought at the close");
    let of = ["20", "610", "2012-04-25", "12200.00", "11705.30", "0.00", "497.20"];
    assert_eq!(figures("2012-04-25").await, expected(of), "ten units gained 49.72");
    // Half of the first lot leaves: 5,604.05 ÷ 2 is 2,802.02 to the even cent, for 3,038.50 − 1.25.
    let of = ["15", "607.7", "2012-04-26", "9115.50", "8903.28", "235.23", "-34.50"];
    assert_eq!(figures("2012-04-26").await, expected(of));
    let of = ["15", "603", "2012-04-27", "9045.00", "8903.28", "235.23", "-70.50"];
    assert_eq!(figures("2012-04-29").await, expected(of), "on a Sunday, at the close of the last session");
    let before = held(&world, Some(day("2012-04-23")), None).await;
    assert_eq!((&before["items"], &before["value"], &before["warnings"]), (&json!([]), &json!("0.00"), &json!([])));
    let late = HoldingsRequest { as_of: Some(day("2013-03-02")), lot_method: None };
    let refused = holdings::compute_as(&world.platform, world.customer, world.portfolio, late).await;
    assert!(matches!(refused, Err(ServiceError::Field { field: "as_of", .. })), "{refused:?}");
    let late = PerformanceSpan { as_of: Some(day("2013-03-02")), ..PerformanceSpan::default() };
    let refused = performance::compute(&world.platform, world.customer, world.portfolio, &late).await;
    assert!(matches!(refused, Err(ServiceError::Field { field: "as_of", .. })), "{refused:?}");
}

#[tokio::test]
async fn another_lot_method_leaves_other_lots_and_stores_nothing() {
    let world = apple().await;
    let stored = held(&world, None, None).await;
    assert_eq!(stored.get("lot_method"), None);
    // 11,705.30 × 5 ÷ 20 is 2,926.325: 2,926.32 of the pool leaves, 1,401.01 of it from the first lot.
    for (method, cost, gain, lots) in [
        ("fifo", "8903.28", "235.23", [("5", "2802.03"), ("10", "6101.25")]),
        ("lifo", "8654.68", "-13.37", [("10", "5604.05"), ("5", "3050.63")]),
        ("hifo", "8654.68", "-13.37", [("10", "5604.05"), ("5", "3050.63")]),
        ("average", "8778.98", "110.93", [("7.5", "4203.04"), ("7.5", "4575.94")]),
    ] {
        let tried = held(&world, None, Some(serde_json::from_value(method.into()).unwrap())).await;
        assert_eq!(tried["lot_method"], method);
        let item = &tried["items"][0];
        assert_eq!((&item["quantity"], &item["cost"]), (&json!("15"), &json!(cost)), "{method}");
        assert_eq!((&item["realized_gain"], &tried["realized_gain"]), (&json!(gain), &json!(gain)), "{method}");
        let found = item["lots"].as_array().unwrap().iter().map(|lot| (lot["quantity"].clone(), lot["cost"].clone()));
        let lots = lots.map(|(quantity, cost)| (json!(quantity), json!(cost)));
        assert_eq!(found.collect::<Vec<_>>(), lots, "{method}");
        assert_eq!(tried["value"], stored["value"]);
    }
    assert_eq!(held(&world, None, None).await, stored);
    let earlier = held(&world, Some(day("2012-04-25")), Some(AutomaticLotMethod::Lifo)).await;
    assert_eq!((&earlier["items"][0]["cost"], &earlier["realized_gain"]), (&json!("11705.30"), &json!("0.00")));
}

/// Whatever is bought, sold, split and exchanged: later, as of a day, everything is as it was answered on that day.
#[tokio::test]
async fn as_of_a_day_everything_is_as_it_was_answered_on_it() {
    for seed in 0..8 {
        let mut numbers = SeededRandom(seed);
        let days = next_trading_days(day("2011-11-01"), 120);
        let market = Market::new(days[3]);
        for (name, currency) in [("ONE", "USD"), ("TWO", "USD"), ("EURO", "EUR"), ("EURUSD=X", "USD")] {
            market.list(stock(name, currency, Some(name)), numbers.random_walk(&days));
        }
        let mut world = World::new(market, Currency::USD).await;
        let (mut at, mut answered) = (3, Vec::new());
        record(&world, "TWO", days[1]).await;
        for _ in 0..12 {
            for _ in 0..3 {
                let name = symbol(["ONE", "TWO", "EURO"][numbers.below(3)]);
                if numbers.below(3) == 0 && world.units_of(&name, days[at]) > Decimal::ONE {
                    world.trade(Side::Sell, &name, "1", days[at]).await;
                } else {
                    world.trade(Side::Buy, &name, "1.00000007", days[at]).await;
                }
            }
            record(&world, "EURO", days[at]).await;
            let fifo = held(&world, None, Some(AutomaticLotMethod::Fifo)).await;
            let now = held(&world, None, None).await;
            let unmarked = |mut tried: Value| {
                assert_eq!(tried.as_object_mut().unwrap().remove("lot_method"), Some(json!("fifo")));
                tried
            };
            assert_eq!(unmarked(fifo), now, "seed {seed}: the portfolio's own method");
            answered.push((days[at], now, performed(&world, None).await));
            at = (at + 1 + numbers.below(12)).min(days.len() - 1);
            if answered.last().is_some_and(|(last, ..)| *last == days[at]) {
                break;
            }
            world.market.move_to(days[at]);
        }
        for (on, holdings, performance) in &answered {
            assert_eq!(held(&world, Some(*on), None).await, *holdings, "seed {seed}, {on}");
            assert_eq!(performed(&world, Some(*on)).await, *performance, "seed {seed}, {on}");
        }
    }
}
