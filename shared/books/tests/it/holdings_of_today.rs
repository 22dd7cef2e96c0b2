//! Edge cases of holdings: lots in the future, old prices, tiny prices, and sums to the cent.

use app::ServiceError;
use books::holdings;
use books::investments::{self, Purchase};
use books::performance::{self, PerformanceSpan};
use domain::{Bar, Bars, Currency, Day, Price, Quantity};
use ledger::Side;
use market_data::custom_instruments::{self, NewCustomInstrument, Valuation};
use market_data::quotes;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use testing::portfolios::{Market, World, stock};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn bars(closes: &[(&str, f64, f64)]) -> Bars {
    let bar = |&(date, close, split_ratio): &(&str, f64, f64)| {
        let (date, open, high, low, adjusted_close) = (day(date), close, close, close, close);
        Bar { date, open, high, low, close, volume: 1.0, adjusted_close, split_ratio, dividend: 0.0 }
    };
    Bars::from_rows(closes.iter().map(bar)).unwrap()
}

async fn record(world: &World, symbol: &str, quantity: &str, price: &str, date: &str) -> investments::InvestmentNow {
    let purchase = Purchase {
        ticker_symbol: symbol.parse().unwrap(),
        quantity: Quantity::parse(quantity).unwrap(),
        purchase_price: Price::parse(price).unwrap(),
        purchase_date: day(date),
        fee: Decimal::ZERO,
        currency: None,
    };
    investments::record(&world.platform, world.customer, world.portfolio, &purchase, None).await.unwrap().value
}

async fn custom_instrument(world: &World, symbol: &str, valuations: &[(&str, &str)]) {
    let item = NewCustomInstrument {
        symbol: symbol.parse().unwrap(),
        name: "House".to_owned(),
        currency: Currency::USD,
        instrument_type: domain::InstrumentType::Item,
    };
    custom_instruments::create(&world.platform.app, world.customer, &item, None).await.unwrap();
    let valuation = |&(date, price): &(&str, &str)| Valuation { date: day(date), price: Price::parse(price).unwrap() };
    let valuations: Vec<Valuation> = valuations.iter().map(valuation).collect();
    custom_instruments::value(&world.platform.app, world.customer, &item.symbol, &valuations).await.unwrap();
}

async fn held(world: &World) -> Value {
    serde_json::to_value(holdings::compute(&world.platform, world.customer, world.portfolio).await.unwrap()).unwrap()
}

async fn performed(world: &World) -> Value {
    let span = PerformanceSpan::default();
    let found = performance::compute(&world.platform, world.customer, world.portfolio, &span).await.unwrap();
    serde_json::to_value(found).unwrap()
}

#[tokio::test]
async fn a_lot_after_the_markets_today_does_not_count_yet() {
    let market = Market::new(day("2012-01-04"));
    market.list(stock("ACME", "USD", None), bars(&[("2012-01-03", 10.0, 1.0), ("2012-01-04", 11.0, 1.0)]));
    market.list(stock("LATER", "USD", None), bars(&[("2012-01-04", 7.0, 1.0)]));
    let world = World::new(market, Currency::USD).await;
    record(&world, "ACME", "3", "10", "2012-01-03").await;
    record(&world, "LATER", "1", "7", "2012-01-05").await;
    let to_come = record(&world, "ACME", "5", "11", "2012-01-05").await;
    assert_eq!((to_come.value, to_come.gain, to_come.current_quantity), (None, None, None));
    assert_eq!(to_come.unavailable["value"], "to_come");
    let now = held(&world).await;
    assert_eq!((&now["value"], &now["cost"], &now["day_change"]), (&json!("33.00"), &json!("30.00"), &json!("3.00")));
    let items = now["items"].as_array().unwrap();
    assert_eq!((items.len(), items[0]["lots"].as_array().unwrap().len()), (1, 1));
    let named = |answer: &Value| {
        let mut warnings = answer["warnings"].as_array().unwrap().clone();
        warnings.retain(|warning| warning["code"] == "investments_to_come");
        warnings.into_iter().map(|warning| warning["detail"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let expected = ["ACME", "LATER"].map(|name| format!("{name}: lots dated after 2012-01-04 are not included: 1."));
    assert_eq!((named(&now), named(&performed(&world).await)), (expected.to_vec(), expected.to_vec()));
    world.market.move_to(day("2012-01-05"));
    assert_eq!((&held(&world).await["value"], named(&held(&world).await)), (&json!("95.00"), vec![]));
}

#[tokio::test]
async fn a_price_older_than_the_last_session_has_no_day_change() {
    let market = Market::new(day("2012-01-06"));
    market.list(stock("NEW", "USD", None), bars(&[("2012-01-05", 10.0, 1.0), ("2012-01-06", 12.0, 1.0)]));
    market.list(stock("OLD", "USD", None), bars(&[("2012-01-03", 250.0, 1.0), ("2012-01-04", 275.0, 1.0)]));
    let world = World::new(market, Currency::USD).await;
    record(&world, "NEW", "1", "10", "2012-01-05").await;
    record(&world, "OLD", "1", "200", "2012-01-03").await;
    let changes = |answer: &Value| [0, 1].map(|item| answer["items"][item]["day_change"].clone());
    let now = held(&world).await;
    assert_eq!((changes(&now), &now["day_change"]), ([json!("2.00"), json!("0.00")], &json!("2.00")));
    world.market.move_to(day("2012-01-04"));
    assert_eq!(held(&world).await["items"][0]["day_change"], "25.00", "on its own day");
}

#[tokio::test]
async fn a_valuation_after_the_markets_today_does_not_count_yet() {
    let market = Market::new(day("2019-11-25"));
    market.list(stock("DDD", "USD", None), bars(&[("2019-11-22", 129.0, 1.0), ("2019-11-25", 129.5, 1.0)]));
    let world = World::new(market, Currency::USD).await;
    custom_instrument(&world, "MY:HOUSE", &[("2019-10-01", "1000"), ("2026-11-19", "2000")]).await;
    custom_instrument(&world, "MY:NEXT", &[("2026-11-19", "7")]).await;
    record(&world, "DDD", "1", "100", "2019-11-22").await;
    let recorded = record(&world, "MY:HOUSE", "1", "900", "2019-10-01").await;
    assert_eq!((recorded.value.as_deref(), recorded.last_updated), (Some("1000.00"), Some(day("2019-10-01"))));
    assert_eq!(record(&world, "MY:NEXT", "1", "5", "2019-11-01").await.unavailable["value"], "no_price");
    let (now, performed) = (held(&world).await, performed(&world).await);
    assert_eq!((&now["value"], &performed["attribution"]["end_value"]), (&json!("1129.50"), &json!("1129.50")));
    assert_eq!(now["items"][1]["price_as_of"], "2019-10-01");
    for answer in [&now, &performed] {
        assert_eq!(answer["unavailable"]["MY:NEXT"], "price_unavailable");
        let mut named = answer["warnings"].as_array().unwrap().iter();
        let named = named.find(|warning| warning["code"] == "prices_to_come").unwrap();
        assert_eq!(named["detail"], "MY:HOUSE: Prices dated after 2019-11-25 are not included: 1.");
    }
    let house: domain::Symbol = "MY:HOUSE".parse().unwrap();
    let batch = quotes::load_batch(
        &world.platform,
        world.customer,
        std::slice::from_ref(&house),
        world.platform.budget_for(world.customer),
    )
    .await
    .unwrap();
    assert_eq!(batch.quotes[0].quote.price.to_string(), "1000");
}

#[tokio::test]
async fn a_custom_instrument_has_no_day_change_without_a_valuation() {
    let world = World::new(Market::new(day("2026-11-27")), Currency::USD).await;
    custom_instrument(&world, "MY:HOUSE", &[("2025-01-02", "250000"), ("2026-01-02", "275000")]).await;
    record(&world, "MY:HOUSE", "1", "250000", "2025-01-02").await;
    let now = held(&world).await;
    assert_eq!((&now["value"], &now["day_change"]), (&json!("275000.00"), &json!("0.00")));
    assert_eq!(now["items"][0]["day_change"], "0.00");
}

#[tokio::test]
async fn a_three_for_one_split_keeps_the_day_change() {
    let market = Market::new(day("2012-01-04"));
    market.list(stock("ACME", "USD", None), bars(&[("2012-01-03", 100.0, 1.0), ("2012-01-04", 34.0, 3.0)]));
    market.list(stock("FIRST", "USD", None), bars(&[("2012-01-04", 5.0, 1.0)]));
    let world = World::new(market, Currency::USD).await;
    record(&world, "ACME", "10", "100", "2012-01-03").await;
    record(&world, "FIRST", "1", "4", "2012-01-03").await;
    let now = held(&world).await;
    // 30 × (34 − 100/3).
    assert_eq!(now["items"][0]["day_change"], "20.00");
    assert_eq!(now["items"][1]["day_change"], Value::Null);
    assert_eq!(now["unavailable"], json!({"FIRST/day_change": "no_previous_close"}));
}

#[tokio::test]
async fn a_price_below_the_smallest_is_reported_everywhere() {
    let market = Market::new(day("2012-01-04"));
    market.list(stock("DUST", "USD", None), bars(&[("2012-01-03", 2e-9, 1.0), ("2012-01-04", 9e-10, 1.0)]));
    let world = World::new(market, Currency::USD).await;
    let dust: domain::Symbol = "DUST".parse().unwrap();
    let recorded = record(&world, "DUST", "1000000000", "0.000000002", "2012-01-03").await;
    assert_eq!(recorded.unavailable["value"], "price_too_small");
    let now = held(&world).await;
    assert_eq!((&now["unavailable"], &now["value"]), (&json!({"DUST": "price_too_small"}), &json!("0.00")));
    let batch = quotes::load_batch(
        &world.platform,
        world.customer,
        std::slice::from_ref(&dust),
        world.platform.budget_for(world.customer),
    )
    .await
    .unwrap();
    assert_eq!(batch.unavailable[&dust], "price_too_small");
    let refused =
        quotes::load_tradable(&world.platform, world.customer, &dust, world.platform.budget_for(world.customer)).await;
    assert!(matches!(refused, Err(ServiceError::PriceTooSmall { .. })), "{refused:?}");
}

#[tokio::test]
async fn the_gain_of_a_symbol_and_of_all_have_the_decimals_of_the_currency() {
    let market = Market::new(day("2012-01-04"));
    market.list(stock("ACME", "USD", None), bars(&[("2012-01-03", 20.0, 1.0), ("2012-01-04", 16.87, 1.0)]));
    let mut world = World::new(market, Currency::USD).await;
    let acme = "ACME".parse().unwrap();
    world.trade(Side::Buy, &acme, "2", day("2012-01-03")).await;
    // 16.87 less a fee of 1.25, for half of 41.25.
    world.trade(Side::Sell, &acme, "1", day("2012-01-04")).await;
    let now = held(&world).await;
    assert_eq!((&now["realized_gain"], &now["items"][0]["realized_gain"]), (&json!("-5.00"), &json!("-5.00")));
}

#[tokio::test]
async fn a_symbol_with_an_invalid_split_has_no_value() {
    let market = Market::new(day("2012-01-04"));
    market.list(stock("ACME", "USD", None), bars(&[("2012-01-03", 10.0, 1.0), ("2012-01-04", 11.0, 1.0)]));
    market.list(stock("BAD", "USD", None), bars(&[("2012-01-03", 10.0, 1.0), ("2012-01-04", 11.0, 1e-13)]));
    let world = World::new(market, Currency::USD).await;
    record(&world, "ACME", "1", "10", "2012-01-03").await;
    record(&world, "BAD", "1", "10", "2012-01-03").await;
    for answer in [held(&world).await, performed(&world).await] {
        assert_eq!(answer["unavailable"]["BAD"], "price_unavailable", "{answer}");
    }
    assert_eq!(held(&world).await["value"], "11.00");
}

#[tokio::test]
async fn with_weekend_trading_a_price_counts_only_on_its_own_day() {
    let market = Market::new(day("2012-01-07"));
    let friday = ("2012-01-06", 10.0, 1.0);
    market.list(stock("COIN", "USD", None), bars(&[friday, ("2012-01-07", 12.0, 1.0)]));
    market.list(stock("STOCK", "USD", None), bars(&[("2012-01-05", 9.0, 1.0), friday]));
    let world = World::new(market, Currency::USD).await;
    record(&world, "COIN", "1", "10", "2012-01-06").await;
    record(&world, "STOCK", "1", "9", "2012-01-05").await;
    let changes = async || {
        let now = held(&world).await;
        [0, 1].map(|item| now["items"][item]["day_change"].clone())
    };
    assert_eq!(changes().await, ["2.00", "1.00"], "on Saturday");
    world.market.move_to(day("2012-01-08"));
    assert_eq!(changes().await, ["0.00", "1.00"], "on Sunday Friday is still the last session");
}

#[tokio::test]
async fn a_share_bought_on_a_saturday_changes_from_its_purchase_price() {
    let market = Market::new(day("2012-01-07"));
    let thursday = ("2012-01-05", 192.0, 1.0);
    market.list(stock("COIN", "USD", None), bars(&[("2012-01-06", 7.0, 1.0), ("2012-01-07", 7.0, 1.0)]));
    market.list(stock("STOCK", "USD", None), bars(&[thursday, ("2012-01-06", 189.0, 1.0)]));
    let mut world = World::new(market, Currency::USD).await;
    world.trade(Side::Buy, &"STOCK".parse().unwrap(), "4", day("2012-01-07")).await;
    // Friday's close is corrected.
    world.market.list(stock("STOCK", "USD", None), bars(&[thursday, ("2012-01-06", 195.0, 1.0)]));
    record(&world, "STOCK", "1", "190", "2012-01-07").await;
    record(&world, "STOCK", "2", "191", "2012-01-05").await;
    let now = held(&world).await;
    // 4 × (195 − 189) + 1 × (195 − 190) + 2 × (195 − 192).
    assert_eq!((&now["day_change"], &now["items"][0]["day_change"]), (&json!("35.00"), &json!("35.00")));
}
