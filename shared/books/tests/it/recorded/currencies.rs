//! Purchases and sales in another currency than the instrument's.

use app::error::ServiceError;
use books::holdings::gains;
use domain::Currency;
use serde_json::json;

use super::*;

const FIRST: &str = "2012-01-03";
const SECOND: &str = "2012-01-04";
const THIRD: &str = "2012-01-05";

/// A German and an American share, and dollars for a euro.
fn market(dollars: [f64; 3]) -> Market {
    let market = Market::new(day(THIRD));
    let three = |closes: [f64; 3]| bars(&[(FIRST, closes[0], 1.0), (SECOND, closes[1], 1.0), (THIRD, closes[2], 1.0)]);
    market.list(stock("SAP", "EUR", None), three([100.0, 110.0, 150.0]));
    market.list(stock("ACME", "USD", None), three([99.0, 100.0, 101.0]));
    market.list(stock("EURUSD=X", "USD", None), three(dollars));
    market
}

async fn in_currency<'a>(world: &'a World, base: &str) -> Recorded<'a> {
    let opening = NewPortfolio { base_currency: base.parse().unwrap(), ..opening(PortfolioType::Brokerage) };
    Recorded { world, id: open_portfolio(&world.platform.app, world.customer, opening).await }
}

fn paid(units: &str, amount: &str, currency: &str, fx_rate: &str) -> impl Fn(&mut ActivityFields) {
    let (units, amount, fx_rate) = (decimal(units), decimal(amount), fx_rate.parse().ok());
    let currency: Currency = currency.parse().unwrap();
    move |fields| {
        (fields.quantity, fields.amount, fields.fx_rate) = (Some(units), Some(amount), fx_rate);
        fields.currency = Some(currency);
    }
}

#[tokio::test]
async fn what_was_paid_in_base_is_the_cost_there_and_is_not_converted_back() {
    let world = World::new(market([1.2, 1.3, 1.5]), Currency::USD).await;
    let portfolio = in_currency(&world, "USD").await;
    portfolio.record(ActivityType::Buy, "SAP", day(FIRST), paid("2", "200", "USD", "0.77")).await;
    portfolio.record(ActivityType::Sell, "SAP", day(THIRD), paid("2", "300", "EUR", "")).await;
    let now = portfolio.held().await;
    // 300.00 × 1.5 − 200.00.
    assert_eq!(now["realized_gain"], json!("250.00"));
    let listed = gains::compute(&world.platform, world.customer, portfolio.id, None).await.unwrap();
    let total = serde_json::to_value(&listed).unwrap()["total"].clone();
    assert_eq!(
        (&total["cost"], &total["proceeds"], &total["gain"]),
        (&json!("200.00"), &json!("450.00"), &json!("250.00"))
    );
}

#[tokio::test]
async fn a_broker_with_a_rate_of_its_own_leaves_the_cost_in_base_as_it_was_paid() {
    let world = World::new(market([1.08, 1.08, 1.08]), Currency::USD).await;
    let portfolio = in_currency(&world, "EUR").await;
    portfolio.record(ActivityType::Buy, "ACME", day(FIRST), paid("10", "900.00", "EUR", "1.10")).await;
    assert_eq!(portfolio.held().await["cost"], json!("900.00"));
    // Half of it is sold for what it had cost.
    portfolio.record(ActivityType::Sell, "ACME", day(SECOND), paid("5", "450.00", "EUR", "1.11")).await;
    let now = portfolio.held().await;
    assert_eq!((&now["cost"], &now["realized_gain"]), (&json!("450.00"), &json!("0.00")));
    // In another base currency its own rate counts: 10 cost 990.00 USD.
    let in_dollars = in_currency(&world, "USD").await;
    in_dollars.record(ActivityType::Buy, "ACME", day(FIRST), paid("10", "900.00", "EUR", "1.10")).await;
    assert_eq!(in_dollars.held().await["cost"], json!("990.00"));
}

#[tokio::test]
async fn without_a_rate_of_the_broker_that_of_the_day_converts() {
    let world = World::new(market([1.2, 1.3, 1.5]), Currency::USD).await;
    let portfolio = in_currency(&world, "USD").await;
    portfolio.record(ActivityType::Buy, "ACME", day(SECOND), paid("10", "900.00", "EUR", "")).await;
    assert_eq!(portfolio.held().await["cost"], json!("1170.00"));
    let rate = |fields: &mut ActivityFields| {
        paid("10", "900.00", "EUR", "1.25")(fields);
        fields.base_rate = Some(decimal("1.5"));
    };
    let by_rate = in_currency(&world, "GBP").await;
    by_rate.record(ActivityType::Buy, "ACME", day(SECOND), rate).await;
    let lots = by_rate.held().await;
    // The rate into pounds is given, and no other one is known.
    assert_eq!(lots["items"][0]["lots"][0]["cost"], json!("1350.00"), "{lots}");
}

#[tokio::test]
async fn a_day_without_a_rate_is_refused() {
    let world = World::new(market([1.2, 1.3, 1.5]), Currency::USD).await;
    let portfolio = in_currency(&world, "USD").await;
    for (date, currency) in [(day("2011-06-01"), "EUR"), (day(FIRST), "JPY")] {
        let mut fields = ActivityFields { symbol: Some(symbol("ACME")), ..ActivityFields::new(ActivityType::Buy) };
        paid("10", "900", currency, "")(&mut fields);
        let new = NewActivity { date, time: None, fields, note: None, external_id: None };
        let refused = activities::record(&world.platform, world.customer, portfolio.id, &new, None).await.unwrap_err();
        let ServiceError::FxUnavailable { from, into, day } = refused else { panic!("{refused}") };
        assert_eq!((from.code(), into, day), (currency, Currency::USD, date));
    }
}
