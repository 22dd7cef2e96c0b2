//! The store in AWS: one DynamoDB table with string keys `pk` and `sk` and time to live on `ttl`.
//!
//! | attribute | type | holds |
//! | --- | --- | --- |
//! | `pk`, `sk` | S | the key |
//! | `v` | N | the version |
//! | `body` or `bytes` | S or B | JSON text or bytes |
//! | `ttl` | N | the Unix time in seconds from which the item counts as absent, if it expires |
//! | `w` | S | an id of the write, if the item was written by a single call instead of a transaction |
//!
//! Limits, paging and expiry come from `store`, as for SQLite, and both engines pass its suite. Only `lambda` creates a
//! table. Reads are strongly consistent, and there is no scan. A single put or delete is a plain conditional call, several
//! writes are one `TransactWriteItems`. [`versions`] explains why versions never repeat.

mod attributes;
mod conditions;
mod errors;
mod read;
mod versions;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use store::check::{check_key, check_keys, check_query, check_writes};
use store::{Clock, Item, Key, Page, Query, StoreError, Table, Version, Write};
use versions::Versions;

/// A table in DynamoDB. Clones share the client.
#[derive(Clone)]
pub struct DynamoTable {
    client: Client,
    name: String,
    clock: Clock,
    versions: Arc<Versions>,
}

impl DynamoTable {
    /// The table with this name. Creating this value makes no call.
    pub fn new(client: Client, table_name: impl Into<String>, clock: Clock) -> Self {
        Self { client, name: table_name.into(), clock, versions: Arc::default() }
    }
}

#[async_trait]
impl Table for DynamoTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        check_key(key)?;
        self.get_item(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        check_keys(keys)?;
        self.batch_get(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let bounds = check_query(query)?;
        self.query_page(query, bounds.after).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        check_writes(&writes)?;
        self.write_all(&writes).await
    }
}
