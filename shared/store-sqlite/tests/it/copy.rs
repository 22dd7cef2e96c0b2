//! Copying a database that is in use.

use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;
use rusqlite::Connection;
use store::{Body, Clock, DeleteExpect, Key, Query, Range, Table as _, Write};
use store_sqlite::{OpenError, SqliteTable, copy};

fn clock() -> Clock {
    Arc::new(|| DateTime::from_timestamp(1_353_067_200, 0).unwrap())
}

fn key(partition: &str, number: usize) -> Key {
    Key::new(partition, format!("{number:06}"))
}

/// The number of items in each of two partitions that every transaction writes to.
async fn counts(path: &Path) -> (usize, usize) {
    let table = SqliteTable::open(path, clock()).unwrap();
    let mut found = Vec::new();
    for partition in ["LEFT", "RIGHT"] {
        let mut query = Query::forward(partition, Range::All, 1000);
        let mut count = 0;
        loop {
            let page = table.query(&query).await.unwrap();
            count += page.items.len();
            query.cursor = page.next;
            if query.cursor.is_none() {
                break;
            }
        }
        found.push(count);
    }
    (found[0], found[1])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_under_load_has_what_was_committed_and_no_half_of_a_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sextant.db");
    let table = SqliteTable::open(&path, clock()).unwrap();
    let (committed, mut count) = tokio::sync::watch::channel(0);
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let load = tokio::spawn(async move {
        for number in 1.. {
            let pair = ["LEFT", "RIGHT"].map(|side| Write::create(key(side, number), Body::Json(number.to_string())));
            table.transact(pair.into()).await.unwrap();
            committed.send_replace(number);
            if stopped.try_recv().is_ok() {
                return number;
            }
        }
        unreachable!()
    });
    let mut copies = Vec::new();
    for round in 1..=5 {
        let before = *count.wait_for(|count| *count >= round * 20).await.unwrap();
        let (from, to) = (path.clone(), folder.path().join(format!("copy-{round}.db")));
        tokio::task::spawn_blocking(move || copy(&from, &to)).await.unwrap().unwrap();
        copies.push((round, before));
    }
    stop.send(()).unwrap();
    let written = load.await.unwrap();
    for (round, before) in copies {
        let (left, right) = counts(&folder.path().join(format!("copy-{round}.db"))).await;
        assert_eq!(left, right);
        assert!((before..=written).contains(&left), "{before} were committed, {left} copied, {written} written");
    }
}

#[tokio::test]
async fn a_copy_has_nothing_of_what_was_deleted() {
    const SECRET: &str = "ada.lovelace@example.com";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sextant.db");
    let table = SqliteTable::open(&path, clock()).unwrap();
    table.transact(vec![Write::create(key("P", 1), Body::Json(format!("\"{SECRET}\"")))]).await.unwrap();
    table.transact(vec![Write::Delete { key: key("P", 1), expect: DeleteExpect::Any }]).await.unwrap();
    let copied = folder.path().join("copy.db");
    copy(&path, &copied).unwrap();
    let has_secret = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
    };
    assert!(has_secret(&path) || has_secret(&folder.path().join("sextant.db-wal")));
    assert!(!has_secret(&copied));
}

#[tokio::test]
async fn the_copy_of_a_database_of_which_nothing_is_open_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sextant.db");
    let table = SqliteTable::open(&path, clock()).unwrap();
    table.transact(vec![Write::create(key("LEFT", 1), Body::Json("1".into()))]).await.unwrap();
    drop(table);
    let copied = folder.path().join("copy.db");
    copy(&path, &copied).unwrap();
    assert_eq!(counts(&copied).await, (1, 0));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&copied).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // What is there is not written over.
    assert!(matches!(copy(&path, &copied), Err(OpenError::File { .. })));
}

#[test]
fn another_programs_database_and_no_database_are_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copied) = (folder.path().join("other.db"), folder.path().join("copy.db"));
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (a); PRAGMA application_id = 7;").unwrap();
    assert!(matches!(copy(&path, &copied), Err(OpenError::Foreign(_))));
    std::fs::write(&path, "no database at all, but long enough to be one, so that its header is read").unwrap();
    assert!(matches!(copy(&path, &copied), Err(OpenError::Damaged(_))));
    assert!(copy(&folder.path().join("none.db"), &copied).is_err());
    assert!(!copied.exists());
}
