//! A table that fails on purpose, by a plan: for tests of everything that must survive a store that fails.

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

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A transaction loses a race that nobody ran. A read is answered as if nothing were wrong.
    Conflict,
    /// The store asks to slow down.
    Throttle,
    /// The connection breaks before anything has happened.
    ErrorBefore,
    /// A transaction is committed, and the answer is lost. A read just fails.
    ErrorAfter,
}

/// Which calls go wrong, and how.
#[derive(Debug)]
pub struct Plan(Kind);

#[derive(Debug)]
enum Kind {
    Scripted(VecDeque<Option<Fault>>),
    Seeded { random: Box<StdRng>, share: f64 },
}

impl Plan {
    /// These faults, one a call in this order; when they are used up all goes well.
    pub fn scripted(faults: impl IntoIterator<Item = Option<Fault>>) -> Self {
        Self(Kind::Scripted(faults.into_iter().collect()))
    }

    /// Nothing goes wrong.
    #[must_use]
    pub fn quiet() -> Self {
        Self::scripted([])
    }

    /// This share of calls (0 to 1) goes wrong, in all four ways alike; the same seed gives the same faults.
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

/// A table in front of another, with one plan for its reads and one for its transactions.
#[derive(Debug)]
pub struct Faulty<T> {
    inner: T,
    reads: Mutex<Plan>,
    writes: Mutex<Plan>,
}

impl<T: Table> Faulty<T> {
    /// `inner`, with transactions that go wrong by this plan.
    pub fn new(inner: T, writes: Plan) -> Self {
        Self { inner, reads: Mutex::new(Plan::quiet()), writes: Mutex::new(writes) }
    }

    /// The same, with reads that go wrong by a plan of their own.
    #[must_use]
    pub fn with_reads(self, reads: Plan) -> Self {
        Self { reads: Mutex::new(reads), ..self }
    }

    /// The table behind, which does not fail.
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// From now on transactions go wrong by this plan.
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
    StoreError::unavailable("the connection broke, by plan")
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
