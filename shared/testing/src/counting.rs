//! A table that counts its operations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use store::{Item, Key, Page, Query, StoreError, Table, Version, Write};

/// The operations of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reads of one item, of several, and queries.
    pub reads: usize,
    pub transactions: usize,
    /// Items written by transactions.
    pub writes: usize,
}

/// A table that counts its operations.
pub struct CountingTable {
    table: Arc<dyn Table>,
    reads: AtomicUsize,
    transactions: AtomicUsize,
    writes: AtomicUsize,
}

impl CountingTable {
    #[must_use]
    pub fn new(table: Arc<dyn Table>) -> Self {
        Self { table, reads: AtomicUsize::new(0), transactions: AtomicUsize::new(0), writes: AtomicUsize::new(0) }
    }

    /// The operations since the last call.
    pub fn take_counts(&self) -> Counts {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::SeqCst);
        Counts { reads: take(&self.reads), transactions: take(&self.transactions), writes: take(&self.writes) }
    }

    fn count_read(&self) {
        self.reads.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Table for CountingTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.count_read();
        self.table.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        self.count_read();
        self.table.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.count_read();
        self.table.query(query).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        self.transactions.fetch_add(1, Ordering::SeqCst);
        self.writes.fetch_add(writes.len(), Ordering::SeqCst);
        self.table.transact(writes).await
    }
}
