//! The scheduled refresh on a paid plan of Alpha Vantage: 75 calls a minute and no daily limit.

use chrono::TimeDelta;
use market::ApiPlan;
use testing::exchange::{day, symbol};

use super::refresh_calls::{holding, slot_of, with_bars_of};

const PAID: ApiPlan = ApiPlan { calls_a_day: None, calls_a_minute: Some(75) };
/// More than a free key refreshes in a week.
const SYMBOLS: usize = 150;

#[tokio::test(start_paused = true)]
async fn a_paid_plan_refreshes_all_symbols_in_one_slot_within_its_calls_a_minute() {
    let (world, vantage, names) = holding(SYMBOLS).await;
    vantage.script.lock().unwrap().last = Some(day("2026-11-23"));
    let did = slot_of(&world, vantage.provider_with(&world, PAID), "2026-11-23T23:30:00Z", 0).await;
    assert_eq!((did.refreshed, did.failed, did.postponed), (SYMBOLS, 0, 0), "{did:?}");
    assert_eq!(with_bars_of(&world, &names, "2026-11-23").await, SYMBOLS);
    assert_eq!((vantage.times("TIME_SERIES_DAILY_ADJUSTED"), vantage.times("TIME_SERIES_DAILY")), (SYMBOLS, 0));
    // The evening keeps nothing from the day: quotes of all symbols follow in the next session.
    vantage.script.lock().unwrap().last = Some(day("2026-11-24"));
    let did = slot_of(&world, vantage.provider_with(&world, PAID), "2026-11-24T15:00:00Z", 0).await;
    assert_eq!((did.refreshed, did.failed, did.postponed), (SYMBOLS, 0, 0), "{did:?}");
    assert_eq!(vantage.times("GLOBAL_QUOTE"), SYMBOLS);
    // The clock of this test is behind the runtime's by up to a tenth of a second for each wait.
    let most = vantage.most_in(TimeDelta::minutes(1));
    assert!((60..=75).contains(&most), "five of the 75 are for requests: {most}");
}

#[tokio::test(start_paused = true)]
async fn an_upgraded_key_is_used_at_once() {
    let (world, vantage, names) = holding(30).await;
    {
        let mut script = vantage.script.lock().unwrap();
        (script.last, script.is_free_plan) = (Some(day("2026-11-23")), true);
    }
    let free = slot_of(&world, vantage.provider(&world), "2026-11-23T23:30:00Z", 0).await;
    assert_eq!((free.refreshed, free.postponed), (19, 11), "{free:?}");
    vantage.script.lock().unwrap().is_free_plan = false;
    let paid = slot_of(&world, vantage.provider_with(&world, PAID), "2026-11-24T01:00:00Z", 0).await;
    assert_eq!((paid.failed, paid.postponed), (0, 0), "{paid:?}");
    assert_eq!(with_bars_of(&world, &names, "2026-11-23").await, 30);
    let whole = vantage.calls().into_iter().filter(|call| call.function == "TIME_SERIES_DAILY_ADJUSTED").count();
    assert_eq!(whole, 12, "once on the free plan, then for each symbol that was left out");
    let notes = store::bars::read_outlines(&*world.table, &[symbol(&names[29])]).await.unwrap();
    assert!(notes[0].is_some());
}
