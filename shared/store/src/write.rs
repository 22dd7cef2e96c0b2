//! The writes of a transaction.

use crate::item::{Body, Key, Version};

/// One write of a transaction. All writes happen or none does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Writes an item, replacing an existing one.
    Put {
        /// The item.
        key: Key,
        /// The new body.
        body: Body,
        /// The second (since 1970, UTC) from which the item counts as absent.
        expires_at: Option<i64>,
        /// The expected current state.
        expect: Expect,
    },
    /// Removes an item.
    Delete {
        /// The item.
        key: Key,
        /// The expected current state.
        expect: DeleteExpect,
    },
    /// Changes nothing; the transaction fails unless the expectation holds.
    Check {
        /// The item.
        key: Key,
        /// The expected current state.
        expect: Expect,
    },
}

/// The expected state of an item for a put or check. There is no "any state", since a blind overwrite loses updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No item, or only an expired one.
    Absent,
    /// The item at exactly this version, not expired.
    Version(Version),
}

/// The expected state of an item for a delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteExpect {
    /// The item at exactly this version, not expired.
    Version(Version),
    /// Any state, including absent.
    Any,
}

impl Write {
    /// Creates an item that must not exist yet and never expires.
    #[must_use]
    pub fn create(key: Key, body: Body) -> Self {
        Self::Put { key, body, expires_at: None, expect: Expect::Absent }
    }

    /// Replaces the body of the item at this version, which then never expires.
    #[must_use]
    pub fn update(key: Key, body: Body, version: Version) -> Self {
        Self::Put { key, body, expires_at: None, expect: Expect::Version(version) }
    }

    /// The key of the item.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } | Self::Check { key, .. } => key,
        }
    }
}

/// The expectation for an item that was read at this version, or was absent.
impl From<Option<Version>> for Expect {
    fn from(read: Option<Version>) -> Self {
        read.map_or(Self::Absent, Self::Version)
    }
}
