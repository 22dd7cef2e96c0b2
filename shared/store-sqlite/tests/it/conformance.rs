//! The suite that every engine must pass, on SQLite.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use store::conformance;
use store::fault::{Faulty, Plan};
use store_sqlite::SqliteTable;

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_memory_keeps_all_promises() {
    let cases = conformance::run(async |clock| SqliteTable::in_memory(clock)).await.unwrap();
    assert!(cases > 30, "{cases}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_a_file_keeps_all_promises() {
    let folder = tempfile::tempdir().unwrap();
    let files = Arc::new(AtomicUsize::new(0));
    conformance::run(async |clock| {
        let number = files.fetch_add(1, Ordering::Relaxed);
        SqliteTable::open(&folder.path().join(format!("{number}.db")), clock)
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_wrapper_that_injects_faults_keeps_all_promises_while_it_injects_none() {
    conformance::run(async |clock| SqliteTable::in_memory(clock).map(|table| Faulty::new(table, Plan::quiet())))
        .await
        .unwrap();
}

#[tokio::test]
async fn the_suite_notices_an_engine_that_breaks_a_promise() {
    // One lost answer is enough: the suite must not pass over an engine that fails.
    let failure = conformance::run(async |clock| {
        SqliteTable::in_memory(clock)
            .map(|table| Faulty::new(table, Plan::scripted([Some(store::fault::Fault::ErrorAfter)])))
    })
    .await
    .unwrap_err();
    assert!(failure.reason.contains("Unavailable"), "{failure}");
}
