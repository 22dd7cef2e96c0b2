//! Checks that every engine makes before it touches its data: the [limits](crate::limits).

use std::collections::HashSet;

use crate::error::StoreError;
use crate::item::Key;
use crate::limits::{
    ITEM_OVERHEAD_BYTES, MAX_ITEM_BYTES, MAX_KEYS, MAX_PAGE_ITEMS, MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES,
    MAX_TRANSACTION_BYTES, MAX_WRITES,
};
use crate::query::{Bounds, Query, Range};
use crate::write::Write;

/// Refuses a key that is empty or too long.
pub fn check_key(key: &Key) -> Result<(), StoreError> {
    check_partition(&key.pk)?;
    check_sort_key(&key.sk)
}

/// Refuses keys that one `get_many` does not accept.
pub fn check_keys(keys: &[Key]) -> Result<(), StoreError> {
    if keys.len() > MAX_KEYS {
        return Err(StoreError::TooManyKeys { keys: keys.len() });
    }
    keys.iter().try_for_each(check_key)?;
    check_distinct(keys.iter())
}

/// Refuses an invalid query. Returns the bounds of its sort keys, starting at its cursor.
pub fn check_query(query: &Query) -> Result<Bounds, StoreError> {
    check_partition(&query.partition)?;
    if query.limit == 0 || query.limit > MAX_PAGE_ITEMS {
        return Err(StoreError::PageLimit { limit: query.limit });
    }
    match &query.range {
        Range::All => {}
        Range::Prefix(prefix) => check_sort_key(prefix)?,
        Range::Between(from, to) => {
            check_sort_key(from)?;
            check_sort_key(to)?;
            if from > to {
                return Err(StoreError::RangeReversed);
            }
        }
    }
    query.bounds()
}

/// Refuses a transaction that no engine accepts.
pub fn check_writes(writes: &[Write]) -> Result<(), StoreError> {
    if writes.is_empty() {
        return Err(StoreError::NoWrites);
    }
    if writes.len() > MAX_WRITES {
        return Err(StoreError::TooManyWrites { writes: writes.len() });
    }
    let mut total = 0;
    for write in writes {
        check_key(write.key())?;
        let bytes = size(write);
        if bytes > MAX_ITEM_BYTES {
            return Err(StoreError::ItemTooLarge { key: write.key().clone(), bytes });
        }
        total += bytes;
    }
    check_distinct(writes.iter().map(Write::key))?;
    if total > MAX_TRANSACTION_BYTES {
        return Err(StoreError::TransactionTooLarge { bytes: total });
    }
    Ok(())
}

/// The size of a write for the limits.
fn size(write: &Write) -> usize {
    let body = match write {
        Write::Put { body, .. } => body.len(),
        Write::Delete { .. } | Write::Check { .. } => 0,
    };
    write.key().bytes() + body + ITEM_OVERHEAD_BYTES
}

fn check_partition(pk: &str) -> Result<(), StoreError> {
    match pk.len() {
        0 => Err(StoreError::EmptyKey),
        bytes if bytes > MAX_PARTITION_KEY_BYTES => Err(StoreError::PartitionKeyTooLong { bytes }),
        _ => Ok(()),
    }
}

fn check_sort_key(sk: &str) -> Result<(), StoreError> {
    match sk.len() {
        0 => Err(StoreError::EmptyKey),
        bytes if bytes > MAX_SORT_KEY_BYTES => Err(StoreError::SortKeyTooLong { bytes }),
        _ => Ok(()),
    }
}

fn check_distinct<'a>(keys: impl Iterator<Item = &'a Key>) -> Result<(), StoreError> {
    let mut seen = HashSet::new();
    for key in keys {
        if !seen.insert(key) {
            return Err(StoreError::SameItemTwice { key: key.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Body;

    fn write(sort_key: usize, bytes: usize) -> Write {
        let key = Key::new("P", format!("{sort_key:02}"));
        let body = Body::Bytes(vec![0; bytes - key.bytes() - ITEM_OVERHEAD_BYTES]);
        Write::create(key, body)
    }

    #[test]
    fn a_transaction_may_have_four_megabytes_and_no_byte_more() {
        let part = MAX_TRANSACTION_BYTES / 16;
        let writes = |more| (0..16).map(|number| write(number, part + if number == 0 { more } else { 0 })).collect();
        let exact: Vec<Write> = writes(0);
        let over: Vec<Write> = writes(1);
        assert!(check_writes(&exact).is_ok());
        assert!(matches!(check_writes(&over), Err(StoreError::TransactionTooLarge { bytes: 4_194_305 })));
    }

    #[test]
    fn an_item_may_have_four_hundred_kilobytes_and_no_byte_more() {
        assert!(check_writes(&[write(0, MAX_ITEM_BYTES)]).is_ok());
        let over = check_writes(&[write(0, MAX_ITEM_BYTES + 1)]);
        assert!(matches!(over, Err(StoreError::ItemTooLarge { bytes: 409_601, .. })));
    }
}
