//! How many transactions and reads a second the engine answers on a real file, for 1, 8 and 32 parallel clients.
//!
//! A transaction is shaped like a buy: five puts and one check. A read lists a portfolio of ten positions. Commits are
//! counted in the log that SQLite leaves; each is one fsync, so that more transactions than commits have shared theirs.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program that prints figures, and stops where it cannot"
)]

#[path = "../tests/it/log.rs"]
mod log;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta};
use rusqlite::Connection;
use store::{Body, Clock, Expect, Key, Query, Range, Table, Version, Write};
use store_sqlite::SqliteTable;
use tokio::task::JoinSet;

const CLIENTS: [usize; 3] = [1, 8, 32];
/// How long each load lasts.
const LOAD: Duration = Duration::from_secs(3);
/// Transactions of each load whose commits are counted.
const COUNTED: usize = 640;
const POSITIONS: usize = 10;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    println!("fsync of 4 KiB: {:.2} ms", fsync(folder.path()).as_secs_f64() * 1e3);
    println!("clients | transactions/s | mean ms | p99 ms | transactions a commit");
    for clients in CLIENTS {
        let calls = runtime.block_on(load(&folder.path().join(format!("buys-{clients}.db")), clients, buys));
        let grouped = runtime.block_on(a_commit(&folder.path().join(format!("counted-{clients}.db")), clients));
        println!("{} | {grouped:.1}", row(clients, calls));
    }
    println!("clients | reads/s | mean ms | p99 ms");
    for clients in CLIENTS {
        let calls = runtime.block_on(load(&folder.path().join(format!("reads-{clients}.db")), clients, reads));
        println!("{}", row(clients, calls));
    }
}

/// Mean time of an append with an fsync on this disk, below which no lone commit can come.
fn fsync(folder: &Path) -> Duration {
    const TIMES: u32 = 200;
    let mut file = fs::File::create(folder.join("appended")).expect("a file");
    let start = Instant::now();
    for _ in 0..TIMES {
        file.write_all(&[7; 4096]).expect("a write");
        file.sync_data().expect("an fsync");
    }
    start.elapsed() / TIMES
}

fn row(clients: usize, mut calls: Vec<Duration>) -> String {
    calls.sort_unstable();
    let count = calls.len();
    let mean = calls.iter().sum::<Duration>().as_secs_f64() * 1e3 / count as f64;
    let p99 = calls[count * 99 / 100].as_secs_f64() * 1e3;
    format!("{clients} | {:.0} | {mean:.3} | {p99:.3}", count as f64 / LOAD.as_secs_f64())
}

/// Runs as many clients on a fresh file until time is up; gives how long each of their calls took.
async fn load<Client>(path: &Path, clients: usize, client: fn(SqliteTable, usize, Until) -> Client) -> Vec<Duration>
where
    Client: Future<Output = Vec<Duration>> + Send + 'static,
{
    let table = SqliteTable::open(path, clock()).expect("a table");
    let until = Until::Time(Instant::now() + LOAD);
    let running: JoinSet<_> = (0..clients).map(|number| client(table.clone(), number, until)).collect();
    running.join_all().await.concat()
}

/// Transactions of a commit, on average.
async fn a_commit(path: &Path, clients: usize) -> f64 {
    let table = SqliteTable::open(path, clock()).expect("a table");
    // A reader that stands still keeps the log from being started over, so that every commit stays in it.
    let reader = Connection::open(path).expect("a connection");
    reader.execute_batch("BEGIN; SELECT count(*) FROM items").expect("a snapshot");
    let until = Until::Calls(COUNTED / clients);
    let running: JoinSet<_> = (0..clients).map(|number| buys(table.clone(), number, until)).collect();
    // Each client's first transaction makes its items.
    let transactions = running.join_all().await.concat().len() + clients;
    transactions as f64 / log::commits(path) as f64
}

/// When a client stops.
#[derive(Clone, Copy)]
enum Until {
    Time(Instant),
    Calls(usize),
}

impl Until {
    fn is_over(self, calls: usize) -> bool {
        match self {
            Self::Time(end) => Instant::now() >= end,
            Self::Calls(limit) => calls >= limit,
        }
    }
}

fn clock() -> Clock {
    let (start, epoch) = (Instant::now(), DateTime::from_timestamp(1_353_067_200, 0).expect("a time"));
    Arc::new(move || epoch + TimeDelta::from_std(start.elapsed()).unwrap_or_default())
}

/// JSON about as long as the real item's.
fn body(bytes: usize, number: usize) -> Body {
    Body::Json(format!("{{\"number\":{number},\"text\":\"{}\"}}", "x".repeat(bytes)))
}

/// One customer that buys: receipt, wallet head, entry, trade and position, and the portfolio checked.
async fn buys(table: SqliteTable, client: usize, until: Until) -> Vec<Duration> {
    let (wallet, portfolio) = (format!("WALLET#{client}"), format!("PORTFOLIO#{client}"));
    let head = Key::new(&wallet, "HEAD");
    let position = Key::new(&portfolio, "POSITION#AAPL");
    let owner = Key::new(format!("CUSTOMER#{client}"), format!("PORTFOLIO#{client}"));
    let first = [(&head, 200), (&position, 700), (&owner, 300)];
    let first = first.map(|(key, bytes)| Write::create(key.clone(), body(bytes, 0))).to_vec();
    let mut at = table.transact(first).await.expect("a commit");
    let version = |at: &[Option<Version>], index: usize| at[index].expect("the version of a put");
    let owned_at = version(&at, 2);
    let mut calls = Vec::new();
    while !until.is_over(calls.len()) {
        let number = calls.len();
        let writes = vec![
            Write::update(head.clone(), body(200, number), version(&at, 0)),
            Write::update(position.clone(), body(700, number), version(&at, 1)),
            Write::create(Key::new(format!("IDEMPOTENCY#{client:04}#{number:056}"), "-"), body(150, number)),
            Write::create(Key::new(&wallet, format!("ENTRY#{number:012}")), body(500, number)),
            Write::create(Key::new(&portfolio, format!("TRADE#{number:036}")), body(800, number)),
            Write::Check { key: owner.clone(), expect: Expect::Version(owned_at) },
        ];
        let start = Instant::now();
        at = table.transact(writes).await.expect("a commit");
        calls.push(start.elapsed());
    }
    calls
}

/// One reader of a portfolio of its own.
async fn reads(table: SqliteTable, client: usize, until: Until) -> Vec<Duration> {
    let portfolio = format!("PORTFOLIO#{client}");
    let position = |number| Write::create(Key::new(&portfolio, format!("POSITION#{number}")), body(700, number));
    table.transact((0..POSITIONS).map(position).collect()).await.expect("a commit");
    let query = Query::forward(&portfolio, Range::Prefix("POSITION#".into()), 100);
    let mut calls = Vec::new();
    while !until.is_over(calls.len()) {
        let start = Instant::now();
        let page = table.query(&query).await.expect("a page");
        calls.push(start.elapsed());
        assert_eq!(page.items.len(), POSITIONS, "a page of another length");
    }
    calls
}
