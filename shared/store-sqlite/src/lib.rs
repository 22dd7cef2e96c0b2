//! The store on one machine: one SQLite file (bundled, WAL, `synchronous=FULL`).
//!
//! Limits, paging and expiry come from `store`, as for DynamoDB, and both engines pass its suite; this crate adds only SQL.
//! It uses its file and the log next to it, which only their owner may read. [`copy`] copies a database that is in use.
//!
//! - Group commit: one thread writes (`writer.rs`). It takes all waiting transactions, runs each in its own savepoint
//!   inside one `BEGIN IMMEDIATE`, and returns to their callers after one `COMMIT`, so that concurrent callers share an
//!   fsync.
//! - Once a transaction has returned, it is on disk, and every read that starts later sees it.
//! - Reads use other connections; in WAL mode readers and the writer do not wait for each other. Reads run on blocking
//!   threads, so that the disk never blocks the async runtime.
//! - A crash loses no transaction that has returned, and leaves none half done.

mod copy;
mod failure;
mod files;
mod open;
mod read;
mod readers;
mod write;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
pub use copy::copy;
pub use open::OpenError;
use readers::Readers;
use rusqlite::Connection;
use store::check::{check_key, check_keys, check_query, check_writes};
use store::{Clock, Item, Key, Page, Query, StoreError, Table, Version, Write};
use writer::Writer;

/// A table in an SQLite database. Clones share the database.
#[derive(Clone)]
pub struct SqliteTable(Arc<Inner>);

struct Inner {
    clock: Clock,
    /// Dropped before the writer, so that the writer's connection is the last to close and checkpoints the log.
    readers: Readers,
    writer: Writer,
}

impl SqliteTable {
    /// Opens the database file at this path, or creates it. Its folder must exist.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, OpenError> {
        let connection = Arc::new(Mutex::new(open::open_writer(path)?));
        Self::new(connection, Readers::of_file(path.to_owned()), clock)
    }

    /// An empty database in memory, for tests. It is dropped with its last clone.
    pub fn in_memory(clock: Clock) -> Result<Self, OpenError> {
        let connection = Arc::new(Mutex::new(open::open_in_memory()?));
        Self::new(connection.clone(), Readers::Shared(connection), clock)
    }

    fn new(connection: Arc<Mutex<Connection>>, readers: Readers, clock: Clock) -> Result<Self, OpenError> {
        let writer = Writer::start(connection, clock.clone()).map_err(OpenError::NoThread)?;
        Ok(Self(Arc::new(Inner { clock, readers, writer })))
    }

    /// Runs `work` on a blocking thread, with a connection and the time that decides which items have expired.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, DateTime<Utc>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.0.readers.acquire().await?;
        let inner = self.0.clone();
        let work = move || inner.readers.read(permit, |connection| work(connection, (inner.clock)()));
        tokio::task::spawn_blocking(work).await.map_err(StoreError::unavailable)?
    }
}

#[async_trait]
impl Table for SqliteTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        check_key(key)?;
        let key = key.clone();
        self.read(move |connection, now| read::get(connection, &key, now)).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        check_keys(keys)?;
        let keys = keys.to_vec();
        self.read(move |connection, now| keys.iter().map(|key| read::get(connection, key, now)).collect()).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let bounds = check_query(query)?;
        let query = query.clone();
        self.read(move |connection, now| read::query(connection, &query, bounds, now)).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        check_writes(&writes)?;
        self.0.writer.transact(writes).await
    }
}
