//! The store in AWS: one DynamoDB table with string keys `pk` and `sk` and time to live on `ttl`.
//!
//! | attribute | type | holds |
//! | --- | --- | --- |
//! | `pk`, `sk` | S | the key |
//! | `v` | N | the version |
//! | `body` or `bytes` | S or B | JSON text or bytes |
//! | `ttl` | N | the second from which the item counts as absent, if there is one |
//! | `w` | S | a mark of the write that left the item, where it was written alone |
//!
//! It uses `store`, whose limits, paging and expiry it shares with SQLite and whose suite it passes; only `lambda`
//! makes one. Reads are strongly consistent, never a scan. One put or delete is a plain conditional call, more are
//! `TransactWriteItems`. How versions never repeat: see [`versions`].

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

/// A table in DynamoDB; cloning shares it.
#[derive(Clone)]
pub struct DynamoTable {
    client: Client,
    name: String,
    clock: Clock,
    versions: Arc<Versions>,
}

impl DynamoTable {
    /// The table of this name. It is not looked at before the first call.
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
