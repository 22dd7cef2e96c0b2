//! Why the store could not do what it was asked.

use crate::item::Key;
use crate::limits::{
    MAX_ITEM_BYTES, MAX_KEYS, MAX_PAGE_ITEMS, MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, MAX_TRANSACTION_BYTES,
    MAX_WRITES,
};

/// Whatever an engine gives as the cause of a failure; logged, never answered.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An item was not as the write expected: somebody else was faster, or it exists already. Nothing was written.
    #[error("write {write} did not find what it expected")]
    Conflict {
        /// The first write whose expectation failed, counted from 0.
        write: usize,
    },
    /// The store asks to slow down. Nothing was written.
    #[error("the store is busy")]
    Throttled,
    /// The store could not be reached, or did not answer. Writes may or may not have happened.
    #[error("the store is unavailable")]
    Unavailable {
        /// What the engine says.
        #[source]
        cause: Cause,
    },
    /// The engine refused for a reason that waiting does not mend: no right, no such table, a disk that is full.
    #[error("the store refused")]
    Refused {
        /// What the engine says.
        #[source]
        cause: Cause,
    },
    /// What is stored there is not what was ever written.
    #[error("{key} holds something unreadable: {reason}")]
    Corrupt {
        /// The item.
        key: Key,
        /// What is wrong with it.
        reason: String,
    },
    /// A value that cannot be written as JSON.
    #[error("{key} cannot be written as JSON")]
    Unwritable {
        /// Where it was to be written.
        key: Key,
        /// Why.
        #[source]
        cause: serde_json::Error,
    },
    /// A transaction of no write.
    #[error("a transaction has at least one write")]
    NoWrites,
    /// A transaction of more writes than the store takes at once.
    #[error("a transaction has at most {MAX_WRITES} writes, not {writes}")]
    TooManyWrites {
        /// Writes given.
        writes: usize,
    },
    /// More keys than the store reads at once.
    #[error("at most {MAX_KEYS} keys are read at once, not {keys}")]
    TooManyKeys {
        /// Keys given.
        keys: usize,
    },
    /// One item named twice in one call.
    #[error("{key} is named twice")]
    SameItemTwice {
        /// The item.
        key: Key,
    },
    /// An item above [`MAX_ITEM_BYTES`].
    #[error("{key} has {bytes} bytes, more than {MAX_ITEM_BYTES}")]
    ItemTooLarge {
        /// The item.
        key: Key,
        /// Its size.
        bytes: usize,
    },
    /// Writes above [`MAX_TRANSACTION_BYTES`] together.
    #[error("a transaction of {bytes} bytes is more than {MAX_TRANSACTION_BYTES}")]
    TransactionTooLarge {
        /// Size of all writes.
        bytes: usize,
    },
    /// A partition, sort key, prefix or end of a range without a character.
    #[error("a key has at least one character")]
    EmptyKey,
    /// A partition key above [`MAX_PARTITION_KEY_BYTES`].
    #[error("a partition key of {bytes} bytes is longer than {MAX_PARTITION_KEY_BYTES}")]
    PartitionKeyTooLong {
        /// Its length.
        bytes: usize,
    },
    /// A sort key above [`MAX_SORT_KEY_BYTES`].
    #[error("a sort key of {bytes} bytes is longer than {MAX_SORT_KEY_BYTES}")]
    SortKeyTooLong {
        /// Its length.
        bytes: usize,
    },
    /// A page of no item, or of more than [`MAX_PAGE_ITEMS`].
    #[error("a page has 1 to {MAX_PAGE_ITEMS} items, not {limit}")]
    PageLimit {
        /// Items asked for.
        limit: usize,
    },
    /// A range whose end comes before its start.
    #[error("the range ends before it starts")]
    RangeReversed,
    /// A cursor that no page of this list gave out.
    #[error("the cursor does not belong to this list")]
    ForeignCursor,
}

impl StoreError {
    /// A failure to reach the engine; the fate of a write is unknown.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable { cause: cause.into() }
    }

    /// A refusal that waiting does not mend.
    pub fn refused(cause: impl Into<Cause>) -> Self {
        Self::Refused { cause: cause.into() }
    }

    /// An item that cannot be read.
    pub fn corrupt(key: &Key, reason: &(impl ToString + ?Sized)) -> Self {
        Self::Corrupt { key: key.clone(), reason: reason.to_string() }
    }

    /// What can be done about it.
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

/// What can be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing was written: read again, decide again, write again.
    StartOver,
    /// It may pass, but a write may have happened: only what may safely happen twice is sent again.
    AskLater,
    /// The same call fails again.
    None,
}
