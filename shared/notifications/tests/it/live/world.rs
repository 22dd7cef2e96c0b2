//! A platform in memory with customers, a manual clock, and sockets that record what they receive.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use app::Channels;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Currency, CustomerId, Email, Instrument, Price, Symbol};
use identity::sessions::SessionKind;
use market::{CallBudget, History, MarketClock, Provider, ProviderError};
use market_data::MarketData;
use market_data::quote_record::LastQuote;
use notifications::live;
use serde_json::{Value, json};
use store::fault::{Faulty, Plan};
use store::{DeleteExpect, Key, Table, Write, documents, keys};
use store_sqlite::SqliteTable;
use testing::people::{SignedIn, person, register, sign_in};
use testing::{InterceptedTable, TestBed};

use crate::live::recorder::Recorder;
use crate::live::steps::{KeyRecorder, Stepped, Steps};

/// The source of all quotes.
pub const SOURCE: &str = "made by hand";

type RecordingTable = Faulty<InterceptedTable<KeyRecorder<SqliteTable>>>;

pub struct World {
    /// On table and sockets directly.
    pub platform: MarketData,
    /// On the same, but counts a step before each call.
    pub stepped: MarketData,
    pub steps: Arc<Steps>,
    pub sockets: Arc<Recorder>,
    pub table: Arc<RecordingTable>,
    test_bed: TestBed,
    put: Arc<Mutex<BTreeSet<Key>>>,
    connections: AtomicUsize,
}

/// A customer who has signed in.
#[derive(Clone)]
pub struct SignedInCustomer {
    pub id: CustomerId,
    pub email: Email,
    /// Hash of the token.
    pub session: String,
    pub token: String,
}

pub fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

/// A provider that has a name and a clock but no prices. Live connections never call it.
struct NoPrices(MarketClock);

#[async_trait]
impl Provider for NoPrices {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn clock(&self) -> MarketClock {
        self.0
    }

    async fn fetch_daily(&self, _symbol: &Symbol, _budget: CallBudget) -> Result<History, ProviderError> {
        Err(ProviderError::NotGiven)
    }

    async fn fetch_instrument(&self, _symbol: &Symbol, _budget: CallBudget) -> Result<Instrument, ProviderError> {
        Err(ProviderError::NotGiven)
    }
}

impl World {
    /// With a live market.
    pub fn new() -> Self {
        Self::of(MarketClock::Live)
    }

    /// With this market clock.
    pub fn of(market: MarketClock) -> Self {
        let test_bed = TestBed::at("2026-11-20T12:00:00Z");
        let put = Arc::new(Mutex::default());
        let inner = test_bed.table();
        let recording = InterceptedTable(KeyRecorder { inner, put: Arc::clone(&put) });
        let table = Arc::new(Faulty::new(recording, Plan::quiet()));
        let sockets = Arc::new(Recorder::default());
        let steps = Arc::new(Steps::default());
        let platform = |table: Arc<dyn Table>, push| {
            test_bed.platform_with(table, Arc::new(NoPrices(market)), Channels { push, ..Channels::none() })
        };
        let direct = platform(table.clone(), sockets.clone());
        let stepped = platform(
            Arc::new(InterceptedTable(Stepped { inner: table.clone() as Arc<dyn Table>, steps: steps.clone() })),
            Arc::new(Stepped { inner: sockets.clone(), steps: steps.clone() }),
        );
        let connections = AtomicUsize::default();
        Self { platform: direct, stepped, steps, sockets, table, test_bed, put, connections }
    }

    pub fn forward(&self, by: TimeDelta) {
        self.test_bed.clock.forward(by);
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.test_bed.clock.now()
    }

    /// A customer who has just registered and signed in.
    pub async fn customer(&self, name: &str) -> SignedInCustomer {
        let person = person(name);
        let email = person.email.clone();
        let id = register(&self.platform.app, person).await;
        self.sign_in_again(id, &email, SessionKind::Api).await
    }

    /// A new session of a customer.
    pub async fn sign_in_again(&self, id: CustomerId, email: &Email, kind: SessionKind) -> SignedInCustomer {
        let SignedIn { session, token, .. } = sign_in(&self.platform.app, email, kind).await;
        SignedInCustomer { id, email: email.clone(), session, token }
    }

    pub fn new_connection_id(&self) -> String {
        format!("c{}=", self.connections.fetch_add(1, Ordering::Relaxed))
    }

    /// Opens a new connection of a customer.
    pub async fn connect(&self, customer: &SignedInCustomer) -> String {
        let id = self.new_connection_id();
        let ticket = live::issue_ticket(&self.platform.app, customer.id, &customer.session).await.unwrap().ticket;
        assert!(live::connect(&self.platform, &id, &ticket).await.unwrap());
        id
    }

    /// Opens a new connection of a customer and subscribes it to these symbols. The snapshot is dropped.
    pub async fn connect_and_subscribe(&self, customer: &SignedInCustomer, symbols: &[&str]) -> String {
        let id = self.connect(customer).await;
        self.send(&id, &json!({ "action": "subscribe", "symbols": symbols })).await;
        assert_eq!(kinds(&self.sockets.take(&id)), ["snapshot"]);
        id
    }

    /// Sends a message over a connection.
    pub async fn send(&self, connection: &str, message: &Value) {
        live::receive(&self.platform, connection, &message.to_string()).await.unwrap();
    }

    /// Stores a quote with this number, as the scheduled refresh does before it publishes.
    pub async fn store_quote(&self, name: &str, seq: u64) -> LastQuote {
        let quote = quote(name, seq, self.now());
        let key = keys::quote(&quote.symbol);
        let version = self.table.get(&key).await.unwrap().map(|item| item.version);
        documents::put(&*self.table, key, &quote, version).await.unwrap();
        quote
    }

    /// The keys with this prefix that still have an item.
    pub async fn stored_keys(&self, prefix: &str) -> Vec<Key> {
        let put: Vec<Key> = self.put.lock().unwrap().iter().cloned().collect();
        let mut left = Vec::new();
        for key in put.into_iter().filter(|key| key.pk.starts_with(prefix) || key.sk.starts_with(prefix)) {
            if self.table.get(&key).await.unwrap().is_some() {
                left.push(key);
            }
        }
        left
    }

    /// The contents of all stored objects.
    pub fn files(&self) -> String {
        walk(self.test_bed.path())
    }

    /// Deletes a session without closing its connections.
    pub async fn delete_session(&self, customer: &SignedInCustomer) {
        let end = Write::Delete { key: keys::session(&customer.session), expect: DeleteExpect::Any };
        self.table.transact(vec![end]).await.unwrap();
    }

    /// Asserts that no item of any connection is left.
    pub async fn assert_no_connection_is_left(&self) {
        for prefix in ["CONNECTION#", "LIVE#"] {
            let left = self.stored_keys(prefix).await;
            assert!(left.is_empty(), "{left:?}");
        }
    }
}

pub fn quote(name: &str, seq: u64, as_of: DateTime<Utc>) -> LastQuote {
    LastQuote {
        symbol: symbol(name),
        price: Price::parse(&format!("{seq}.25")).unwrap(),
        previous_close: Some(Price::parse("1.5").unwrap()),
        currency: Currency::USD,
        day: "2026-11-20".parse().unwrap(),
        as_of,
        source: SOURCE.to_owned(),
        seq,
        fetched_at: as_of,
        replay: false,
    }
}

/// The types of messages, in order.
pub fn kinds(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().unwrap()).collect()
}

fn walk(folder: &std::path::Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| {
        if path.is_dir() { walk(&path) } else { String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned() }
    };
    entries.map(text).collect()
}
