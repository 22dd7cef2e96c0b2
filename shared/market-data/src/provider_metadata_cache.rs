//! Facts that provider calls were spent on, cached in the table for every function.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use market::{Memory, alpha_vantage};
use store::{Clock, StoreError, Table, Write, documents, keys};

/// The cached facts of one provider.
pub struct ProviderMetadataCache {
    table: Arc<dyn Table>,
    clock: Clock,
    provider: &'static str,
}

impl ProviderMetadataCache {
    /// The facts of Alpha Vantage.
    #[must_use]
    pub fn alpha_vantage(table: Arc<dyn Table>, clock: Clock) -> Self {
        Self { table, clock, provider: alpha_vantage::SOURCE }
    }

    async fn put(&self, name: &str, fact: &String, keep: Duration) -> Result<(), StoreError> {
        let key = keys::provider_metadata(self.provider, name);
        let expires_at = TimeDelta::from_std(keep).ok().map(|keep| ((self.clock)() + keep).timestamp());
        let stands = self.table.get(&key).await?.map(|item| item.version);
        let body = documents::body(&key, fact)?;
        self.table.transact(vec![Write::Put { key, body, expires_at, expect: stands.into() }]).await?;
        Ok(())
    }
}

/// A fact that is not cached, or cannot be read, costs another call; nothing else depends on it.
#[async_trait]
impl Memory for ProviderMetadataCache {
    async fn recall(&self, name: &str) -> Option<String> {
        match documents::read::<String>(&*self.table, &keys::provider_metadata(self.provider, name)).await {
            Ok(found) => found.map(|(fact, _)| fact),
            Err(error) => {
                tracing::warn!(%error, name, "a cached fact cannot be read");
                None
            }
        }
    }

    async fn remember(&self, name: &str, fact: String, keep: Duration) {
        match self.put(name, &fact, keep).await {
            // Another function has just stored the same.
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => tracing::warn!(%error, name, "a fact was not cached"),
        }
    }
}
