//! A slot of the scheduled refresh is done once, by a run that is alive.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use app::ServiceError;
use chrono::TimeDelta;
use futures::future::join_all;
use market::ProviderError;
use market_data::last_run;
use market_data::{MarketData, quote_store};
use refresh::refresh;
use store::fault::{Fault, Faulty, Plan};
use testing::InstantTable;
use testing::exchange::{quote, time};

use crate::friday::{NOON, TIME_LIMIT, holding, slot};

#[tokio::test]
async fn twenty_concurrent_deliveries_of_a_slot_act_once() {
    let world = holding(&["ACME", "IBM", "KO"]).await;
    for name in ["ACME", "IBM", "KO"] {
        world.exchange.quote_at(name, Ok(quote(name, "10.5", "2026-11-20", None)));
    }
    let processes: Vec<MarketData> = (0..20).map(|_| world.restarted()).collect();
    let runs = join_all(processes.iter().map(|platform| refresh(platform, time(NOON), TIME_LIMIT))).await;
    let acted = runs.iter().filter(|run| run.as_ref().is_ok_and(|did| !did.repeated)).count();
    assert_eq!(acted, 1);
    assert!(runs.iter().flatten().all(|did| did.repeated || did.refreshed == 3));
    assert!(runs.iter().filter_map(|run| run.as_ref().err()).all(|error| matches!(error, ServiceError::Store(_))));
    assert_eq!(world.exchange.calls().len(), 3);
    assert_eq!(world.bus.quotes().len(), 3);
    assert!(slot(&world.platform, NOON).await.repeated, "and a much later delivery finds it done");
}

#[tokio::test]
async fn a_missed_slot_is_done_by_the_next_one_and_skipped_when_it_comes_late() {
    let world = holding(&["ACME"]).await;
    world.exchange.quote_at("ACME", Ok(quote("ACME", "10.5", "2026-11-20", None)));
    world.clock.forward(TimeDelta::minutes(15));
    assert_eq!(slot(&world.platform, "2026-11-20T17:15:00Z").await.refreshed, 1);
    assert!(slot(&world.platform, NOON).await.repeated);
    assert_eq!(last_run::read(&world.platform.app).await.unwrap().unwrap().slot, Some(time("2026-11-20T17:15:00Z")));
    world.exchange.calls();
    // Delivered late, but later than every slot that was done: it is made up for.
    world.clock.forward(TimeDelta::minutes(40));
    assert_eq!(slot(&world.platform, "2026-11-20T17:30:00Z").await.refreshed, 1);
    assert_eq!(world.exchange.calls(), ["quote ACME"]);
}

#[tokio::test]
async fn a_dead_run_is_taken_over_after_its_lease_and_its_quotes_are_published() {
    let world = holding(&["ACME", "IBM"]).await;
    world.exchange.quote_at("ACME", Ok(quote("ACME", "10.5", "2026-11-20", None)));
    world.exchange.quote_at("IBM", Ok(quote("IBM", "10.5", "2026-11-20", None)));
    // It had stored one quote when it died during the other, and had published neither.
    world.exchange.hangs.store(true, Ordering::SeqCst);
    let asked = async {
        while world.exchange.calls().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = refresh(&world.platform, time(NOON), TIME_LIMIT) => unreachable!("the provider never answers"),
        () = asked => {}
    }
    world.exchange.hangs.store(false, Ordering::SeqCst);
    let stored = quote("ACME", "10.5", "2026-11-20", None);
    quote_store::record(&world.platform, &stored, quote_store::Origin::Market).await.unwrap().unwrap();
    let early = refresh(&world.platform, time(NOON), TIME_LIMIT).await;
    assert!(matches!(early, Err(ServiceError::Store(_))), "the lease has not expired");
    // Lambda retries a minute after a failure.
    world.clock.forward(TimeDelta::minutes(1));
    let did = slot(&world.platform, NOON).await;
    assert_eq!((did.refreshed, did.current, did.published), (1, 1, 2));
    assert_eq!(world.bus.quotes(), [("ACME".to_owned(), 1), ("IBM".to_owned(), 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_slot_was_taken_over_stops() {
    let names: Vec<String> = (0..40).map(|number| format!("S{number:02}")).collect();
    let world = holding(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    *world.exchange.takes.lock().unwrap() = Duration::from_secs(9);
    let first = refresh(&world.platform, time(NOON), TIME_LIMIT);
    let second = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        // By this clock the first run gave no heartbeat for longer than a lease.
        world.clock.forward(TimeDelta::minutes(1));
        refresh(&world.restarted(), time(NOON), TIME_LIMIT).await.unwrap()
    };
    let (first, second) = tokio::join!(first, second);
    assert!(matches!(first, Err(ServiceError::Store(store::StoreError::Conflict { .. }))), "{first:?}");
    assert!(!second.repeated, "{second:?}");
    assert!(world.exchange.calls().len() < 70, "the first run did not continue to the end");
    assert!(slot(&world.platform, NOON).await.repeated, "the first run did not take the slot back");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_response_is_lost_does_not_stop_a_run() {
    let names: Vec<String> = (0..40).map(|number| format!("S{number:02}")).collect();
    let world = holding(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    *world.exchange.takes.lock().unwrap() = Duration::from_secs(9);
    for name in &names {
        world.exchange.fail(name, ProviderError::TimedOut);
    }
    // The slot is acquired; the response to the first heartbeat is lost, and the second reports a false conflict.
    let faults = [None, Some(Fault::ErrorAfter), Some(Fault::Conflict)];
    let table = Faulty::new(InstantTable(world.table.clone()), Plan::scripted(faults));
    let platform = world.on(Arc::new(table), world.exchange.clone());
    let did = refresh(&platform, time(NOON), TIME_LIMIT).await.unwrap();
    assert_eq!((did.failed, world.exchange.calls().len()), (40, 40));
}
