//! Reading items.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use store::limits::MAX_PAGE_BYTES;
use store::query::{Bounds, Edge};
use store::{Body, Direction, Item, Key, Page, Query, StoreError, Version};

use crate::failure::failure;

pub(crate) fn get(connection: &Connection, key: &Key, now: DateTime<Utc>) -> Result<Option<Item>, StoreError> {
    let sql = "SELECT sk, version, json, bytes, expires_at FROM items WHERE pk = ?1 AND sk = ?2";
    let mut statement = connection.prepare_cached(sql).map_err(failure)?;
    let found = statement.query_row(params![key.pk, key.sk], |row| item(&key.pk, row)).optional().map_err(failure)?;
    Ok(found.filter(|item| !item.is_expired(now)))
}

pub(crate) fn query(
    connection: &Connection,
    query: &Query,
    bounds: Bounds,
    now: DateTime<Utc>,
) -> Result<Page, StoreError> {
    let (above, lower) = match bounds.lower {
        // No sort key is empty.
        Edge::Open => ("sk > ?2", String::new()),
        Edge::Included(from) => ("sk >= ?2", from),
        Edge::Excluded(after) => ("sk > ?2", after),
    };
    let (below, upper) = match bounds.upper {
        // Always true, and keeps the number of parameters.
        Edge::Open => ("?3 IS ?3", String::new()),
        Edge::Included(to) => ("sk <= ?3", to),
        Edge::Excluded(end) => ("sk < ?3", end),
    };
    let order = match query.direction {
        Direction::Forward => "ASC",
        Direction::Backward => "DESC",
    };
    let sql = format!(
        "SELECT sk, version, json, bytes, expires_at FROM items WHERE pk = ?1 AND {above} AND {below}
         AND (expires_at IS NULL OR expires_at > ?4) ORDER BY sk {order} LIMIT ?5"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(failure)?;
    let one_more = query.limit as i64 + 1;
    let arguments = params![query.partition, lower, upper, now.timestamp(), one_more];
    let rows = statement.query_map(arguments, |row| item(&query.partition, row)).map_err(failure)?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    for row in rows {
        let item = row.map_err(failure)?;
        let full = bytes >= MAX_PAGE_BYTES;
        bytes += item.key.bytes() + item.body.len();
        found.push(item);
        if full {
            break;
        }
    }
    Ok(query.page(found, false))
}

/// The item of a row of `sk, version, json, bytes, expires_at`.
fn item(pk: &str, row: &Row<'_>) -> rusqlite::Result<Item> {
    let body = match row.get::<_, Option<String>>(2)? {
        Some(text) => Body::Json(text),
        None => Body::Bytes(row.get(3)?),
    };
    let version = Version(row.get::<_, i64>(1)?.unsigned_abs());
    Ok(Item { key: Key::new(pk, row.get::<_, String>(0)?), body, version, expires_at: row.get(4)? })
}
