//! Tokens that are sent by e-mail: they verify an address, and set a new password.

use std::sync::{Arc, Mutex};

use accounts::email_verification::{self, Undeliverable};
use accounts::own_account;
use accounts::password_reset::{self, PASSWORD_RESET_REQUESTED};
use app::bus::{Bus, Event, NotPublished};
use app::mail::MailError;
use app::{App, Channels, Precondition, ServiceError};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{CustomerId, Email};
use identity::authorization::authorize;
use identity::password::Password;
use identity::profile::{self, Person};
use identity::sessions::SessionKind;
use market::Sample;
use serde_json::json;
use testing::people::{person, register, sign_in, verify_email};
use testing::{CountingTable, RecordingMail, TestBed};

const FIRST: &str = "ada@example.com";
const SECOND: &str = "ada@example.org";

/// A bus that keeps its events.
#[derive(Default)]
struct RecordingBus(Mutex<Vec<Event>>);

#[async_trait]
impl Bus for RecordingBus {
    async fn publish(&self, event: Event) -> Result<(), NotPublished> {
        self.0.lock().unwrap().push(event);
        Ok(())
    }
}

struct World {
    app: App,
    ada: CustomerId,
    table: Arc<CountingTable>,
    emails: Arc<RecordingMail>,
    bus: Arc<RecordingBus>,
    test_bed: TestBed,
}

impl World {
    async fn new() -> Self {
        let test_bed = TestBed::at("2026-11-20T12:00:00Z");
        let (emails, bus) = (Arc::new(RecordingMail::default()), Arc::new(RecordingBus::default()));
        let table = Arc::new(CountingTable::new(Arc::new(test_bed.table())));
        let channels = Channels { mail: emails.clone(), bus: bus.clone(), ..Channels::none() };
        let app = test_bed.platform_with(table.clone(), Arc::new(Sample::new()), channels).app;
        let ada = register(&app, person("Ada")).await;
        Self { app, ada, table, emails, bus, test_bed }
    }

    async fn is_verified(&self) -> bool {
        profile::find(&self.app, self.ada).await.unwrap().into_customer().email_verified
    }

    async fn change_address(&self, email: &str) {
        let change = |person| Person { email: email.parse().unwrap(), ..person };
        own_account::update_profile(&self.app, self.ada, &Precondition::Any, change).await.unwrap();
    }

    async fn end(&self, email: &str, cause: Undeliverable) {
        email_verification::end(&self.app, &address(email), self.app.now(), cause).await.unwrap();
    }

    /// Requests a token for a new password and returns it.
    async fn reset_token(&self) -> String {
        password_reset::send_token(&self.app, &address(FIRST)).await.unwrap();
        self.emails.take_token()
    }

    async fn redeem(&self, token: &str) -> Result<(), ServiceError> {
        password_reset::redeem(&self.app, token, Password::typed("remembered now".to_owned())).await
    }
}

fn address(email: &str) -> Email {
    email.parse().unwrap()
}

fn is_invalid(outcome: &Result<(), ServiceError>) -> bool {
    matches!(outcome, Err(ServiceError::InvalidToken))
}

#[tokio::test]
async fn a_token_verifies_the_address_that_it_was_sent_to_once() {
    let world = World::new().await;
    assert!(!world.is_verified().await);
    email_verification::send_token(&world.app, world.ada).await.unwrap();
    let token = world.emails.take_token();
    email_verification::confirm(&world.app, &token).await.unwrap();
    assert!(world.is_verified().await);
    assert!(is_invalid(&email_verification::confirm(&world.app, &token).await));
    // A verified address is not asked again.
    email_verification::send_token(&world.app, world.ada).await.unwrap();
    assert!(world.emails.take().is_empty());
    for token in ["", "short", &"0".repeat(64)] {
        assert!(is_invalid(&email_verification::confirm(&world.app, token).await), "{token}");
    }
}

#[tokio::test]
async fn a_change_of_the_address_ends_its_verification_and_that_of_tokens_under_way() {
    let world = World::new().await;
    verify_email(&world.app, world.ada).await;
    world.change_address(SECOND).await;
    assert!(!world.is_verified().await);
    email_verification::send_token(&world.app, world.ada).await.unwrap();
    let token = world.emails.take_token();
    world.change_address(FIRST).await;
    assert!(!world.is_verified().await, "an earlier address must be verified again");
    assert!(is_invalid(&email_verification::confirm(&world.app, &token).await));
    world.change_address(SECOND).await;
    email_verification::confirm(&world.app, &token).await.unwrap();
    let change = |person| Person { phone: Some("1".to_owned()), ..person };
    own_account::update_profile(&world.app, world.ada, &Precondition::Any, change).await.unwrap();
    assert!(world.is_verified().await, "other changes leave it verified");
}

#[tokio::test]
async fn a_token_from_an_email_is_valid_for_a_quarter_of_an_hour() {
    let world = World::new().await;
    email_verification::send_token(&world.app, world.ada).await.unwrap();
    let verification = world.emails.take_token();
    verify_email(&world.app, world.ada).await;
    let reset = world.reset_token().await;
    world.test_bed.clock.forward(TimeDelta::minutes(15));
    assert!(is_invalid(&email_verification::confirm(&world.app, &verification).await));
    assert!(is_invalid(&world.redeem(&reset).await));
}

#[tokio::test]
async fn a_bounce_or_complaint_ends_the_verification_of_the_address_that_it_is_about() {
    for cause in [Undeliverable::Bounce, Undeliverable::Complaint] {
        let world = World::new().await;
        verify_email(&world.app, world.ada).await;
        world.end("unknown@example.com", cause).await;
        assert!(world.is_verified().await);
        world.test_bed.clock.forward(TimeDelta::minutes(1));
        let sent_at = world.app.now();
        world.end(FIRST, cause).await;
        assert!(!world.is_verified().await);
        // The event comes at least once, and may come late.
        world.test_bed.clock.forward(TimeDelta::minutes(1));
        verify_email(&world.app, world.ada).await;
        email_verification::end(&world.app, &address(FIRST), sent_at, cause).await.unwrap();
        assert!(world.is_verified().await, "it was verified after the e-mail that bounced");
    }
}

#[tokio::test]
async fn an_address_gets_at_most_five_emails_with_a_token_an_hour() {
    let world = World::new().await;
    // Two customers, one after the other with the same address.
    let other = register(&world.app, person("Bob")).await;
    for _ in 0..3 {
        email_verification::send_token(&world.app, world.ada).await.unwrap();
    }
    world.change_address(SECOND).await;
    let change = |person| Person { email: address(FIRST), ..person };
    own_account::update_profile(&world.app, other, &Precondition::Any, change).await.unwrap();
    let send = || email_verification::send_token(&world.app, other);
    for _ in 0..2 {
        send().await.unwrap();
    }
    let refused = send().await;
    assert!(matches!(refused, Err(ServiceError::TooManyRequests { retry_after_seconds: 3_600, .. })), "{refused:?}");
    assert_eq!(world.emails.take().len(), 5);
    world.test_bed.clock.forward(TimeDelta::hours(1));
    send().await.unwrap();
}

#[tokio::test]
async fn requests_for_a_new_password_keep_no_one_from_verifying_the_address() {
    let world = World::new().await;
    for _ in 0..6 {
        // The sixth does not show that it was refused.
        password_reset::request(&world.app, address(FIRST)).await.unwrap();
    }
    assert_eq!(world.bus.0.lock().unwrap().len(), 5);
    email_verification::send_token(&world.app, world.ada).await.unwrap();
    assert_eq!(world.emails.take().len(), 1);
}

#[tokio::test]
async fn a_customer_causes_at_most_five_emails_an_hour_to_whatever_addresses() {
    let world = World::new().await;
    for number in 0..6 {
        world.change_address(&format!("ada{number}@example.com")).await;
        let sent = email_verification::send_token(&world.app, world.ada).await;
        assert_eq!(sent.is_ok(), number < 5, "{number}: {sent:?}");
    }
    assert_eq!(world.emails.take().len(), 5);
    world.test_bed.clock.forward(TimeDelta::hours(1));
    email_verification::send_token(&world.app, world.ada).await.unwrap();
}

#[tokio::test]
async fn without_a_sender_tokens_are_refused() {
    let world = World::new().await;
    world.emails.disable();
    let refused = email_verification::send_token(&world.app, world.ada).await;
    assert!(matches!(refused, Err(ServiceError::Mail(MailError::NoSender))), "{refused:?}");
    let refused = password_reset::request(&world.app, address(FIRST)).await;
    assert!(matches!(refused, Err(ServiceError::Mail(MailError::NoSender))), "{refused:?}");
}

#[tokio::test]
async fn a_request_for_a_new_password_does_the_same_for_every_address() {
    let world = World::new().await;
    verify_email(&world.app, world.ada).await;
    let mut calls = Vec::new();
    for email in [FIRST, "unknown@example.com"] {
        world.table.take_counts();
        password_reset::request(&world.app, address(email)).await.unwrap();
        calls.push(world.table.take_counts());
        let events = std::mem::take(&mut *world.bus.0.lock().unwrap());
        let event = Event { detail_type: PASSWORD_RESET_REQUESTED, detail: json!({ "email": email }) };
        assert_eq!(events, [event]);
    }
    assert_eq!(calls[0], calls[1]);
    assert!(world.emails.take().is_empty(), "the e-mail is sent when the event arrives");
}

#[tokio::test]
async fn a_token_from_an_email_sets_a_new_password_once_and_ends_every_session() {
    let world = World::new().await;
    verify_email(&world.app, world.ada).await;
    let session = sign_in(&world.app, &address(FIRST), SessionKind::Api).await.token;
    let token = world.reset_token().await;
    world.redeem(&token).await.unwrap();
    assert!(authorize(&world.app, &session).await.unwrap().is_err(), "the session has ended");
    assert!(is_invalid(&world.redeem(&token).await));
    assert!(world.is_verified().await);
}

#[tokio::test]
async fn a_reset_needs_a_verified_address_when_it_is_sent_and_when_it_is_used() {
    let world = World::new().await;
    for email in [FIRST, "unknown@example.com"] {
        password_reset::send_token(&world.app, &address(email)).await.unwrap();
    }
    assert!(world.emails.take().is_empty(), "neither address is a verified one");
    verify_email(&world.app, world.ada).await;
    let token = world.reset_token().await;
    world.change_address(SECOND).await;
    assert!(is_invalid(&world.redeem(&token).await));
    world.change_address(FIRST).await;
    assert!(is_invalid(&world.redeem(&token).await), "it is not verified again");
    // The operator's token needs no address.
    let granted = password_reset::grant(&world.app, &address(FIRST)).await.unwrap();
    world.redeem(&granted.token).await.unwrap();
}
