//! The list of all customers, in shards.

use std::collections::BTreeSet;
use std::fmt;

use app::error::ServiceError;
use app::{App, listing};
use domain::CustomerId;
use serde::{Deserialize, Serialize};
use store::keys::CUSTOMER_SHARDS;
use store::{Item, Query, StoreError, documents, keys};

/// A shard of the list, by its number from 0 to 15. Customers are spread evenly over the shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "usize", try_from = "usize")]
pub struct Shard(usize);

/// There is no shard of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no shard {0}")]
pub struct UnknownShard(usize);

/// A page of a shard.
#[derive(Clone, Debug)]
pub struct Page {
    /// The customers, oldest first.
    pub ids: Vec<CustomerId>,
    /// Whether no customers follow.
    pub is_last: bool,
}

impl Shard {
    /// All shards.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..CUSTOMER_SHARDS).map(Self)
    }
}

impl From<Shard> for usize {
    fn from(shard: Shard) -> Self {
        shard.0
    }
}

impl TryFrom<usize> for Shard {
    type Error = UnknownShard;

    fn try_from(number: usize) -> Result<Self, UnknownShard> {
        if number < CUSTOMER_SHARDS { Ok(Self(number)) } else { Err(UnknownShard(number)) }
    }
}

/// The hexadecimal digit of its key.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// Reads the ids of all customers, oldest first.
pub async fn read_all(app: &App) -> Result<BTreeSet<CustomerId>, ServiceError> {
    let mut ids = BTreeSet::new();
    for list in keys::customer_index() {
        for item in listing::read_all(app, list).await? {
            ids.insert(documents::parse(&item)?);
        }
    }
    Ok(ids)
}

/// Reads the ids of up to `limit` customers of a shard: those after this one, or the first.
pub async fn read_page(app: &App, shard: Shard, after: Option<CustomerId>, limit: usize) -> Result<Page, ServiceError> {
    let list = keys::customer_index_shard(shard.0);
    let mut query = Query::forward(list.partition, list.range, limit);
    query.cursor = after.map(|after| query.cursor_after(&after.to_string()));
    let page = app.table().query(&query).await?;
    let ids = page.items.iter().map(id_of).collect::<Result<_, _>>()?;
    Ok(Page { ids, is_last: page.next.is_none() })
}

/// By the key: the order of the list, in which readers continue, is that of the keys.
fn id_of(item: &Item) -> Result<CustomerId, StoreError> {
    let id =
        item.key.sk.parse().map_err(|_| StoreError::corrupt(&item.key, "the sort key is not the id of a customer"))?;
    Ok(CustomerId(id))
}
