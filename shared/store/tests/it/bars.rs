//! Saving and loading the bars of a symbol on a real table.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::DateTime;
use domain::{Bar, Bars, Currency, Day, Symbol};
use store::bars::{SeriesHead, StoredSeries, load, save};
use store::fault::{Fault, Faulty, Plan};
use store::pack::pack;
use store::{Body, Clock, Item, Key, Query, Range, StoreError, Table, Write, keys};
use store_sqlite::SqliteTable;

use crate::sample_bars::bars as sample;

/// A clock that advances a second with every read, so that versions show which items were written.
fn clock() -> Clock {
    let seconds = AtomicI64::new(1_353_067_200);
    Arc::new(move || DateTime::from_timestamp(seconds.fetch_add(1, Ordering::SeqCst), 0).unwrap())
}

fn table() -> SqliteTable {
    SqliteTable::in_memory(clock()).unwrap()
}

fn symbol() -> Symbol {
    "AAPL".parse().unwrap()
}

fn head(source: &str) -> SeriesHead {
    SeriesHead {
        source: source.to_owned(),
        basis: "quoted".to_owned(),
        currency: Currency::USD,
        revision: Some("1".to_owned()),
        fetched_at: DateTime::from_timestamp(1_353_067_200, 5_000_000).unwrap(),
        notes: vec!["unexplained_move".to_owned()],
    }
}

/// One bar a year from 1900 on, at this price.
fn yearly(years: i32, close: f64) -> Bars {
    Bars::from_rows((0..years).map(|year| Bar {
        date: Day::new(1900 + year, 6, 1).unwrap(),
        open: close,
        high: close,
        low: close,
        close,
        volume: 1.0,
        adjusted_close: close,
        split_ratio: 1.0,
        dividend: 0.0,
    }))
    .unwrap()
}

async fn items(table: &dyn Table) -> Vec<Item> {
    table.query(&Query::forward(keys::bars(&symbol()), Range::All, 1000)).await.unwrap().items
}

#[tokio::test]
async fn a_series_round_trips() {
    let table = table();
    assert_eq!(load(&table, &symbol()).await.unwrap(), None);
    let bars = sample("AAPL");
    save(&table, &symbol(), &bars, &head("sample")).await.unwrap();
    let stored = load(&table, &symbol()).await.unwrap().unwrap();
    assert_eq!(stored, StoredSeries { head: head("sample"), bars });
    assert_eq!(items(&table).await.len(), 1 + 14);
}

#[tokio::test]
async fn only_changed_years_are_written() {
    let table = table();
    let bars = sample("AAPL");
    save(&table, &symbol(), &bars.slice(0, bars.len() - 1), &head("sample")).await.unwrap();
    let before = items(&table).await;
    save(&table, &symbol(), &bars, &head("sample")).await.unwrap();
    let after = items(&table).await;
    let changed: Vec<&str> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before.version != after.version)
        .map(|(before, _)| before.key.sk.as_str())
        .collect();
    assert_eq!(changed, ["HEAD", "YEAR#2013"]);
}

#[tokio::test]
async fn obsolete_years_are_removed() {
    let table = table();
    let bars = sample("AAPL");
    save(&table, &symbol(), &bars, &head("sample")).await.unwrap();
    let late = bars.between("2012-01-01".parse().unwrap(), "2013-12-31".parse().unwrap());
    save(&table, &symbol(), &late, &head("another")).await.unwrap();
    assert_eq!(load(&table, &symbol()).await.unwrap().unwrap(), StoredSeries { head: head("another"), bars: late });
    assert_eq!(items(&table).await.len(), 3);
    save(&table, &symbol(), &Bars::default(), &head("none")).await.unwrap();
    assert!(load(&table, &symbol()).await.unwrap().unwrap().bars.is_empty());
}

#[tokio::test]
async fn a_history_longer_than_a_transaction_is_saved_and_replaced() {
    let table = table();
    for close in [10.0, 20.0] {
        let bars = yearly(250, close);
        save(&table, &symbol(), &bars, &head("long")).await.unwrap();
        assert_eq!(load(&table, &symbol()).await.unwrap().unwrap().bars, bars);
    }
}

#[tokio::test]
async fn an_interrupted_long_save_leaves_a_shorter_series_to_refetch() {
    let old = yearly(250, 10.0);
    let new = yearly(250, 20.0);
    let table = Faulty::new(table(), Plan::quiet());
    save(&table, &symbol(), &old, &head("long")).await.unwrap();
    table.plan_writes(Plan::scripted([None, Some(Fault::ErrorBefore)]));
    assert!(matches!(save(&table, &symbol(), &new, &head("long")).await, Err(StoreError::Unavailable { .. })));
    let stored = load(&table, &symbol()).await.unwrap().unwrap();
    assert_eq!(stored.bars, new.slice(250 - 99, 250));
    assert_eq!(stored.head.fetched_at, DateTime::UNIX_EPOCH);
    save(&table, &symbol(), &new, &head("long")).await.unwrap();
    assert_eq!(load(&table, &symbol()).await.unwrap().unwrap(), StoredSeries { head: head("long"), bars: new });
}

#[tokio::test]
async fn a_lost_race_and_a_busy_store_are_retried() {
    let faults = [Some(Fault::Conflict), Some(Fault::Throttle), None];
    let table = Faulty::new(table(), Plan::scripted(faults)).with_reads(Plan::scripted([Some(Fault::Throttle)]));
    save(&table, &symbol(), &yearly(3, 10.0), &head("busy")).await.unwrap();
    assert_eq!(load(&table, &symbol()).await.unwrap().unwrap().bars.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_concurrent_with_writers_never_sees_a_mixture() {
    let table = table();
    let writings = [yearly(20, 10.0), yearly(20, 20.0)];
    save(&table, &symbol(), &writings[0], &head("0")).await.unwrap();
    let writer = tokio::spawn({
        let (table, writings) = (table.clone(), writings.clone());
        async move {
            for round in 0..40 {
                save(&table, &symbol(), &writings[round % 2], &head(&(round % 2).to_string())).await.unwrap();
            }
        }
    });
    let mut reads = 0;
    while !writer.is_finished() {
        let stored = load(&table, &symbol()).await.unwrap().unwrap();
        let which: usize = stored.head.source.parse().unwrap();
        assert_eq!(stored.bars, writings[which]);
        reads += 1;
    }
    writer.await.unwrap();
    assert!(reads > 0);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_missing_or_foreign_year_is_an_error() {
    let year = keys::bars_year(&symbol(), 1901);
    let foreign = pack(&yearly(2, 30.0).slice(1, 2)).unwrap();
    let mut damaged = pack(&yearly(2, 10.0).slice(1, 2)).unwrap();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let bodies = [Body::Bytes(damaged), Body::Bytes(foreign), Body::Bytes(Vec::new()), Body::Json("{}".to_owned())];
    for body in bodies {
        let table = table();
        save(&table, &symbol(), &yearly(3, 10.0), &head("good")).await.unwrap();
        let version = table.get(&year).await.unwrap().unwrap().version;
        table.transact(vec![Write::update(year.clone(), body.clone(), version)]).await.unwrap();
        let outcome = load(&table, &symbol()).await;
        assert!(matches!(outcome, Err(StoreError::Corrupt { .. })), "{body:?}: {outcome:?}");
        // Saving again repairs it.
        save(&table, &symbol(), &yearly(3, 10.0), &head("good")).await.unwrap();
        assert_eq!(load(&table, &symbol()).await.unwrap().unwrap().bars.len(), 3);
    }
}

#[test]
fn the_samples_take_less_than_ten_bytes_per_bar() {
    let mut report = Vec::new();
    for symbol in ["AAPL", "MSFT", "IBM", "GOOG", "FB"] {
        let bars = sample(symbol);
        let mut bytes = 0;
        let mut start = 0;
        while let Some(first) = bars.get(start) {
            let end = bars.count_through(Day::new(first.date.year(), 12, 31).unwrap());
            bytes += pack(&bars.slice(start, end)).unwrap().len();
            start = end;
        }
        report.push((symbol, bytes as f64 / bars.len() as f64));
    }
    assert!(report.iter().all(|(_, per_bar)| *per_bar < 10.0), "{report:?}");
}

#[test]
fn keys_of_bars_share_a_partition_with_the_head_first() {
    let head = keys::bars_head(&symbol());
    let year = keys::bars_year(&symbol(), 1900);
    assert_eq!(head.pk, year.pk);
    assert!(head < year && year < Key::new(head.pk.clone(), "YEAR#2199"));
}
