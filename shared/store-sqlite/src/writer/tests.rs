use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Waker};

use chrono::DateTime;
use store::{Body, DeleteExpect, Key, Version};

use super::*;
use crate::open;

const NOW_MS: i64 = 1_353_067_200_000;

/// A writer of a database in memory, and the connection with which it can be blocked.
struct Desk {
    connection: Arc<Mutex<Connection>>,
    writer: Writer,
}

impl Desk {
    fn new() -> Self {
        Self::with_clock(Arc::new(|| DateTime::from_timestamp_millis(NOW_MS).unwrap()))
    }

    fn with_clock(clock: Clock) -> Self {
        Self::over(open::open_in_memory().unwrap(), clock)
    }

    fn over(connection: Connection, clock: Clock) -> Self {
        let connection = Arc::new(Mutex::new(connection));
        Self { writer: Writer::start(connection.clone(), clock).unwrap(), connection }
    }

    /// Sends these requests in this order while the writer is blocked, so that they become one batch.
    fn together<const REQUESTS: usize>(&self, requests: [Vec<Write>; REQUESTS]) -> [Outcome; REQUESTS] {
        let held = self.connection.lock().unwrap();
        let mut callers = requests.map(|writes| Box::pin(self.writer.transact(writes)));
        callers.iter_mut().for_each(wait_in_the_queue);
        drop(held);
        callers.map(answer)
    }

    fn alone(&self, writes: Vec<Write>) -> Outcome {
        answer(Box::pin(self.writer.transact(writes)))
    }

    fn run(&self, sql: &str) {
        self.connection.lock().unwrap().execute_batch(sql).unwrap();
    }

    /// The stored sort keys.
    fn keys(&self) -> String {
        let connection = self.connection.lock().unwrap();
        let sql = "SELECT coalesce(group_concat(sk, ' '), '') FROM (SELECT sk FROM items ORDER BY sk)";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

fn wait_in_the_queue(caller: &mut Pin<Box<impl Future<Output = Outcome>>>) {
    assert!(caller.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

fn answer(caller: Pin<Box<impl Future<Output = Outcome>>>) -> Outcome {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(caller)
}

fn key(sort_key: &str) -> Key {
    Key::new("P", sort_key)
}

fn create(sort_key: &str) -> Write {
    Write::create(key(sort_key), Body::Json("1".to_owned()))
}

fn update(sort_key: &str, version: i64) -> Write {
    Write::update(key(sort_key), Body::Json("2".to_owned()), Version(version as u64))
}

fn version(outcome: &Outcome) -> i64 {
    outcome.as_ref().unwrap()[0].unwrap().0 as i64
}

#[test]
fn a_conflict_in_a_batch_does_not_affect_its_neighbours() {
    let desk = Desk::new();
    let [a, b, again, c, d] = desk.together([
        vec![create("A")],
        vec![create("B")],
        vec![create("A")],
        vec![create("C"), update("missing", NOW_MS)],
        vec![create("D")],
    ]);
    assert!(a.is_ok() && b.is_ok() && d.is_ok(), "{a:?} {b:?} {d:?}");
    // Checked against what the first request of the same batch wrote.
    assert!(matches!(again, Err(StoreError::Conflict { write: 0 })), "{again:?}");
    assert!(matches!(c, Err(StoreError::Conflict { write: 1 })), "{c:?}");
    assert_eq!(desk.keys(), "A B D");
}

#[test]
fn versions_grow_within_a_batch_through_update_delete_and_recreate() {
    let desk = Desk::new();
    let delete = Write::Delete { key: key("A"), expect: DeleteExpect::Any };
    let [made, updated, deleted, again] =
        desk.together([vec![create("A")], vec![update("A", NOW_MS), create("B")], vec![delete], vec![create("A")]]);
    assert_eq!(version(&made), NOW_MS);
    assert_eq!(version(&updated), NOW_MS + 1);
    assert_eq!(deleted.unwrap(), [None]);
    assert_eq!(version(&again), NOW_MS + 2);
}

#[test]
fn a_refused_request_does_not_affect_its_neighbours() {
    let desk = Desk::new();
    desk.run("CREATE TRIGGER t BEFORE INSERT ON items WHEN new.sk = 'bad' BEGIN SELECT raise(ABORT, 'no'); END");
    let [a, bad, b] = desk.together([vec![create("A")], vec![create("C"), create("bad")], vec![create("B")]]);
    assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
    assert!(matches!(bad, Err(StoreError::Refused { .. })), "{bad:?}");
    assert_eq!(desk.keys(), "A B");
}

#[test]
fn when_the_engine_rolls_back_the_transaction_all_requests_fail() {
    let desk = Desk::new();
    desk.run("CREATE TRIGGER t BEFORE INSERT ON items WHEN new.sk = 'bad' BEGIN SELECT raise(ROLLBACK, 'no'); END");
    let [a, bad] = desk.together([vec![create("A")], vec![create("bad")]]);
    for outcome in [a, bad] {
        let Err(StoreError::Refused { cause }) = &outcome else { panic!("{outcome:?}") };
        assert_eq!(cause.to_string(), "no");
    }
    assert_eq!(desk.keys(), "");
    desk.alone(vec![create("A")]).unwrap();
}

#[test]
fn when_the_commit_fails_no_request_is_acknowledged_or_reported_as_a_conflict() {
    let desk = Desk::new();
    // The item named "bad" breaks a rule that is only looked at by COMMIT.
    desk.run(
        "PRAGMA foreign_keys = ON;
         CREATE TABLE parents (id INTEGER PRIMARY KEY);
         CREATE TABLE children (parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER t AFTER INSERT ON items WHEN new.sk = 'bad' BEGIN INSERT INTO children VALUES (7); END",
    );
    let outcomes = desk.together([vec![create("A")], vec![create("A")], vec![create("bad")], vec![create("B")]]);
    for outcome in outcomes {
        assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{outcome:?}");
    }
    assert_eq!(desk.keys(), "");
    desk.alone(vec![create("A")]).unwrap();
    assert_eq!(desk.keys(), "A");
}

#[test]
fn a_commit_on_a_full_disk_has_not_happened() {
    let mapped = |code| {
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        Lost::in_commit(error).error()
    };
    assert!(matches!(mapped(rusqlite::ffi::SQLITE_FULL), StoreError::Refused { .. }));
    assert!(matches!(mapped(rusqlite::ffi::SQLITE_BUSY), StoreError::Throttled));
    assert!(matches!(mapped(rusqlite::ffi::SQLITE_IOERR_FSYNC), StoreError::Unavailable { .. }));
    assert!(matches!(mapped(rusqlite::ffi::SQLITE_NOMEM), StoreError::Unavailable { .. }));
}

#[test]
fn a_panic_is_reported_as_unavailable_and_the_next_request_is_served() {
    let broken = Arc::new(AtomicBool::new(false));
    let seen = broken.clone();
    let desk = Desk::with_clock(Arc::new(move || {
        assert!(!seen.load(Ordering::SeqCst), "the clock is broken");
        DateTime::from_timestamp_millis(NOW_MS).unwrap()
    }));
    desk.alone(vec![create("A")]).unwrap();
    broken.store(true, Ordering::SeqCst);
    for outcome in desk.together([vec![create("B")], vec![create("C")]]) {
        assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{outcome:?}");
    }
    broken.store(false, Ordering::SeqCst);
    desk.alone(vec![create("D")]).unwrap();
    let connection = desk.connection.lock().unwrap_or_else(PoisonError::into_inner);
    let rows = connection.query_row("SELECT count(*) FROM items", [], |row| row.get::<_, i64>(0));
    assert_eq!(rows.unwrap(), 2);
}

#[test]
fn a_request_whose_caller_is_gone_is_skipped() {
    let desk = Desk::new();
    let held = desk.connection.lock().unwrap();
    let mut callers = ["A", "B", "C"].map(|name| Box::pin(desk.writer.transact(vec![create(name)])));
    callers.iter_mut().for_each(wait_in_the_queue);
    let [a, b, c] = callers;
    drop((a, b));
    drop(held);
    answer(c).unwrap();
    assert_eq!(desk.keys(), "C");
}

#[test]
fn all_requests_for_a_locked_file_fail_after_one_wait() {
    static WAITS: AtomicUsize = AtomicUsize::new(0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sextant.db");
    let mut connection = open::open_writer(&path).unwrap();
    let count_and_give_up = |_| {
        WAITS.fetch_add(1, Ordering::SeqCst);
        false
    };
    connection.busy_handler(Some(count_and_give_up)).unwrap();
    let mut other = Connection::open(&path).unwrap();
    let holding = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let desk = Desk::over(connection, Arc::new(|| DateTime::from_timestamp_millis(NOW_MS).unwrap()));
    for outcome in desk.together([(); 50].map(|()| vec![create("A")])) {
        assert!(matches!(outcome, Err(StoreError::Throttled)), "{outcome:?}");
    }
    assert_eq!(WAITS.load(Ordering::SeqCst), 1);
    holding.rollback().unwrap();
    desk.alone(vec![create("A")]).unwrap();
}

#[test]
fn a_batch_is_limited_in_requests_and_bytes() {
    let taken = |requests: usize, bytes: usize| {
        let (queue, mut waiting) = mpsc::channel(2 * MAX_BATCH_REQUESTS);
        let mut callers = Vec::new();
        for _ in 0..requests {
            let (answer, outcome) = oneshot::channel();
            callers.push(outcome);
            let writes = vec![Write::create(key("A"), Body::Bytes(vec![0; bytes]))];
            queue.try_send(Request { writes, answer }).ok().unwrap();
        }
        let first = waiting.try_recv().unwrap();
        let mut batch = Batch::new(first, &mut waiting);
        std::iter::from_fn(|| batch.next()).count()
    };
    assert_eq!(taken(MAX_BATCH_REQUESTS, 10), MAX_BATCH_REQUESTS);
    assert_eq!(taken(MAX_BATCH_REQUESTS + 1, 10), MAX_BATCH_REQUESTS);
    assert_eq!(taken(10, MAX_BATCH_BYTES / 2), 2);
    assert_eq!(taken(3, 2 * MAX_BATCH_BYTES), 1);
}
