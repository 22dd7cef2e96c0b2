//! Performance with recorded income and charges, and of portfolios that track their cash.

use app::precondition::Precondition;
use books::portfolios::{self, Change};
use domain::calendar::next_trading_days;
use domain::portfolio::CashTreatment;
use domain::{Bar, Bars, Currency, Day};
use ledger::{ActivityFields, ActivityType};
use serde_json::{Value, json};
use testing::portfolios::{Market, SeededRandom, World, stock};

use super::{Recorded, bars, day, decimal, last_value};

fn amount(amount: &str) -> impl Fn(&mut ActivityFields) {
    move |fields| fields.amount = Some(decimal(amount))
}

/// Cash of no instrument.
fn plain(amount: &str) -> impl Fn(&mut ActivityFields) {
    move |fields| {
        fields.symbol = None;
        fields.amount = Some(decimal(amount));
        fields.currency = Some(Currency::USD);
    }
}

async fn track(portfolio: &Recorded<'_>, version: u64, cash: CashTreatment) {
    let change = Change { cash: Some(cash), ..Change::default() };
    let (platform, at) = (&portfolio.world.platform, Precondition::OneOf(vec![version]));
    portfolios::change(platform, portfolio.world.customer, portfolio.id, &at, &change).await.unwrap();
}

fn near(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() < 5.1e-10, "{found} is not {expected}");
}

fn codes(answer: &Value) -> Vec<&str> {
    answer["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_tax_of_a_recorded_dividend_counts_only_after_tax() {
    let market = Market::new(day("2012-01-04"));
    market.list(stock("ACME", "USD", None), bars(&[("2012-01-03", 100.0, 1.0), ("2012-01-04", 100.0, 1.0)]));
    let world = World::new(market, Currency::USD).await;
    let portfolio = Recorded::new(&world).await;
    portfolio.traded(ActivityType::Buy, "ACME", "2012-01-03", "10", "100", "0").await;
    let dividend = |fields: &mut ActivityFields| {
        (fields.amount, fields.tax) = (Some(decimal("10")), decimal("2.5"));
    };
    portfolio.record(ActivityType::Dividend, "ACME", day("2012-01-04"), dividend).await;
    let found = portfolio.performed().await;
    near(&found["metrics"]["twr"], 0.010);
    near(&found["metrics"]["twr_after_tax"], 0.007_5);
    assert_eq!((&found["cash"], &found["attribution"]["dividends"]), (&json!("ignored"), &json!("10.00")));
    // With the cash it is the same return: the dividend stays, and the tax leaves.
    portfolio.record(ActivityType::Deposit, "ACME", day("2012-01-03"), plain("1000")).await;
    assert_eq!(codes(&portfolio.performed().await), ["cash_not_counted"]);
    track(&portfolio, 1, CashTreatment::Tracked).await;
    let found = portfolio.performed().await;
    near(&found["metrics"]["twr"], 0.010);
    near(&found["metrics"]["twr_after_tax"], 0.007_5);
    assert_eq!((&found["cash"], &found["attribution"]["end_value"]), (&json!("tracked"), &json!("1007.50")));
    assert_eq!(codes(&found), [""; 0]);
    track(&portfolio, 2, CashTreatment::Ignored).await;
    assert_eq!(portfolio.performed().await["attribution"]["end_value"], "1000.00");
}

#[tokio::test]
async fn a_recorded_dividend_that_the_market_data_has_counts_once() {
    let market = Market::new(day("2012-02-03"));
    let rows = [("2012-01-03", 100.0), ("2012-01-04", 99.0), ("2012-02-02", 99.0), ("2012-02-03", 99.0)];
    let bar = |(date, close): (&str, f64)| Bar {
        dividend: if date == "2012-01-04" { 1.0 } else { 0.0 },
        ..bars(&[(date, close, 1.0)]).iter().next().unwrap()
    };
    market.list(stock("ACME", "USD", None), Bars::from_rows(rows.map(bar)).unwrap());
    let world = World::new(market, Currency::USD).await;
    let portfolio = Recorded::new(&world).await;
    portfolio.traded(ActivityType::Buy, "ACME", "2012-01-03", "10", "100", "0").await;
    let deposit = portfolio.record(ActivityType::Deposit, "ACME", day("2012-01-03"), plain("1000")).await;
    let unrecorded = portfolio.performed().await;
    near(&unrecorded["metrics"]["twr"], 0.0);
    let paid = |fields: &mut ActivityFields| (fields.amount, fields.tax) = (Some(decimal("10")), decimal("2.5"));
    portfolio.record(ActivityType::Dividend, "ACME", day("2012-02-02"), paid).await;
    for cash in [CashTreatment::Ignored, CashTreatment::Tracked] {
        if cash == CashTreatment::Tracked {
            track(&portfolio, 1, cash).await;
        }
        let found = portfolio.performed().await;
        near(&found["metrics"]["twr"], 0.0);
        assert!(found["metrics"]["twr_after_tax"].as_f64().unwrap() < -0.002, "{found}");
        let attribution = &found["attribution"];
        assert_eq!(
            (&attribution["dividends"], &attribution["taxes"], &attribution["price_gain"]),
            (&json!("10.00"), &json!("2.50"), &json!("-10.00")),
            "{found}"
        );
    }
    assert_eq!(portfolio.performed().await["attribution"]["end_value"], "997.50");
    portfolio.remove(deposit).await;
    assert_eq!(portfolio.performed().await["attribution"]["dividends"], "10.00");
}

#[tokio::test]
async fn tracked_cash_is_part_of_the_value_and_only_deposits_and_withdrawals_are_flows() {
    let market = Market::new(day("2012-04-26"));
    let closes = |closes: [f64; 4]| {
        let dates = ["2012-04-23", "2012-04-24", "2012-04-25", "2012-04-26"];
        bars(&std::array::from_fn::<_, 4, _>(|at| (dates[at], closes[at], 1.0)))
    };
    market.list(stock("AAPL", "USD", None), closes([571.70, 560.28, 610.00, 607.70]));
    market.list(stock("MSFT", "USD", None), closes([32.12, 31.92, 32.20, 32.11]));
    let world = World::new(market, Currency::USD).await;
    let portfolio = Recorded::new(&world).await;
    portfolio.traded(ActivityType::Buy, "AAPL", "2012-04-23", "10", "575.00", "4.95").await;
    portfolio.traded(ActivityType::Buy, "MSFT", "2012-04-25", "100", "32.00", "4.95").await;
    portfolio.traded(ActivityType::Sell, "AAPL", "2012-04-26", "10", "609.00", "4.95").await;
    track(&portfolio, 1, CashTreatment::Tracked).await;
    let debt = portfolio.performed().await;
    assert!(codes(&debt).contains(&"cash_below_zero"), "{debt}");
    portfolio.record(ActivityType::Withdrawal, "AAPL", day("2012-04-26"), plain("8000")).await;
    portfolio.record(ActivityType::Deposit, "AAPL", day("2012-04-25"), plain("2000")).await;
    portfolio.record(ActivityType::Deposit, "AAPL", day("2012-04-23"), plain("10000")).await;
    let found = portfolio.performed().await;
    let rows = found["series"].as_array().unwrap();
    for (row, (value, twr)) in rows.iter().zip([
        ("9962.05", -0.003_795),
        ("9847.85", -0.015_215),
        ("12360.10", 0.036_01),
        ("4336.15", 0.034_002_537),
    ]) {
        assert_eq!(row["value"], value);
        near(&row["twr"], twr);
    }
    assert_eq!((&found["attribution"]["flows"], codes(&found)), (&json!("4000.00"), Vec::new()));
    let held = portfolio.held().await;
    assert_eq!(held["value"], "4336.15");
    assert_eq!(held["cash"], json!([{"currency": "USD", "balance": "1125.15", "value": "1125.15"}]));
    let cash = &found["attribution_of_cash"][0];
    assert_eq!(
        (&cash["name"], &cash["end_value"], &cash["price_gain"]),
        (&json!("USD"), &json!("1125.15"), &json!("0.00"))
    );
    let names: Vec<&Value> =
        found["attribution_by_sector"].as_array().unwrap().iter().map(|row| &row["name"]).collect();
    assert!(names.contains(&&json!("cash")), "{names:?}");
}

/// Whatever cash is recorded and removed, whether it is tracked or not, and whatever day it is: stored values equal those
/// of a reader that stores none.
#[tokio::test]
async fn recorded_cash_leaves_no_stale_value() {
    for seed in 0..5 {
        let mut numbers = SeededRandom(seed);
        let days = next_trading_days(day("2011-11-01"), 80);
        let market = Market::new(days[40]);
        for (name, currency) in [("ONE", "USD"), ("EURO", "EUR"), ("EURUSD=X", "USD")] {
            market.list(stock(name, currency, Some(name)), numbers.random_walk(&days));
        }
        let world = World::new(market, Currency::USD).await;
        let portfolio = Recorded::new(&world).await;
        portfolio.record(ActivityType::Deposit, "ONE", days[0], plain("50000")).await;
        for name in ["ONE", "EURO"] {
            portfolio.traded(ActivityType::Buy, name, &days[0].to_string(), "100", "99.5", "1").await;
        }
        let (mut at, mut version, mut removable) = (40, 1, Vec::new());
        for step in 0..16 {
            let name = ["ONE", "EURO"][numbers.below(2)];
            let on: Day = days[numbers.below(days.len())];
            match numbers.below(7) {
                0 => {
                    at = (at + 1 + numbers.below(9)).min(days.len() - 1);
                    world.market.move_to(days[at]);
                }
                1 => {
                    let cash = if version % 2 == 1 { CashTreatment::Tracked } else { CashTreatment::Ignored };
                    track(&portfolio, version, cash).await;
                    version += 1;
                }
                2 => removable.push(portfolio.record(ActivityType::Dividend, name, on, amount("12.5")).await),
                3 => removable.push(portfolio.record(ActivityType::Fee, name, on, amount("3.3")).await),
                4 => removable.push(portfolio.record(ActivityType::Interest, name, on, plain("7.7")).await),
                5 if !removable.is_empty() => {
                    portfolio.remove(removable.swap_remove(numbers.below(removable.len()))).await;
                }
                _ => drop(portfolio.traded(ActivityType::Sell, name, &on.to_string(), "0.5", "88.8", "1").await),
            }
            let kept = portfolio.performed().await;
            assert_eq!(kept, portfolio.performed_on(&world.forgetful(), None).await, "seed {seed}, step {step}");
            assert_eq!(portfolio.performed().await, kept, "seed {seed}, step {step}: once more");
            assert!(kept["metrics"]["twr"].is_number(), "{kept}");
            assert_eq!(*last_value(&kept), portfolio.held().await["value"], "seed {seed}, step {step}");
        }
    }
}
