//! The refresh grades each matured forecast once; with files it has nothing else to do.

use app::listing::PageRequest;
use std::sync::Arc;

use domain::{Bar, Bars};
use market::Sample;
use market_data::quote_store;
use operations::health;
use research::forecasts::{self, ForecastFilter, Model};
use testing::exchange::{World, bars_through, symbol};
use testing::load;

use crate::friday::{EVENING, NOON, slot};

/// A hundred sessions with a wandering price, of which the forecast sees the first seventy.
fn wandering() -> Bars {
    let bars = bars_through("2026-11-19", 100, 10.0);
    let wander = |(at, bar): (usize, Bar)| {
        let close = 10.0 + f64::from(u32::try_from(at * 7919 % 101).unwrap()) / 50.0;
        Bar { open: close, high: close, low: close, close, adjusted_close: close, ..bar }
    };
    Bars::from_rows(bars.iter().enumerate().map(wander)).unwrap()
}

#[tokio::test]
async fn a_matured_forecast_is_graded_once_and_its_grade_is_stored() {
    let world = World::at("2026-10-09T23:00:00Z");
    let all = wandering();
    let seen = all.slice(0, all.count_through("2026-10-09".parse().unwrap()));
    world.exchange.list("ACME", seen);
    let order =
        |horizon| forecasts::ForecastRequest { symbol: symbol("ACME"), horizon, model: Model::Naive, as_of: None };
    for horizon in [5, 10, 60] {
        forecasts::make(&world.platform, world.customer, &order(horizon)).await.unwrap();
    }
    world.exchange.list("ACME", all.clone());
    assert_eq!(slot(&world.platform, "2026-10-09T23:30:00Z").await.graded, 0, "no day has passed yet");
    world.clock.set("2026-10-19T23:00:00Z");
    load(&world.platform, &symbol("ACME")).await.unwrap();
    assert_eq!(slot(&world.platform, "2026-10-19T23:00:00Z").await.graded, 1, "five days have passed");
    world.clock.set("2026-11-20T12:00:00Z");
    load(&world.platform, &symbol("ACME")).await.unwrap();
    world.exchange.calls();
    assert_eq!(slot(&world.platform, "2026-11-20T12:00:00Z").await.graded, 1, "and ten, but not sixty");
    assert_eq!(forecasts::grade_matured(&world.platform, &symbol("ACME")).await.unwrap(), 0);
    assert!(world.exchange.calls().is_empty(), "a grade costs no call");

    // The stored grade is what would be computed.
    let stored = forecasts::list(
        &world.platform,
        world.customer,
        &symbol("ACME"),
        ForecastFilter::default(),
        &PageRequest::newest(50),
    )
    .await
    .unwrap();
    let computed = world.restarted();
    for horizon in [5, 10] {
        let same = forecasts::ForecastRequest { as_of: Some("2026-10-09".parse().unwrap()), ..order(horizon) };
        let forecast = forecasts::make(&world.platform, world.customer, &same).await.unwrap().forecast;
        let series = load(&computed, &symbol("ACME")).await.unwrap();
        let again = forecasts::grade(&series, &forecast).unwrap();
        let item = stored.items.iter().find(|item| item.terms.id == forecast.terms.id).unwrap();
        assert_eq!((&item.points, item.grade), (&again.points, again.grade));
    }
    // A later correction of the bars does not change a stored grade.
    let corrected = all.iter().map(|bar| Bar { close: bar.close + 1.0, adjusted_close: bar.close + 1.0, ..bar });
    world.exchange.list("ACME", Bars::from_rows(corrected).unwrap());
    world.clock.set(EVENING);
    let later = forecasts::list(
        &world.restarted(),
        world.customer,
        &symbol("ACME"),
        ForecastFilter::default(),
        &PageRequest::newest(50),
    )
    .await
    .unwrap();
    let grades = |record: &forecasts::ForecastHistory| {
        record.items.iter().filter(|item| item.terms.horizon < 60).map(|item| item.grade).collect::<Vec<_>>()
    };
    assert_eq!(grades(&later), grades(&stored));
    assert_eq!(grades(&stored).len(), 2);
}

#[tokio::test]
async fn with_files_bars_are_read_and_forecasts_graded_and_no_quote_is_stored() {
    let world = World::at(NOON);
    let platform = world.on(world.table.clone(), Arc::new(Sample::new()));
    notifications::watchlist::put(&platform, world.customer, &symbol("IBM")).await.unwrap();
    let order = forecasts::ForecastRequest {
        symbol: symbol("IBM"),
        horizon: 5,
        model: Model::Naive,
        as_of: Some("2013-02-01".parse().unwrap()),
    };
    forecasts::make(&platform, world.customer, &order).await.unwrap();
    let did = slot(&platform, NOON).await;
    assert_eq!((did.current + did.refreshed, did.failed, did.graded, did.published), (1, 0, 1, 0));
    assert_eq!(did.oldest_age_seconds, Some(0));
    assert_eq!(quote_store::read(&platform.app, &symbol("IBM")).await.unwrap(), None);
    assert_eq!(health::check(&platform).await.newest_quote_age_seconds, Some(0));
}
