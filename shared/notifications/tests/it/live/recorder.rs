//! Sockets that record what they receive and behave like those of API Gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use app::push::{Push, PushError};
use async_trait::async_trait;
use serde_json::Value;
use tokio::time::Instant;

#[derive(Default)]
pub struct Recorder(Mutex<Sockets>, InFlight);

/// The posts that are under way, and the most of them so far.
#[derive(Default)]
struct InFlight {
    now: AtomicUsize,
    most: AtomicUsize,
}

#[derive(Default)]
struct Sockets {
    received: BTreeMap<String, Vec<(Instant, Value)>>,
    gone: BTreeSet<String>,
    /// Never complete a post.
    blocked: BTreeSet<String>,
    failing: BTreeSet<String>,
    /// How many more posts to a connection are refused, and why.
    refusals: BTreeMap<String, (usize, PushError)>,
    /// All posts to a connection, refused ones included.
    attempts: BTreeMap<String, usize>,
    closed: BTreeSet<String>,
    /// Still opening: the handshake is not complete.
    opening: BTreeSet<String>,
}

impl Recorder {
    /// The messages that a connection has received since the last call.
    pub fn take(&self, connection: &str) -> Vec<Value> {
        let messages = self.0.lock().unwrap().received.remove(connection).unwrap_or_default();
        messages.into_iter().map(|(_, message)| message).collect()
    }

    /// When a connection received its messages.
    pub fn times(&self, connection: &str) -> Vec<Instant> {
        let received = &self.0.lock().unwrap().received;
        received.get(connection).into_iter().flatten().map(|(at, _)| *at).collect()
    }

    pub fn is_closed(&self, connection: &str) -> bool {
        self.0.lock().unwrap().closed.contains(connection)
    }

    pub fn disconnect(&self, connection: &str) {
        self.0.lock().unwrap().gone.insert(connection.to_owned());
    }

    pub fn block(&self, connection: &str) {
        self.0.lock().unwrap().blocked.insert(connection.to_owned());
    }

    /// A connection that is still opening accepts no message and cannot be closed, as with API Gateway.
    pub fn begin_opening(&self, connection: &str) {
        self.0.lock().unwrap().opening.insert(connection.to_owned());
    }

    pub fn finish_opening(&self, connection: &str) {
        self.0.lock().unwrap().opening.remove(connection);
    }

    /// The most posts that were ever under way concurrently.
    pub fn most_concurrent(&self) -> usize {
        self.1.most.load(Ordering::SeqCst)
    }

    /// Refuses the next posts to a connection.
    pub fn refuse(&self, connection: &str, times: usize, error: PushError) {
        self.0.lock().unwrap().refusals.insert(connection.to_owned(), (times, error));
    }

    /// How many posts to a connection were tried since the last call.
    pub fn take_attempts(&self, connection: &str) -> usize {
        self.0.lock().unwrap().attempts.remove(connection).unwrap_or_default()
    }

    pub fn fail(&self, connection: &str) {
        self.0.lock().unwrap().failing.insert(connection.to_owned());
    }
}

#[async_trait]
impl Push for Recorder {
    async fn post(&self, connection: &str, text: &str) -> Result<(), PushError> {
        let blocked = self.0.lock().unwrap().blocked.contains(connection);
        if blocked {
            std::future::pending::<()>().await;
        }
        let under_way = self.1.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.1.most.fetch_max(under_way, Ordering::SeqCst);
        // Other tasks run here, as they would during a real post.
        tokio::task::yield_now().await;
        self.1.now.fetch_sub(1, Ordering::SeqCst);
        let mut sockets = self.0.lock().unwrap();
        if [&sockets.gone, &sockets.closed, &sockets.opening].iter().any(|some| some.contains(connection)) {
            return Err(PushError::Gone);
        }
        *sockets.attempts.entry(connection.to_owned()).or_default() += 1;
        if let Some((left, error)) = sockets.refusals.get_mut(connection)
            && *left > 0
        {
            *left -= 1;
            return Err(error.clone());
        }
        if sockets.failing.contains(connection) {
            return Err(PushError::Failed("planned failure".to_owned()));
        }
        let message = (Instant::now(), serde_json::from_str(text).unwrap());
        sockets.received.entry(connection.to_owned()).or_default().push(message);
        Ok(())
    }

    async fn close(&self, connection: &str) -> Result<(), PushError> {
        let mut sockets = self.0.lock().unwrap();
        if !sockets.opening.contains(connection) {
            sockets.closed.insert(connection.to_owned());
        }
        Ok(())
    }
}
