//! A table that lets other tasks run before each call, as over a network, and counts lost races.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use store::{StoreError, Table, Version, Write};
use testing::Interceptor;

pub struct RacingTable {
    inner: Arc<dyn Table>,
    lost: AtomicUsize,
}

impl RacingTable {
    pub fn of(inner: Arc<dyn Table>) -> Self {
        Self { inner, lost: AtomicUsize::default() }
    }

    /// Transactions that failed with a conflict.
    pub fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Interceptor for RacingTable {
    fn table(&self) -> &dyn Table {
        &*self.inner
    }

    async fn before_read(&self) {
        tokio::task::yield_now().await;
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
