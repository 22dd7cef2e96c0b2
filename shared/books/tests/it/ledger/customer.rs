//! The customer whose books are tested, and the platform that serves them.

use std::sync::{Arc, OnceLock};

use app::{App, Channels, Parts, ServiceError};
use books::portfolios::NewPortfolio;
use domain::portfolio::{LotMethod, PortfolioName, PortfolioType};
use domain::{CustomerId, PortfolioId};
use market_data::MarketData;
use objects::FolderObjects;
use store::error::Remedy;
use store::{Body, Clock, Key, Table, Write, keys};
use store_sqlite::SqliteTable;
use testing::people::{open_portfolio, opening, person, register};

use crate::ledger::market::{Exchange, SessionClock};

/// A platform on a store, with a folder for its objects.
pub struct Platform {
    pub platform: MarketData,
    _folder: tempfile::TempDir,
}

impl Platform {
    pub fn start(table: Arc<dyn Table>, clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = Arc::new(FolderObjects::open(folder.path(), [7; 32], clock.clone()).unwrap());
        Self {
            platform: MarketData::new(
                App::new(Parts { table, objects, clock, channels: Channels::none() }),
                Arc::new(Exchange),
            ),
            _folder: folder,
        }
    }
}

/// Sends a command until it gets a response; returns the number of repetitions too.
pub async fn until_answered<T>(send: impl AsyncFn() -> Result<T, ServiceError>) -> (Result<T, ServiceError>, usize) {
    for lost in 0..1_000 {
        match send().await {
            Err(ServiceError::Store(error)) if error.remedy() != Remedy::None => {}
            answered => return (answered, lost),
        }
    }
    panic!("a thousand responses were lost in a row");
}

/// The items of a registered customer, to be put into any store: hashing a password is slow, and not under test here.
fn registered() -> &'static (CustomerId, Vec<(Key, Body)>) {
    static REGISTERED: OnceLock<(CustomerId, Vec<(Key, Body)>)> = OnceLock::new();
    REGISTERED.get_or_init(|| {
        // A separate thread: the caller's may be running another runtime.
        let made = std::thread::spawn(|| tokio::runtime::Runtime::new().unwrap().block_on(register_anew()));
        made.join().unwrap()
    })
}

async fn register_anew() -> (CustomerId, Vec<(Key, Body)>) {
    let clock = SessionClock::default().reader();
    let table = Arc::new(SqliteTable::in_memory(clock.clone()).unwrap());
    let platform = Platform::start(table.clone(), clock);
    let person = person("Ada");
    let email = keys::email(&person.email);
    let customer = register(&platform.platform.app, person).await;
    let mut items = Vec::new();
    for key in [email, keys::profile(customer), keys::customer_index_item(customer)] {
        items.push((key.clone(), table.get(&key).await.unwrap().unwrap().body));
    }
    (customer, items)
}

/// Puts the customer into a store.
pub async fn settle(table: &dyn Table) -> CustomerId {
    let (customer, items) = registered();
    let writes = items.iter().map(|(key, body)| Write::create(key.clone(), body.clone()));
    table.transact(writes.collect()).await.unwrap();
    *customer
}

/// Opens a portfolio for the customer.
pub async fn open(platform: &MarketData, customer: CustomerId, name: &str, lot_method: LotMethod) -> PortfolioId {
    let name = PortfolioName::parse(name).unwrap();
    open_portfolio(&platform.app, customer, NewPortfolio { name, lot_method, ..opening(PortfolioType::Brokerage) })
        .await
}
