//! Splits that only the customer knows, and splits that become known after a recorded sale.

use domain::{Bar, Bars, Currency, Price};
use ledger::{ActivityType, Side};
use market_data::custom_instruments::{self, NewCustomInstrument, Valuation};
use serde_json::{Value, json};
use testing::portfolios::{Market, World, stock};

use super::{Recorded, acme, day, last_value, symbol, whole_history, without_value};

#[tokio::test]
async fn a_split_that_no_market_data_knows_multiplies_units_in_every_figure() {
    // Valued on two days, split three for one between them, and five for one after the last.
    let world = World::new(Market::new(day("2020-06-30")), Currency::USD).await;
    let fund = NewCustomInstrument {
        symbol: symbol("MY:FUND"),
        name: "Fund".to_owned(),
        currency: Currency::USD,
        instrument_type: domain::InstrumentType::Fund,
    };
    custom_instruments::create(&world.platform.app, world.customer, &fund, None).await.unwrap();
    let value = |on: &str, price: &str| Valuation { date: day(on), price: Price::parse(price).unwrap() };
    let values = [value("2020-01-02", "300"), value("2020-04-01", "110")];
    custom_instruments::value(&world.platform.app, world.customer, &fund.symbol, &values).await.unwrap();
    let portfolio = Recorded::new(&world).await;
    portfolio.traded(ActivityType::Buy, "MY:FUND", "2020-01-02", "4", "300", "0").await;
    let first = portfolio.split("MY:FUND", "2020-02-03", "3").await;
    portfolio.traded(ActivityType::Sell, "MY:FUND", "2020-02-10", "2", "101", "0").await;
    portfolio.split("MY:FUND", "2020-05-04", "5").await;
    let now = portfolio.held().await;
    let item = &now["items"][0];
    assert_eq!((&item["quantity"], &item["price"], &item["value"]), (&json!("50"), &json!("22"), &json!("1100.00")));
    assert_eq!((&item["cost"], &now["realized_gain"]), (&json!("1000.00"), &json!("2.00")));
    let performed = portfolio.performed().await;
    let values = |answer: &Value| {
        let rows = answer["series"].as_array().unwrap().iter();
        rows.map(|row| format!("{} {}", row["date"].as_str().unwrap(), row["value"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let expected =
        ["2020-01-02 1200.00", "2020-02-03 1200.00", "2020-02-10 1000.00", "2020-04-01 1100.00", "2020-05-04 1100.00"];
    assert_eq!(values(&performed), expected);
    assert_eq!(portfolio.held_as(Some("2020-02-04"), None).await["value"], "1200.00");
    assert_eq!(portfolio.performed().await, portfolio.performed_on(&world.forgetful(), None).await);
    portfolio.remove(first).await;
    assert_eq!(portfolio.held().await["value"], *last_value(&portfolio.performed().await));
}

#[tokio::test]
async fn a_recorded_split_that_the_market_knows_counts_once() {
    let world = World::new(acme(), Currency::USD).await;
    let portfolio = whole_history(&world).await;
    let before = (portfolio.held().await, portfolio.performed().await);
    portfolio.split("ACME", "2012-01-06", "2").await;
    assert_eq!((portfolio.held().await, portfolio.performed().await), before);
}

#[tokio::test]
async fn a_recorded_split_does_not_split_what_the_wallet_bought() {
    let mut world = World::new(acme(), Currency::USD).await;
    world.trade(Side::Buy, &symbol("ACME"), "1", day("2012-01-06")).await;
    let both = Recorded { world: &world, id: world.portfolio };
    both.traded(ActivityType::Buy, "ACME", "2012-01-06", "1", "60", "0").await;
    assert_eq!(both.held().await["value"], "118.00");
    let split = both.split("ACME", "2012-01-09", "7").await;
    for answer in [both.held().await, both.performed().await] {
        assert_eq!(answer["unavailable"]["ACME"], "split_conflict", "{answer}");
    }
    both.remove(split).await;
    assert_eq!(
        (&both.held().await["value"], last_value(&both.performed().await)),
        (&json!("118.00"), &json!("118.00"))
    );
}

#[tokio::test]
async fn a_split_that_becomes_known_after_a_recorded_sale_is_a_conflict_that_is_named() {
    let world = World::new(acme(), Currency::USD).await;
    let portfolio = Recorded::new(&world).await;
    portfolio.traded(ActivityType::Buy, "ACME", "2012-01-03", "10", "100", "0").await;
    portfolio.traded(ActivityType::Sell, "ACME", "2012-01-06", "20", "60", "0").await;
    portfolio.traded(ActivityType::Buy, "GONE", "2012-01-04", "1", "50", "0").await;
    assert_eq!(portfolio.held().await["unavailable"], json!({}));
    assert_eq!(*last_value(&portfolio.performed().await), "55.00");
    let unsplit = world.market.bars(&symbol("ACME"));
    let unsplit = Bars::from_rows(unsplit.iter().map(|bar| Bar { split_ratio: 1.0, ..bar })).unwrap();
    let listed = world.market.bars(&symbol("ACME"));
    world.market.list(stock("ACME", "USD", Some("Anvils")), unsplit);
    for answer in [portfolio.held().await, portfolio.performed().await, portfolio.performed().await] {
        assert_eq!(answer["unavailable"]["ACME"], "split_conflict", "{answer}");
    }
    world.market.list(stock("ACME", "USD", Some("Anvils")), listed);
    assert_eq!(without_value(&portfolio.performed().await), [&json!(null); 0]);
}
