//! What is kept of backtests, forecasts and reports, on the sample prices.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app::idempotency::{self, ReservedKey};
use app::{Precondition, ServiceError};
use chrono::TimeDelta;
use domain::portfolio::PortfolioName;
use domain::{Currency, CustomerId, Money};
use futures::future::join_all;
use market::Sample;
use market_data::MarketData;
use research::stored_backtests::NameChange;
use research::{backtests, forecasts, reports, stored_backtests};
use serde_json::Value;
use store::{documents, keys};
use testing::TestBed;
use uuid::Uuid;

fn platform_on_sample() -> (MarketData, TestBed) {
    let test_bed = TestBed::at("2026-11-20T12:00:00Z");
    (test_bed.platform(Arc::new(test_bed.table()), Arc::new(Sample::new())), test_bed)
}

#[tokio::test]
async fn a_forecast_made_by_many_at_once_is_one_forecast() {
    let (platform, _test_bed) = platform_on_sample();
    let order = forecasts::ForecastRequest {
        symbol: "IBM".parse().unwrap(),
        horizon: 30,
        model: forecasts::Model::Walk,
        as_of: None,
    };
    let customer = CustomerId(Uuid::from_u128(1));
    let made = join_all((0..8).map(|_| forecasts::make(&platform, customer, &order))).await;
    let first = made[0].as_ref().unwrap();
    assert!(made.iter().all(|one| one.as_ref().unwrap() == first), "the same numbers, whether computed or read back");
}

fn backtest_order() -> backtests::BacktestRequest {
    let rule = |text: &str| backtests::Rule::parse(text).unwrap();
    let money = |text: &str| Money::parse(text, Currency::USD).unwrap();
    let strategy = backtests::Strategy {
        initial_investment: money("10000"),
        buy: rule(backtests::CLASSIC_BUY),
        sell: rule(backtests::CLASSIC_SELL),
        fill: backtests::Fill::NextOpen,
        commission_percent: 0.0,
        commission_minimum: money("0"),
        slippage_percent: 0.0,
        fractional: false,
        risk_free_rate: 0.0,
    };
    backtests::BacktestRequest { symbol: "FB".parse().unwrap(), from: None, to: None, strategy }
}

#[tokio::test]
async fn a_backtest_of_another_customer_is_not_found() {
    let (platform, _test_bed) = platform_on_sample();
    let (owner, other) = (CustomerId(Uuid::from_u128(1)), CustomerId(Uuid::from_u128(2)));
    let made = backtests::run(&platform, owner, &backtest_order(), None, None).await.unwrap();
    assert_eq!(stored_backtests::find_json(&platform.app, owner, made.id).await.unwrap().0, made.json);
    let missing = stored_backtests::find(&platform.app, other, made.id).await;
    assert!(matches!(missing, Err(ServiceError::NotFound { what: "backtest" })));
    let missing = stored_backtests::find_run(&platform.app, other, made.id).await;
    assert!(matches!(missing, Err(ServiceError::NotFound { what: "backtest" })));
}

#[tokio::test]
async fn a_report_of_the_same_content_is_made_once() {
    let (platform, test_bed) = platform_on_sample();
    let customer = CustomerId(Uuid::from_u128(1));
    let made = Arc::new(AtomicUsize::new(0));
    let publish = |content: &'static [u8]| {
        let made = made.clone();
        let pdf = move |_, _| {
            made.fetch_add(1, Ordering::SeqCst);
            Ok::<_, String>(b"%PDF-".to_vec())
        };
        reports::publish(&platform.app, customer, content, "a.pdf".to_owned(), pdf)
    };
    let first = publish(b"one").await.unwrap();
    assert_eq!(publish(b"one").await.unwrap().id, first.id);
    assert_ne!(publish(b"two").await.unwrap().id, first.id);
    assert_eq!(made.load(Ordering::SeqCst), 2);
    // The record goes before the object does: a link never leads nowhere.
    test_bed.clock.forward(TimeDelta::days(26));
    assert_ne!(publish(b"one").await.unwrap().id, first.id);
}

#[tokio::test]
async fn a_backtest_stored_before_there_were_names_is_read_named_and_repeated_by_its_key() {
    let (platform, _test_bed) = platform_on_sample();
    let (app, customer, order) = (&platform.app, CustomerId(Uuid::from_u128(1)), backtest_order());
    let made = backtests::run(&platform, customer, &order, None, None).await.unwrap();
    // As earlier versions stored it: a record without a name, and a key for the request alone.
    let key = keys::backtest(customer, made.id);
    let (mut record, version) = documents::read::<Value>(app.table(), &key).await.unwrap().unwrap();
    assert_eq!(record.as_object_mut().unwrap().remove("name"), Some(Value::Null));
    documents::put(app.table(), key, &record, Some(version)).await.unwrap();
    let reserved = ReservedKey::new(customer, Some("old"), "POST /backtest", &order.filled()).unwrap();
    idempotency::commit(app, reserved, made.id, Vec::new()).await.unwrap();

    let again = backtests::run(&platform, customer, &order, None, Some("old")).await.unwrap();
    assert_eq!((again.id, again.replayed, &again.json), (made.id, true, &made.json));
    assert_eq!(stored_backtests::find(app, customer, made.id).await.unwrap().summary.name, None);
    let name = || NameChange::Set(PortfolioName::parse("Named later").unwrap());
    stored_backtests::rename(app, customer, made.id, &Precondition::Any, name()).await.unwrap();
    let run = stored_backtests::find_run(app, customer, made.id).await.unwrap();
    assert_eq!(run.name.as_deref(), Some("Named later"));
    assert_eq!(stored_backtests::find_json(app, customer, made.id).await.unwrap().0, made.json);
}
