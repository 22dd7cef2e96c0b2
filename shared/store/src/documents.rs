//! Values stored as JSON items: read one, write one, list them newest first.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::item::{Body, Item, Key, Version};
use crate::keys::List;
use crate::query::{Cursor, Query};
use crate::table::Table;
use crate::write::{Expect, Write};

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Documents<T> {
    /// The values, those with the highest sort key first.
    pub items: Vec<T>,
    /// The cursor of the next page, if there is one.
    pub next: Option<Cursor>,
}

/// The value under this key, and its version, which a change must state.
pub async fn read<T: DeserializeOwned>(table: &dyn Table, key: &Key) -> Result<Option<(T, Version)>, StoreError> {
    table.get(key).await?.map(|item| Ok((parse(&item)?, item.version))).transpose()
}

/// Writes a new value. If the key is taken, the error is a [`StoreError::Conflict`].
pub async fn put_new<T: Serialize + Sync>(
    table: &dyn Table,
    key: Key,
    value: &T,
    expires_at: Option<i64>,
) -> Result<Version, StoreError> {
    put_at(table, key, value, expires_at, Expect::Absent).await
}

/// Replaces the value that was read at this version; with `None`, writes a value where none was found.
pub async fn put<T: Serialize + Sync>(
    table: &dyn Table,
    key: Key,
    value: &T,
    read_at: Option<Version>,
) -> Result<Version, StoreError> {
    put_at(table, key, value, None, read_at.into()).await
}

/// Writes a value unless the key is taken. Returns the stored value, and whether it is this one.
///
/// For items whose key contains all of their inputs: every writer would write an equivalent value.
pub async fn put_first<T: Serialize + DeserializeOwned + Sync>(
    table: &dyn Table,
    key: &Key,
    value: T,
) -> Result<(T, bool), StoreError> {
    match put_new(table, key.clone(), &value, None).await {
        Ok(_) => Ok((value, true)),
        Err(StoreError::Conflict { .. }) => match read(table, key).await? {
            Some((stored, _)) => Ok((stored, false)),
            // Another process has written it and removed it again between our two calls.
            None => Err(StoreError::Conflict { write: 0 }),
        },
        Err(error) => Err(error),
    }
}

/// A page of a list, highest sort key first: if the sort keys are ids or days, newest first.
pub async fn list<T: DeserializeOwned>(
    table: &dyn Table,
    list: List,
    limit: usize,
    cursor: Option<Cursor>,
) -> Result<Documents<T>, StoreError> {
    let query = Query { cursor, ..Query::backward(list.partition, list.range, limit) };
    let page = table.query(&query).await?;
    let items = page.items.iter().map(parse).collect::<Result<_, _>>()?;
    Ok(Documents { items, next: page.next })
}

/// The body of an item with this value, for a transaction of several writes.
pub fn body<T: Serialize>(key: &Key, value: &T) -> Result<Body, StoreError> {
    serde_json::to_string(value).map(Body::Json).map_err(|cause| StoreError::Unwritable { key: key.clone(), cause })
}

/// The value in the body of an item.
pub fn parse<T: DeserializeOwned>(item: &Item) -> Result<T, StoreError> {
    match &item.body {
        Body::Json(text) => serde_json::from_str(text).map_err(|error| StoreError::corrupt(&item.key, &error)),
        Body::Bytes(_) => Err(StoreError::corrupt(&item.key, "the body is bytes instead of JSON")),
    }
}

async fn put_at<T: Serialize + Sync>(
    table: &dyn Table,
    key: Key,
    value: &T,
    expires_at: Option<i64>,
    expect: Expect,
) -> Result<Version, StoreError> {
    let body = body(&key, value)?;
    let put = Write::Put { key: key.clone(), body, expires_at, expect };
    let versions = table.transact(vec![put]).await?;
    let version = versions.first().copied().flatten();
    version.ok_or_else(|| StoreError::corrupt(&key, "the engine gave no version for a put"))
}
