//! Parallel callers of one table: what they share, and what they must not notice of each other.

use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Waker};

use chrono::DateTime;
use rusqlite::{Connection, TransactionBehavior};
use store::{Body, Clock, Key, Query, Range, StoreError, Table, Version, Write};
use store_sqlite::SqliteTable;
use tokio::task::JoinSet;

use crate::log;

const CLIENTS: usize = 32;
const EACH: usize = 50;

fn clock() -> Clock {
    Arc::new(|| DateTime::from_timestamp(1_353_067_200, 0).unwrap())
}

fn json(number: usize) -> Body {
    Body::Json(number.to_string())
}

fn number(body: &Body) -> usize {
    let Body::Json(text) = body else { panic!("{body:?}") };
    text.parse().unwrap()
}

async fn every_increment_counts(table: SqliteTable) {
    let key = Key::new("P", "count");
    table.transact(vec![Write::create(key.clone(), json(0))]).await.unwrap();
    let client = |client: usize| {
        let (table, key) = (table.clone(), key.clone());
        async move {
            let mut versions = Vec::new();
            while versions.len() < EACH {
                let item = table.get(&key).await.unwrap().unwrap();
                let count = number(&item.body);
                let update = Write::update(key.clone(), json(count + 1), item.version);
                let receipt = Write::create(Key::new("RECEIPTS", format!("{:06}", count + 1)), json(client));
                match table.transact(vec![update, receipt]).await {
                    Ok(written) => versions.push((count + 1, written[0].unwrap())),
                    Err(StoreError::Conflict { write: 0 }) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            versions
        }
    };
    let running: JoinSet<_> = (0..CLIENTS).map(client).collect();
    let mut counted: Vec<(usize, Version)> = running.join_all().await.concat();
    assert_eq!(number(&table.get(&key).await.unwrap().unwrap().body), CLIENTS * EACH);
    counted.sort_unstable();
    assert!(counted.iter().map(|(count, _)| *count).eq(1..=CLIENTS * EACH), "a count was given twice or left out");
    assert!(counted.is_sorted_by(|(_, before), (_, after)| before < after), "a version fell or stood still");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_increments_in_a_file_each_count_once_and_versions_grow() {
    let folder = tempfile::tempdir().unwrap();
    every_increment_counts(SqliteTable::open(&folder.path().join("sextant.db"), clock()).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_increments_in_memory_each_count_once_and_versions_grow() {
    every_increment_counts(SqliteTable::in_memory(clock()).unwrap()).await;
}

fn numbered(number: usize) -> Vec<Write> {
    vec![Write::create(Key::new("P", format!("{number:04}")), json(number))]
}

/// Lets these many transactions come together behind another process's lock; gives the table once all were answered.
async fn written_behind_a_lock(path: &Path, transactions: usize) -> SqliteTable {
    let table = SqliteTable::open(path, clock()).unwrap();
    let mut other = Connection::open(path).unwrap();
    let lock = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let mut calls: Vec<_> = (0..transactions).map(|number| table.transact(numbered(number))).collect();
    for call in &mut calls {
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    lock.rollback().unwrap();
    for call in calls {
        call.await.unwrap();
    }
    table
}

#[tokio::test]
async fn what_waits_together_is_committed_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sextant.db");
    let table = written_behind_a_lock(&path, CLIENTS).await;
    assert_eq!(log::commits(&path), 1);
    table.transact(vec![Write::create(Key::new("P", "alone"), json(1))]).await.unwrap();
    assert_eq!(log::commits(&path), 2);
}

#[tokio::test]
async fn a_conflict_alone_costs_no_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sextant.db");
    let table = written_behind_a_lock(&path, 1).await;
    let again = vec![Write::create(Key::new("P", "other"), json(1)), Write::create(Key::new("P", "0000"), json(1))];
    assert!(matches!(table.transact(again).await, Err(StoreError::Conflict { write: 1 })));
    assert_eq!(log::commits(&path), 1);
}

#[tokio::test]
async fn more_callers_than_the_queue_holds_are_all_served() {
    let folder = tempfile::tempdir().unwrap();
    let table = SqliteTable::open(&folder.path().join("sextant.db"), clock()).unwrap();
    let call = |number| {
        let table = table.clone();
        async move { table.transact(numbered(number)).await.unwrap() }
    };
    (0..1_000).map(call).collect::<JoinSet<_>>().join_all().await;
    let page = table.query(&Query::forward("P", Range::All, 1_000)).await.unwrap();
    assert!(page.items.iter().map(|item| number(&item.body)).eq(0..1_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_go_away_leave_all_of_their_writes_or_none_and_harm_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let table = SqliteTable::open(&folder.path().join("sextant.db"), clock()).unwrap();
    let calls = (0..400).map(|number| {
        let table = table.clone();
        let pair = ["LEFT", "RIGHT"].map(|half| Write::create(Key::new(half, format!("{number:04}")), json(number)));
        tokio::spawn(async move { table.transact(pair.to_vec()).await })
    });
    let calls: Vec<_> = calls.collect();
    for call in calls.iter().step_by(2) {
        call.abort();
        tokio::task::yield_now().await;
    }
    let mut acknowledged = Vec::new();
    for (number, call) in calls.into_iter().enumerate() {
        match call.await {
            Ok(outcome) => {
                outcome.unwrap();
                acknowledged.push(number);
            }
            Err(error) => assert!(error.is_cancelled() && number % 2 == 0, "{error:?}"),
        }
    }
    let mut halves = Vec::new();
    for half in ["LEFT", "RIGHT"] {
        let page = table.query(&Query::forward(half, Range::All, 1_000)).await.unwrap();
        halves.push(page.items.iter().map(|item| number(&item.body)).collect::<Vec<_>>());
    }
    assert_eq!(halves[0], halves[1]);
    assert!(acknowledged.iter().all(|number| halves[0].contains(number)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_read_sees_what_was_acknowledged_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let table = SqliteTable::open(&folder.path().join("sextant.db"), clock()).unwrap();
    let client = |client: usize| {
        let table = table.clone();
        async move {
            let key = Key::new(format!("P{client}"), "item");
            let mut version = table.transact(vec![Write::create(key.clone(), json(0))]).await.unwrap()[0].unwrap();
            for number in 1..=20 {
                let update = Write::update(key.clone(), json(number), version);
                version = table.transact(vec![update]).await.unwrap()[0].unwrap();
                let item = table.get(&key).await.unwrap().unwrap();
                assert_eq!((item.version, item.body), (version, json(number)));
            }
        }
    };
    let running: JoinSet<_> = (0..CLIENTS).map(client).collect();
    running.join_all().await;
}

#[tokio::test]
async fn the_last_owner_takes_the_writer_with_it_and_leaves_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sextant.db");
    let table = written_behind_a_lock(&path, 10).await;
    let other = table.clone();
    drop(table);
    assert!(other.get(&Key::new("P", "0009")).await.unwrap().is_some());
    drop(other);
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["sextant.db"]);
}
