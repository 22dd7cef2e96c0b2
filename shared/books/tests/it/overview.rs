//! The overview of a customer, computed by hand and compared with holdings and performance of its portfolios.

use books::holdings;
use books::investments::{self, Purchase};
use books::overview::{self, AttentionKind, CustomerOverview, OverviewRequest};
use books::performance::{self, PerformanceSpan};
use books::portfolios::NewPortfolio;
use books::wallets::{self, Transfer};
use chrono::TimeDelta;
use domain::portfolio::PortfolioType;
use domain::{Bar, Bars, Currency, Day, Money, PortfolioId, Price, Quantity};
use ledger::Side;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use testing::people::{open_portfolio, opening};
use testing::portfolios::{Market, World, stock};

const DAYS: [&str; 3] = ["2012-01-03", "2012-01-04", "2012-01-05"];

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn closes(closes: [f64; 3]) -> Bars {
    let bar = |(date, close): (&str, f64)| Bar {
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
    Bars::from_rows(DAYS.into_iter().zip(closes).map(bar)).unwrap()
}

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

async fn record(world: &World, portfolio: PortfolioId, symbol: &str, quantity: &str, price: &str, fee: &str, on: &str) {
    let purchase = Purchase {
        ticker_symbol: symbol.parse().unwrap(),
        quantity: Quantity::parse(quantity).unwrap(),
        purchase_price: Price::parse(price).unwrap(),
        purchase_date: day(on),
        fee: decimal(fee),
        currency: None,
    };
    investments::record(&world.platform, world.customer, portfolio, &purchase, None).await.unwrap();
}

async fn deposit(world: &World, amount: &str, code: &str) {
    let (platform, customer) = (&world.platform, world.customer);
    let amount = Money::parse(amount, currency(code)).unwrap();
    wallets::transfer(platform, customer, Transfer::Deposit, amount, Some(code)).await.unwrap();
}

/// Ten of ONE for 1,001.25 dollars on the first day and four sold for 438.75 on the second, in a portfolio in dollars;
/// twenty of EURO for 201.30 euros and one of ONE for 100 dollars in one in euros; 500 dollars of cash on the second day
/// and 100 euros on the third.
async fn scene() -> (World, PortfolioId) {
    let market = Market::new(day(DAYS[0]));
    market.list(stock("ONE", "USD", None), closes([100.0, 110.0, 99.0]));
    market.list(stock("EURO", "EUR", None), closes([10.0, 11.0, 12.0]));
    market.list(stock("EURUSD=X", "USD", None), closes([1.2, 1.3, 1.5]));
    let mut world = World::new(market, Currency::USD).await;
    let one = "ONE".parse().unwrap();
    world.clock.forward(TimeDelta::seconds(1));
    let in_euros = NewPortfolio { base_currency: currency("EUR"), ..opening(PortfolioType::Isa) };
    let in_euros = open_portfolio(&world.platform.app, world.customer, in_euros).await;
    world.trade(Side::Buy, &one, "10", day(DAYS[0])).await;
    record(&world, in_euros, "EURO", "20", "10.01", "1.10", DAYS[0]).await;
    world.market.move_to(day(DAYS[1]));
    world.trade(Side::Sell, &one, "4", day(DAYS[1])).await;
    record(&world, in_euros, "ONE", "1", "100", "0", DAYS[1]).await;
    deposit(&world, "500", "USD").await;
    world.market.move_to(day(DAYS[2]));
    deposit(&world, "100", "EUR").await;
    (world, in_euros)
}

async fn overview(world: &World, days: i32, code: &str) -> CustomerOverview {
    let request = OverviewRequest { days, currency: currency(code) };
    overview::compute(&world.platform, world.customer, request).await.unwrap()
}

fn json_of(overview: &CustomerOverview) -> Value {
    serde_json::to_value(overview).unwrap()
}

fn money(row: &Value, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| row[name].as_str().unwrap_or("null").to_owned()).collect()
}

#[tokio::test]
async fn portfolios_of_several_currencies_and_cash_add_up_in_one() {
    let (world, in_euros) = scene().await;
    let found = json_of(&overview(&world, 30, "USD").await);
    assert_eq!(money(&found, &["value", "cash", "day_change", "gain"]), ["1703.00", "650.00", "-47.00", "73.17"]);
    let rows = found["portfolios"].as_array().unwrap();
    assert_eq!((&rows[0]["id"], &rows[0]["base_currency"]), (&json!(in_euros), &json!("EUR")), "the newest first");
    // 306.00, 12.67 and 27.78 euros at 1.50: 19.005 to the even cent.
    assert_eq!(money(&rows[0], &["value", "day_change", "gain"]), ["459.00", "19.00", "41.67"]);
    assert_eq!(money(&rows[1], &["value", "day_change", "gain"]), ["594.00", "-66.00", "31.50"]);
    let positions = found["positions"].as_array().unwrap();
    assert_eq!((&positions[0]["symbol"], &positions[0]["quantity"]), (&json!("ONE"), &json!("7")));
    assert_eq!(money(&positions[0], &["value", "day_change", "gain"]), ["693.00", "-77.00", "15.12"]);
    assert_eq!((&positions[0]["price"], &positions[0]["price_currency"]), (&json!("99"), &json!("USD")));
    assert_eq!(money(&positions[1], &["symbol", "value", "day_change", "gain"]), ["EURO", "360.00", "30.00", "58.05"]);
    assert_eq!((&positions[0]["allocation"], &positions[1]["allocation"]), (&json!(0.658), &json!(0.342)));
    let none = json!({"positions": 0, "value": "0.00", "day_change": "0.00", "gain": "0.00", "allocation": 0.0});
    assert_eq!(found["other"], none);
    // The second day in euros: 220 and 84.62, at 1.30.
    let row = |date: &str, value: &str, put_in: &str| json!({"date": date, "value": value, "put_in": put_in});
    let by_day =
        [row(DAYS[0], "1240.00", "1242.81"), row(DAYS[1], "1556.01", "1404.06"), row(DAYS[2], "1703.00", "1554.06")];
    assert_eq!(found["put_in"], json!(by_day));
    assert_eq!(
        (&found["unavailable"], &found["attention"], &found["market_day"]),
        (&json!({}), &json!([]), &json!(DAYS[2]))
    );
    assert_eq!(json_of(&overview(&world, 2, "USD").await)["put_in"], json!(by_day[1..]));
    assert_eq!(json_of(&overview(&world, 1, "USD").await)["put_in"], json!(by_day[2..]));
}

#[tokio::test]
async fn every_figure_is_that_of_holdings_and_performance() {
    let (world, in_euros) = scene().await;
    let found = overview(&world, 366, "EUR").await;
    for (row, id) in found.portfolios.iter().zip([in_euros, world.portfolio]) {
        let held = holdings::compute(&world.platform, world.customer, id).await.unwrap();
        let span = PerformanceSpan::default();
        let performed = performance::compute(&world.platform, world.customer, id, &span).await.unwrap();
        assert_eq!((row.twr, row.xirr), (performed.metrics.twr, performed.metrics.xirr));
        let gain = held.unrealized_gain + held.realized_gain.unwrap();
        let shown = [row.value, row.day_change, row.gain].map(Option::unwrap);
        if id == in_euros {
            assert_eq!(shown, [held.value, held.day_change, gain], "in its own currency to the cent");
        }
        let over = |amount: Decimal| (amount / decimal("1.5")).round_dp(2);
        if id == world.portfolio {
            assert_eq!(shown, [over(held.value), over(held.day_change), over(gain)]);
        }
    }
    let sum = |part: fn(&overview::OverviewPosition) -> Option<Decimal>| {
        found.positions.iter().filter_map(part).sum::<Decimal>()
    };
    assert_eq!(sum(|one| one.value) + found.other.value + found.cash, found.value);
    assert_eq!(sum(|one| one.day_change) + found.other.day_change, found.day_change);
    assert_eq!(Some(sum(|one| one.gain) + found.other.gain.unwrap()), found.gain);
    assert_eq!(found.put_in.last().unwrap().value, found.value);
    assert_eq!(found.cash, decimal("433.33"), "500 ÷ 1.5 and 100");
}

#[tokio::test]
async fn without_an_exchange_rate_a_portfolio_is_named_and_in_no_sum() {
    let (world, in_euros) = scene().await;
    let found = overview(&world, 30, "CHF").await;
    assert_eq!((found.value, found.cash, found.gain), (Decimal::ZERO, Decimal::ZERO, Some(Decimal::ZERO)));
    assert!(found.portfolios.iter().all(|row| row.value.is_none() && row.gain.is_none() && row.twr.is_some()));
    assert!(found.put_in.is_empty() && found.positions.is_empty());
    let named: Vec<&str> = found.unavailable.keys().map(String::as_str).collect();
    let portfolios = [in_euros, world.portfolio].map(|id| format!("portfolios/{id}"));
    for name in ["cash/EUR", "cash/USD", "put_in", &portfolios[0], &portfolios[1]] {
        assert!(named.contains(&name), "{name}: {named:?}");
    }
}

#[tokio::test]
async fn what_needs_attention_is_listed_and_stored_days_are_not_read_again() {
    let (world, _) = scene().await;
    // Friday: only EURO has a price.
    world.market.move_to(day("2012-01-06"));
    let friday = Bar { date: day("2012-01-06"), ..closes([12.0; 3]).last().unwrap() };
    let euro = world.market.bars(&"EURO".parse().unwrap()).iter().chain([friday]).collect::<Vec<_>>();
    world.market.list(stock("EURO", "EUR", None), Bars::from_rows(euro).unwrap());
    world.clock.forward(TimeDelta::hours(1));
    let found = overview(&world, 30, "USD").await;
    let kinds: Vec<_> = found.attention.iter().map(|one| (one.kind, &*one.link)).collect();
    assert_eq!(kinds, [(AttentionKind::StalePrice, "/instruments/ONE")]);
    assert_eq!(found.attention[0].detail, "ONE: the last price is that of 2012-01-05.");
    world.watched.take();
    let again = overview(&world, 30, "USD").await;
    let read = world.watched.take();
    assert_eq!((read.get("TRADE"), read["SERIES"]), (None, 4), "a year and the state of each portfolio: {read:?}");
    assert_eq!(json_of(&again), json_of(&found));
}

#[tokio::test]
async fn a_customer_without_anything_has_an_empty_overview() {
    let (world, _) = scene().await;
    let stranger = domain::CustomerId(uuid::Uuid::from_u128(8));
    let request = OverviewRequest { days: 30, currency: Currency::USD };
    let found = json_of(&overview::compute(&world.platform, stranger, request).await.unwrap());
    assert_eq!(money(&found, &["value", "cash", "day_change", "gain"]), ["0.00"; 4]);
    assert_eq!((&found["portfolios"], &found["positions"], &found["attention"]), (&json!([]), &json!([]), &json!([])));
    assert_eq!(found["put_in"], json!([{"date": DAYS[2], "value": "0.00", "put_in": "0.00"}]));
}
