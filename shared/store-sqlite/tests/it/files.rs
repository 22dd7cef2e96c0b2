//! What a file must survive, and what is no file for the store.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use rusqlite::{Connection, TransactionBehavior};
use store::{Body, Clock, Key, Query, Range, Table, Version, Write};
use store_sqlite::{OpenError, SqliteTable};

fn clock() -> Clock {
    Arc::new(|| DateTime::from_timestamp(1_353_067_200, 0).unwrap())
}

fn write(number: usize) -> Write {
    Write::create(Key::new("P", format!("{number:04}")), Body::Json(format!("{number}")))
}

fn refusal(path: &Path) -> OpenError {
    SqliteTable::open(path, clock()).err().expect("the file is refused")
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening_and_versions_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sextant.db");
    let table = SqliteTable::open(&path, clock()).unwrap();
    let last = table.transact(vec![write(1)]).await.unwrap()[0].unwrap();
    let key = Key::new("P", "0001");
    let delete = Write::Delete { key: key.clone(), expect: store::DeleteExpect::Version(last) };
    table.transact(vec![delete, write(2)]).await.unwrap();
    drop(table);
    let earlier: Clock = Arc::new(|| DateTime::from_timestamp(1_353_067_200, 0).unwrap() - TimeDelta::hours(1));
    let table = SqliteTable::open(&path, earlier).unwrap();
    assert_eq!(table.get(&Key::new("P", "0002")).await.unwrap().unwrap().body, Body::Json("2".into()));
    let again = table.transact(vec![write(1)]).await.unwrap()[0].unwrap();
    assert!(again > last, "{again} repeats {last}");
}

#[tokio::test]
async fn committed_writes_survive_a_crash_that_closes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sextant.db");
    let table = SqliteTable::open(&path, clock()).unwrap();
    for number in 0..50 {
        table.transact(vec![write(number)]).await.unwrap();
    }
    // What a crash leaves: the file and its log as they lie on the disk, the log's end torn off within the last write.
    let crashed = folder.path().join("crashed.db");
    fs::copy(&path, &crashed).unwrap();
    let log = fs::read(folder.path().join("sextant.db-wal")).unwrap();
    fs::write(folder.path().join("crashed.db-wal"), &log[..log.len() - 100]).unwrap();
    let recovered = SqliteTable::open(&crashed, clock()).unwrap();
    let page = recovered.query(&Query::forward("P", Range::All, 100)).await.unwrap();
    assert_eq!(page.items.len(), 49);
    recovered.transact(vec![write(49)]).await.unwrap();
}

#[tokio::test]
async fn readers_do_not_wait_for_a_writer_and_see_nothing_of_what_it_has_not_committed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sextant.db");
    let table = SqliteTable::open(&path, clock()).unwrap();
    table.transact(vec![write(1)]).await.unwrap();
    let mut other = Connection::open(&path).unwrap();
    let transaction = other.transaction_with_behavior(TransactionBehavior::Exclusive).unwrap();
    transaction.execute("UPDATE items SET json = 'other'", []).unwrap();
    let key = Key::new("P", "0001");
    let read = table.get(&key);
    let item = tokio::time::timeout(Duration::from_secs(2), read).await.expect("it does not wait").unwrap().unwrap();
    assert_eq!(item.body, Body::Json("1".into()));
    transaction.commit().unwrap();
    assert_eq!(table.get(&key).await.unwrap().unwrap().body, Body::Json("other".into()));
}

#[tokio::test]
async fn two_processes_may_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sextant.db");
    let (one, two) = (SqliteTable::open(&path, clock()).unwrap(), SqliteTable::open(&path, clock()).unwrap());
    let version = one.transact(vec![write(1)]).await.unwrap()[0].unwrap();
    let key = Key::new("P", "0001");
    assert_eq!(two.get(&key).await.unwrap().unwrap().version, version);
    let update = Write::update(key.clone(), Body::Json("2".into()), version);
    two.transact(vec![update.clone()]).await.unwrap();
    assert!(matches!(one.transact(vec![update]).await, Err(store::StoreError::Conflict { write: 0 })));
    assert!(one.get(&key).await.unwrap().unwrap().version > Version(0));
}

#[tokio::test]
async fn expired_items_are_swept_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sextant.db");
    let start = DateTime::from_timestamp(1_353_067_200, 0).unwrap();
    let short = Write::Put {
        key: Key::new("P", "short"),
        body: Body::Json("1".into()),
        expires_at: Some(start.timestamp() + 10),
        expect: store::Expect::Absent,
    };
    SqliteTable::open(&path, Arc::new(move || start)).unwrap().transact(vec![short]).await.unwrap();
    let later = SqliteTable::open(&path, Arc::new(move || start + TimeDelta::minutes(5))).unwrap();
    later.transact(vec![write(1)]).await.unwrap();
    let rows = Connection::open(&path).unwrap().query_row("SELECT count(*) FROM items", [], |row| row.get::<_, i64>(0));
    assert_eq!(rows.unwrap(), 1);
}

#[test]
fn a_missing_folder_and_one_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let refused = refusal(&missing.join("x.db")).to_string();
    assert_eq!(refused, format!("the folder {} does not exist", missing.display()));
    let file = folder.path().join("folder.db");
    fs::create_dir(&file).unwrap();
    assert!(matches!(refusal(&file), OpenError::Other { path, .. } if path == file));
    // A folder that no user can write, not even root.
    #[cfg(target_os = "linux")]
    assert!(matches!(refusal(Path::new("/proc/sextant.db")), OpenError::File { .. }));
}

#[test]
fn a_file_that_cannot_be_made_is_not_called_read_only_and_its_cause_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let refused = refusal(&folder.path().join(format!("{}.db", "x".repeat(300))));
    let OpenError::File { source, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::InvalidFilename);
}

#[test]
fn a_file_that_is_not_ours_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    let words = "date,open,high,low,close\n".repeat(400);
    fs::write(&text, &words).unwrap();
    assert!(matches!(refusal(&text), OpenError::Damaged(_)));
    assert_eq!(fs::read_to_string(&text).unwrap(), words);

    let foreign = folder.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let before = fs::read(&foreign).unwrap();
    assert!(matches!(refusal(&foreign), OpenError::Foreign(_)));
    assert_eq!(fs::read(&foreign).unwrap(), before);

    let newer = folder.path().join("newer.db");
    drop(SqliteTable::open(&newer, clock()).unwrap());
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 2).unwrap();
    assert!(matches!(refusal(&newer), OpenError::TooNew { found: 2, .. }));
}

#[cfg(unix)]
#[tokio::test]
async fn the_database_and_what_lies_beside_it_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sextant.db");
    let modes = || {
        let files = ["sextant.db", "sextant.db-wal", "sextant.db-shm"].map(|name| folder.path().join(name));
        files.map(|file| fs::metadata(file).unwrap().permissions().mode() & 0o777)
    };
    let table = SqliteTable::open(&path, clock()).unwrap();
    table.transact(vec![write(1)]).await.unwrap();
    assert_eq!(modes(), [0o600; 3]);
    // As an earlier version left them, after a crash with a log.
    for name in ["sextant.db", "sextant.db-wal", "sextant.db-shm"] {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let again = SqliteTable::open(&path, clock()).unwrap();
    again.transact(vec![write(2)]).await.unwrap();
    assert_eq!(modes(), [0o600; 3]);
}
