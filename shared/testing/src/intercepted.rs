//! A table whose calls a test intercepts.

use std::ops::Deref;

use async_trait::async_trait;
use store::{Item, Key, Page, Query, StoreError, Table, Version, Write};

/// What a test does with the calls of a table; by default each call goes through to it.
#[async_trait]
pub trait Interceptor: Send + Sync {
    /// The table that the calls go to.
    fn table(&self) -> &dyn Table;

    /// Before each read.
    async fn before_read(&self) {}

    /// After each query, before its result is returned.
    async fn after_query(&self, _query: &Query) -> Result<(), StoreError> {
        Ok(())
    }

    /// Instead of a transaction.
    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        self.table().transact(writes).await
    }
}

/// The table.
pub struct InterceptedTable<I>(pub I);

impl<I> Deref for InterceptedTable<I> {
    type Target = I;

    fn deref(&self) -> &I {
        &self.0
    }
}

#[async_trait]
impl<I: Interceptor> Table for InterceptedTable<I> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.0.before_read().await;
        self.0.table().get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        self.0.before_read().await;
        self.0.table().get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.0.before_read().await;
        let page = self.0.table().query(query).await;
        self.0.after_query(query).await?;
        page
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        self.0.transact(writes).await
    }
}
