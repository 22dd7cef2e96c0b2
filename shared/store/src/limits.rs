//! The limits of the interface: those of DynamoDB, enforced by every engine before it looks at its data, so that one
//! machine never accepts what the cloud would refuse.
//!
//! Source: Amazon DynamoDB Developer Guide, "Quotas" (2026).

/// Writes in one transaction.
pub const MAX_WRITES: usize = 100;
/// Keys in one `get_many`.
pub const MAX_KEYS: usize = 100;
/// Items on one page.
pub const MAX_PAGE_ITEMS: usize = 1_000;
/// Once the items of a page reach this size the page ends, whatever its limit.
pub const MAX_PAGE_BYTES: usize = 1 << 20;
/// Size of one item, its keys and [`ITEM_OVERHEAD_BYTES`] included.
pub const MAX_ITEM_BYTES: usize = 400 << 10;
/// Size of all items of one transaction.
pub const MAX_TRANSACTION_BYTES: usize = 4 << 20;
/// Length of a partition key.
pub const MAX_PARTITION_KEY_BYTES: usize = 2_048;
/// Length of a sort key.
pub const MAX_SORT_KEY_BYTES: usize = 1_024;
/// What the names of the attributes, the version, the expiry and the mark of the write add to an item, at most.
pub const ITEM_OVERHEAD_BYTES: usize = 96;
