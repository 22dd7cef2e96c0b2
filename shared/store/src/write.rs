//! What a transaction is made of.

use crate::item::{Body, Key, Version};

/// One step of a transaction. All steps happen or none does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Writes an item, in place of the one that is there.
    Put {
        /// Where.
        key: Key,
        /// What it says from now on.
        body: Body,
        /// From this second on (since 1970, UTC) it counts as absent.
        expires_at: Option<i64>,
        /// What must be there now.
        expect: Expect,
    },
    /// Removes an item.
    Delete {
        /// Where.
        key: Key,
        /// What must be there now.
        expect: DeleteExpect,
    },
    /// Changes nothing, and lets the transaction pass only if the expectation holds.
    Check {
        /// Where.
        key: Key,
        /// What must be there now.
        expect: Expect,
    },
}

/// What must be true of an item for a put or a check. There is no "whatever is there": a blind overwrite loses updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No item, or only an expired one.
    Absent,
    /// The item at this very version, not expired.
    Version(Version),
}

/// What must be true of an item for a delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteExpect {
    /// The item at this very version, not expired.
    Version(Version),
    /// Anything, also nothing.
    Any,
}

impl Write {
    /// An item that must not be there yet and that stays for good.
    #[must_use]
    pub fn create(key: Key, body: Body) -> Self {
        Self::Put { key, body, expires_at: None, expect: Expect::Absent }
    }

    /// A new body for the item at this version, which then stays for good.
    #[must_use]
    pub fn update(key: Key, body: Body, version: Version) -> Self {
        Self::Put { key, body, expires_at: None, expect: Expect::Version(version) }
    }

    /// The item that this step is about.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } | Self::Check { key, .. } => key,
        }
    }
}

/// What to expect of an item that was read at this version, or was not there.
impl From<Option<Version>> for Expect {
    fn from(read: Option<Version>) -> Self {
        read.map_or(Self::Absent, Self::Version)
    }
}
