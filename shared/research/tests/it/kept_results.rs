//! What is kept of backtests, forecasts and reports, on the sample prices.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app::ServiceError;
use chrono::TimeDelta;
use domain::{Currency, CustomerId, Money};
use futures::future::join_all;
use market::Sample;
use market_data::MarketData;
use research::{backtests, forecasts, reports};
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
    let made = backtests::run(&platform, owner, &backtest_order(), None).await.unwrap();
    assert_eq!(backtests::find(&platform.app, owner, made.id).await.unwrap(), made.json);
    let missing = backtests::find(&platform.app, other, made.id).await;
    assert!(matches!(missing, Err(ServiceError::NotFound { what: "backtest" })));
    let missing = backtests::find_run(&platform.app, other, made.id).await;
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
