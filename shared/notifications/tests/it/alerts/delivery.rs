//! Telling: over live connections and by e-mail, at least once.

use app::{Precondition, ServiceError};
use chrono::TimeDelta;
use domain::alert::Repeat;
use domain::{CustomerId, Email};
use identity::audit::Actor;
use identity::profile::Person;
use market_data::quote_record::LastQuote;
use notifications::alerts::{self, Alert, Fired, NewAlert};

use crate::alerts::world::{World, above, day, symbol};

async fn by_mail(world: &World, customer: CustomerId, repeat: Repeat) -> Result<Alert, ServiceError> {
    let alert = NewAlert { symbol: symbol("AAPL"), condition: above("12"), repeat, email: true };
    alerts::create(&world.platform, customer, &alert, None).await.map(|made| made.value)
}

#[tokio::test]
async fn a_email_says_what_happened() {
    let world = World::new();
    let (ada, socket) = world.connected("ada").await;
    by_mail(&world, ada, Repeat::Once).await.unwrap();
    by_mail(&world, ada, Repeat::Once).await.unwrap();
    assert_eq!(world.emails.asked(), ["ada@example.com"], "who has agreed is not asked again");
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "12.5")]).await.unwrap();
    let text = "AAPL is above 12: 12.5 USD as of 2026-11-20 15:00 UTC, market day 2026-11-20.\n";
    let email = ("AAPL is above 12".to_owned(), text.to_owned());
    assert_eq!(world.emails.take(), [email.clone(), email]);
    assert_eq!(world.sockets.take(&socket).len(), 2);
    by_mail(&world, ada, Repeat::Once).await.unwrap();
    let replay = LastQuote { replay: true, ..world.quote("AAPL", "12.5") };
    alerts::evaluate(&world.platform, &[LastQuote { day: day("2026-11-23"), ..replay }]).await.unwrap();
    let emails = world.emails.take();
    assert_eq!(emails[0].0, "[replay] AAPL is above 12");
    assert!(emails[0].1.contains("This is a replay of old prices"), "{emails:?}");
}

#[tokio::test]
async fn an_alert_that_asks_for_no_email_sends_none() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    world.alert(ada, above("12"), Repeat::Once).await;
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "12.5")]).await.unwrap();
    assert!(world.emails.take().is_empty() && world.emails.asked().is_empty());
}

#[tokio::test]
async fn where_no_emails_are_sent_none_can_be_asked_for() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    world.emails.close_down();
    let refused = by_mail(&world, ada, Repeat::Once).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Field { field: "email", .. }), "{refused}");
    assert!(alerts::list(&world.platform.app, ada, 10, None).await.unwrap().0.is_empty());
}

#[tokio::test]
async fn no_alert_is_made_whose_emails_nobody_was_asked_for() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    world.emails.strike(true);
    assert!(matches!(by_mail(&world, ada, Repeat::Once).await, Err(ServiceError::Mail(_))));
    assert!(alerts::list(&world.platform.app, ada, 10, None).await.unwrap().0.is_empty());
    world.emails.strike(false);
    by_mail(&world, ada, Repeat::Once).await.unwrap();
}

#[tokio::test]
async fn a_email_that_failed_goes_out_when_the_event_comes_again_and_repeats_nothing_over_the_socket() {
    let world = World::new();
    let (ada, socket) = world.connected("ada").await;
    let alert = by_mail(&world, ada, Repeat::Recurring).await.unwrap();
    world.emails.strike(true);
    let quote = world.quote("AAPL", "13");
    let fired = alerts::evaluate(&world.platform, std::slice::from_ref(&quote)).await.unwrap();
    assert_eq!(fired, Fired { fired: 1, delivered: 0, undelivered: 1 });
    assert!(!world.history(ada, &alert).await[0].delivered);
    let again = alerts::evaluate(&world.platform, std::slice::from_ref(&quote)).await.unwrap();
    assert_eq!(again, Fired { fired: 0, delivered: 0, undelivered: 1 });
    world.emails.strike(false);
    // The same event again is as good as the next one.
    let told = alerts::evaluate(&world.platform, &[quote]).await.unwrap();
    assert_eq!(told, Fired { fired: 0, delivered: 1, undelivered: 0 });
    assert_eq!((world.emails.take().len(), world.sockets.take(&socket).len()), (1, 1));
    assert!(world.history(ada, &alert).await[0].delivered);
    world.let_deliveries_lapse();
    assert_eq!(alerts::evaluate(&world.platform, &[world.quote("AAPL", "14")]).await.unwrap(), Fired::default());
}

#[tokio::test]
async fn an_alert_that_no_connection_took_is_told_to_those_that_come_after() {
    let world = World::new();
    let (ada, failing) = world.connected("ada").await;
    let alert = world.alert(ada, above("12"), Repeat::Once).await;
    world.sockets.fail(&failing);
    let quote = world.quote("AAPL", "13");
    let fired = alerts::evaluate(&world.platform, std::slice::from_ref(&quote)).await.unwrap();
    assert_eq!(fired, Fired { fired: 1, delivered: 0, undelivered: 1 });
    assert!(!world.history(ada, &alert).await[0].delivered);
    let anew = world.connected_again("ada").await;
    let told = alerts::evaluate(&world.platform, &[quote]).await.unwrap();
    assert_eq!(told, Fired { fired: 0, delivered: 1, undelivered: 0 });
    assert_eq!(world.sockets.take(&anew).len(), 1);
    assert!(world.history(ada, &alert).await[0].delivered);

    // One that takes it is enough.
    let other = world.alert(ada, above("12"), Repeat::Once).await;
    world.sockets.fail(&world.connected_again("ada").await);
    let fired = alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!(fired, Fired { fired: 1, delivered: 1, undelivered: 0 });
    assert!(world.history(ada, &other).await[0].delivered);
}

#[tokio::test]
async fn an_alert_that_fires_while_a_connection_is_being_made_is_told_over_it() {
    let world = World::new();
    let (ada, socket) = world.connected("ada").await;
    let alert = world.alert(ada, above("12"), Repeat::Once).await;
    world.sockets.begin_making(&socket);
    let quote = world.quote("AAPL", "13");
    let fired = alerts::evaluate(&world.platform, std::slice::from_ref(&quote)).await.unwrap();
    assert_eq!(fired, Fired { fired: 1, delivered: 0, undelivered: 1 });
    world.sockets.end_making(&socket);
    assert_eq!(alerts::evaluate(&world.platform, &[quote]).await.unwrap().delivered, 1);
    assert_eq!(world.sockets.take(&socket).len(), 1);
    assert!(world.history(ada, &alert).await[0].delivered);
}

#[tokio::test]
async fn what_could_not_be_told_for_five_days_stays_in_the_history_alone() {
    let world = World::new();
    let (ada, socket) = world.connected("ada").await;
    let alert = by_mail(&world, ada, Repeat::Once).await.unwrap();
    world.emails.strike(true);
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    world.emails.strike(false);
    world.sockets.take(&socket);
    world.clock.forward(TimeDelta::days(5) + TimeDelta::seconds(1));
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "14")]).await.unwrap();
    assert!(world.emails.take().is_empty() && world.sockets.take(&socket).is_empty());
    assert!(!world.history(ada, &alert).await[0].delivered);
    assert!(world.waiting("AAPL").await.is_empty());
}

#[tokio::test]
async fn emails_go_to_the_present_address_and_to_no_earlier_one() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    by_mail(&world, ada, Repeat::Once).await.unwrap();
    assert_eq!(world.emails.addresses(), ["ada@example.com"]);
    let moved: Email = "ada@example.org".parse().unwrap();
    let change = |person| Person { email: moved.clone(), ..person };
    accounts::own_account::update_profile(&world.platform.app, ada, &Precondition::Any, change).await.unwrap();
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!(world.emails.addresses(), ["ada@example.org"]);
    assert_eq!(world.emails.take().len(), 1);
}

#[tokio::test]
async fn who_is_shut_out_gets_no_emails() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    by_mail(&world, ada, Repeat::Once).await.unwrap();
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
