//! What every service needs: the engines, the clock and ids.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{CustomerId, Day};
use objects::Objects;
use store::{Clock, Key, Table};
use uuid::{ContextV7, Timestamp, Uuid};

use crate::bus::{Bus, NoBus};
use crate::customer_limits::CustomerLimits;
use crate::dry_run::DryRunTable;
use crate::hasher::Hasher;
use crate::mail::{Mail, NoMail};
use crate::push::{NoConnections, Push};
use crate::restricted_table::RestrictedTable;
use crate::source_limits::SourceLimits;

const MILLISECONDS_A_DAY: u128 = 24 * 60 * 60 * 1_000;

/// The engines that a composition root has chosen.
pub struct Parts {
    /// Stores items.
    pub table: Arc<dyn Table>,
    /// Stores reports and large results.
    pub objects: Arc<dyn Objects>,
    /// The wall clock.
    pub clock: Clock,
    /// How customers and other functions are notified.
    pub channels: Channels,
}

/// How customers and other functions are notified.
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
    /// No channels: for functions that notify no one.
    #[must_use]
    pub fn none() -> Self {
        Self { bus: Arc::new(NoBus), push: Arc::new(NoConnections), mail: Arc::new(NoMail) }
    }
}

/// What the use cases of a function run on: the [`App`], or a type that contains it.
pub trait Platform: Clone + Send + Sync + 'static {
    /// The application.
    fn app(&self) -> &App;

    /// The same for a dry run: use cases decide and respond as usual, and their writes are discarded.
    #[must_use]
    fn dry_run(&self) -> Self;
}

/// Locks that the customers of a process are spread over. A request holds its customer's lock while it moves money.
const LOCKS: usize = 64;

/// The application, shared by all requests of a process; cloning shares it.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
    tables: Arc<Tables>,
    is_dry_run: bool,
}

struct Tables {
    table: Arc<dyn Table>,
    dry_run: DryRunTable,
}

struct Inner {
    objects: Arc<dyn Objects>,
    clock: Clock,
    channels: Channels,
    ids: std::sync::Mutex<ContextV7>,
    customer_locks: [tokio::sync::Mutex<()>; LOCKS],
    attempt_locks: [tokio::sync::Mutex<()>; LOCKS],
    hasher: Hasher,
    source_limits: SourceLimits,
    customer_limits: CustomerLimits,
}

impl Tables {
    fn new(table: Arc<dyn Table>, clock: Clock) -> Self {
        Self { dry_run: DryRunTable::new(Arc::clone(&table), clock), table }
    }
}

impl App {
    /// An application on these engines, with the default limits by source address and by customer.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self::limited(parts, SourceLimits::default(), CustomerLimits::default())
    }

    /// An application on these engines, with these limits by source address and by customer.
    #[must_use]
    pub fn limited(parts: Parts, source_limits: SourceLimits, customer_limits: CustomerLimits) -> Self {
        let Parts { table, objects, clock, channels } = parts;
        let tables = Tables::new(table, Arc::clone(&clock));
        let inner = Inner {
            objects,
            clock,
            channels,
            ids: std::sync::Mutex::new(ContextV7::new()),
            customer_locks: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            attempt_locks: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            hasher: Hasher::default(),
            source_limits,
            customer_limits,
        };
        Self { inner: Arc::new(inner), tables: Arc::new(tables), is_dry_run: false }
    }

    /// This application as a function may use it: its table refuses what [`store::access`] does not grant.
    #[must_use]
    pub fn restricted_to(&self, function: &str) -> Self {
        let table = Arc::new(RestrictedTable::new(Arc::clone(&self.tables.table), function));
        Self { tables: Arc::new(Tables::new(table, Arc::clone(&self.inner.clock))), ..self.clone() }
    }

    /// This application with writes that take effect, even in a dry run.
    #[must_use]
    pub fn writing(&self) -> Self {
        Self { is_dry_run: false, ..self.clone() }
    }

    /// The store.
    #[must_use]
    pub fn table(&self) -> &dyn Table {
        if self.is_dry_run { &self.tables.dry_run } else { &*self.tables.table }
    }

    /// The storage of reports and large results.
    #[must_use]
    pub fn objects(&self) -> &dyn Objects {
        &*self.inner.objects
    }

    /// Takes events.
    #[must_use]
    pub fn bus(&self) -> &dyn Bus {
        &*self.inner.channels.bus
    }

    /// Reaches live connections.
    #[must_use]
    pub fn push(&self) -> &dyn Push {
        &*self.inner.channels.push
    }

    /// Sends e-mails.
    #[must_use]
    pub fn mail(&self) -> &dyn Mail {
        &*self.inner.channels.mail
    }

    /// Hashes passwords.
    #[must_use]
    pub fn hasher(&self) -> &Hasher {
        &self.inner.hasher
    }

    /// The limits for one source address.
    #[must_use]
    pub fn source_limits(&self) -> &SourceLimits {
        &self.inner.source_limits
    }

    /// The limits for one customer.
    #[must_use]
    pub fn customer_limits(&self) -> CustomerLimits {
        self.inner.customer_limits
    }

    /// The current time, to the millisecond, so that a time in a response equals the one that is read back later.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        domain::instant::to_the_millisecond((self.inner.clock)())
    }

    /// A new id. Later ids of this process sort after earlier ones.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        let context = self.inner.ids.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Uuid::new_v7(Timestamp::from_unix(&*context, seconds, now.timestamp_subsec_nanos()))
    }

    /// When an id of [`App::new_id`] was made, to the millisecond. A replayed response, rebuilt from the request and
    /// its id, has the same time.
    #[must_use]
    pub fn made_at(id: Uuid) -> DateTime<Utc> {
        let (seconds, nanos) = id.get_timestamp().map_or((0, 0), |timestamp| timestamp.to_unix());
        let seconds = i64::try_from(seconds).unwrap_or_default();
        DateTime::from_timestamp(seconds, nanos).unwrap_or_default()
    }

    /// The lowest id that can be made on this day (UTC). For days before 1970, in which none was made, it is the nil id.
    #[must_use]
    pub fn first_id_of(day: Day) -> Uuid {
        let milliseconds = u128::try_from(day.days_since_epoch()).unwrap_or_default() * MILLISECONDS_A_DAY;
        // A UUIDv7 begins with the milliseconds since 1970, in 48 bits.
        Uuid::from_u128(milliseconds << 80)
    }

    /// The highest id that can be made on this day (UTC).
    #[must_use]
    pub fn last_id_of(day: Day) -> Uuid {
        let days = u128::try_from(day.days_since_epoch() + 1).unwrap_or_default();
        Uuid::from_u128(((days * MILLISECONDS_A_DAY) << 80).saturating_sub(1))
    }

    /// Locks this customer's money against other requests of this process.
    ///
    /// The lock is an optimization: the versions that every transaction asserts keep the books right. It spares
    /// concurrent requests of one process the conflicts that all but one of them would lose.
    pub async fn lock_customer(&self, customer: CustomerId) -> tokio::sync::MutexGuard<'_, ()> {
        let slot = usize::from(customer.0.as_bytes()[15]) % LOCKS;
        self.inner.customer_locks[slot].lock().await
    }

    /// Locks the attempts under this key against other requests of this process. Like [`App::lock_customer`], it is
    /// only an optimization.
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

#[cfg(test)]
mod tests {
    use uuid::NoContext;

    use super::*;

    fn made(at: &str) -> Uuid {
        let at: DateTime<Utc> = at.parse().unwrap();
        let (seconds, nanos) = (at.timestamp().unsigned_abs(), at.timestamp_subsec_nanos());
        Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, nanos))
    }

    #[test]
    fn the_ids_of_a_day_are_between_its_first_and_its_last() {
        let day: Day = "2026-11-20".parse().unwrap();
        let (first, last) = (App::first_id_of(day), App::last_id_of(day));
        for at in ["2026-11-20T00:00:00.000Z", "2026-11-20T12:00:00Z", "2026-11-20T23:59:59.999Z"] {
            assert!((first..=last).contains(&made(at)), "{at}");
        }
        assert!(made("2026-11-19T23:59:59.999Z") < first);
        assert!(made("2026-11-21T00:00:00.000Z") > last);
        assert_eq!(App::first_id_of(Day::FIRST), Uuid::nil());
        assert!(App::last_id_of(Day::FIRST) <= App::first_id_of(day) && App::last_id_of(Day::LAST) > last);
    }
}
