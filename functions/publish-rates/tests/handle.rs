//! One event is published to connections and evaluated against alerts concurrently.

#![expect(clippy::unwrap_used, reason = "in a test program a failed unwrap is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use app::Channels;
use app::mail::{Mail, NoMail};
use app::push::{Push, PushError};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::alert::{Condition, Repeat};
use domain::{Currency, Price};
use identity::sessions::SessionKind;
use market::Sample;
use market_data::MarketData;
use market_data::quote_record::LastQuote;
use notifications::alerts::{self, NewAlert};
use notifications::live;
use publish_rates::{Failure, handle};
use serde_json::{Value, json};
use testing::people::{SignedIn, person, register, sign_in, verify_email};
use testing::{RecordingMail, TestBed};
use tokio::sync::Notify;

const NOW: &str = "2026-11-20T15:00:00Z";

/// A socket that accepts no quote before it has accepted an alert.
#[derive(Default)]
struct AlertFirstSocket(Notify);

#[async_trait]
impl Push for AlertFirstSocket {
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

/// A socket that AWS throttles on request.
#[derive(Default)]
struct ThrottledSocket {
    is_throttled: AtomicBool,
    is_closed: AtomicBool,
}

#[async_trait]
impl Push for ThrottledSocket {
    async fn post(&self, _connection: &str, _text: &str) -> Result<(), PushError> {
        if self.is_throttled.load(Ordering::SeqCst) { Err(PushError::Throttled) } else { Ok(()) }
    }

    async fn close(&self, _connection: &str) -> Result<(), PushError> {
        self.is_closed.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// A socket that counts alerts.
#[derive(Default)]
struct AlertCounter(AtomicUsize);

#[async_trait]
impl Push for AlertCounter {
    async fn post(&self, _connection: &str, text: &str) -> Result<(), PushError> {
        self.0.fetch_add(usize::from(text.contains(r#""type":"alert""#)), Ordering::SeqCst);
        Ok(())
    }

    async fn close(&self, _connection: &str) -> Result<(), PushError> {
        Ok(())
    }
}

/// Registers a customer who subscribes to AAPL over a live connection and has an alert on it.
async fn subscribe(platform: &MarketData, with_email: bool) {
    let person = person("Ada");
    let email = person.email.clone();
    register(&platform.app, person).await;
    let SignedIn { id, session, .. } = sign_in(&platform.app, &email, SessionKind::Api).await;
    let ticket = live::issue_ticket(&platform.app, id, &session).await.unwrap().ticket;
    assert!(live::connect(platform, "c=", &ticket).await.unwrap());
    live::receive(platform, "c=", r#"{"action":"subscribe","symbols":["AAPL"]}"#).await.unwrap();
    verify_email(&platform.app, id).await;
    let condition = Condition::Above { price: Price::parse("12").unwrap() };
    let alert = NewAlert { symbol: "AAPL".parse().unwrap(), condition, repeat: Repeat::Once, email: with_email };
    alerts::create(platform, id, &alert, None).await.unwrap();
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
    json!({ "detail-type": "quotes.refreshed", "time": NOW, "detail": { "quotes": [quote] } })
}

fn platform(push: Arc<dyn Push>, mail: Arc<dyn Mail>) -> (MarketData, TestBed) {
    let (test_bed, channels) = (TestBed::at(NOW), Channels { push, mail, ..Channels::none() });
    (test_bed.platform_with(Arc::new(test_bed.table()), Arc::new(Sample::new()), channels), test_bed)
}

#[tokio::test]
async fn connections_that_accept_nothing_delay_no_alert() {
    let (platform, _test_bed) = platform(Arc::new(AlertFirstSocket::default()), Arc::new(NoMail));
    subscribe(&platform, false).await;
    let did = handle(&platform, refreshed()).await.unwrap();
    assert_eq!((&did["published"]["posted"], &did["alerts"]["delivered"]), (&json!(1), &json!(1)), "{did}");
}

#[tokio::test]
async fn an_undelivered_alert_fails_the_invocation_and_the_retry_delivers_it() {
    let (sockets, mail) = (Arc::new(AlertCounter::default()), Arc::new(RecordingMail::default()));
    let (platform, _test_bed) = platform(sockets.clone(), mail.clone());
    subscribe(&platform, true).await;
    mail.set_failing(true);
    for _ in 0..2 {
        let failed = handle(&platform, refreshed()).await;
        assert!(matches!(failed, Err(Failure::Undelivered(1))), "{failed:?}");
    }
    mail.set_failing(false);
    let again = handle(&platform, refreshed()).await.unwrap();
    assert_eq!(again["alerts"], json!({ "fired": 0, "delivered": 1, "undelivered": 0 }));
    assert_eq!((sockets.0.load(Ordering::SeqCst), mail.take().len()), (1, 1));
}

#[tokio::test]
async fn an_address_that_stays_refused_does_not_fail_later_events() {
    let mail = Arc::new(RecordingMail::default());
    let (platform, test_bed) = platform(Arc::new(AlertCounter::default()), mail.clone());
    subscribe(&platform, true).await;
    mail.set_failing(true);
    assert!(handle(&platform, refreshed()).await.is_err());
    test_bed.clock.forward(alerts::REPEATED_FOR);
    let later = handle(&platform, refreshed()).await.unwrap();
    assert_eq!(later["alerts"], json!({ "fired": 0, "delivered": 0, "undelivered": 0 }));
    mail.set_failing(false);
    assert_eq!(
        handle(&platform, refreshed()).await.unwrap()["alerts"]["delivered"],
        1,
        "it is delivered with a later quote"
    );
}

#[tokio::test(start_paused = true)]
async fn a_throttled_event_is_repeated_and_the_repetition_closes_what_is_still_throttled() {
    let socket = Arc::new(ThrottledSocket::default());
    let (platform, test_bed) = platform(socket.clone(), Arc::new(NoMail));
    subscribe(&platform, false).await;
    handle(&platform, refreshed()).await.unwrap();
    socket.is_throttled.store(true, Ordering::SeqCst);
    let failed = handle(&platform, refreshed()).await;
    assert!(matches!(failed, Err(Failure::Unreached(1))), "{failed:?}");
    assert!(!socket.is_closed.load(Ordering::SeqCst));
    test_bed.clock.forward(TimeDelta::minutes(1));
    let repeated = handle(&platform, refreshed()).await.unwrap();
    assert_eq!((&repeated["published"]["failed"], &repeated["published"]["unreached"]), (&json!(1), &json!(0)));
    assert!(socket.is_closed.load(Ordering::SeqCst));
}
