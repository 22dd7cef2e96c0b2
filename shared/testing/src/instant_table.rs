//! A table that takes no time on a paused clock. The runtime advances such a clock whenever it waits only for timers,
//! and it does not see the thread that writes.

use std::sync::{Arc, mpsc};

use async_trait::async_trait;
use store::{Item, Key, Page, Query, StoreError, Table, Version, Write};
use tokio::task::spawn_blocking;

pub struct InstantTable(pub Arc<dyn Table>);

#[async_trait]
impl Table for InstantTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.0.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        self.0.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.0.query(query).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        let (written, waits) = mpsc::channel::<()>();
        // The clock stands still while this runs.
        let held = spawn_blocking(move || waits.recv().is_err());
        let outcome = self.0.transact(writes).await;
        drop(written);
        held.await.map_err(StoreError::unavailable)?;
        outcome
    }
}
