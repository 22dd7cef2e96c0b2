//! A customer whose books cannot be verified does not stop the verification of others.

use std::time::Duration;

use operations::verification::{BATCH, CUSTOMER_TIME_LIMIT, Interrupted, verify_all};
use store::Table as _;
use store::{Body, Write, keys};
use tokio::time::Instant;

use crate::crowd::Crowd;

#[tokio::test]
async fn a_customer_whose_books_are_unreadable_is_reported_and_the_others_are_verified() {
    let crowd = Crowd::of(20).await;
    let unreadable = *crowd.customers.iter().nth(7).unwrap();
    let item = crowd.table.get(&keys::wallet_entry(unreadable, 2)).await.unwrap().unwrap();
    let write = Write::update(item.key, Body::Json("{}".to_owned()), item.version);
    crowd.table.transact(vec![write]).await.unwrap();
    let report = verify_all(&crowd.market, Interrupted::Continue, None).await.unwrap();
    assert_eq!((report.results.customers, report.results.sound, report.results.failed), (20, 19, 1));
    assert_eq!(report.results.unverified, [unreadable]);
    assert!(report.finished_at.is_some() && !report.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_customer_whose_books_take_too_long_is_passed_over() {
    let number = BATCH + BATCH / 2;
    let crowd = Crowd::of_one_shard(number).await;
    let slow = *crowd.customers.iter().find(|id| keys::customer_index_item(**id).pk.ends_with("#0")).unwrap();
    crowd.hang_for(slow);
    let started = Instant::now();
    let until = started + Duration::from_secs(1);
    let report = verify_all(&crowd.market, Interrupted::Continue, Some(until)).await.unwrap();
    assert_eq!(report.results.unverified, [slow]);
    assert!(report.results.customers < number && report.unfinished_shards > 0, "its time was over: {report:?}");
    assert!(started.elapsed() >= CUSTOMER_TIME_LIMIT);
    let report = verify_all(&crowd.market, Interrupted::Continue, None).await.unwrap();
    assert_eq!((report.results.customers, report.results.sound, report.results.failed), (number, number - 1, 1));
    assert_eq!(report.unfinished_shards, 0);
}
