//! The interface that an engine implements.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::StoreError;
use crate::item::{Item, Key, Version};
use crate::query::{Page, Query};
use crate::write::Write;

/// The current time. Engines use it to date versions and to decide what has expired.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// A table of items. Reads are strongly consistent. All methods treat an expired item as absent.
#[async_trait]
pub trait Table: Send + Sync {
    /// The item under this key.
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError>;

    /// The items under these keys, at most [`crate::limits::MAX_KEYS`] and no key twice, in the order of the keys. They
    /// are not read at one instant: a transaction must check again the items on which its decision is based.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError>;

    /// A page of one partition, ordered by the bytes of the sort keys.
    async fn query(&self, query: &Query) -> Result<Page, StoreError>;

    /// All of these writes or none, at most [`crate::limits::MAX_WRITES`] and no item twice.
    ///
    /// The result has one entry per write: the new version of a put, `None` for a delete or check. After a
    /// [`StoreError::Unavailable`] the writes may or may not have happened; after any other error they have not.
    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError>;
}

/// A borrowed table is a table, so that it can be wrapped temporarily.
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
