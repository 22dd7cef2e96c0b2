//! E-mails about alerts: one for each customer, to verified addresses only.

use accounts::{email_topics, erasure};
use app::{Precondition, ServiceError};
use chrono::TimeDelta;
use domain::alert::Repeat;
use domain::{CustomerId, Email};
use identity::audit::Actor;
use identity::profile::Person;
use market_data::quote_record::LastQuote;
use notifications::alerts::{self, Alert, EvaluationCounts, NewAlert};
use store::{Body, DeleteExpect, Table as _, Write, keys};
use testing::people::{password, verify_email};

use crate::alerts::world::{World, above, day, symbol};

async fn create(world: &World, customer: CustomerId, name: &str) -> Result<Alert, ServiceError> {
    let alert = NewAlert { symbol: symbol(name), condition: above("12"), repeat: Repeat::Recurring, email: true };
    alerts::create(&world.platform, customer, &alert, None).await.map(|made| made.value)
}

async fn change_address(world: &World, customer: CustomerId, email: &str) {
    let email: Email = email.parse().unwrap();
    let change = |person| Person { email: email.clone(), ..person };
    accounts::own_account::update_profile(&world.platform.app, customer, &Precondition::Any, change).await.unwrap();
}

#[tokio::test]
async fn an_email_states_condition_price_and_time() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    let alert = create(&world, ada, "AAPL").await.unwrap();
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "12.5")]).await.unwrap();
    let sent = world.emails.take();
    let [email] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((email.to.as_str(), email.subject.as_str()), ("ada@example.com", "AAPL is above 12"));
    let line =
        format!("AAPL is above 12: 12.5 USD as of 2026-11-20 15:00 UTC, market day 2026-11-20 (alert {}).\n", alert.id);
    assert!(email.text.starts_with(&line), "{}", email.text);

    let replay = LastQuote { replay: true, day: day("2026-11-23"), ..world.quote("AAPL", "12.5") };
    alerts::evaluate(&world.platform, &[replay]).await.unwrap();
    let emails = world.emails.take();
    assert_eq!(emails[0].subject, "[replay] AAPL is above 12");
    assert!(emails[0].text.contains("This is a replay of old prices"), "{emails:?}");
}

#[tokio::test]
async fn all_alerts_of_a_customer_that_fire_together_are_one_email() {
    let world = World::new();
    let (ada, socket) = world.connect("ada").await;
    let (bob, _) = world.connect("bob").await;
    for name in ["AAPL", "AAPL", "IBM", "MSFT"] {
        create(&world, ada, name).await.unwrap();
    }
    create(&world, bob, "IBM").await.unwrap();
    let quotes = ["AAPL", "IBM", "MSFT"].map(|name| world.quote(name, "13"));
    let evaluated = alerts::evaluate(&world.platform, &quotes).await.unwrap();
    assert_eq!(evaluated, EvaluationCounts { fired: 5, delivered: 5, undelivered: 0 });
    let mut sent = world.emails.take();
    sent.sort_by(|a, b| a.to.cmp(&b.to));
    let [to_ada, to_bob] = sent.as_slice() else { panic!("one e-mail each: {sent:?}") };
    assert_eq!(to_ada.subject, "4 alerts: AAPL, IBM, MSFT");
    let lines: Vec<_> = to_ada.text.lines().filter(|line| line.contains(" is above 12: 13 USD")).collect();
    assert_eq!(lines.len(), 4, "{}", to_ada.text);
    assert_eq!((to_bob.to.as_str(), to_bob.subject.as_str()), ("bob@example.com", "IBM is above 12"));
    assert_eq!(world.sockets.take(&socket).len(), 4, "a live connection gets each alert by itself");
    // The event comes at least once.
    assert_eq!(alerts::evaluate(&world.platform, &quotes).await.unwrap(), EvaluationCounts::default());
    assert!(world.emails.take().is_empty());
}

#[tokio::test]
async fn a_subject_names_five_symbols() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    let names = ["AAPL", "FB", "GOOG", "IBM", "MSFT", "ORCL", "TSLA"];
    for name in names {
        world.list(name);
        create(&world, ada, name).await.unwrap();
    }
    alerts::evaluate(&world.platform, &names.map(|name| world.quote(name, "13"))).await.unwrap();
    assert_eq!(world.emails.take()[0].subject, "7 alerts: AAPL, FB, GOOG, IBM, MSFT and 2 more");
}

#[tokio::test]
async fn a_symbol_that_cannot_be_evaluated_holds_up_no_email_about_others() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    for name in ["AAPL", "IBM"] {
        create(&world, ada, name).await.unwrap();
    }
    let quotes = ["AAPL", "IBM"].map(|name| world.quote(name, "13"));
    let broken = keys::waiting_alert(&symbol("AAPL"), uuid::Uuid::nil());
    let table = world.table.inner();
    table.transact(vec![Write::create(broken.clone(), Body::Json("{}".to_owned()))]).await.unwrap();
    alerts::evaluate(&world.platform, &quotes).await.unwrap_err();
    table.transact(vec![Write::Delete { key: broken, expect: DeleteExpect::Any }]).await.unwrap();
    assert_eq!(world.emails.take()[0].subject, "IBM is above 12");
    alerts::evaluate(&world.platform, &quotes).await.unwrap();
    assert_eq!(world.emails.take()[0].subject, "AAPL is above 12");
}

#[tokio::test]
async fn a_failed_email_is_sent_again_with_all_of_its_alerts() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    for name in ["AAPL", "IBM"] {
        create(&world, ada, name).await.unwrap();
    }
    let quotes = ["AAPL", "IBM"].map(|name| world.quote(name, "13"));
    world.emails.set_failing(true);
    let failed = alerts::evaluate(&world.platform, &quotes).await.unwrap();
    assert_eq!(failed, EvaluationCounts { fired: 2, delivered: 0, undelivered: 2 });
    world.emails.set_failing(false);
    let again = alerts::evaluate(&world.platform, &quotes).await.unwrap();
    assert_eq!(again, EvaluationCounts { fired: 0, delivered: 2, undelivered: 0 });
    let sent = world.emails.take();
    assert_eq!((sent.len(), sent[0].subject.as_str()), (1, "2 alerts: AAPL, IBM"));
}

#[tokio::test]
async fn an_alert_without_email_sends_none() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    world.alert(ada, above("12"), Repeat::Once).await;
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "12.5")]).await.unwrap();
    assert!(world.emails.take().is_empty());
}

#[tokio::test]
async fn an_alert_with_email_needs_a_sender_and_a_verified_address() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    change_address(&world, ada, "ada@example.org").await;
    let refused = create(&world, ada, "AAPL").await.unwrap_err();
    assert!(matches!(&refused, ServiceError::Field { field: "email", .. }), "{refused}");
    assert!(refused.to_string().contains("POST /customers/email-verification"), "{refused}");
    verify_email(&world.platform.app, ada).await;
    create(&world, ada, "AAPL").await.unwrap();
    world.emails.disable();
    let refused = create(&world, ada, "AAPL").await.unwrap_err();
    assert!(matches!(refused, ServiceError::Field { field: "email", .. }), "{refused}");
    assert_eq!(world.alerts(ada).await.len(), 1);
}

#[tokio::test]
async fn an_address_that_is_not_verified_when_an_alert_fires_gets_no_email_about_it() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    let alert = create(&world, ada, "AAPL").await.unwrap();
    change_address(&world, ada, "ada@example.org").await;
    let evaluated = alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!(evaluated, EvaluationCounts { fired: 1, delivered: 1, undelivered: 0 });
    assert!(world.history(ada, &alert).await[0].delivered);
    verify_email(&world.platform.app, ada).await;
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "14")]).await.unwrap();
    assert!(world.emails.take().is_empty());
    let tomorrow = LastQuote { day: day("2026-11-23"), ..world.quote("AAPL", "14") };
    alerts::evaluate(&world.platform, &[tomorrow]).await.unwrap();
    assert_eq!(world.emails.take()[0].to.as_str(), "ada@example.org");
}

#[tokio::test]
async fn a_disabled_customer_gets_no_emails() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    create(&world, ada, "AAPL").await.unwrap();
    let change = accounts::administration::AccountChange {
        disabled: Some(true),
        ..accounts::administration::AccountChange::default()
    };
    accounts::administration::administer(&world.platform.app, Actor::Operator, ada, &Precondition::Any, change)
        .await
        .unwrap();
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert!(world.emails.take().is_empty());
}

#[tokio::test]
async fn an_erasure_ends_only_after_every_topic_of_an_earlier_version_is_deleted() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    world.plant_email_subscription(ada).await;
    world.emails.set_failing(true);
    erasure::erase(&world.platform.app, ada, password()).await.unwrap();
    world.clock.forward(TimeDelta::hours(2));
    assert!(!erasure::sweep(&world.platform.app, ada).await.unwrap());
    let left = world.table.inner().get(&keys::email_subscription(ada)).await.unwrap().unwrap();
    assert!(!format!("{:?}", left.body).contains("ada@example.com"), "the address is gone, the topics are not");
    world.emails.set_failing(false);
    assert!(erasure::sweep(&world.platform.app, ada).await.unwrap());
    assert_eq!(world.emails.topics(), 0);
    assert!(world.table.inner().get(&keys::email_subscription(ada)).await.unwrap().is_none());
}

#[tokio::test]
async fn the_topics_of_earlier_versions_are_removed_by_one_command() {
    let world = World::new();
    for name in ["ada", "bob"] {
        let (customer, _) = world.connect(name).await;
        world.plant_email_subscription(customer).await;
    }
    world.connect("cleo").await;
    world.emails.set_failing(true);
    let failed = email_topics::remove_all(&world.platform.app).await.unwrap();
    assert_eq!((failed.removed, failed.left), (0, 2));
    world.emails.set_failing(false);
    let removed = email_topics::remove_all(&world.platform.app).await.unwrap();
    assert_eq!((removed.removed, removed.left, world.emails.topics()), (2, 0, 0));
    let again = email_topics::remove_all(&world.platform.app).await.unwrap();
    assert_eq!((again.removed, again.left), (0, 0));
}
