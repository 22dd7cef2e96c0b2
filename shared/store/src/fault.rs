//! A table that fails according to a plan, for tests of code that must survive failures of the store.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::error::StoreError;
use crate::item::{Item, Key, Version};
use crate::query::{Page, Query};
use crate::table::Table;
use crate::write::Write;

/// A fault of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A transaction reports a conflict. A read succeeds.
    Conflict,
    /// The store asks to slow down.
    Throttle,
    /// The connection breaks before anything happens.
    ErrorBefore,
    /// A transaction is committed and its response is lost. A read fails.
    ErrorAfter,
}

/// Which calls fail, and how.
#[derive(Debug)]
pub struct Plan(Kind);

#[derive(Debug)]
enum Kind {
    Scripted(VecDeque<Option<Fault>>),
    Seeded { random: Box<StdRng>, share: f64 },
}

impl Plan {
    /// These faults, one per call in this order; later calls succeed.
    pub fn scripted(faults: impl IntoIterator<Item = Option<Fault>>) -> Self {
        Self(Kind::Scripted(faults.into_iter().collect()))
    }

    /// No faults.
    #[must_use]
    pub fn quiet() -> Self {
        Self::scripted([])
    }

    /// This share of calls (0 to 1) fails, evenly in all four ways. The same seed gives the same faults.
    #[must_use]
    pub fn seeded(seed: u64, share: f64) -> Self {
        Self(Kind::Seeded { random: Box::new(StdRng::seed_from_u64(seed)), share: share.clamp(0.0, 1.0) })
    }

    fn next(&mut self) -> Option<Fault> {
        match &mut self.0 {
            Kind::Scripted(faults) => faults.pop_front().flatten(),
            Kind::Seeded { random, share } => random.random_bool(*share).then(|| match random.random_range(0..4) {
                0 => Fault::Conflict,
                1 => Fault::Throttle,
                2 => Fault::ErrorBefore,
                _ => Fault::ErrorAfter,
            }),
        }
    }
}

/// A wrapper around a table, with one plan for reads and one for transactions.
#[derive(Debug)]
pub struct Faulty<T> {
    inner: T,
    reads: Mutex<Plan>,
    writes: Mutex<Plan>,
}

impl<T: Table> Faulty<T> {
    /// Wraps `inner` with a plan for transactions.
    pub fn new(inner: T, writes: Plan) -> Self {
        Self { inner, reads: Mutex::new(Plan::quiet()), writes: Mutex::new(writes) }
    }

    /// Adds a plan for reads.
    #[must_use]
    pub fn with_reads(self, reads: Plan) -> Self {
        Self { reads: Mutex::new(reads), ..self }
    }

    /// The wrapped table, which does not fail.
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// Replaces the plan for transactions.
    pub fn plan_writes(&self, plan: Plan) {
        *self.writes.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    fn before_a_read(&self) -> Result<(), StoreError> {
        match next(&self.reads) {
            None | Some(Fault::Conflict) => Ok(()),
            Some(Fault::Throttle) => Err(StoreError::Throttled),
            Some(Fault::ErrorBefore | Fault::ErrorAfter) => Err(broken()),
        }
    }
}

fn next(plan: &Mutex<Plan>) -> Option<Fault> {
    plan.lock().unwrap_or_else(PoisonError::into_inner).next()
}

fn broken() -> StoreError {
    StoreError::unavailable("the connection broke (injected fault)")
}

#[async_trait]
impl<T: Table> Table for Faulty<T> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.before_a_read()?;
        self.inner.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        self.before_a_read()?;
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.before_a_read()?;
        self.inner.query(query).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        match next(&self.writes) {
            None => self.inner.transact(writes).await,
            Some(Fault::Conflict) => Err(StoreError::Conflict { write: 0 }),
            Some(Fault::Throttle) => Err(StoreError::Throttled),
            Some(Fault::ErrorBefore) => Err(broken()),
            Some(Fault::ErrorAfter) => {
                self.inner.transact(writes).await?;
                Err(broken())
            }
        }
    }
}
