//! A fact that one process has spent a call on costs no other process a call.

use chrono::TimeDelta;
use market::{CallBudget, OnBehalfOf, Provider as _};
use testing::exchange::{World, day, symbol};
use testing::fake_alpha_vantage::FakeAlphaVantage;

/// A world on the free plan, in which no call has been made.
async fn free_plan() -> (World, FakeAlphaVantage) {
    let world = World::at("2026-11-23T23:30:00Z");
    let vantage = FakeAlphaVantage::start(&world.clock).await;
    {
        let mut script = vantage.script.lock().unwrap();
        (script.last, script.is_free_plan) = (Some(day("2026-11-23")), true);
        script.jump.insert("JUMPS".to_owned());
    }
    (world, vantage)
}

/// A process that has just started requests bars.
async fn bars(world: &World, vantage: &FakeAlphaVantage, name: &str) {
    world.clock.forward(TimeDelta::seconds(10));
    let history =
        vantage.provider(world).fetch_daily(&symbol(name), CallBudget::of(OnBehalfOf::Schedule)).await.unwrap();
    assert_eq!(history.bars.last().unwrap().date, day("2026-11-23"));
}

#[tokio::test(start_paused = true)]
async fn one_process_finds_out_the_plan_for_all_and_again_after_a_day() {
    let (world, vantage) = free_plan().await;
    bars(&world, &vantage, "ACME").await;
    bars(&world, &vantage, "ACME").await;
    assert_eq!((vantage.times("TIME_SERIES_DAILY_ADJUSTED"), vantage.times("TIME_SERIES_DAILY")), (1, 2));
    world.clock.forward(TimeDelta::hours(24));
    bars(&world, &vantage, "ACME").await;
    assert_eq!((vantage.times("TIME_SERIES_DAILY_ADJUSTED"), vantage.times("TIME_SERIES_DAILY")), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn a_jump_that_one_process_has_looked_up_is_known_to_the_others() {
    let (world, vantage) = free_plan().await;
    for _ in 0..3 {
        bars(&world, &vantage, "JUMPS").await;
    }
    assert_eq!((vantage.times("SPLITS"), vantage.times("DIVIDENDS")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_currency_of_a_symbol_of_another_exchange_is_looked_up_once() {
    let (world, vantage) = free_plan().await;
    for _ in 0..2 {
        bars(&world, &vantage, "MBG.DEX").await;
    }
    assert_eq!(vantage.times("SYMBOL_SEARCH"), 1);
}
