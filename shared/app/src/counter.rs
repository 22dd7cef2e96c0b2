//! How many of something there are, in an item of its own: what is made or removed counts in the same transaction, so
//! that a limit holds however many requests arrive at once.

use serde::{Deserialize, Serialize};
use store::{Expect, Key, Version, Write, documents};

use crate::App;
use crate::error::ServiceError;

#[derive(Default, Serialize, Deserialize)]
struct Count {
    count: usize,
}

/// A count as it was read.
pub struct Counter {
    key: Key,
    count: usize,
    version: Option<Version>,
}

impl Counter {
    /// The count under this key; nothing there is none.
    pub async fn read(app: &App, key: Key) -> Result<Self, ServiceError> {
        let found = documents::read::<Count>(app.table(), &key).await?;
        let (Count { count }, version) = found.map_or((Count::default(), None), |(count, at)| (count, Some(at)));
        Ok(Self { key, count, version })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The write that counts `more` of them.
    ///
    /// Errors: [`ServiceError::LimitReached`] where there would be more than `limit`.
    pub fn add(&self, more: usize, limit: usize, what: &'static str) -> Result<Write, ServiceError> {
        let count = self.count.saturating_add(more);
        if count > limit {
            return Err(ServiceError::LimitReached { what, limit });
        }
        self.put(count)
    }

    /// The write that counts one of them less.
    pub fn remove_one(&self) -> Result<Write, ServiceError> {
        self.put(self.count.saturating_sub(1))
    }

    /// The write that lets a transaction pass only while the count stands.
    #[must_use]
    pub fn unchanged(&self) -> Write {
        Write::Check { key: self.key.clone(), expect: Expect::from(self.version) }
    }

    fn put(&self, count: usize) -> Result<Write, ServiceError> {
        let body = documents::body(&self.key, &Count { count })?;
        Ok(Write::Put { key: self.key.clone(), body, expires_at: None, expect: Expect::from(self.version) })
    }
}
