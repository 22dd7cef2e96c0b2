//! An item: what the table holds under one key.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Where an item lives: a partition, and its place in the order of that partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Partition; all items of one partition can be listed by one query.
    pub pk: String,
    /// Sort key; items of a partition are ordered by its UTF-8 bytes.
    pub sk: String,
}

impl Key {
    /// The key of these two parts. Limits are checked when it is used, not here.
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

/// What an item says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// JSON text. Engines keep it as text, so that decimals written as strings stay exact.
    Json(String),
    /// Bytes in a format of their own, such as [`crate::pack`].
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

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Which writing of an item this is: the time of the write in milliseconds, or one more than the version before it if
/// that is later. It never falls, and an item that is deleted and made again does not repeat one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// The version of something written at `now` for the first time.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(u64::try_from(now.timestamp_millis()).unwrap_or(0))
    }

    /// The least version that may follow this one.
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

/// What a read gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where it lives.
    pub key: Key,
    /// What it says.
    pub body: Body,
    /// Which writing this is; a change is written at the version read.
    pub version: Version,
    /// From this second on (since 1970, UTC) the item counts as absent; `None` keeps it for good.
    pub expires_at: Option<i64>,
}

impl Item {
    /// Whether the item counts as absent at `now`, whether it has been swept or not.
    #[must_use]
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        has_expired(self.expires_at, now)
    }
}

/// Whether something that expires at this second counts as absent at `now`.
#[must_use]
pub fn has_expired(expires_at: Option<i64>, now: DateTime<Utc>) -> bool {
    expires_at.is_some_and(|second| second <= now.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_absent_from_the_very_second_it_expires() {
        let now = DateTime::from_timestamp(1_000, 999_000_000).unwrap();
        assert!(has_expired(Some(1_000), now));
        assert!(!has_expired(Some(1_001), now));
        assert!(!has_expired(None, now));
    }

    #[test]
    fn a_version_is_the_time_of_its_write_in_milliseconds() {
        let now = DateTime::from_timestamp(1_000, 999_000_000).unwrap();
        assert_eq!(Version::at(now), Version(1_000_999));
        assert_eq!(Version::at(DateTime::from_timestamp(-5, 0).unwrap()), Version(0));
    }
}
