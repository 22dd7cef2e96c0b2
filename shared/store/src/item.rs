//! Items: the values under the keys of the table.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The key of an item: its partition, and its place in the order of that partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Partition key. One query can list all items of a partition.
    pub pk: String,
    /// Sort key. Items of a partition are ordered by its UTF-8 bytes.
    pub sk: String,
}

impl Key {
    /// A key with these two parts. Limits are checked on use, not here.
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// Length of both parts in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.pk.len() + self.sk.len()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.pk, self.sk)
    }
}

/// The body of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// JSON text. Engines store it as text, so that decimals written as strings stay exact.
    Json(String),
    /// Bytes in another format, such as [`crate::pack`].
    Bytes(Vec<u8>),
}

impl Body {
    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Json(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether the body is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The version of an item: the time of the write in milliseconds, or one more than the previous version if that is
/// later. It never decreases, and an item that is deleted and recreated does not repeat a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// The version of an item first written at `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(u64::try_from(now.timestamp_millis()).unwrap_or(0))
    }

    /// The lowest version that may follow this one.
    #[must_use]
    pub fn successor(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// An item as returned by a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its key.
    pub key: Key,
    /// Its body.
    pub body: Body,
    /// Its version; a change is written at the version read.
    pub version: Version,
    /// The second (since 1970, UTC) from which the item counts as absent; `None` means that it never expires.
    pub expires_at: Option<i64>,
}

impl Item {
    /// Whether the item counts as absent at `now`, even if it has not been removed yet.
    #[must_use]
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        has_expired(self.expires_at, now)
    }
}

/// Whether an item that expires at this second counts as absent at `now`.
#[must_use]
pub fn has_expired(expires_at: Option<i64>, now: DateTime<Utc>) -> bool {
    expires_at.is_some_and(|second| second <= now.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_absent_from_the_second_of_its_expiry() {
        let now = DateTime::from_timestamp(1_000, 999_000_000).unwrap();
        assert!(has_expired(Some(1_000), now));
        assert!(!has_expired(Some(1_001), now));
        assert!(!has_expired(None, now));
    }

    #[test]
    fn a_version_is_its_write_time_in_milliseconds() {
        let now = DateTime::from_timestamp(1_000, 999_000_000).unwrap();
        assert_eq!(Version::at(now), Version(1_000_999));
        assert_eq!(Version::at(DateTime::from_timestamp(-5, 0).unwrap()), Version(0));
    }
}
