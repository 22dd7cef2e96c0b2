//! Delivery over live connections and by e-mail, at least once.

use app::ServiceError;
use chrono::TimeDelta;
use domain::CustomerId;
use domain::alert::Repeat;
use notifications::alerts::{self, Alert, EvaluationCounts, NewAlert};

use crate::alerts::world::{World, above, symbol};

async fn create_with_email(world: &World, customer: CustomerId, repeat: Repeat) -> Result<Alert, ServiceError> {
    let alert = NewAlert { symbol: symbol("AAPL"), condition: above("12"), repeat, email: true };
    alerts::create(&world.platform, customer, &alert, None).await.map(|made| made.value)
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
