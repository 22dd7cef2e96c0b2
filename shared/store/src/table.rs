//! The interface that an engine implements.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::StoreError;
use crate::item::{Item, Key, Version};
use crate::query::{Page, Query};
use crate::write::Write;

/// What time it is. Engines are given one: they date versions by it and evaluate by it what has expired.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// One table of items. Reads are strongly consistent; an expired item is absent to all four.
#[async_trait]
pub trait Table: Send + Sync {
    /// The item under this key.
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError>;

    /// The items under these keys, at most [`crate::limits::MAX_KEYS`] and no key twice, in the order asked for.
    /// They are not read at one instant: what a decision rests on is asserted again by its transaction.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError>;

    /// A page of one partition in the order of the sort keys' bytes.
    async fn query(&self, query: &Query) -> Result<Page, StoreError>;

    /// All of these writes or none, at most [`crate::limits::MAX_WRITES`] and no item twice.
    ///
    /// The answer has one entry a write: the new version of a put, `None` for a delete and a check. After a
    /// [`StoreError::Unavailable`] the writes may or may not have happened; after any other error they have not.
    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError>;
}

/// A borrowed table is a table, so that one can be wrapped for a while.
#[async_trait]
impl Table for &dyn Table {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        (**self).get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        (**self).get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        (**self).query(query).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        (**self).transact(writes).await
    }
}
