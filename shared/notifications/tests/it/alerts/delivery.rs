//! Delivery over live connections and by e-mail, at least once.

use app::{Precondition, ServiceError};
use chrono::TimeDelta;
use domain::alert::Repeat;
use domain::{CustomerId, Email};
use identity::audit::Actor;
use identity::profile::Person;
use market_data::quote_record::LastQuote;
use notifications::alerts::{self, Alert, EvaluationCounts, NewAlert};

use crate::alerts::world::{World, above, day, symbol};

async fn create_with_email(world: &World, customer: CustomerId, repeat: Repeat) -> Result<Alert, ServiceError> {
    let alert = NewAlert { symbol: symbol("AAPL"), condition: above("12"), repeat, email: true };
    alerts::create(&world.platform, customer, &alert, None).await.map(|made| made.value)
}

#[tokio::test]
async fn an_email_states_condition_price_and_time() {
    let world = World::new();
    let (ada, socket) = world.connect("ada").await;
    create_with_email(&world, ada, Repeat::Once).await.unwrap();
    create_with_email(&world, ada, Repeat::Once).await.unwrap();
    assert_eq!(world.emails.requested(), ["ada@example.com"], "a confirmed address is not asked again");
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "12.5")]).await.unwrap();
    let text = "AAPL is above 12: 12.5 USD as of 2026-11-20 15:00 UTC, market day 2026-11-20.\n";
    let email = ("AAPL is above 12".to_owned(), text.to_owned());
    assert_eq!(world.emails.take(), [email.clone(), email]);
    assert_eq!(world.sockets.take(&socket).len(), 2);
    create_with_email(&world, ada, Repeat::Once).await.unwrap();
    let replay = LastQuote { replay: true, ..world.quote("AAPL", "12.5") };
    alerts::evaluate(&world.platform, &[LastQuote { day: day("2026-11-23"), ..replay }]).await.unwrap();
    let emails = world.emails.take();
    assert_eq!(emails[0].0, "[replay] AAPL is above 12");
    assert!(emails[0].1.contains("This is a replay of old prices"), "{emails:?}");
}

#[tokio::test]
async fn an_alert_without_email_sends_none() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    world.alert(ada, above("12"), Repeat::Once).await;
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "12.5")]).await.unwrap();
    assert!(world.emails.take().is_empty() && world.emails.requested().is_empty());
}

#[tokio::test]
async fn without_an_email_sender_an_alert_with_email_is_refused() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    world.emails.disable();
    let refused = create_with_email(&world, ada, Repeat::Once).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Field { field: "email", .. }), "{refused}");
    assert!(world.alerts(ada).await.is_empty());
}

#[tokio::test]
async fn an_alert_is_not_created_if_the_confirmation_request_fails() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    world.emails.set_failing(true);
    assert!(matches!(create_with_email(&world, ada, Repeat::Once).await, Err(ServiceError::Mail(_))));
    assert!(world.alerts(ada).await.is_empty());
    world.emails.set_failing(false);
    create_with_email(&world, ada, Repeat::Once).await.unwrap();
}

#[tokio::test]
async fn a_failed_email_is_retried_with_the_event_and_not_sent_live_again() {
    let world = World::new();
    let (ada, socket) = world.connect("ada").await;
    let alert = create_with_email(&world, ada, Repeat::Recurring).await.unwrap();
    world.emails.set_failing(true);
    let quote = world.quote("AAPL", "13");
    let fired = alerts::evaluate(&world.platform, std::slice::from_ref(&quote)).await.unwrap();
    assert_eq!(fired, EvaluationCounts { fired: 1, delivered: 0, undelivered: 1 });
    assert!(!world.history(ada, &alert).await[0].delivered);
    let again = alerts::evaluate(&world.platform, std::slice::from_ref(&quote)).await.unwrap();
    assert_eq!(again, EvaluationCounts { fired: 0, delivered: 0, undelivered: 1 });
    world.emails.set_failing(false);
    // A repetition of the event is enough.
    let evaluated = alerts::evaluate(&world.platform, &[quote]).await.unwrap();
    assert_eq!(evaluated, EvaluationCounts { fired: 0, delivered: 1, undelivered: 0 });
    assert_eq!((world.emails.take().len(), world.sockets.take(&socket).len()), (1, 1));
    assert!(world.history(ada, &alert).await[0].delivered);
    world.let_leases_expire();
    assert_eq!(
        alerts::evaluate(&world.platform, &[world.quote("AAPL", "14")]).await.unwrap(),
        EvaluationCounts::default()
    );
}

#[tokio::test]
async fn an_alert_that_no_connection_accepted_is_sent_to_later_ones() {
    let world = World::new();
    let (ada, failing) = world.connect("ada").await;
    let alert = world.alert(ada, above("12"), Repeat::Once).await;
    world.sockets.fail(&failing);
    let quote = world.quote("AAPL", "13");
    let fired = alerts::evaluate(&world.platform, std::slice::from_ref(&quote)).await.unwrap();
    assert_eq!(fired, EvaluationCounts { fired: 1, delivered: 0, undelivered: 1 });
    assert!(!world.history(ada, &alert).await[0].delivered);
    let later = world.connect_again("ada").await;
    let evaluated = alerts::evaluate(&world.platform, &[quote]).await.unwrap();
    assert_eq!(evaluated, EvaluationCounts { fired: 0, delivered: 1, undelivered: 0 });
    assert_eq!(world.sockets.take(&later).len(), 1);
    assert!(world.history(ada, &alert).await[0].delivered);

    // It is delivered if one connection accepts it.
    let other = world.alert(ada, above("12"), Repeat::Once).await;
    world.sockets.fail(&world.connect_again("ada").await);
    let fired = alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!(fired, EvaluationCounts { fired: 1, delivered: 1, undelivered: 0 });
    assert!(world.history(ada, &other).await[0].delivered);
}

#[tokio::test]
async fn an_alert_that_fires_while_a_connection_opens_is_sent_over_it_later() {
    let world = World::new();
    let (ada, socket) = world.connect("ada").await;
    let alert = world.alert(ada, above("12"), Repeat::Once).await;
    world.sockets.begin_opening(&socket);
    let quote = world.quote("AAPL", "13");
    let fired = alerts::evaluate(&world.platform, std::slice::from_ref(&quote)).await.unwrap();
    assert_eq!(fired, EvaluationCounts { fired: 1, delivered: 0, undelivered: 1 });
    world.sockets.finish_opening(&socket);
    assert_eq!(alerts::evaluate(&world.platform, &[quote]).await.unwrap().delivered, 1);
    assert_eq!(world.sockets.take(&socket).len(), 1);
    assert!(world.history(ada, &alert).await[0].delivered);
}

#[tokio::test]
async fn after_five_days_an_undelivered_alert_stays_in_the_history_alone() {
    let world = World::new();
    let (ada, socket) = world.connect("ada").await;
    let alert = create_with_email(&world, ada, Repeat::Once).await.unwrap();
    world.emails.set_failing(true);
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    world.emails.set_failing(false);
    world.sockets.take(&socket);
    world.clock.forward(TimeDelta::days(5) + TimeDelta::seconds(1));
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "14")]).await.unwrap();
    assert!(world.emails.take().is_empty() && world.sockets.take(&socket).is_empty());
    assert!(!world.history(ada, &alert).await[0].delivered);
    assert!(world.waiting("AAPL").await.is_empty());
}

#[tokio::test]
async fn emails_go_to_the_present_address_only() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    create_with_email(&world, ada, Repeat::Once).await.unwrap();
    assert_eq!(world.emails.addresses(), ["ada@example.com"]);
    let new: Email = "ada@example.org".parse().unwrap();
    let change = |person| Person { email: new.clone(), ..person };
    accounts::own_account::update_profile(&world.platform.app, ada, &Precondition::Any, change).await.unwrap();
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!(world.emails.addresses(), ["ada@example.org"]);
    assert_eq!(world.emails.take().len(), 1);
}

#[tokio::test]
async fn a_disabled_customer_gets_no_emails() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    create_with_email(&world, ada, Repeat::Once).await.unwrap();
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
