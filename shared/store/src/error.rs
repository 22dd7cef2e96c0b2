//! Errors of the store.

use crate::item::Key;
use crate::limits::{
    MAX_ITEM_BYTES, MAX_KEYS, MAX_PAGE_ITEMS, MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, MAX_TRANSACTION_BYTES,
    MAX_WRITES,
};

/// The engine's cause of a failure. It is logged and never sent to a client.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a call to the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An item was not as the write expected: another process was faster, or the item already exists. Nothing was
    /// written.
    #[error("write {write} did not find what it expected")]
    Conflict {
        /// The first write whose expectation failed, counted from 0.
        write: usize,
    },
    /// The store asks to slow down. Nothing was written.
    #[error("the store is busy")]
    Throttled,
    /// The store could not be reached or did not respond. Writes may or may not have happened.
    #[error("the store is unavailable")]
    Unavailable {
        /// The engine's error.
        #[source]
        cause: Cause,
    },
    /// The engine refused for a reason that a retry does not cure: no permission, no such table, a full disk.
    #[error("the store refused the call")]
    Refused {
        /// The engine's error.
        #[source]
        cause: Cause,
    },
    /// The stored data is corrupt.
    #[error("{key} cannot be read: {reason}")]
    Corrupt {
        /// The item.
        key: Key,
        /// What is wrong with it.
        reason: String,
    },
    /// The value cannot be written as JSON.
    #[error("{key} cannot be written as JSON")]
    Unwritable {
        /// The item to be written.
        key: Key,
        /// Why.
        #[source]
        cause: serde_json::Error,
    },
    /// The transaction has no write.
    #[error("a transaction must have at least one write")]
    NoWrites,
    /// The transaction has too many writes.
    #[error("a transaction can have at most {MAX_WRITES} writes, not {writes}")]
    TooManyWrites {
        /// Writes given.
        writes: usize,
    },
    /// Too many keys for one read.
    #[error("at most {MAX_KEYS} keys can be read in one call, not {keys}")]
    TooManyKeys {
        /// Keys given.
        keys: usize,
    },
    /// One call names an item twice.
    #[error("{key} is named twice")]
    SameItemTwice {
        /// The item.
        key: Key,
    },
    /// The item is larger than [`MAX_ITEM_BYTES`].
    #[error("{key} has {bytes} bytes, more than {MAX_ITEM_BYTES}")]
    ItemTooLarge {
        /// The item.
        key: Key,
        /// Its size.
        bytes: usize,
    },
    /// The writes together are larger than [`MAX_TRANSACTION_BYTES`].
    #[error("a transaction of {bytes} bytes is larger than {MAX_TRANSACTION_BYTES}")]
    TransactionTooLarge {
        /// Size of all writes.
        bytes: usize,
    },
    /// A partition key, sort key, prefix or end of a range is empty.
    #[error("a key must have at least one character")]
    EmptyKey,
    /// The partition key is longer than [`MAX_PARTITION_KEY_BYTES`].
    #[error("a partition key of {bytes} bytes is longer than {MAX_PARTITION_KEY_BYTES}")]
    PartitionKeyTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The sort key is longer than [`MAX_SORT_KEY_BYTES`].
    #[error("a sort key of {bytes} bytes is longer than {MAX_SORT_KEY_BYTES}")]
    SortKeyTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The page limit is zero or more than [`MAX_PAGE_ITEMS`].
    #[error("a page must have 1 to {MAX_PAGE_ITEMS} items, not {limit}")]
    PageLimit {
        /// The limit given.
        limit: usize,
    },
    /// The end of the range is before its start.
    #[error("the range ends before it starts")]
    RangeReversed,
    /// The cursor did not come from this list.
    #[error("the cursor does not belong to this list")]
    ForeignCursor,
}

impl StoreError {
    /// The engine could not be reached; whether a write happened is unknown.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable { cause: cause.into() }
    }

    /// A refusal that a retry does not cure.
    pub fn refused(cause: impl Into<Cause>) -> Self {
        Self::Refused { cause: cause.into() }
    }

    /// An item that cannot be read.
    pub fn corrupt(key: &Key, reason: &(impl ToString + ?Sized)) -> Self {
        Self::Corrupt { key: key.clone(), reason: reason.to_string() }
    }

    /// How to handle the error.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Conflict { .. } | Self::Throttled => Remedy::StartOver,
            Self::Unavailable { .. } => Remedy::AskLater,
            Self::Refused { .. }
            | Self::Corrupt { .. }
            | Self::Unwritable { .. }
            | Self::NoWrites
            | Self::TooManyWrites { .. }
            | Self::TooManyKeys { .. }
            | Self::SameItemTwice { .. }
            | Self::ItemTooLarge { .. }
            | Self::TransactionTooLarge { .. }
            | Self::EmptyKey
            | Self::PartitionKeyTooLong { .. }
            | Self::SortKeyTooLong { .. }
            | Self::PageLimit { .. }
            | Self::RangeReversed
            | Self::ForeignCursor => Remedy::None,
        }
    }
}

/// How to handle an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing was written: read, decide and write again.
    StartOver,
    /// A retry may succeed, but a write may have happened: only idempotent calls may be sent again.
    AskLater,
    /// The same call fails again.
    None,
}
