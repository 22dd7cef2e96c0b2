//! Lots, gains and values of recorded portfolios, computed by hand.

use books::holdings::AutomaticLotMethod;
use books::overview::{self, OverviewRequest};
use books::portfolios::NewPortfolio;
use domain::portfolio::PortfolioType;
use domain::{Currency, Investment, Money, Price, Quantity};
use ledger::{ActivityFields, ActivityType, LotMethod, LotPick, Side};
use serde_json::{Value, json};
use store::{Table as _, Write, documents, keys};
use testing::people::{open_portfolio, opening};
use testing::portfolios::{Market, World, stock};
use uuid::Uuid;

use super::{Recorded, acme, bars, day, decimal, last_value, lots, symbol, whole_history};

#[tokio::test]
async fn a_whole_history_has_its_holdings_of_today_and_of_every_day() {
    let world = World::new(acme(), Currency::USD).await;
    let portfolio = whole_history(&world).await;
    let now = portfolio.held().await;
    let item = &now["items"][0];
    // 15 of the first 20 for 1001.00 are left after the sale for a quarter, 250.25; three more leave with 150.15.
    assert_eq!(lots(item), ["2012-01-03:12:600.60", "2012-01-04:20:1100.00"]);
    assert_eq!(
        (&item["quantity"], &item["value"], &item["cost"]),
        (&json!("32"), &json!("1888.00"), &json!("1700.60"))
    );
    assert_eq!(item["day_change"], "32.00");
    assert_eq!(item["lots"][0]["origin"], "activity");
    // 5 × 60 − 0.50 − 250.25, and 4 × 5 of the symbol no longer held. A transfer realises nothing.
    assert_eq!((&item["realized_gain"], &now["realized_gain"]), (&json!("49.25"), &json!("69.25")));
    assert_eq!((now["items"].as_array().unwrap().len(), &now["unavailable"]), (1, &json!({})));
    for (on, quantity, value, realized) in [
        ("2012-01-03", "10", "1000.00", "0.00"),
        ("2012-01-05", "40", "2440.00", "0.00"),
        ("2012-01-06", "35", "2100.00", "69.25"),
        ("2012-01-09", "32", "1856.00", "69.25"),
    ] {
        let then = portfolio.held_as(Some(on), None).await;
        let found = [&then["items"][0]["quantity"], &then["value"], &then["realized_gain"]];
        assert_eq!(found, [quantity, value, realized], "{on}");
        let performed = portfolio.performed_on(&world.platform, Some(day(on))).await;
        assert_eq!(*last_value(&performed), then["value"], "{on}");
    }
    // By the last method, the sale takes a quarter of the younger lot, and the transfer three more of it.
    let tried = portfolio.held_as(None, Some(AutomaticLotMethod::Lifo)).await;
    assert_eq!(lots(&tried["items"][0]), ["2012-01-03:20:1001.00", "2012-01-04:12:660.00"]);
    assert_eq!(tried["items"][0]["realized_gain"], "24.50");
}

#[tokio::test]
async fn golden_value_1_is_what_holdings_show() {
    let market = Market::new(day("2012-04-02"));
    market.list(stock("ACME", "USD", None), bars(&[("2012-01-03", 29.0, 1.0), ("2012-04-02", 30.0, 1.0)]));
    let world = World::new(market, Currency::USD).await;
    let portfolio = Recorded::new(&world).await;
    for (kind, on, units, amount) in [
        (ActivityType::Buy, "2012-01-03", "109", "3149.20"),
        (ActivityType::Sell, "2012-02-01", "15", "531.50"),
        (ActivityType::Buy, "2012-03-01", "52", "1684.92"),
        (ActivityType::Buy, "2012-04-02", "32", "959.30"),
    ] {
        let with = |fields: &mut ActivityFields| {
            (fields.quantity, fields.amount) = (Some(decimal(units)), Some(decimal(amount)));
        };
        portfolio.record(kind, "ACME", day(on), with).await;
    }
    for method in [None, Some(AutomaticLotMethod::Average)] {
        let now = portfolio.held_as(None, method).await;
        assert_eq!((&now["cost"], &now["realized_gain"]), (&json!("5360.04"), &json!("98.12")));
    }
}

#[tokio::test]
async fn units_of_unknown_cost_have_a_value_and_no_gain() {
    let world = World::new(acme(), Currency::USD).await;
    let portfolio = Recorded::new(&world).await;
    let unknown = |fields: &mut ActivityFields| {
        (fields.quantity, fields.cost_unknown) = (Some(decimal("3")), true);
    };
    portfolio.record(ActivityType::TransferIn, "ACME", day("2012-01-06"), unknown).await;
    portfolio.traded(ActivityType::Buy, "GONE", "2012-01-04", "4", "50", "0").await;
    let now = portfolio.held().await;
    let item = &now["items"][0];
    assert_eq!(
        (&item["cost"], &item["unrealized_gain"], &item["value"]),
        (&Value::Null, &Value::Null, &json!("177.00"))
    );
    assert_eq!(lots(item), ["2012-01-06:3:unknown"]);
    assert_eq!(
        (&now["value"], &now["cost"], &now["unrealized_gain"]),
        (&json!("397.00"), &json!("200.00"), &json!("20.00"))
    );
    let unknown = json!({"ACME/cost": "cost_unknown", "ACME/unrealized_gain": "cost_unknown"});
    assert_eq!((&now["unavailable"], &now["realized_gain"]), (&unknown, &json!("0.00")));
    portfolio.traded(ActivityType::Sell, "ACME", "2012-01-10", "1", "59", "0").await;
    portfolio.traded(ActivityType::Sell, "GONE", "2012-01-06", "1", "55", "0").await;
    let now = portfolio.held().await;
    assert_eq!((&now["realized_gain"], &now["items"][1]["realized_gain"]), (&Value::Null, &json!("5.00")));
    for figure in ["realized_gain", "ACME/realized_gain", "ACME/cost"] {
        assert_eq!(now["unavailable"][figure], "cost_unknown", "{figure}");
    }
    let request = OverviewRequest { days: 3, currency: Currency::USD };
    let overview = overview::compute(&world.platform, world.customer, request).await.unwrap();
    let row = overview.portfolios.iter().find(|row| row.id == portfolio.id).unwrap();
    assert_eq!((row.gain, row.value), (None, Some(decimal("283.00"))));
    assert_eq!(overview.unavailable[&format!("portfolios/{}/gain", portfolio.id)], "cost_unknown");
}

#[tokio::test]
async fn a_foreign_sale_is_converted_at_the_rates_of_both_days() {
    let market = Market::new(day("2012-01-05"));
    let (first, second, third) = ("2012-01-03", "2012-01-04", "2012-01-05");
    let three = |closes: [f64; 3]| bars(&[(first, closes[0], 1.0), (second, closes[1], 1.0), (third, closes[2], 1.0)]);
    market.list(stock("SAP", "EUR", None), three([100.0, 110.0, 120.0]));
    market.list(stock("EURUSD=X", "USD", None), three([1.2, 1.3, 1.5]));
    let world = World::new(market, Currency::USD).await;
    let portfolio = Recorded::new(&world).await;
    portfolio.traded(ActivityType::Buy, "SAP", first, "2", "100", "0").await;
    let older = |fields: &mut ActivityFields| {
        (fields.quantity, fields.unit_price) = (Some(decimal("2")), Some(decimal("90")));
        fields.acquired_on = Some(day(first));
    };
    portfolio.record(ActivityType::TransferIn, "SAP", day(second), older).await;
    portfolio.traded(ActivityType::Sell, "SAP", third, "3", "120", "6").await;
    let now = portfolio.held().await;
    // 354.00 × 1.5 − 200.00 × 1.2 − 90.00 × 1.2, the rate of the day on which they had been bought.
    assert_eq!((&now["realized_gain"], &now["cost"]), (&json!("183.00"), &json!("108.00")));
}

#[tokio::test]
async fn a_sale_from_the_wallet_takes_no_recorded_lot_and_a_recorded_one_none_of_the_wallet() {
    let mut world = World::new(acme(), Currency::USD).await;
    world.trade(Side::Buy, &symbol("ACME"), "10", day("2012-01-06")).await;
    world.trade(Side::Sell, &symbol("ACME"), "4", day("2012-01-09")).await;
    let both = Recorded { world: &world, id: world.portfolio };
    both.traded(ActivityType::Buy, "ACME", "2012-01-03", "5", "100", "0").await;
    both.traded(ActivityType::Sell, "ACME", "2012-01-09", "4", "58", "0").await;
    let now = both.held().await;
    let item = &now["items"][0];
    assert_eq!(lots(item), ["2012-01-03:6:300.00", "2012-01-06:6:360.75"]);
    assert_eq!((&item["lots"][0]["origin"], &item["lots"][1]["origin"]), (&json!("activity"), &json!("trade")));
    // 232.00 − 1.25 − 240.50, and 232.00 − 200.00.
    assert_eq!(now["realized_gain"], "22.25");
    assert_eq!(now["value"], *last_value(&both.performed().await));
}

#[tokio::test]
async fn an_activity_after_the_markets_today_is_in_nothing_yet_and_named() {
    let world = World::new(acme(), Currency::USD).await;
    let portfolio = whole_history(&world).await;
    let before = (portfolio.held().await, portfolio.performed().await);
    portfolio.traded(ActivityType::Sell, "ACME", "2012-01-11", "32", "60", "0").await;
    portfolio.traded(ActivityType::Buy, "ACME", "2012-01-12", "1", "60", "0").await;
    portfolio.split("ACME", "2012-01-13", "3").await;
    for (mut now, mut before) in [(portfolio.held().await, before.0), (portfolio.performed().await, before.1)] {
        let added: Vec<&Value> = now["warnings"].as_array().unwrap().iter().rev().take(2).collect();
        let codes = [&added[1]["code"], &added[0]["code"]];
        assert_eq!(codes, ["investments_to_come", "activities_to_come"]);
        assert!(added[0]["detail"].as_str().unwrap().ends_with("after 2012-01-10 are not included: 2."));
        for answer in [&mut now, &mut before] {
            answer["warnings"].take();
        }
        assert_eq!(now, before);
    }
    let mut rows: Vec<(String, f64, f64)> = Vec::new();
    for bar in world.market.bars(&symbol("ACME")).iter() {
        rows.push((bar.date.to_string(), bar.close, bar.split_ratio));
    }
    rows.extend([("2012-01-11".to_owned(), 60.0, 1.0), ("2012-01-12".to_owned(), 61.0, 1.0)]);
    let rows: Vec<(&str, f64, f64)> = rows.iter().map(|(day, close, ratio)| (day.as_str(), *close, *ratio)).collect();
    world.market.list(stock("ACME", "USD", None), bars(&rows));
    world.market.move_to(day("2012-01-11"));
    assert_eq!(portfolio.held().await["items"], json!([]), "all sold");
    world.market.move_to(day("2012-01-12"));
    let (held, performed) = (portfolio.held().await, portfolio.performed().await);
    assert_eq!(
        (&held["value"], last_value(&performed), &held["day_change"]),
        (&json!("61.00"), &json!("61.00"), &json!("1.00"))
    );
}

#[tokio::test]
async fn lots_stored_before_there_were_activities_have_the_same_figures_before_and_after_they_are_packed() {
    let world = World::new(acme(), Currency::USD).await;
    let portfolio = Recorded::new(&world).await;
    for (number, units, price, on) in [(1, "3", "101", "2012-01-03"), (2, "2.5", "57", "2012-01-06")] {
        let id = Uuid::from_u128((0x0190_aaaa_0000_7000_8000 << 48) | number);
        let lot = Investment {
            id,
            portfolio_id: portfolio.id,
            ticker_symbol: symbol("ACME"),
            instrument_type: domain::InstrumentType::Stock,
            quantity: Quantity::parse(units).unwrap(),
            purchase_price: Price::parse(price).unwrap(),
            purchase_date: day(on),
            fee: Money::parse("1.10", Currency::USD).unwrap(),
            created_at: world.clock.now(),
            updated_at: world.clock.now(),
            version: 1,
        };
        let key = keys::investment(portfolio.id, id);
        let write = Write::create(key.clone(), documents::body(&key, &lot).unwrap());
        world.watched.table.transact(vec![write]).await.unwrap();
    }
    let before = (portfolio.held().await, portfolio.performed().await);
    assert_eq!(lots(&before.0["items"][0]), ["2012-01-03:6:304.10", "2012-01-06:2.5:143.60"]);
    assert_eq!(before.0["items"][0]["lots"][0]["origin"], "investment");
    let first = portfolio.traded(ActivityType::Buy, "GONE", "2012-01-04", "4", "50", "0").await;
    let with_another = portfolio.held().await;
    assert_eq!(with_another["items"][0]["lots"], before.0["items"][0]["lots"]);
    portfolio.remove(first).await;
    assert_eq!((portfolio.held().await, portfolio.performed().await), before);
    assert_eq!(portfolio.performed_on(&world.forgetful(), None).await, before.1);
}

#[tokio::test]
async fn a_request_reads_the_history_once_and_stored_values_need_none_of_it() {
    let world = World::new(acme(), Currency::USD).await;
    let portfolio = whole_history(&world).await;
    world.watched.take();
    portfolio.held().await;
    // The head and one segment, of two symbols.
    assert_eq!(world.watched.take()["ACTIVITIES"], 2);
    portfolio.held_as(Some("2012-01-06"), None).await;
    assert_eq!(world.watched.take()["ACTIVITIES"], 2);
    portfolio.performed().await;
    assert_eq!(world.watched.take()["ACTIVITIES"], 2);
    portfolio.performed().await;
    assert_eq!(world.watched.take().get("ACTIVITIES"), None);
    let other = whole_history(&world).await;
    world.watched.take();
    let request = OverviewRequest { days: 3, currency: Currency::USD };
    let overview = overview::compute(&world.platform, world.customer, request).await.unwrap();
    assert_eq!(world.watched.take()["ACTIVITIES"], 4, "two portfolios, of which one is valued for the first time");
    let row = overview.portfolios.iter().find(|row| row.id == other.id).unwrap();
    assert_eq!((row.value.unwrap().to_string(), row.gain.unwrap().to_string()), ("1888.00".into(), "256.65".into()));
}

#[tokio::test]
async fn sales_that_name_no_lots_are_named_under_the_method_that_needs_them() {
    let world = World::new(acme(), Currency::USD).await;
    let specific = NewPortfolio { lot_method: LotMethod::Specific, ..opening(PortfolioType::Brokerage) };
    let id = open_portfolio(&world.platform.app, world.customer, specific).await;
    let portfolio = Recorded { world: &world, id };
    portfolio.traded(ActivityType::Buy, "ACME", "2012-01-06", "2", "50", "0").await;
    let younger = portfolio.traded(ActivityType::Buy, "ACME", "2012-01-09", "2", "58", "0").await;
    let named = |fields: &mut ActivityFields| {
        (fields.quantity, fields.unit_price) = (Some(decimal("1")), Some(decimal("59")));
        fields.lots = vec![LotPick { lot_id: younger, quantity: Quantity::parse("1").unwrap() }];
    };
    portfolio.record(ActivityType::Sell, "ACME", day("2012-01-10"), named).await;
    let now = portfolio.held().await;
    assert_eq!((&now["realized_gain"], &now["warnings"]), (&json!("1.00"), &json!([])));
    portfolio.traded(ActivityType::Sell, "ACME", "2012-01-10", "1", "59", "0").await;
    let now = portfolio.held().await;
    assert_eq!((&now["realized_gain"], &now["warnings"][0]["code"]), (&json!("10.00"), &json!("lots_not_named")));
}
