//! Sockets that remember what they were told: clients as API Gateway would have them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use app::push::{Push, PushError};
use async_trait::async_trait;
use serde_json::Value;
use tokio::time::Instant;

#[derive(Default)]
pub struct Recorder(Mutex<Sockets>, InFlight);

/// Posts that have begun and not ended, and the most of them that there ever were.
#[derive(Default)]
struct InFlight {
    now: AtomicUsize,
    most: AtomicUsize,
}

#[derive(Default)]
struct Sockets {
    told: BTreeMap<String, Vec<(Instant, Value)>>,
    gone: BTreeSet<String>,
    /// Take nothing and never answer.
    stuck: BTreeSet<String>,
    failing: BTreeSet<String>,
    closed: BTreeSet<String>,
    /// Of which the client has not heard yet that they are let in.
    making: BTreeSet<String>,
}

impl Recorder {
    /// What a connection was told since the last call.
    pub fn take(&self, connection: &str) -> Vec<Value> {
        let told = self.0.lock().unwrap().told.remove(connection).unwrap_or_default();
        told.into_iter().map(|(_, message)| message).collect()
    }

    /// When a connection was told something.
    pub fn times(&self, connection: &str) -> Vec<Instant> {
        let told = &self.0.lock().unwrap().told;
        told.get(connection).into_iter().flatten().map(|(at, _)| *at).collect()
    }

    pub fn is_closed(&self, connection: &str) -> bool {
        self.0.lock().unwrap().closed.contains(connection)
    }

    pub fn hang_up(&self, connection: &str) {
        self.0.lock().unwrap().gone.insert(connection.to_owned());
    }

    pub fn get_stuck(&self, connection: &str) {
        self.0.lock().unwrap().stuck.insert(connection.to_owned());
    }

    /// A connection that is being made takes no message and cannot be closed, as with API Gateway.
    pub fn begin_making(&self, connection: &str) {
        self.0.lock().unwrap().making.insert(connection.to_owned());
    }

    pub fn end_making(&self, connection: &str) {
        self.0.lock().unwrap().making.remove(connection);
    }

    /// The most posts that were ever under way at the same time.
    pub fn most_at_once(&self) -> usize {
        self.1.most.load(Ordering::SeqCst)
    }

    pub fn fail(&self, connection: &str) {
        self.0.lock().unwrap().failing.insert(connection.to_owned());
    }
}

#[async_trait]
impl Push for Recorder {
    async fn post(&self, connection: &str, text: &str) -> Result<(), PushError> {
        let stuck = self.0.lock().unwrap().stuck.contains(connection);
        if stuck {
            std::future::pending::<()>().await;
        }
        let under_way = self.1.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.1.most.fetch_max(under_way, Ordering::SeqCst);
        // Where a real socket would be waited for, others have their turn.
        tokio::task::yield_now().await;
        self.1.now.fetch_sub(1, Ordering::SeqCst);
        let mut sockets = self.0.lock().unwrap();
        if [&sockets.gone, &sockets.closed, &sockets.making].iter().any(|some| some.contains(connection)) {
            return Err(PushError::Gone);
        }
        if sockets.failing.contains(connection) {
            return Err(PushError::Failed("by plan".to_owned()));
        }
        let message = (Instant::now(), serde_json::from_str(text).unwrap());
        sockets.told.entry(connection.to_owned()).or_default().push(message);
        Ok(())
    }

    async fn close(&self, connection: &str) -> Result<(), PushError> {
        let mut sockets = self.0.lock().unwrap();
        if !sockets.making.contains(connection) {
            sockets.closed.insert(connection.to_owned());
        }
        Ok(())
    }
}
