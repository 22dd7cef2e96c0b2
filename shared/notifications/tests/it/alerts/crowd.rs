//! A table before each of whose calls everybody else has their turn, as over a network, and that counts lost races.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use store::{Item, Key, Page, Query, StoreError, Table, Version, Write};

pub struct Crowd {
    inner: Arc<dyn Table>,
    lost: AtomicUsize,
}

impl Crowd {
    pub fn of(inner: Arc<dyn Table>) -> Self {
        Self { inner, lost: AtomicUsize::default() }
    }

    /// Transactions that somebody else came before.
    pub fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Table for Crowd {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        tokio::task::yield_now().await;
        self.inner.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        tokio::task::yield_now().await;
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        tokio::task::yield_now().await;
        self.inner.query(query).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        tokio::task::yield_now().await;
        let done = self.inner.transact(writes).await;
        if matches!(done, Err(StoreError::Conflict { .. })) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        done
    }
}
