//! Values stored as JSON items, on a real table.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use domain::CustomerId;
use serde::{Deserialize, Serialize};
use store::documents::{list, parse, put, put_first, put_new, read};
use store::fault::{Fault, Faulty, Plan};
use store::retry::{Retry, retry};
use store::{Body, Key, StoreError, Table, Write, keys};
use store_sqlite::SqliteTable;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    text: String,
}

fn note(text: &str) -> Note {
    Note { text: text.to_owned() }
}

fn table() -> SqliteTable {
    SqliteTable::in_memory(Arc::new(|| DateTime::from_timestamp(1_353_067_200, 0).unwrap())).unwrap()
}

#[tokio::test]
async fn a_value_is_created_read_and_changed_at_its_version() {
    let table = table();
    let key = Key::new("P", "S");
    assert_eq!(read::<Note>(&table, &key).await.unwrap(), None);
    let first = put(&table, key.clone(), &note("one"), None).await.unwrap();
    assert_eq!(read(&table, &key).await.unwrap(), Some((note("one"), first)));
    let second = put(&table, key.clone(), &note("two"), Some(first)).await.unwrap();
    assert!(second > first);
    for stale in [None, Some(first)] {
        let outcome = put(&table, key.clone(), &note("three"), stale).await;
        assert!(matches!(outcome, Err(StoreError::Conflict { write: 0 })), "{outcome:?}");
    }
    assert!(matches!(put_new(&table, key.clone(), &note("four"), None).await, Err(StoreError::Conflict { write: 0 })));
    assert_eq!(read(&table, &key).await.unwrap(), Some((note("two"), second)));
}

#[tokio::test]
async fn the_first_value_is_kept_and_returned_to_all() {
    let table = table();
    let key = Key::new("P", "S");
    assert_eq!(put_first(&table, &key, note("one")).await.unwrap(), (note("one"), true));
    assert_eq!(put_first(&table, &key, note("two")).await.unwrap(), (note("one"), false));
}

#[tokio::test]
async fn a_list_is_paged_newest_first_and_has_only_its_kind() {
    let table = table();
    let customer = CustomerId(Uuid::from_u128(1));
    for number in 1..=5 {
        let key = keys::backtest(customer, Uuid::from_u128(number));
        put_new(&table, key, &note(&number.to_string()), None).await.unwrap();
    }
    put_new(&table, keys::report(customer, "ab"), &note("a report"), None).await.unwrap();
    let other = keys::backtest(CustomerId(Uuid::from_u128(2)), Uuid::from_u128(9));
    put_new(&table, other, &note("another customer's"), None).await.unwrap();
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = list::<Note>(&table, keys::backtests(customer), 2, cursor).await.unwrap();
        found.extend(page.items.into_iter().map(|note| note.text));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, ["5", "4", "3", "2", "1"]);
}

#[tokio::test]
async fn an_unreadable_value_is_reported_as_corrupt() {
    let table = table();
    for (sort_key, body) in
        [("json", Body::Json("{".into())), ("shape", Body::Json("[]".into())), ("b", Body::Bytes(vec![1]))]
    {
        let key = Key::new("P", sort_key);
        table.transact(vec![Write::create(key.clone(), body)]).await.unwrap();
        assert!(matches!(read::<Note>(&table, &key).await, Err(StoreError::Corrupt { .. })));
        assert!(parse::<Note>(&table.get(&key).await.unwrap().unwrap()).is_err());
    }
}

#[tokio::test]
async fn a_read_decide_write_change_survives_lost_races() {
    let table = Faulty::new(table(), Plan::quiet());
    let key = Key::new("P", "S");
    put_new(&table, key.clone(), &1, None).await.unwrap();
    table.plan_writes(Plan::scripted([Some(Fault::Conflict), Some(Fault::Throttle), None]));
    retry(Retry::within(Duration::from_secs(5)), async || {
        let Some((count, version)) = read::<i64>(&table, &key).await? else { return Ok(()) };
        put(&table, key.clone(), &(count + 1), Some(version)).await.map(|_| ())
    })
    .await
    .unwrap();
    assert_eq!(read::<i64>(&table, &key).await.unwrap().map(|(count, _)| count), Some(2));
}
