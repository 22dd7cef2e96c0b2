//! A table and sockets that run an action before a chosen step, and a table that records every key ever written.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use app::push::{Push, PushError};
use async_trait::async_trait;
use store::{Key, StoreError, Table, Version, Write};
use testing::Interceptor;

/// Something that happens between two steps.
pub type Action = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Counts steps, and runs each planned action before its step.
#[derive(Default)]
pub struct Steps(Mutex<Plan>);

#[derive(Default)]
struct Plan {
    taken: usize,
    due: Vec<(usize, Action)>,
}

impl Steps {
    /// Starts counting from 0, and plans these actions before the steps with these numbers.
    pub fn plan(&self, due: Vec<(usize, Action)>) {
        *self.0.lock().unwrap() = Plan { taken: 0, due };
    }

    /// Runs the actions that are left, and returns how many steps were taken.
    pub async fn finish(&self) -> usize {
        let plan = std::mem::take(&mut *self.0.lock().unwrap());
        for (_, action) in plan.due {
            action.await;
        }
        plan.taken
    }

    async fn step(&self) {
        let due = {
            let mut plan = self.0.lock().unwrap();
            let now = plan.taken;
            plan.taken += 1;
            let (due, later) = std::mem::take(&mut plan.due).into_iter().partition(|(step, _)| *step <= now);
            plan.due = later;
            let due: Vec<(usize, Action)> = due;
            due
        };
        for (_, action) in due {
            action.await;
        }
    }
}

/// A table or sockets that count a step before each call.
pub struct Stepped<T> {
    pub inner: T,
    pub steps: Arc<Steps>,
}

#[async_trait]
impl Interceptor for Stepped<Arc<dyn Table>> {
    fn table(&self) -> &dyn Table {
        &*self.inner
    }

    async fn before_read(&self) {
        self.steps.step().await;
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        self.steps.step().await;
        self.inner.transact(writes).await
    }
}

#[async_trait]
impl<P: Push> Push for Stepped<Arc<P>> {
    async fn post(&self, connection: &str, text: &str) -> Result<(), PushError> {
        self.steps.step().await;
        self.inner.post(connection, text).await
    }

    async fn close(&self, connection: &str) -> Result<(), PushError> {
        self.steps.step().await;
        self.inner.close(connection).await
    }
}

/// A table that records the key of every item that was ever put into it.
pub struct KeyRecorder<T> {
    pub inner: T,
    pub put: Arc<Mutex<BTreeSet<Key>>>,
}

#[async_trait]
impl<T: Table> Interceptor for KeyRecorder<T> {
    fn table(&self) -> &dyn Table {
        &self.inner
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        let puts = writes.iter().filter(|write| matches!(write, Write::Put { .. })).map(|write| write.key().clone());
        self.put.lock().unwrap().extend(puts);
        self.inner.transact(writes).await
    }
}
