//! Versions without a read before the write.
//!
//! An update knows the version it replaces: the new one is max(now, that + 1). A creation knows nothing, and must still
//! not repeat the version of an item that stood under the same key before:
//!
//! - Within a process, a creation is dated after every version that the process has written or read, so that creating,
//!   deleting and creating again in one millisecond gives two versions.
//! - An expired item that has not been swept is replaced only by a higher version; the condition asks for it.
//! - Between processes, creating, deleting and creating again are three calls after one another, each a round trip of
//!   more than a millisecond; the two creations can only carry the same millisecond if the machines' clocks differ by
//!   exactly the time in between. AWS keeps them within a fraction of a millisecond.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use store::Version;

/// The highest version that this process has written or read.
#[derive(Debug, Default)]
pub(crate) struct Versions(AtomicU64);

impl Versions {
    /// Takes note of a version.
    pub(crate) fn seen(&self, version: Version) {
        self.0.fetch_max(version.0, Ordering::Relaxed);
    }

    /// The version of the items that one transaction creates.
    pub(crate) fn creation(&self, now: DateTime<Utc>) -> Version {
        let later = |highest: u64| Version::at(now).max(Version(highest).successor()).0;
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |highest| Some(later(highest))) {
            Ok(before) | Err(before) => Version(later(before)),
        }
    }

    /// The version of an item that replaces this one.
    pub(crate) fn update(&self, now: DateTime<Utc>, replaced: Version) -> Version {
        let version = Version::at(now).max(replaced.successor());
        self.seen(version);
        version
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creations_of_one_millisecond_differ_and_follow_what_was_seen() {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let versions = Versions::default();
        assert_eq!(versions.creation(now), Version(1_000_000));
        assert_eq!(versions.creation(now), Version(1_000_001));
        versions.seen(Version(2_000_000));
        versions.seen(Version(5));
        assert_eq!(versions.creation(now), Version(2_000_001));
        assert_eq!(versions.update(now, Version(7)), Version(1_000_000));
        assert_eq!(versions.update(now, Version(3_000_000)), Version(3_000_001));
        assert_eq!(versions.creation(now), Version(3_000_002));
    }
}
