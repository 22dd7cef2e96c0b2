//! Customers with a clock that the test moves.

use std::sync::Arc;

use app::{App, Channels, Created, Parts, ServiceError};
use chrono::TimeDelta;
use domain::{CustomerId, Email};
use identity::password::Password;
use identity::profile::Person;
use identity::sessions::{self, SessionKind};
use identity::{Customer, registration};
use store::fault::{Faulty, Plan};
use store::{Body, Item, Table, keys};
use store_sqlite::SqliteTable;
use testing::TestBed;
use testing::people::{PASSWORD, person};

pub struct World {
    pub app: App,
    pub table: Arc<Faulty<SqliteTable>>,
    test_bed: TestBed,
}

pub fn email() -> Email {
    ada().email
}

pub fn ada() -> Person {
    person("Ada")
}

pub fn password(text: &str) -> Password {
    Password::typed(text.to_owned())
}

impl World {
    pub async fn with_ada() -> Self {
        let world = Self::empty();
        registration::register(&world.app, ada(), password(PASSWORD)).await.unwrap();
        world
    }

    pub fn empty() -> Self {
        let test_bed = TestBed::at("2026-11-20T12:00:00Z");
        let table = Arc::new(Faulty::new(test_bed.table(), Plan::quiet()));
        let (objects, clock) = (test_bed.objects.clone(), test_bed.clock.reader());
        let app = App::new(Parts { table: table.clone(), objects, clock, channels: Channels::none() });
        Self { app, table, test_bed }
    }

    pub fn forward(&self, by: TimeDelta) {
        self.test_bed.clock.forward(by);
    }

    /// Signs Ada in with this password.
    pub async fn guess(&self, text: &str) -> Result<(), ServiceError> {
        sessions::sign_in(&self.app, &email(), password(text), SessionKind::Api).await.map(drop)
    }

    pub async fn register(&self, person: Person, text: &str, key: &str) -> Result<Created<Customer>, ServiceError> {
        registration::register_once(&self.app, person, password(text), Some(key)).await
    }

    pub async fn ada(&self) -> CustomerId {
        let item = self.table.get(&keys::email(&email())).await.unwrap().unwrap();
        json(&item).as_str().unwrap().parse().map(CustomerId).unwrap()
    }
}

pub fn json(item: &Item) -> serde_json::Value {
    match &item.body {
        Body::Json(text) => serde_json::from_str(text).unwrap(),
        Body::Bytes(_) => unreachable!("customers are stored as JSON"),
    }
}
