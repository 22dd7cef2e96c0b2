//! Runs that are killed, run out of time, or compete with others.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::CustomerId;
use operations::health;
use operations::verification::{BATCH, Interrupted, VerificationReport, verify_all};
use store::keys;
use tokio::time::Instant;

use crate::crowd::{Crowd, ENTRIES};

const CUSTOMERS: usize = 24;

async fn verify(crowd: &Crowd, interrupted: Interrupted) -> VerificationReport {
    verify_all(&crowd.market, interrupted, None).await.unwrap()
}

/// Kills a run at the read of this number; false if it ended before.
async fn kill_at(crowd: &Crowd, read: usize) -> bool {
    let market = crowd.market.clone();
    crowd.kill_at(read, async move { verify_all(&market, Interrupted::Continue, None).await.unwrap() }).await
}

/// The customers whose wallets were replayed more than once since the last call. All were replayed.
fn repeated(crowd: &Crowd) -> BTreeSet<CustomerId> {
    let replays = crowd.take_replays();
    assert_eq!(replays.keys().copied().collect::<BTreeSet<_>>(), crowd.customers);
    replays.into_iter().filter(|(_, times)| *times > 1).map(|(customer, _)| customer).collect()
}

#[tokio::test]
async fn a_run_that_is_killed_at_any_read_is_continued_and_skips_no_customer() {
    let crowd = Crowd::of(CUSTOMERS as u128).await;
    let altered = *crowd.customers.iter().nth(CUSTOMERS / 2).unwrap();
    let mut kills = 0;
    for read in (0..).step_by(17) {
        crowd.rewrite_deposit(altered, "10000.00", "10000.01").await;
        crowd.take_replays();
        let killed = kill_at(&crowd, read).await;
        if killed {
            let report = verify(&crowd, Interrupted::Continue).await;
            assert_eq!((report.results.customers, report.results.entries), (CUSTOMERS, CUSTOMERS as u64 * ENTRIES));
            assert_eq!(
                (report.results.sound, report.results.unsound_count, report.results.frozen),
                (CUSTOMERS - 1, 1, 1)
            );
            assert_eq!(report.results.unsound[0].customer_id, altered);
            let shards: BTreeSet<String> =
                repeated(&crowd).into_iter().map(|customer| keys::customer_index_item(customer).pk).collect();
            assert!(shards.len() <= 1, "only the batch in progress is repeated: {shards:?}");
        }
        assert!(crowd.is_frozen(altered).await, "killed at read {read}");
        crowd.rewrite_deposit(altered, "10000.01", "10000.00").await;
        assert!(verify(&crowd, Interrupted::Continue).await.is_clean());
        assert!(!crowd.is_frozen(altered).await);
        if !killed {
            break;
        }
        kills += 1;
    }
    assert!(kills > 10, "{kills}");
}

#[tokio::test]
async fn a_shard_is_continued_at_its_last_checkpoint() {
    let number = BATCH * 2 + BATCH / 2;
    let crowd = Crowd::of_one_shard(number).await;
    assert!(verify(&crowd, Interrupted::Continue).await.is_clean());
    crowd.take_replays();
    for read in [1_000, 1_200, 1_400] {
        assert!(kill_at(&crowd, read).await, "{read}");
        let before = crowd.take_replays();
        assert!(before.len() > BATCH, "{read} is after a checkpoint: {}", before.len());
        let report = verify(&crowd, Interrupted::Continue).await;
        assert!(report.is_clean());
        assert_eq!(report.results.customers, number);
        let after = crowd.take_replays();
        let twice = before.keys().filter(|customer| after.contains_key(customer)).count();
        assert!(twice <= BATCH, "only the batch in progress is repeated: {twice}");
        assert_eq!(before.len() + after.len() - twice, number);
    }
}

#[tokio::test]
async fn two_runs_at_the_same_time_count_every_customer_once() {
    for crowd in [Crowd::of(CUSTOMERS as u128).await, Crowd::of_one_shard(BATCH * 2).await] {
        let altered = *crowd.customers.last().unwrap();
        crowd.rewrite_deposit(altered, "10000.00", "10000.01").await;
        let (one, other) = tokio::join!(verify(&crowd, Interrupted::Continue), verify(&crowd, Interrupted::Continue));
        for report in [one, other] {
            assert_eq!((report.results.customers, report.unfinished_shards), (crowd.customers.len(), 0));
            assert_eq!((report.results.unsound_count, report.results.unsound.len()), (1, 1));
            assert!(report.finished_at.is_some());
        }
        repeated(&crowd);
        assert!(crowd.is_frozen(altered).await);
    }
}

#[tokio::test]
async fn a_run_that_starts_anew_finds_what_an_interrupted_one_has_passed() {
    let crowd = Crowd::of(CUSTOMERS as u128).await;
    // What was found until a run was killed near its end, and then altered in a customer who had been verified.
    let altered_afterwards = async || {
        crowd.take_replays();
        assert!(kill_at(&crowd, 200).await);
        let passed = *crowd.take_replays().keys().find(|id| keys::customer_index_item(**id).pk.ends_with('0')).unwrap();
        crowd.rewrite_deposit(passed, "10000.00", "10000.01").await;
        passed
    };
    let passed = altered_afterwards().await;
    assert!(verify(&crowd, Interrupted::Continue).await.is_clean(), "the run had passed this customer");
    assert_eq!(verify(&crowd, Interrupted::Continue).await.results.unsound_count, 1, "the next run has not");
    crowd.rewrite_deposit(passed, "10000.01", "10000.00").await;
    assert!(verify(&crowd, Interrupted::Continue).await.is_clean());

    altered_afterwards().await;
    assert_eq!(verify(&crowd, Interrupted::Abandon).await.results.unsound_count, 1);
    crowd.rewrite_deposit(passed, "10000.01", "10000.00").await;
    assert!(verify(&crowd, Interrupted::Continue).await.is_clean());

    altered_afterwards().await;
    crowd.test_bed.clock.forward(TimeDelta::hours(36));
    assert_eq!(verify(&crowd, Interrupted::Continue).await.results.unsound_count, 1, "its results are too old");
}

#[tokio::test]
async fn a_run_without_time_verifies_no_customer_and_is_continued() {
    let crowd = Crowd::of(3).await;
    let report = verify_all(&crowd.market, Interrupted::Continue, Some(Instant::now())).await.unwrap();
    assert_eq!((report.results.customers, report.finished_at), (0, None));
    assert!(report.unfinished_shards > 0 && !report.is_clean() && !report.has_findings());
    assert_eq!(health::check(&crowd.market).await.last_verification, None);
    let report = verify(&crowd, Interrupted::Continue).await;
    assert_eq!((report.results.customers, report.unfinished_shards), (3, 0));
    assert_eq!(health::check(&crowd.market).await.last_verification, report.finished_at);
    repeated(&crowd);
}
