//! Counters in items. A counter changes in the transaction that adds or removes an object, so that a limit holds
//! however many requests arrive concurrently.

use serde::{Deserialize, Serialize};
use store::{Expect, Key, Version, Write, documents};

use crate::App;
use crate::error::ServiceError;

#[derive(Default, Serialize, Deserialize)]
struct Count {
    count: usize,
}

/// A counter as it was read.
pub struct Counter {
    key: Key,
    count: usize,
    version: Option<Version>,
}

impl Counter {
    /// Reads the counter under this key. A missing item counts zero.
    pub async fn read(app: &App, key: Key) -> Result<Self, ServiceError> {
        let found = documents::read::<Count>(app.table(), &key).await?;
        let (Count { count }, version) = found.map_or((Count::default(), None), |(count, at)| (count, Some(at)));
        Ok(Self { key, count, version })
    }

    /// The current count.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The write that adds `more`.
    ///
    /// Errors: [`ServiceError::LimitReached`] if the count would exceed `limit`.
    pub fn add(&self, more: usize, limit: usize, what: &'static str) -> Result<Write, ServiceError> {
        let count = self.count.saturating_add(more);
        if count > limit {
            return Err(ServiceError::LimitReached { what, limit });
        }
        self.put(count)
    }

    /// The write that subtracts one.
    pub fn remove_one(&self) -> Result<Write, ServiceError> {
        self.put(self.count.saturating_sub(1))
    }

    /// The write that lets a transaction pass only if the count has not changed.
    #[must_use]
    pub fn unchanged(&self) -> Write {
        Write::Check { key: self.key.clone(), expect: Expect::from(self.version) }
    }

    fn put(&self, count: usize) -> Result<Write, ServiceError> {
        let body = documents::body(&self.key, &Count { count })?;
        Ok(Write::Put { key: self.key.clone(), body, expires_at: None, expect: Expect::from(self.version) })
    }
}
