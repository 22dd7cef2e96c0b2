//! Dry runs: a use case reads and decides as usual, and its writes are discarded.

use std::sync::Arc;

use async_trait::async_trait;
use store::{Clock, Item, Key, Page, Query, StoreError, Table, Version, Write, check};

/// The table without writes: a valid transaction succeeds and has no effect.
pub struct DryRunTable {
    table: Arc<dyn Table>,
    clock: Clock,
}

impl DryRunTable {
    pub fn new(table: Arc<dyn Table>, clock: Clock) -> Self {
        Self { table, clock }
    }
}

#[async_trait]
impl Table for DryRunTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.table.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        self.table.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.table.query(query).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        check::check_writes(&writes)?;
        let version = Version::at((self.clock)());
        Ok(writes.iter().map(|write| matches!(write, Write::Put { .. }).then_some(version)).collect())
    }
}
