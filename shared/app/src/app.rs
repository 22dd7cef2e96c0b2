//! What every service needs: the engines, the clock and ids.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::CustomerId;
use objects::Objects;
use store::{Clock, Key, Table};
use uuid::{ContextV7, Timestamp, Uuid};

use crate::bus::{Bus, NoBus};
use crate::dry_run::DryRunTable;
use crate::hasher::Hasher;
use crate::mail::{Mail, NoMail};
use crate::push::{NoConnections, Push};
use crate::source_limits::SourceLimits;

/// The engines that a composition root has chosen.
pub struct Parts {
    /// Where items live.
    pub table: Arc<dyn Table>,
    /// Where reports and large results live.
    pub objects: Arc<dyn Objects>,
    /// The wall clock.
    pub clock: Clock,
    /// How customers and other functions hear of what happens.
    pub channels: Channels,
}

/// How customers and other functions hear of what happens.
#[derive(Clone)]
pub struct Channels {
    /// Takes events.
    pub bus: Arc<dyn Bus>,
    /// Reaches live connections.
    pub push: Arc<dyn Push>,
    /// Sends e-mails.
    pub mail: Arc<dyn Mail>,
}

impl Channels {
    /// Nobody hears of anything: for functions that tell nothing.
    #[must_use]
    pub fn none() -> Self {
        Self { bus: Arc::new(NoBus), push: Arc::new(NoConnections), mail: Arc::new(NoMail) }
    }
}

/// What the use cases of a function run on: the [`App`], or something more that has it.
pub trait Platform: Clone + Send + Sync + 'static {
    /// The application.
    fn app(&self) -> &App;

    /// The same for a dry run: use cases decide and answer as usual, and what they write is dropped.
    #[must_use]
    fn dry_run(&self) -> Self;
}

/// Queues that the customers of a process are spread over, each of whose money one request at a time moves.
const LOCKS: usize = 64;

/// The application, shared by all requests of a process; cloning shares it.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
    is_dry_run: bool,
}

struct Inner {
    parts: Parts,
    dry_run_table: DryRunTable,
    ids: std::sync::Mutex<ContextV7>,
    customer_locks: [tokio::sync::Mutex<()>; LOCKS],
    attempt_locks: [tokio::sync::Mutex<()>; LOCKS],
    hasher: Hasher,
    source_limits: SourceLimits,
}

impl App {
    /// An application on these engines, with the limits by source address that hold where nothing is set.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self::limited(parts, SourceLimits::default())
    }

    /// An application on these engines, with these limits by source address.
    #[must_use]
    pub fn limited(parts: Parts, source_limits: SourceLimits) -> Self {
        let inner = Inner {
            dry_run_table: DryRunTable::new(Arc::clone(&parts.table), Arc::clone(&parts.clock)),
            parts,
            ids: std::sync::Mutex::new(ContextV7::new()),
            customer_locks: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            attempt_locks: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            hasher: Hasher::default(),
            source_limits,
        };
        Self { inner: Arc::new(inner), is_dry_run: false }
    }

    /// This application with a store that is written to, dry run or not.
    #[must_use]
    pub fn writing(&self) -> Self {
        Self { is_dry_run: false, ..self.clone() }
    }

    /// The store.
    #[must_use]
    pub fn table(&self) -> &dyn Table {
        if self.is_dry_run { &self.inner.dry_run_table } else { &*self.inner.parts.table }
    }

    /// Reports and large results.
    #[must_use]
    pub fn objects(&self) -> &dyn Objects {
        &*self.inner.parts.objects
    }

    /// Takes events.
    #[must_use]
    pub fn bus(&self) -> &dyn Bus {
        &*self.inner.parts.channels.bus
    }

    /// Reaches live connections.
    #[must_use]
    pub fn push(&self) -> &dyn Push {
        &*self.inner.parts.channels.push
    }

    /// Sends e-mails.
    #[must_use]
    pub fn mail(&self) -> &dyn Mail {
        &*self.inner.parts.channels.mail
    }

    /// Hashes passwords.
    #[must_use]
    pub fn hasher(&self) -> &Hasher {
        &self.inner.hasher
    }

    /// How much one source address may ask for.
    #[must_use]
    pub fn source_limits(&self) -> &SourceLimits {
        &self.inner.source_limits
    }

    /// The time on the wall, to the millisecond: what is answered at once and what is read back later are the same.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        domain::instant::to_the_millisecond((self.inner.parts.clock)())
    }

    /// A new id; later ids sort after earlier ones of this process.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        let context = self.inner.ids.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Uuid::new_v7(Timestamp::from_unix(&*context, seconds, now.timestamp_subsec_nanos()))
    }

    /// When an id of [`App::new_id`] was made, to the millisecond: what is made again from a request and its id carries
    /// the same time.
    #[must_use]
    pub fn made_at(id: Uuid) -> DateTime<Utc> {
        let (seconds, nanos) = id.get_timestamp().map_or((0, 0), |timestamp| timestamp.to_unix());
        let seconds = i64::try_from(seconds).unwrap_or_default();
        DateTime::from_timestamp(seconds, nanos).unwrap_or_default()
    }

    /// Waits until no other request of this process moves this customer's money.
    ///
    /// It decides nothing: what keeps the books right are the versions that every transaction asserts. It spares rivals
    /// of one process the races that all but one of them would lose.
    pub async fn lock_customer(&self, customer: CustomerId) -> tokio::sync::MutexGuard<'_, ()> {
        let slot = usize::from(customer.0.as_bytes()[15]) % LOCKS;
        self.inner.customer_locks[slot].lock().await
    }

    /// Waits until no other request of this process counts an attempt under this key; like [`App::lock_customer`] it decides nothing.
    pub(crate) async fn lock_attempts(&self, key: &Key) -> tokio::sync::MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        key.pk.hash(&mut hasher);
        self.inner.attempt_locks[hasher.finish() as usize % LOCKS].lock().await
    }
}

impl Platform for App {
    fn app(&self) -> &App {
        self
    }

    fn dry_run(&self) -> Self {
        Self { is_dry_run: true, ..self.clone() }
    }
}
