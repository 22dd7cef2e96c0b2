//! One event, told to connections and judged by alerts at the same time.

#![expect(clippy::unwrap_used, reason = "in a test program a failed unwrap is a failed test")]

use std::sync::Arc;

use async_trait::async_trait;
use domain::alert::{Condition, Repeat};
use domain::{Currency, Price};
use market::Sample;
use objects::FolderObjects;
use publish_rates::handle;
use serde_json::{Value, json};
use services::alerts::{self, NewAlert};
use services::identity::authorization::authorize;
use services::identity::password::Password;
use services::identity::profile::Person;
use services::identity::registration;
use services::identity::sessions::{self, SessionKind};
use services::last_quote::LastQuote;
use services::push::{Push, PushError};
use services::{App, Channels, Parts, live};
use store_sqlite::SqliteTable;
use tokio::sync::Notify;

const NOW: &str = "2026-11-20T15:00:00Z";

/// A socket over which no quote goes before an alert has.
#[derive(Default)]
struct Socket(Notify);

#[async_trait]
impl Push for Socket {
    async fn post(&self, _connection: &str, text: &str) -> Result<(), PushError> {
        let message: Value = serde_json::from_str(text).unwrap();
        match message["type"].as_str() {
            Some("quote") => self.0.notified().await,
            Some("alert") => self.0.notify_one(),
            _ => {}
        }
        Ok(())
    }

    async fn close(&self, _connection: &str) -> Result<(), PushError> {
        Ok(())
    }
}

/// A customer who hears of AAPL over a live connection, and has an alert on it.
async fn listening(app: &App) {
    let password = || Password::typed("correct horse battery".to_owned());
    let person = Person {
        email: "ada@example.com".parse().unwrap(),
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        phone: None,
        address: None,
    };
    let email = person.email.clone();
    let id = registration::register(app, person, password()).await.unwrap().profile.id;
    let token = sessions::sign_in(app, &email, password(), SessionKind::Api).await.unwrap().token;
    let session = authorize(app, &token).await.unwrap().unwrap().session;
    let ticket = live::issue_ticket(app, id, &session).await.unwrap().ticket;
    assert!(live::connect(app, "c=", &ticket).await.unwrap());
    live::receive(app, "c=", r#"{"action":"subscribe","symbols":["AAPL"]}"#).await.unwrap();
    let condition = Condition::Above { price: Price::parse("12").unwrap() };
    let alert = NewAlert { symbol: "AAPL".parse().unwrap(), condition, repeat: Repeat::Once, email: false };
    alerts::create(app, id, &alert, None).await.unwrap();
}

fn refreshed() -> Value {
    let quote = LastQuote {
        symbol: "AAPL".parse().unwrap(),
        price: Price::parse("13").unwrap(),
        previous_close: None,
        currency: Currency::USD,
        day: "2026-11-20".parse().unwrap(),
        as_of: NOW.parse().unwrap(),
        source: "made by hand".to_owned(),
        seq: 1,
        fetched_at: NOW.parse().unwrap(),
        replay: false,
    };
    json!({ "detail-type": "quotes.refreshed", "detail": { "quotes": [quote] } })
}

#[tokio::test]
async fn connections_that_take_nothing_hold_up_no_alert() {
    let clock: store::Clock = Arc::new(|| NOW.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let app = App::new(Parts {
        table: Arc::new(SqliteTable::in_memory(clock.clone()).unwrap()),
        objects: Arc::new(FolderObjects::open(folder.path(), [7; 32], clock.clone()).unwrap()),
        provider: Arc::new(Sample::new()),
        clock,
        channels: Channels { push: Arc::new(Socket::default()), ..Channels::none() },
    });
    listening(&app).await;
    let did = handle(&app, refreshed()).await.unwrap();
    assert_eq!((&did["published"]["posted"], &did["alerts"]["delivered"]), (&json!(1), &json!(1)), "{did}");
}
