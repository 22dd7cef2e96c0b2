//! The live connections of this process by id, with which functions reach them.
//!
//! Nothing waits for a client. A message posted to a connection is queued until its session has sent it. A client whose
//! queue becomes full is disconnected.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use app::push::{Push, PushError};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Most live connections, which are counted separately from HTTP connections.
pub const MAX_CONNECTIONS: usize = 5000;
/// The largest message that API Gateway accepts, in either direction.
pub const MAX_MESSAGE_BYTES: usize = 128 * 1024;
/// Most queued messages for one client.
const MAX_QUEUED: usize = 256;
/// Most bytes of queued messages for one client.
const MAX_QUEUED_BYTES: usize = 1024 * 1024;

/// Why the platform ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A function closed it.
    Asked,
    /// The client does not read its messages.
    TooSlow,
    /// The platform is stopping.
    Stopping,
}

/// The live connections.
pub struct Connections {
    open: Mutex<HashMap<String, Handle>>,
    places: Arc<Semaphore>,
}

struct Handle {
    /// Whether the function has accepted it; before that, no message reaches it.
    let_pass: bool,
    queue: mpsc::Sender<Utf8Bytes>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queued_bytes: AtomicUsize,
    /// Why the connection ends; set once, when its handle is removed.
    ending: OnceLock<Reason>,
}

/// The queue from which a session reads the messages posted to its connection.
pub struct Outbox {
    /// The connection's id.
    pub id: String,
    queue: mpsc::Receiver<Utf8Bytes>,
    shared: Arc<Shared>,
}

impl Default for Connections {
    fn default() -> Self {
        Self { open: Mutex::default(), places: Arc::new(Semaphore::new(MAX_CONNECTIONS)) }
    }
}

impl Connections {
    /// A permit for one more connection; `None` if [`MAX_CONNECTIONS`] are open.
    pub fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().ok()
    }

    /// An id for a new connection, in API Gateway's form. It is also a secret: with it, messages can be posted.
    #[must_use]
    pub fn new_id() -> String {
        URL_SAFE.encode(rand::random::<[u8; 11]>())
    }

    /// Announces a connection whose function has not accepted it yet. It accepts no messages yet, but can be closed.
    pub fn announce(&self, id: String) -> Outbox {
        let (sender, receiver) = mpsc::channel(MAX_QUEUED);
        let shared = Arc::new(Shared::default());
        self.lock().insert(id.clone(), Handle { let_pass: false, queue: sender, shared: shared.clone() });
        Outbox { id, queue: receiver, shared }
    }

    /// Opens an announced connection for messages; `false` if it was closed in the meantime.
    #[must_use]
    pub fn open(&self, id: &str) -> bool {
        let mut open = self.lock();
        let handle = open.get_mut(id);
        handle.is_some_and(|handle| {
            handle.let_pass = true;
            true
        })
    }

    /// Removes a connection whose session has ended.
    pub fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    /// The number of connections, including announced ones.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Closes every connection and waits until all sessions have ended.
    pub async fn stop(&self) {
        let handles: Vec<Handle> = self.lock().drain().map(|(_, handle)| handle).collect();
        for handle in handles {
            handle.end(Reason::Stopping);
        }
        // Fails only if the semaphore is closed, which never happens.
        let _ = self.places.acquire_many(MAX_CONNECTIONS as u32).await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Handle>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handle {
    /// Lets the session end after it has sent the queued messages.
    fn end(self, reason: Reason) {
        // If a reason is already set, the first one stays.
        let _ = self.shared.ending.set(reason);
    }

    fn has_room(&self, bytes: usize) -> bool {
        let queued = self.shared.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        queued + bytes <= MAX_QUEUED_BYTES
    }
}

#[async_trait]
impl Push for Connections {
    async fn post(&self, connection: &str, text: &str) -> Result<(), PushError> {
        if text.len() > MAX_MESSAGE_BYTES {
            return Err(PushError::TooLarge);
        }
        let mut open = self.lock();
        let handle = open.get(connection).filter(|handle| handle.let_pass).ok_or(PushError::Gone)?;
        if handle.has_room(text.len()) && handle.queue.try_send(text.into()).is_ok() {
            return Ok(());
        }
        if let Some(handle) = open.remove(connection) {
            tracing::info!(connection, "closed a live connection whose client does not read");
            handle.end(Reason::TooSlow);
        }
        Err(PushError::Failed("the client does not read its messages".to_owned()))
    }

    async fn close(&self, connection: &str) -> Result<(), PushError> {
        let handle = self.lock().remove(connection);
        if let Some(handle) = handle {
            handle.end(Reason::Asked);
        }
        Ok(())
    }
}

impl Outbox {
    /// Waits for the next message, or the reason why the connection must end.
    pub async fn next(&mut self) -> Result<Utf8Bytes, Reason> {
        // A client that does not read gets nothing more, not even queued messages.
        if self.shared.ending.get() == Some(&Reason::TooSlow) {
            return Err(Reason::TooSlow);
        }
        let Some(text) = self.queue.recv().await else {
            return Err(self.shared.ending.get().copied().unwrap_or(Reason::Stopping));
        };
        self.shared.queued_bytes.fetch_sub(text.len(), Ordering::Relaxed);
        Ok(text)
    }
}

impl Reason {
    /// The close frame for the client.
    #[must_use]
    pub fn frame(self) -> CloseFrame {
        let (code, reason) = match self {
            Self::Asked => (CloseCode::Normal, "Connection closed by the platform"),
            Self::TooSlow => (CloseCode::Policy, "Messages are not read"),
            Self::Stopping => (CloseCode::Away, "Going away"),
        };
        CloseFrame { code, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(connections: &Connections, id: &str) -> Outbox {
        let outbox = connections.announce(id.to_owned());
        assert!(connections.open(id));
        outbox
    }

    #[tokio::test]
    async fn what_is_announced_takes_nothing_before_it_is_open_and_is_not_opened_once_closed() {
        let connections = Connections::default();
        let mut outbox = connections.announce("a=".to_owned());
        assert_eq!(connections.post("a=", "1").await, Err(PushError::Gone));
        assert!(connections.open("a="));
        connections.post("a=", "2").await.unwrap();
        assert_eq!(outbox.next().await.unwrap(), "2");

        let mut closed = connections.announce("b=".to_owned());
        connections.close("b=").await.unwrap();
        assert!(!connections.open("b=") && !connections.open("c="));
        assert_eq!(closed.next().await, Err(Reason::Asked));
    }

    #[tokio::test]
    async fn what_is_posted_comes_in_order_and_a_closed_connection_is_gone() {
        let connections = Connections::default();
        let mut outbox = opened(&connections, "a=");
        assert_eq!(connections.post("b=", "1").await, Err(PushError::Gone));
        for text in ["1", "2"] {
            connections.post("a=", text).await.unwrap();
        }
        connections.close("a=").await.unwrap();
        assert_eq!(connections.post("a=", "3").await, Err(PushError::Gone));
        assert_eq!(connections.close("a=").await, Ok(()));
        assert_eq!(outbox.next().await.unwrap(), "1");
        assert_eq!(outbox.next().await.unwrap(), "2");
        assert_eq!(outbox.next().await, Err(Reason::Asked));
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_disconnected_without_waiting() {
        let connections = Connections::default();
        let mut slow = opened(&connections, "slow");
        for _ in 0..MAX_QUEUED {
            connections.post("slow", "tick").await.unwrap();
        }
        assert!(matches!(connections.post("slow", "tick").await, Err(PushError::Failed(_))), "it has missed messages");
        assert_eq!((connections.count(), slow.next().await), (0, Err(Reason::TooSlow)));

        let mut large = opened(&connections, "large");
        let text = "x".repeat(MAX_MESSAGE_BYTES);
        for _ in 0..MAX_QUEUED_BYTES / MAX_MESSAGE_BYTES {
            connections.post("large", &text).await.unwrap();
        }
        assert!(matches!(connections.post("large", "x").await, Err(PushError::Failed(_))));
        assert_eq!(large.next().await, Err(Reason::TooSlow));
    }

    #[tokio::test]
    async fn room_that_was_read_is_room_again() {
        let connections = Connections::default();
        let mut outbox = opened(&connections, "a");
        let text = "x".repeat(MAX_MESSAGE_BYTES);
        for _ in 0..10 * MAX_QUEUED_BYTES / MAX_MESSAGE_BYTES {
            connections.post("a", &text).await.unwrap();
            outbox.next().await.unwrap();
        }
        assert_eq!(connections.post("a", &format!("{text}x")).await, Err(PushError::TooLarge));
        connections.post("a", "").await.unwrap();
    }

    #[tokio::test]
    async fn stopping_waits_for_the_last_session() {
        let connections = Arc::new(Connections::default());
        let place = connections.place().unwrap();
        let mut outbox = opened(&connections, "a");
        let stopping = tokio::spawn({
            let connections = connections.clone();
            async move { connections.stop().await }
        });
        assert_eq!(outbox.next().await, Err(Reason::Stopping));
        assert!(!stopping.is_finished());
        drop(place);
        stopping.await.unwrap();
    }

    #[test]
    fn there_are_places_for_so_many_and_no_more() {
        let connections = Connections::default();
        let places: Vec<_> = (0..MAX_CONNECTIONS).map(|_| connections.place().unwrap()).collect();
        assert!(connections.place().is_none());
        drop(places);
        assert!(connections.place().is_some());
    }

    #[test]
    fn ids_cannot_be_guessed() {
        let (one, other) = (Connections::new_id(), Connections::new_id());
        assert_ne!(one, other);
        assert!(one.len() == 16 && one.ends_with('='), "{one}");
    }
}
