//! A platform in memory with a manual clock and market, and with sockets and an e-mail sender that record what they
//! send.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use app::Channels;
use app::listing::{DayRange, PageRequest};
use app::push::{Push, PushError};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::alert::{Condition, Repeat};
use domain::{Bar, Bars, Currency, CustomerId, Day, Price, Symbol};
use identity::sessions::SessionKind;
use market_data::MarketData;
use market_data::quote_record::LastQuote;
use notifications::alerts::{self, Alert, AlertFilter, Firing, NewAlert};
use notifications::live;
use serde_json::{Value, json};
use store::fault::{Faulty, Plan};
use store::{Body, Table, Write, keys};
use store_sqlite::SqliteTable;
use testing::people::{SignedIn, person, register, sign_in, verify_email};
use testing::portfolios::{Market, stock};
use testing::{InterceptedTable, ManualClock, RecordingMail, TestBed};

use crate::alerts::racing_table::RacingTable;

pub struct World {
    pub platform: MarketData,
    /// On the same, but other tasks run before each call of the table.
    pub raced: MarketData,
    pub racing_table: Arc<InterceptedTable<RacingTable>>,
    pub table: Arc<Faulty<SqliteTable>>,
    pub clock: ManualClock,
    pub market: Arc<Market>,
    pub sockets: Arc<Sockets>,
    pub emails: Arc<RecordingMail>,
    connections: AtomicUsize,
    seq: AtomicU64,
    _test_bed: TestBed,
}

/// The messages sent over live connections, in order.
#[derive(Default)]
pub struct Sockets {
    sent: Mutex<Vec<(String, Value)>>,
    failing: Mutex<BTreeSet<String>>,
    /// Still opening: the handshake is not complete.
    opening: Mutex<BTreeSet<String>>,
}

impl Sockets {
    pub fn begin_opening(&self, connection: &str) {
        self.opening.lock().unwrap().insert(connection.to_owned());
    }

    pub fn finish_opening(&self, connection: &str) {
        self.opening.lock().unwrap().remove(connection);
    }

    /// The alerts sent over a connection since the last call.
    pub fn take(&self, connection: &str) -> Vec<Value> {
        let mut messages = self.sent.lock().unwrap();
        let (taken, left): (Vec<_>, Vec<_>) = messages.drain(..).partition(|(to, _)| to == connection);
        *messages = left;
        taken.into_iter().map(|(_, message)| message).filter(|message| message["type"] == "alert").collect()
    }

    /// From now on this connection accepts nothing.
    pub fn fail(&self, connection: &str) {
        self.failing.lock().unwrap().insert(connection.to_owned());
    }
}

#[async_trait]
impl Push for Sockets {
    async fn post(&self, connection: &str, text: &str) -> Result<(), PushError> {
        // Other tasks run here, as they would during a real post.
        tokio::task::yield_now().await;
        if self.opening.lock().unwrap().contains(connection) {
            return Err(PushError::Gone);
        }
        if self.failing.lock().unwrap().contains(connection) {
            return Err(PushError::Failed("planned failure".to_owned()));
        }
        self.sent.lock().unwrap().push((connection.to_owned(), serde_json::from_str(text).unwrap()));
        Ok(())
    }

    async fn close(&self, _connection: &str) -> Result<(), PushError> {
        Ok(())
    }
}

pub fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

pub fn above(text: &str) -> Condition {
    Condition::Above { price: price(text) }
}

pub fn bar(date: Day, close: f64) -> Bar {
    Bar {
        date,
        open: close,
        high: close,
        low: close,
        close,
        volume: 1.0,
        adjusted_close: close,
        split_ratio: 1.0,
        dividend: 0.0,
    }
}

/// Lists a stock with five bars up to Thursday.
fn list(market: &Market, name: &str) {
    let closes = [("2026-11-13", 10.0), ("2026-11-16", 11.0), ("2026-11-17", 12.0), ("2026-11-18", 11.0)];
    let bars = closes.iter().chain(&[("2026-11-19", 10.0)]).map(|(date, close)| bar(day(date), *close));
    market.list(stock(name, "USD", None), Bars::from_rows(bars).unwrap());
}

impl World {
    /// The clock shows Friday 2026-11-20. AAPL, IBM and MSFT have five bars up to Thursday.
    pub fn new() -> Self {
        let test_bed = TestBed::at("2026-11-20T15:00:00Z");
        let table = Arc::new(Faulty::new(test_bed.table(), Plan::quiet()));
        let market = Arc::new(Market::new(day("2026-11-19")));
        for name in ["AAPL", "IBM", "MSFT"] {
            list(&market, name);
        }
        let (sockets, emails) = (Arc::new(Sockets::default()), Arc::new(RecordingMail::default()));
        let platform = |table: Arc<dyn Table>| {
            let channels = Channels { push: sockets.clone(), mail: emails.clone(), ..Channels::none() };
            test_bed.platform_with(table, market.clone(), channels)
        };
        let racing_table = Arc::new(InterceptedTable(RacingTable::of(table.clone())));
        let (direct, raced) = (platform(table.clone()), platform(racing_table.clone()));
        Self {
            platform: direct,
            raced,
            racing_table,
            table,
            clock: test_bed.clock.clone(),
            market,
            sockets,
            emails,
            connections: AtomicUsize::default(),
            seq: AtomicU64::default(),
            _test_bed: test_bed,
        }
    }

    /// A new customer with a verified e-mail address and a live connection.
    pub async fn connect(&self, name: &str) -> (CustomerId, String) {
        let id = register(&self.platform.app, person(name)).await;
        verify_email(&self.platform.app, id).await;
        (id, self.connect_again(name).await)
    }

    /// Lists another stock.
    pub fn list(&self, name: &str) {
        list(&self.market, name);
    }

    /// One more live connection of a customer.
    pub async fn connect_again(&self, name: &str) -> String {
        let SignedIn { id, session, .. } = sign_in(&self.platform.app, &person(name).email, SessionKind::Api).await;
        let connection = format!("c{}=", self.connections.fetch_add(1, Ordering::Relaxed));
        let ticket = live::issue_ticket(&self.platform.app, id, &session).await.unwrap().ticket;
        assert!(live::connect(&self.platform, &connection, &ticket).await.unwrap());
        connection
    }

    /// Stores an e-mail subscription as earlier versions did, with its topic and one that is to be deleted.
    pub async fn plant_email_subscription(&self, customer: CustomerId) {
        let [current, earlier] = [self.platform.app.new_id(), self.platform.app.new_id()];
        let body = json!({
            "email": "ada@example.com", "letterbox": current, "open": true, "asked": [], "closing": [earlier],
        });
        let write = Write::create(keys::email_subscription(customer), Body::Json(body.to_string()));
        self.table.inner().transact(vec![write]).await.unwrap();
        self.emails.create_topic(current);
        self.emails.create_topic(earlier);
    }

    /// Creates an alert on AAPL without e-mail.
    pub async fn alert(&self, customer: CustomerId, condition: Condition, repeat: Repeat) -> Alert {
        let alert = NewAlert { symbol: symbol("AAPL"), condition, repeat, email: false };
        alerts::create(&self.platform, customer, &alert, None).await.unwrap().value
    }

    /// The next quote of a symbol, on Friday. The previous close is 10.
    pub fn quote(&self, name: &str, price: &str) -> LastQuote {
        LastQuote {
            symbol: symbol(name),
            price: self::price(price),
            previous_close: Some(self::price("10")),
            currency: Currency::USD,
            day: day("2026-11-20"),
            as_of: self.clock.now(),
            source: "made by hand".to_owned(),
            seq: self.seq.fetch_add(1, Ordering::Relaxed) + 1,
            fetched_at: self.clock.now(),
            replay: false,
        }
    }

    /// All firings of an alert, the latest day first.
    pub async fn history(&self, customer: CustomerId, alert: &Alert) -> Vec<Firing> {
        let (days, page) = (DayRange::default(), PageRequest::newest(200));
        alerts::list_firings(&self.platform.app, customer, alert.id, days, &page).await.unwrap().items
    }

    /// All alerts of a customer, the newest first.
    pub async fn alerts(&self, customer: CustomerId) -> Vec<Alert> {
        let (filter, page) = (AlertFilter::default(), PageRequest::newest(200));
        alerts::list(&self.platform.app, customer, &filter, &page).await.unwrap().items
    }

    /// Lets the delivery leases of interrupted evaluations expire.
    pub fn let_leases_expire(&self) {
        self.clock.forward(TimeDelta::seconds(60));
    }

    /// The sort keys under a symbol, except that of how far quotes have been evaluated.
    pub async fn waiting(&self, name: &str) -> Vec<String> {
        let list = keys::waiting(&symbol(name));
        let query = store::Query::forward(list.partition, list.range, 1_000);
        let items = self.table.inner().query(&query).await.unwrap().items;
        items.into_iter().map(|item| item.key.sk).filter(|sk| sk != "-").collect()
    }

    /// The message over a live connection when an alert fires.
    pub fn message_of(alert: &Alert, price: &str) -> Value {
        json!({ "id": alert.id, "symbol": alert.symbol, "condition": alert.condition, "price": price })
    }
}

/// The fields of a message that [`World::message_of`] has.
pub fn gist(message: &Value) -> Value {
    json!({
        "id": message["id"],
        "symbol": message["symbol"],
        "condition": message["condition"],
        "price": message["price"],
    })
}
