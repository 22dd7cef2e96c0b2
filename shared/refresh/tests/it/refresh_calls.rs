//! The scheduled refresh on the free plan of Alpha Vantage: 25 calls in any 24 hours, one a second, counted in the table.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use market::alpha_vantage::AlphaVantage;
use market::{CallBudget, OnBehalfOf};
use market_data::last_run::RefreshSummary;
use refresh::refresh;
use testing::exchange::{World, bars_through, day, symbol, time};
use testing::fake_alpha_vantage::FakeAlphaVantage;

const TIME_LIMIT: Duration = Duration::from_mins(4);
/// How far the clock may be behind the runtime's.
const TICK: Duration = Duration::from_millis(100);

/// A world in which this many symbols are tracked, whose bars end on a Friday.
pub(super) async fn holding(count: usize) -> (World, FakeAlphaVantage, Vec<String>) {
    let world = World::at("2026-11-21T12:00:00Z");
    *world.exchange.source.lock().unwrap() = market::alpha_vantage::SOURCE;
    let names: Vec<String> = (0..count).map(|number| format!("S{number:02}")).collect();
    for name in &names {
        world.track(name, bars_through("2026-11-20", 30, 10.0)).await;
    }
    let vantage = FakeAlphaVantage::start(&world.clock).await;
    (world, vantage, names)
}

/// A slot that is this many seconds late, run by a new process.
async fn slot(world: &World, vantage: &FakeAlphaVantage, at: &str, late: i64) -> RefreshSummary {
    slot_of(world, vantage.provider(world), at, late).await
}

/// The same with the key of another plan.
pub(super) async fn slot_of(world: &World, provider: AlphaVantage, at: &str, late: i64) -> RefreshSummary {
    world.clock.set(at);
    world.clock.forward(TimeDelta::seconds(late));
    let platform = world.on(world.table.clone(), Arc::new(provider));
    let time_goes_on = async {
        loop {
            tokio::time::sleep(TICK).await;
            world.clock.forward(TimeDelta::from_std(TICK).unwrap());
        }
    };
    tokio::select! {
        did = refresh(&platform, time(at), TIME_LIMIT) => did.unwrap(),
        () = time_goes_on => unreachable!("it never ends"),
    }
}

/// Slots of a session, half of them.
fn session(date: &str) -> impl Iterator<Item = String> {
    let opens = time(&format!("{date}T14:30:00Z"));
    (0..13).map(move |half_hour| (opens + TimeDelta::minutes(30 * half_hour)).to_rfc3339())
}

/// The symbols whose stored bars end on this day.
pub(super) async fn with_bars_of(world: &World, names: &[String], date: &str) -> usize {
    let symbols: Vec<_> = names.iter().map(|name| symbol(name)).collect();
    let outlines = store::bars::read_outlines(&*world.table, &symbols).await.unwrap();
    outlines.into_iter().flatten().filter(|outline| outline.last == Some(day(date))).count()
}

/// Trading days, with Thanksgiving left out, and by how many seconds their evening is late.
const EVENINGS: [(&str, i64); 9] = [
    ("2026-11-23", 55),
    ("2026-11-24", 0),
    ("2026-11-25", 41),
    ("2026-11-27", 3),
    ("2026-11-30", 59),
    ("2026-12-01", 1),
    ("2026-12-02", 59),
    ("2026-12-03", 0),
    ("2026-12-04", 30),
];

#[tokio::test(start_paused = true)]
async fn up_to_nineteen_symbols_get_bars_every_evening_within_25_calls_in_24_hours() {
    for count in [6, 15, 19] {
        let (world, vantage, names) = holding(count).await;
        {
            let mut script = vantage.script.lock().unwrap();
            (script.last, script.is_free_plan) = (Some(day("2026-11-20")), true);
        }
        for (date, late) in EVENINGS {
            for at in session(date) {
                slot(&world, &vantage, &at, late).await;
            }
            vantage.script.lock().unwrap().last = Some(day(date));
            let did = slot(&world, &vantage, &format!("{date}T23:30:00Z"), late).await;
            assert_eq!((did.failed, did.postponed), (0, 0), "{count} on {date}: {did:?}");
            assert_eq!(with_bars_of(&world, &names, date).await, count, "{date}");
            assert!(did.budget_left.is_some_and(|left| left >= 5), "calls for requests are left on {date}: {did:?}");
        }
        assert!(vantage.most_in_a_day() <= 25, "{count}: {}", vantage.most_in_a_day());
        assert!(vantage.least_distance() >= Some(TimeDelta::milliseconds(900)), "{:?}", vantage.least_distance());
        assert_eq!(vantage.times("TIME_SERIES_DAILY"), count * EVENINGS.len());
        let tries_of_the_plan = vantage.times("TIME_SERIES_DAILY_ADJUSTED");
        assert!((1..=EVENINGS.len()).contains(&tries_of_the_plan), "at most one a day: {tries_of_the_plan}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_too_many_symbols_nineteen_get_bars_and_the_others_come_first_next_evening() {
    let (world, vantage, names) = holding(30).await;
    vantage.script.lock().unwrap().is_free_plan = true;
    let mut got = BTreeMap::<String, usize>::new();
    for (date, late) in &EVENINGS[4..] {
        vantage.script.lock().unwrap().last = Some(day(date));
        let before = vantage.calls().len();
        let did = slot(&world, &vantage, &format!("{date}T23:30:00Z"), *late).await;
        // Within a day of the call that found out the plan, that call is used for another symbol.
        assert!([(19, 11), (20, 10)].contains(&(did.refreshed, did.postponed)), "{date}: {did:?}");
        for call in vantage.calls()[before..].iter().filter(|call| call.function == "TIME_SERIES_DAILY") {
            *got.entry(call.symbol.clone()).or_default() += 1;
        }
    }
    assert!(names.iter().all(|name| got[name] >= 3), "five evenings of nineteen are three rounds and more: {got:?}");
    assert!(vantage.most_in_a_day() <= 25);
}

#[tokio::test(start_paused = true)]
async fn calls_of_requests_reduce_those_of_the_evening() {
    let (world, vantage, names) = holding(20).await;
    for (date, late) in &EVENINGS[4..] {
        vantage.script.lock().unwrap().last = Some(day(date));
        world.clock.set(&format!("{date}T20:30:00Z"));
        let people = vantage.provider(&world);
        for _ in 0..3 {
            market::Provider::fetch_quote(&people, &symbol("S00"), CallBudget::of(OnBehalfOf::Platform)).await.unwrap();
            world.clock.forward(TimeDelta::seconds(2));
        }
        slot(&world, &vantage, &format!("{date}T23:30:00Z"), *late).await;
        assert_eq!(with_bars_of(&world, &names, date).await, 17, "{date}");
    }
    assert!(vantage.most_in_a_day() <= 25);
}

#[tokio::test(start_paused = true)]
async fn the_splits_of_one_symbol_with_a_jump_are_requested_among_eight() {
    for jumping in ["S00", "S07"] {
        let (world, vantage, _) = holding(8).await;
        {
            let mut script = vantage.script.lock().unwrap();
            (script.last, script.is_free_plan) = (Some(day("2026-11-23")), true);
            script.jump.insert(jumping.to_owned());
        }
        let did = slot(&world, &vantage, "2026-11-23T23:30:00Z", 0).await;
        assert_eq!((did.refreshed, did.failed, did.postponed), (8, 0, 0), "{did:?}");
        let events: Vec<_> = vantage.calls().into_iter().filter(|call| !call.function.starts_with("TIME")).collect();
        let of_it = |function: &str| events.iter().any(|call| call.function == function && call.symbol == jumping);
        assert!(of_it("SPLITS") && of_it("DIVIDENDS"), "{events:?}");
        assert!(vantage.least_distance() >= Some(TimeDelta::milliseconds(900)), "{:?}", vantage.least_distance());
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_in_the_evening_is_called_again_after_a_pause() {
    let (world, vantage, _) = holding(8).await;
    {
        let mut script = vantage.script.lock().unwrap();
        (script.last, script.failures) = (Some(day("2026-11-23")), 6);
    }
    let did = slot(&world, &vantage, "2026-11-23T23:30:00Z", 0).await;
    assert_eq!((did.failed, did.refreshed, did.postponed), (6, 2, 0), "five, and the one that probed: {did:?}");
    // During the day the next slot is soon enough.
    let did = slot(&world, &vantage, "2026-11-24T14:30:00Z", 0).await;
    assert_eq!(did.failed, 0, "{did:?}");
}
