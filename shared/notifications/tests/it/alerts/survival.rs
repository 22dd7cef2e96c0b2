//! Rivals and a store that fails: one firing, and told at least once.

use std::collections::BTreeSet;

use domain::alert::Repeat;
use futures::future::join_all;
use market_data::quote_record::LastQuote;
use notifications::alerts::{self, Fired};
use proptest::prelude::*;
use store::fault::{Fault, Plan};
use store::{Body, Write, keys};

use crate::alerts::world::{World, above, day, symbol};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_evaluations_of_one_event_fire_once_and_tell_once() {
    for round in 0..5 {
        let world = World::new();
        let (ada, socket) = world.connected("ada").await;
        let once = world.alert(ada, above("12"), Repeat::Once).await;
        let recurring = world.alert(ada, above("12"), Repeat::Recurring).await;
        let quotes = [world.quote("AAPL", "13")];
        let rivals = (0..20).map(|_| {
            let (platform, quotes) = (world.platform.clone(), quotes.clone());
            tokio::spawn(async move { alerts::evaluate(&platform, &quotes).await.unwrap() })
        });
        let fired: Vec<Fired> = join_all(rivals).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(fired.iter().map(|fired| fired.fired).sum::<usize>(), 2, "round {round}");
        assert_eq!(world.sockets.take(&socket).len(), 2, "round {round}");
        for alert in [&once, &recurring] {
            let history = world.history(ada, alert).await;
            assert_eq!((history.len(), history[0].delivered), (1, true), "round {round}");
        }
        assert_eq!(world.waiting("AAPL").await.len(), 1, "only what can fire again still waits");
    }
}

/// Shows a world the same event until an evaluation goes through, waiting for those before to lapse.
async fn until_it_goes_through(world: &World, quotes: &[LastQuote]) -> usize {
    for tries in 1..50 {
        if alerts::evaluate(&world.platform, quotes).await.is_ok_and(|fired| fired.undelivered == 0) {
            world.let_deliveries_lapse();
            // What an attempt that was cut short had taken on is made up for here.
            if alerts::evaluate(&world.platform, quotes).await.is_ok() {
                return tries;
            }
        }
        world.let_deliveries_lapse();
    }
    panic!("fifty attempts failed");
}

#[tokio::test]
async fn whichever_write_fails_and_however_the_alert_fires_once_and_is_told() {
    for fault in [Fault::Conflict, Fault::Throttle, Fault::ErrorBefore, Fault::ErrorAfter] {
        for writes_before in 0..4 {
            for repeat in [Repeat::Once, Repeat::Recurring] {
                let world = World::new();
                let (ada, socket) = world.connected("ada").await;
                let alert = world.alert(ada, above("12"), repeat).await;
                // So that the bars are stored, and the first write is that of the firing.
                alerts::evaluate(&world.platform, &[world.quote("AAPL", "11")]).await.unwrap();
                let event = [world.quote("AAPL", "13")];
                let plan = std::iter::repeat_n(None, writes_before).chain([Some(fault)]);
                world.table.plan_writes(Plan::scripted(plan));
                let tries = until_it_goes_through(&world, &event).await;
                let case = format!("{fault:?} after {writes_before} writes, {repeat:?}, {tries} tries");
                let history = world.history(ada, &alert).await;
                assert_eq!((history.len(), history[0].delivered), (1, true), "{case}");
                let told = world.sockets.take(&socket).len();
                assert!((1..=2).contains(&told), "{case}: told {told} times");
                assert!(!world.waiting("AAPL").await.iter().any(|sk| sk.starts_with("PENDING#")), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_again_and_nobody_has_to_wait() {
    let world = World::new();
    let (ada, socket) = world.connected("ada").await;
    let alert = world.alert(ada, above("12"), Repeat::Once).await;
    // So that the bars are stored, and the next write is that of the firing.
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "11")]).await.unwrap();
    world.table.plan_writes(Plan::scripted([Some(Fault::ErrorAfter)]));
    let fired = alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!(fired, Fired { fired: 1, delivered: 1, undelivered: 0 });
    assert_eq!((world.sockets.take(&socket).len(), world.history(ada, &alert).await.len()), (1, 1));
}

#[tokio::test]
async fn a_store_that_fails_at_random_loses_and_doubles_no_firing() {
    for seed in 0..40 {
        let world = World::new();
        let (ada, socket) = world.connected("ada").await;
        let mut made = Vec::new();
        for repeat in [Repeat::Once, Repeat::Recurring, Repeat::Once] {
            made.push(world.alert(ada, above("12"), repeat).await);
        }
        let event = [world.quote("AAPL", "13")];
        world.table.plan_writes(Plan::seeded(seed, 0.3));
        until_it_goes_through(&world, &event).await;
        world.table.plan_writes(Plan::quiet());
        world.let_deliveries_lapse();
        alerts::evaluate(&world.platform, &event).await.unwrap();
        let told: BTreeSet<String> =
            world.sockets.take(&socket).iter().map(|message| message["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(told, made.iter().map(|alert| alert.id.to_string()).collect(), "seed {seed}");
        for alert in &made {
            let history = world.history(ada, alert).await;
            assert_eq!((history.len(), history[0].delivered), (1, true), "seed {seed}");
        }
        let count = keys::alert_count(ada);
        let (left, _) =
            store::documents::read::<serde_json::Value>(world.table.inner(), &count).await.unwrap().unwrap();
        assert_eq!(left["count"], 1, "seed {seed}: the recurring one");
    }
}

#[tokio::test]
async fn a_symbol_that_cannot_be_evaluated_keeps_no_other_from_it() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    let on_aapl = world.alert(ada, above("12"), Repeat::Once).await;
    let broken = keys::waiting_alert(&symbol("IBM"), uuid::Uuid::nil());
    let write = Write::create(broken, Body::Json("{}".to_owned()));
    store::Table::transact(world.table.inner(), vec![write]).await.unwrap();
    let quotes = [world.quote("IBM", "13"), world.quote("AAPL", "13")];
    assert!(alerts::evaluate(&world.platform, &quotes).await.is_err());
    assert_eq!(world.history(ada, &on_aapl).await.len(), 1);
}

/// A quote as the law below needs it: which of twelve, its day, and whether it is above the threshold.
fn events() -> impl Strategy<Value = Vec<(u64, u8, bool)>> {
    let quote = (1..12_u64, any::<bool>());
    prop::collection::vec(quote, 0..30)
        // Numbers grow with the days, as those of stored quotes do.
        .prop_map(|quotes| quotes.into_iter().map(|(seq, holds)| (seq, (seq / 4) as u8, holds)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn in_whatever_order_quotes_come_an_alert_fires_once_a_day_at_most(events in events()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let ada = domain::CustomerId(uuid::Uuid::from_u128(7));
            let recurring = world.alert(ada, above("12"), Repeat::Recurring).await;
            let once = world.alert(ada, above("12"), Repeat::Once).await;
            // What a reader does who ignores numbers that are not above the last.
            let (mut last, mut expected) = (0, BTreeSet::new());
            for (seq, offset, holds) in events {
                let friday = day("2026-11-20").plus_days(i32::from(offset));
                let quote = world.quote("AAPL", if holds { "13" } else { "11" });
                alerts::evaluate(&world.platform, &[LastQuote { seq, day: friday, ..quote }]).await.unwrap();
                if seq > last {
                    last = seq;
                    expected.extend(holds.then_some(friday));
                }
                // Once nothing waits, numbers are no longer counted; the recurring one always does.
            }
            let fired: Vec<_> =
                world.history(ada, &recurring).await.into_iter().rev().map(|firing| firing.market_day).collect();
            assert_eq!(fired, expected.iter().copied().collect::<Vec<_>>());
            assert_eq!(world.history(ada, &once).await.len(), expected.len().min(1));
        });
    }
}
