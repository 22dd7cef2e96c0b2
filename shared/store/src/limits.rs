//! The limits of the interface. They are those of DynamoDB, and every engine enforces them, so that the local platform
//! never accepts what AWS would refuse.
//!
//! Source: Amazon DynamoDB Developer Guide, "Quotas" (2026).

/// Most writes in one transaction.
pub const MAX_WRITES: usize = 100;
/// Most keys in one `get_many`.
pub const MAX_KEYS: usize = 100;
/// Most items on one page.
pub const MAX_PAGE_ITEMS: usize = 1_000;
/// A page ends when its items reach this size, in bytes, whatever its limit.
pub const MAX_PAGE_BYTES: usize = 1 << 20;
/// Largest item, including its keys and [`ITEM_OVERHEAD_BYTES`].
pub const MAX_ITEM_BYTES: usize = 400 << 10;
/// Largest total size of the items of one transaction.
pub const MAX_TRANSACTION_BYTES: usize = 4 << 20;
/// Longest partition key.
pub const MAX_PARTITION_KEY_BYTES: usize = 2_048;
/// Longest sort key.
pub const MAX_SORT_KEY_BYTES: usize = 1_024;
/// The most that attribute names, version, expiry and write marker add to an item.
pub const ITEM_OVERHEAD_BYTES: usize = 96;
