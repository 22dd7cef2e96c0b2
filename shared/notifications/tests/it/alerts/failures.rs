//! Concurrent evaluations and store failures: one firing, delivered at least once.

use std::collections::BTreeSet;

use domain::alert::Repeat;
use futures::future::join_all;
use market_data::quote_record::LastQuote;
use notifications::alerts::{self, EvaluationCounts};
use proptest::prelude::*;
use store::fault::{Fault, Plan};
use store::{Body, Write, keys};

use crate::alerts::world::{World, above, day, symbol};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_concurrent_evaluations_of_an_event_fire_and_deliver_once() {
    for round in 0..5 {
        let world = World::new();
        let (ada, socket) = world.connect("ada").await;
        let once = world.alert(ada, above("12"), Repeat::Once).await;
        let recurring = world.alert(ada, above("12"), Repeat::Recurring).await;
        let quotes = [world.quote("AAPL", "13")];
        let evaluations = (0..20).map(|_| {
            let (platform, quotes) = (world.platform.clone(), quotes.clone());
            tokio::spawn(async move { alerts::evaluate(&platform, &quotes).await.unwrap() })
        });
        let fired: Vec<EvaluationCounts> = join_all(evaluations).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(fired.iter().map(|fired| fired.fired).sum::<usize>(), 2, "round {round}");
        assert_eq!(world.sockets.take(&socket).len(), 2, "round {round}");
        for alert in [&once, &recurring] {
            let history = world.history(ada, alert).await;
            assert_eq!((history.len(), history[0].delivered), (1, true), "round {round}");
        }
        assert_eq!(world.waiting("AAPL").await.len(), 1, "only the recurring alert is left");
    }
}

/// Repeats an event until its evaluation succeeds, letting the leases of earlier attempts expire. Returns the attempts.
async fn evaluate_until_success(world: &World, quotes: &[LastQuote]) -> usize {
    for attempts in 1..50 {
        if alerts::evaluate(&world.platform, quotes).await.is_ok_and(|fired| fired.undelivered == 0) {
            world.let_leases_expire();
            // Makes the deliveries whose lease an interrupted attempt held.
            if alerts::evaluate(&world.platform, quotes).await.is_ok() {
                return attempts;
            }
        }
        world.let_leases_expire();
    }
    panic!("fifty attempts failed");
}

#[tokio::test]
async fn whichever_write_fails_the_alert_fires_once_and_is_delivered() {
    for fault in [Fault::Conflict, Fault::Throttle, Fault::ErrorBefore, Fault::ErrorAfter] {
        for writes_before in 0..4 {
            for repeat in [Repeat::Once, Repeat::Recurring] {
                let world = World::new();
                let (ada, socket) = world.connect("ada").await;
                let alert = world.alert(ada, above("12"), repeat).await;
                // Stores the bars, so that the next write is that of the firing.
                alerts::evaluate(&world.platform, &[world.quote("AAPL", "11")]).await.unwrap();
                let event = [world.quote("AAPL", "13")];
                let plan = std::iter::repeat_n(None, writes_before).chain([Some(fault)]);
                world.table.plan_writes(Plan::scripted(plan));
                let attempts = evaluate_until_success(&world, &event).await;
                let case = format!("{fault:?} after {writes_before} writes, {repeat:?}, {attempts} attempts");
                let history = world.history(ada, &alert).await;
                assert_eq!((history.len(), history[0].delivered), (1, true), "{case}");
                let messages = world.sockets.take(&socket).len();
                assert!((1..=2).contains(&messages), "{case}: messages {messages} times");
                assert!(!world.waiting("AAPL").await.iter().any(|sk| sk.starts_with("PENDING#")), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_firing_whose_answer_was_lost_is_delivered_immediately() {
    let world = World::new();
    let (ada, socket) = world.connect("ada").await;
    let alert = world.alert(ada, above("12"), Repeat::Once).await;
    // Stores the bars, so that the next write is that of the firing.
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "11")]).await.unwrap();
    world.table.plan_writes(Plan::scripted([Some(Fault::ErrorAfter)]));
    let fired = alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!(fired, EvaluationCounts { fired: 1, delivered: 1, undelivered: 0 });
    assert_eq!((world.sockets.take(&socket).len(), world.history(ada, &alert).await.len()), (1, 1));
}

#[tokio::test]
async fn random_store_failures_neither_lose_nor_duplicate_a_firing() {
    for seed in 0..40 {
        let world = World::new();
        let (ada, socket) = world.connect("ada").await;
        let mut made = Vec::new();
        for repeat in [Repeat::Once, Repeat::Recurring, Repeat::Once] {
            made.push(world.alert(ada, above("12"), repeat).await);
        }
        let event = [world.quote("AAPL", "13")];
        world.table.plan_writes(Plan::seeded(seed, 0.3));
        evaluate_until_success(&world, &event).await;
        world.table.plan_writes(Plan::quiet());
        world.let_leases_expire();
        alerts::evaluate(&world.platform, &event).await.unwrap();
        let messages: BTreeSet<String> =
            world.sockets.take(&socket).iter().map(|message| message["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(messages, made.iter().map(|alert| alert.id.to_string()).collect(), "seed {seed}");
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
async fn a_symbol_that_cannot_be_evaluated_does_not_stop_the_others() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    let on_aapl = world.alert(ada, above("12"), Repeat::Once).await;
    let broken = keys::waiting_alert(&symbol("IBM"), uuid::Uuid::nil());
    let write = Write::create(broken, Body::Json("{}".to_owned()));
    store::Table::transact(world.table.inner(), vec![write]).await.unwrap();
    let quotes = [world.quote("IBM", "13"), world.quote("AAPL", "13")];
    assert!(alerts::evaluate(&world.platform, &quotes).await.is_err());
    assert_eq!(world.history(ada, &on_aapl).await.len(), 1);
}

/// Quotes for the property below: `seq`, day, and whether the price is above the threshold.
fn events() -> impl Strategy<Value = Vec<(u64, u8, bool)>> {
    let quote = (1..12_u64, any::<bool>());
    prop::collection::vec(quote, 0..30)
        // `seq` grows with the day, as for stored quotes.
        .prop_map(|quotes| quotes.into_iter().map(|(seq, holds)| (seq, (seq / 4) as u8, holds)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn in_any_order_of_quotes_an_alert_fires_at_most_once_a_day(events in events()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let ada = domain::CustomerId(uuid::Uuid::from_u128(7));
            let recurring = world.alert(ada, above("12"), Repeat::Recurring).await;
            let once = world.alert(ada, above("12"), Repeat::Once).await;
            // Ignores a `seq` that is not above the last one.
            let (mut last, mut expected) = (0, BTreeSet::new());
            for (seq, offset, holds) in events {
                let friday = day("2026-11-20").plus_days(i32::from(offset));
                let quote = world.quote("AAPL", if holds { "13" } else { "11" });
                alerts::evaluate(&world.platform, &[LastQuote { seq, day: friday, ..quote }]).await.unwrap();
                if seq > last {
                    last = seq;
                    expected.extend(holds.then_some(friday));
                }
                // Without alerts `seq` is not stored, but the recurring one is always there.
            }
            let fired: Vec<_> =
                world.history(ada, &recurring).await.into_iter().rev().map(|firing| firing.market_day).collect();
            assert_eq!(fired, expected.iter().copied().collect::<Vec<_>>());
            assert_eq!(world.history(ada, &once).await.len(), expected.len().min(1));
        });
    }
}
