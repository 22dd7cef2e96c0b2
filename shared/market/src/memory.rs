//! What calls were paid for and is of use beyond the process that paid.

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Keeps facts by name, for everything that shares a key. A fact that is lost is paid for again, so nothing fails of it.
#[async_trait]
pub trait Memory: Send + Sync {
    /// The fact of this name, if there is one.
    async fn recall(&self, name: &str) -> Option<String>;

    /// Keeps a fact for so long, in place of the one that is there.
    async fn remember(&self, name: &str, fact: String, keep: Duration);
}

/// A process that knows what it has learnt itself, and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct NoMemory;

#[async_trait]
impl Memory for NoMemory {
    async fn recall(&self, _name: &str) -> Option<String> {
        None
    }

    async fn remember(&self, _name: &str, _fact: String, _keep: Duration) {}
}

/// A fact of this form; one of another form, of an earlier program, is none.
pub(crate) async fn recall<T: DeserializeOwned>(memory: &dyn Memory, name: &str) -> Option<T> {
    serde_json::from_str(&memory.recall(name).await?).ok()
}

pub(crate) async fn remember<T: Serialize + Sync>(memory: &dyn Memory, name: &str, fact: &T, keep: Duration) {
    if let Ok(text) = serde_json::to_string(fact) {
        memory.remember(name, text, keep).await;
    }
}
