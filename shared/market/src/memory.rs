//! A cache for results of calls that are of use to other processes too.

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Caches facts by name for all processes that share an API key. A lost fact costs another call and causes no error.
#[async_trait]
pub trait Memory: Send + Sync {
    /// The fact of this name, if it is cached.
    async fn recall(&self, name: &str) -> Option<String>;

    /// Stores a fact for the duration `keep`, replacing an earlier one.
    async fn remember(&self, name: &str, fact: String, keep: Duration);
}

/// No shared cache: the process knows only what it has fetched itself.
#[derive(Clone, Copy, Debug)]
pub struct NoMemory;

#[async_trait]
impl Memory for NoMemory {
    async fn recall(&self, _name: &str) -> Option<String> {
        None
    }

    async fn remember(&self, _name: &str, _fact: String, _keep: Duration) {}
}

/// The fact of this name, read as a `T`. A fact in the format of an earlier version is ignored.
pub(crate) async fn recall<T: DeserializeOwned>(memory: &dyn Memory, name: &str) -> Option<T> {
    serde_json::from_str(&memory.recall(name).await?).ok()
}

pub(crate) async fn remember<T: Serialize + Sync>(memory: &dyn Memory, name: &str, fact: &T, keep: Duration) {
    if let Ok(text) = serde_json::to_string(fact) {
        memory.remember(name, text, keep).await;
    }
}
