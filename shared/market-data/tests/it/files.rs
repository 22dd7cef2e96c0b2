//! Histories of files: the file is complete, and the store only saves reading it again.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app::{App, Channels, Parts, ServiceError};
use chrono::{DateTime, Utc};
use domain::Symbol;
use market::{Folder, Note, OnBehalfOf, ProviderError};
use market_data::MarketData;
use objects::FolderObjects;
use store::{Clock, Table};
use store_sqlite::SqliteTable;
use testing::load;

const BARS: &str = "date,open,high,low,close\n2013-02-27,1,1,1,1\n2013-02-28,2,2,2,2\n2013-03-01,2,2,2,2\n";

fn now() -> DateTime<Utc> {
    "2013-03-01T12:00:00Z".parse().unwrap()
}

fn acme() -> Symbol {
    "ACME".parse().unwrap()
}

/// A program that starts on a folder of prices; what it stores outlives it in `table`.
fn started(table: &Arc<SqliteTable>, folder: &Path) -> MarketData {
    let clock: Clock = Arc::new(now);
    let objects = FolderObjects::open(folder, [7; 32], clock.clone()).unwrap();
    let provider = Folder::open(folder, Arc::new(|| now().date_naive().try_into().unwrap())).unwrap();
    let table: Arc<dyn Table> = table.clone();
    MarketData::new(
        App::new(Parts { table, objects: Arc::new(objects), clock, channels: Channels::none() }),
        Arc::new(provider),
    )
}

#[tokio::test]
async fn a_bar_that_a_file_no_longer_has_does_not_come_back_from_the_store() {
    let (table, folder) = (Arc::new(SqliteTable::in_memory(Arc::new(now)).unwrap()), tempfile::tempdir().unwrap());
    let write = |text: &str| fs::write(folder.path().join("ACME.csv"), text).unwrap();
    write(BARS);
    assert_eq!(load(&started(&table, folder.path()), &acme()).await.unwrap().bars.len(), 3);
    write(&BARS.replace("2013-02-27,1,1,1,1\n", "").replace("2013-03-01,2,2,2,2\n", ""));
    let series = load(&started(&table, folder.path()), &acme()).await.unwrap();
    assert_eq!(series.bars.dates(), ["2013-02-28".parse().unwrap()]);
}

#[tokio::test]
async fn notes_are_stored_with_the_bars() {
    let (table, folder) = (Arc::new(SqliteTable::in_memory(Arc::new(now)).unwrap()), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("ACME.csv"), format!("{BARS}2109-10-29,1,1050,1,1\n2013-02-20,1,1050,1,1\n")).unwrap();
    let notes = load(&started(&table, folder.path()), &acme()).await.unwrap().notes.clone();
    let has = |code: &str| notes.iter().any(|note: &Note| note.code() == code);
    assert!(has("rows_dropped") && has("impossible_bar"), "{notes:?}");
    let stored = load(&started(&table, folder.path()), &acme()).await.unwrap();
    assert_eq!(stored.notes, notes);
    assert_eq!(stored.last.to_string(), "2013-03-01");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_not_an_unknown_symbol() {
    let (table, folder) = (Arc::new(SqliteTable::in_memory(Arc::new(now)).unwrap()), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("ACME.csv"), "").unwrap();
    fs::write(folder.path().join("B.csv"), BARS).unwrap();
    let error = load(&started(&table, folder.path()), &acme()).await.unwrap_err();
    let ServiceError::Provider(ProviderError::Malformed { what }) = error else { panic!("{error:?}") };
    assert_eq!(what, "ACME.csv, line 1: the file is empty");
}

#[tokio::test]
async fn a_request_waits_for_files_as_long_as_reading_takes() {
    let (table, folder) = (Arc::new(SqliteTable::in_memory(Arc::new(now)).unwrap()), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("ACME.csv"), BARS).unwrap();
    let budget = started(&table, folder.path()).budget_for(OnBehalfOf::Platform);
    assert!(budget.time_left() > Duration::from_mins(30));
}
