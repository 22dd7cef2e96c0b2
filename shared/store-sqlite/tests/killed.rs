//! Kills a process in the middle of its load, again and again: what it had acknowledged is there, and no half of a
//! transaction is. A killed process loses what it had not handed to the system, not what the system had not yet put on
//! the disk; that the log is synced at each commit is SQLite's `synchronous=FULL`.

#![expect(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a program whose failure is its panic")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::DateTime;
use store::{Body, Key, Query, Range, StoreError, Table, Version, Write};
use store_sqlite::SqliteTable;
use tokio::task::JoinSet;

const ROUNDS: usize = 12;
const CLIENTS: usize = 16;
/// The word that makes the program the one that is killed.
const LOAD: &str = "load-until-killed";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("a runtime");
    match arguments.as_slice() {
        [word, path] if word == LOAD => runtime.block_on(load(Path::new(path))),
        _ => {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("sextant.db");
            let acknowledged: usize = (0..ROUNDS).map(|round| runtime.block_on(kill_and_look(&path, round))).sum();
            println!("what was acknowledged survives a kill ... ok ({ROUNDS} kills, {acknowledged} transactions)");
        }
    }
}

fn open(path: &Path) -> SqliteTable {
    let now = DateTime::from_timestamp(1_353_067_200, 0).expect("a time");
    SqliteTable::open(path, Arc::new(move || now)).expect("a table")
}

fn head(client: usize) -> Key {
    Key::new(format!("CLIENT#{client}"), "HEAD")
}

fn entry(client: usize, number: usize) -> Key {
    Key::new(format!("CLIENT#{client}"), format!("ENTRY#{number:08}"))
}

fn json(number: usize) -> Body {
    Body::Json(number.to_string())
}

/// The number of the client's last entry as its head has it, 0 where there is none yet.
async fn last(table: &SqliteTable, client: usize) -> (usize, Option<Version>) {
    let Some(item) = table.get(&head(client)).await.expect("a read") else { return (0, None) };
    let Body::Json(text) = item.body else { panic!("a head of bytes") };
    (text.parse().expect("a number"), Some(item.version))
}

/// Each client adds entries and moves its head, and says so once it is acknowledged, until the process is killed.
async fn load(path: &Path) {
    let table = open(path);
    let clients = (0..CLIENTS).map(|client| {
        let table = table.clone();
        async move {
            let (mut number, mut version) = last(&table, client).await;
            loop {
                number += 1;
                let expect = version.into();
                let moved = Write::Put { key: head(client), body: json(number), expires_at: None, expect };
                let added = Write::create(entry(client, number), json(number));
                let versions = table.transact(vec![added, moved]).await.expect("a commit");
                version = versions[1];
                let line = format!("{client} {number}\n");
                // One write a line, so that no line is cut by another's.
                std::io::stdout().lock().write_all(line.as_bytes()).expect("a reader");
            }
        }
    });
    clients.collect::<JoinSet<()>>().join_all().await;
}

/// Kills the program in the middle of its load, and compares what it said with what it left; gives the number of
/// transactions that it had acknowledged.
async fn kill_and_look(path: &Path, round: usize) -> usize {
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new(program).arg(LOAD).arg(path).stdout(Stdio::piped()).spawn().expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    // Each round at another place, the first within the very first batches.
    let mut said: Vec<String> = lines.by_ref().take(1 + round * 37).map(|line| line.expect("a line")).collect();
    child.kill().expect("a kill");
    said.extend(lines.map(|line| line.expect("a line")));
    child.wait().expect("an end");

    let mut acknowledged = [0; CLIENTS];
    for line in &said {
        let (client, number) = line.split_once(' ').expect("two numbers");
        acknowledged[client.parse::<usize>().expect("a client")] = number.parse::<usize>().expect("a number");
    }
    let table = open(path);
    for (client, acknowledged) in acknowledged.into_iter().enumerate() {
        let (last, _) = last(&table, client).await;
        assert!(
            last >= acknowledged,
            "client {client} got an acknowledgement of {acknowledged}, and its head is at {last}"
        );
        for number in 1..=last {
            let item = table.get(&entry(client, number)).await.expect("a read");
            assert_eq!(item.map(|item| item.body), Some(json(number)), "entry {number} of client {client}");
        }
        let range = Range::Between(entry(client, last + 1).sk, "ENTRY#~".to_owned());
        let beyond = table.query(&Query::forward(format!("CLIENT#{client}"), range, 1)).await.expect("a page");
        assert!(beyond.items.is_empty(), "an entry of client {client} lies beyond its head");
    }
    // The file can be written at once.
    let probe = table.transact(vec![Write::create(Key::new("PROBE", round.to_string()), json(round))]).await;
    assert!(!matches!(probe, Err(StoreError::Throttled)), "the file is held");
    probe.expect("a commit");
    said.len()
}
