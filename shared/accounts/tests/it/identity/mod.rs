//! Customers, sessions and roles, with a clock that the test moves and a store that counts requests and injects
//! failures.

mod administrators;
mod advisors;
mod kinds;
mod lifetimes;
mod moving;
mod registering;

use std::sync::{Arc, Mutex};

use accounts::administration::AccountChange;
use app::{Created, Precondition, ServiceError};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{CustomerId, Email};
use identity::audit::Actor;
use identity::authorization::authorize;
use identity::password::Password;
use identity::profile::{self, Person};
use identity::sessions::{self, SessionKind};
use identity::{Customer, registration};
use market::Sample;
use market_data::MarketData;
use store::fault::{Faulty, Plan};
use store::{Body, Item, Query, Range, StoreError, Table, Write, keys};
use store_sqlite::SqliteTable;
use testing::people::{PASSWORD, person};
use testing::{CountingTable, InterceptedTable, Interceptor, TestBed};
use uuid::Uuid;

/// A table in which an advisor can advise again immediately after their clients were read.
struct AdvisorReturns {
    table: SqliteTable,
    advises_again: Mutex<Option<CustomerId>>,
}

#[async_trait]
impl Interceptor for AdvisorReturns {
    fn table(&self) -> &dyn Table {
        &self.table
    }

    async fn after_query(&self, query: &Query) -> Result<(), StoreError> {
        let advises_again = match &query.range {
            Range::Prefix(prefix) if prefix == "CLIENT#" => self.advises_again.lock().unwrap().take(),
            _ => None,
        };
        if let Some(advisor) = advises_again {
            let item = self.table.get(&keys::profile(advisor)).await?.unwrap();
            let mut profile = json(&item);
            (profile["role"], profile["advice_to_end"]) = ("advisor".into(), false.into());
            let again = Write::update(item.key, Body::Json(profile.to_string()), item.version);
            self.table.transact(vec![again]).await?;
        }
        Ok(())
    }
}

struct World {
    platform: MarketData,
    table: Arc<Faulty<CountingTable>>,
    advisor: Arc<InterceptedTable<AdvisorReturns>>,
    test_bed: TestBed,
}

fn email() -> Email {
    "ada@example.com".parse().unwrap()
}

fn ada() -> Person {
    person("Ada")
}

fn password(text: &str) -> Password {
    Password::typed(text.to_owned())
}

impl World {
    async fn with_ada() -> Self {
        let world = Self::empty();
        registration::register(&world.platform.app, ada(), password(PASSWORD)).await.unwrap();
        world
    }

    fn empty() -> Self {
        let test_bed = TestBed::at("2026-11-20T12:00:00Z");
        let advisor =
            Arc::new(InterceptedTable(AdvisorReturns { table: test_bed.table(), advises_again: Mutex::default() }));
        let table = Arc::new(Faulty::new(CountingTable::new(advisor.clone()), Plan::quiet()));
        let platform = test_bed.platform(table.clone(), Arc::new(Sample::new()));
        Self { platform, table, advisor, test_bed }
    }

    fn forward(&self, by: TimeDelta) {
        self.test_bed.clock.forward(by);
    }

    async fn token(&self, kind: SessionKind) -> String {
        sessions::sign_in(&self.platform.app, &email(), password(PASSWORD), kind).await.unwrap().token
    }

    async fn is_active(&self, token: &str) -> bool {
        authorize(&self.platform.app, token).await.unwrap().is_ok()
    }

    async fn guess(&self, text: &str) -> Result<(), ServiceError> {
        sessions::sign_in(&self.platform.app, &email(), password(text), SessionKind::Api).await.map(drop)
    }

    async fn register(&self, person: Person, text: &str, key: &str) -> Result<Created<Customer>, ServiceError> {
        registration::register_once(&self.platform.app, person, password(text), Some(key)).await
    }

    async fn ada(&self) -> CustomerId {
        let item = self.table.get(&keys::email(&email())).await.unwrap().unwrap();
        json(&item).as_str().unwrap().parse().map(CustomerId).unwrap()
    }

    /// Other clients called C with Ada's password, without hashing it again; oldest first.
    async fn others(&self, count: u128) -> Vec<CustomerId> {
        let ada = profile::find(&self.platform.app, self.ada().await).await.unwrap().profile;
        let profile = serde_json::to_value(ada).unwrap();
        let mut customers = Vec::new();
        for number in 1..=count {
            let id = CustomerId(Uuid::from_u128(number));
            let mut profile = profile.clone();
            profile["id"] = serde_json::json!(id);
            profile["person"]["email"] = serde_json::json!(format!("c{number}@example.com"));
            profile["person"]["first_name"] = serde_json::json!("C");
            profile["role"] = serde_json::json!("client");
            let text = |value: serde_json::Value| Body::Json(value.to_string());
            let writes = vec![
                Write::create(keys::profile(id), text(profile)),
                Write::create(keys::customer_index_item(id), text(serde_json::json!(id))),
            ];
            self.table.inner().transact(writes).await.unwrap();
            customers.push(id);
        }
        customers
    }

    async fn change(&self, customer: CustomerId, change: AccountChange) -> Result<(), ServiceError> {
        accounts::administration::administer(&self.platform.app, Actor::Operator, customer, &Precondition::Any, change)
            .await
            .map(drop)
    }

    /// Gives clients an advisor.
    async fn advise(&self, clients: &[CustomerId], advisor: CustomerId) {
        for client in clients {
            let change = AccountChange { advisor_id: Some(Some(advisor)), ..AccountChange::default() };
            self.change(*client, change).await.unwrap();
        }
    }

    /// How many of them have an advisor: by their profiles, by the items in their partitions, and by those of the advisor.
    async fn advised(&self, clients: &[CustomerId], advisor: CustomerId) -> [usize; 3] {
        let (mut profiles, mut own) = (0, 0);
        for client in clients {
            profiles +=
                usize::from(profile::find(&self.platform.app, *client).await.unwrap().profile.advisor_id.is_some());
            own += usize::from(self.table.inner().get(&keys::advisor_of(*client)).await.unwrap().is_some());
        }
        let list = keys::clients_of(advisor);
        let listed = self.table.inner().query(&Query::forward(list.partition, list.range, 100)).await.unwrap();
        [profiles, own, listed.items.len()]
    }
}

fn json(item: &Item) -> serde_json::Value {
    match &item.body {
        Body::Json(text) => serde_json::from_str(text).unwrap(),
        Body::Bytes(_) => unreachable!("customers are stored as JSON"),
    }
}
