//! The store on one machine: one SQLite file (bundled, WAL, `synchronous=FULL`).
//!
//! One connection writes, each transaction under `BEGIN IMMEDIATE`; others read, and in WAL neither waits for the other.
//! All calls run on blocking threads, so that a commit's fsync never holds up the async runtime. The limits, the paging
//! and what counts as expired are the `store` crate's: this one adds only SQL.

mod open;
mod read;
mod write;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
pub use open::OpenError;
use rusqlite::{Connection, ErrorCode};
use store::limits::{check_key, check_keys, check_query, check_writes};
use store::{Clock, Item, Key, Page, Query, StoreError, Table, Version, Write};

/// Idle read connections that are kept.
const MAX_IDLE_READERS: usize = 8;

/// A table in an SQLite database; cloning shares it.
#[derive(Clone)]
pub struct SqliteTable(Arc<Inner>);

struct Inner {
    clock: Clock,
    writer: Mutex<Connection>,
    readers: Readers,
    /// When expired items were last removed, in seconds.
    swept_at: AtomicI64,
}

enum Readers {
    /// A database in memory has one connection, for everything.
    Shared,
    /// Connections to the file at this path that nobody uses now.
    Idle(PathBuf, Mutex<Vec<Connection>>),
}

impl SqliteTable {
    /// Opens the database file at this path and makes it if there is none. Its folder must exist.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, OpenError> {
        let writer = open::writer(path)?;
        Ok(Self::new(writer, Readers::Idle(path.to_owned(), Mutex::default()), clock))
    }

    /// An empty database that is gone with its last owner: for tests.
    pub fn in_memory(clock: Clock) -> Result<Self, OpenError> {
        Ok(Self::new(open::in_memory()?, Readers::Shared, clock))
    }

    fn new(writer: Connection, readers: Readers, clock: Clock) -> Self {
        Self(Arc::new(Inner { clock, writer: Mutex::new(writer), readers, swept_at: AtomicI64::new(i64::MIN) }))
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = self.0.clone();
        tokio::task::spawn_blocking(move || work(&inner)).await.map_err(StoreError::unavailable)?
    }
}

impl Inner {
    fn with_writer<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        work(&mut self.writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_reader<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match &self.readers {
            Readers::Shared => self.with_writer(|connection| work(connection)),
            Readers::Idle(path, idle) => {
                let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let connection = match taken {
                    Some(connection) => connection,
                    None => open::reader(path).map_err(failure)?,
                };
                let outcome = work(&connection);
                let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
                if idle.len() < MAX_IDLE_READERS {
                    idle.push(connection);
                }
                outcome
            }
        }
    }
}

#[async_trait]
impl Table for SqliteTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        check_key(key)?;
        let key = key.clone();
        self.run(move |inner| {
            let now = (inner.clock)();
            inner.with_reader(|connection| read::get(connection, &key, now))
        })
        .await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        check_keys(keys)?;
        let keys = keys.to_vec();
        self.run(move |inner| {
            let now = (inner.clock)();
            inner.with_reader(|connection| keys.iter().map(|key| read::get(connection, key, now)).collect())
        })
        .await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let bounds = check_query(query)?;
        let query = query.clone();
        self.run(move |inner| {
            let now = (inner.clock)();
            inner.with_reader(|connection| read::query(connection, &query, bounds, now))
        })
        .await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        check_writes(&writes)?;
        self.run(move |inner| {
            inner.with_writer(|connection| write::transact(connection, writes, &inner.clock, &inner.swept_at))
        })
        .await
    }
}

/// What an error of SQLite means to the caller. A transaction that failed has been rolled back, but where the disk
/// itself failed nobody knows what it holds.
fn failure(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Throttled,
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => StoreError::unavailable(error),
        _ => StoreError::refused(error),
    }
}
