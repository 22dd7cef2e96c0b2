//! E-mail subscriptions: only confirmed addresses receive e-mails, and no subscription outlives its address.

use accounts::erasure;
use app::{Precondition, ServiceError};
use chrono::TimeDelta;
use domain::alert::Repeat;
use domain::{CustomerId, Email};
use futures::future::join_all;
use identity::profile::Person;
use notifications::alerts::{self, NewAlert};
use store::{Table as _, keys};
use testing::people::password;

use crate::alerts::world::{World, above, symbol};

const FIRST: &str = "ada@example.com";
const SECOND: &str = "ada@example.org";

async fn create_with_email(world: &World, customer: CustomerId) {
    let alert = NewAlert { symbol: symbol("AAPL"), condition: above("12"), repeat: Repeat::Once, email: true };
    alerts::create(&world.platform, customer, &alert, None).await.unwrap();
}

async fn change_address(world: &World, customer: CustomerId, email: &str) {
    let email: Email = email.parse().unwrap();
    let change = |person| Person { email: email.clone(), ..person };
    accounts::own_account::update_profile(&world.platform.app, customer, &Precondition::Any, change).await.unwrap();
}

/// Creates an alert and fires it.
async fn create_and_fire(world: &World, customer: CustomerId) {
    create_with_email(world, customer).await;
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
}

/// The stored record of a customer's subscriptions, as text.
async fn stored(world: &World, customer: CustomerId) -> String {
    let item = world.table.inner().get(&keys::email_subscription(customer)).await.unwrap();
    item.map_or_else(String::new, |item| format!("{:?}", item.body))
}

#[tokio::test]
async fn an_unconfirmed_address_is_reminded_with_the_next_alert_a_day_later() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    world.emails.leave_requests_unanswered();
    create_with_email(&world, ada).await;
    create_with_email(&world, ada).await;
    assert_eq!(world.emails.requested(), [FIRST]);
    world.clock.forward(TimeDelta::days(1));
    create_with_email(&world, ada).await;
    assert_eq!(world.emails.requested(), [FIRST, FIRST], "an unconfirmed address is reminded once a day");
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!(world.emails.requested().len(), 2, "an alert that fires does not ask again");
    assert!(world.emails.take().is_empty(), "an unconfirmed address gets no e-mail");
    world.emails.confirm(FIRST);
    create_and_fire(&world, ada).await;
    assert_eq!((world.emails.requested().len(), world.emails.subscriptions()), (2, 1));
}

#[tokio::test]
async fn a_customer_causes_three_confirmation_requests_a_day_at_most() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    let alert = NewAlert { symbol: symbol("AAPL"), condition: above("12"), repeat: Repeat::Recurring, email: true };
    let ask = || alerts::create(&world.platform, ada, &alert, None);
    for email in ["one@example.com", "two@example.com", "three@example.com"] {
        change_address(&world, ada, email).await;
        ask().await.unwrap();
    }
    change_address(&world, ada, "four@example.com").await;
    assert!(matches!(ask().await, Err(ServiceError::LimitReached { limit: 3, .. })));
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!(world.emails.requested().len(), 3, "an alert that fires has the same limit");
    world.clock.forward(TimeDelta::days(1));
    ask().await.unwrap();
    assert_eq!(world.emails.requested().last().unwrap(), "four@example.com");
    // An alert over the limit of active alerts sends no request.
    for _ in 4..alerts::MAX_ACTIVE {
        world.alert(ada, above("99"), Repeat::Recurring).await;
    }
    change_address(&world, ada, "five@example.com").await;
    assert!(matches!(ask().await, Err(ServiceError::LimitReached { limit: alerts::MAX_ACTIVE, .. })));
    assert_eq!(world.emails.requested().len(), 4);
}

#[tokio::test]
async fn an_earlier_address_gets_no_email_whether_confirmed_or_not() {
    for confirmed in [true, false] {
        let world = World::new();
        let (ada, _) = world.connect("ada").await;
        world.emails.leave_requests_unanswered();
        create_with_email(&world, ada).await;
        if confirmed {
            world.emails.confirm(FIRST);
        }
        change_address(&world, ada, SECOND).await;
        alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
        // The request to the earlier address is no longer valid, so a late confirmation has no effect.
        for email in [FIRST, SECOND] {
            world.emails.confirm(email);
        }
        assert!(world.emails.take().is_empty(), "the present address was not confirmed when the alert fired");
        create_and_fire(&world, ada).await;
        assert_eq!((world.emails.addresses(), world.emails.take().len()), (vec![SECOND.to_owned()], 1));
        assert_eq!(world.emails.subscriptions(), 1);
    }
}

#[tokio::test]
async fn an_earlier_address_that_is_used_again_is_asked_again() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    for email in [SECOND, FIRST] {
        create_with_email(&world, ada).await;
        change_address(&world, ada, email).await;
    }
    create_with_email(&world, ada).await;
    assert_eq!(world.emails.requested(), [FIRST, SECOND, FIRST]);
    assert_eq!((world.emails.addresses(), world.emails.subscriptions()), (vec![FIRST.to_owned()], 1));
}

#[tokio::test]
async fn a_subscription_that_could_not_be_opened_or_closed_stays_recorded() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    world.emails.set_failing(true);
    let alert = NewAlert { symbol: symbol("AAPL"), condition: above("12"), repeat: Repeat::Once, email: true };
    assert!(matches!(alerts::create(&world.platform, ada, &alert, None).await, Err(ServiceError::Mail(_))));
    let first = stored(&world, ada).await;
    assert!(first.contains(FIRST), "{first}");
    world.emails.set_failing(false);
    create_with_email(&world, ada).await;
    assert_eq!(world.emails.subscriptions(), 1, "it was opened under the id that was stored before");
    change_address(&world, ada, SECOND).await;
    world.emails.set_failing(true);
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert!(stored(&world, ada).await.contains(SECOND));
    world.emails.set_failing(false);
    create_with_email(&world, ada).await;
    assert_eq!((world.emails.addresses(), world.emails.subscriptions()), (vec![SECOND.to_owned()], 1));
}

#[tokio::test]
async fn an_erasure_ends_only_after_every_subscription_is_closed() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    world.emails.leave_requests_unanswered();
    create_with_email(&world, ada).await;
    assert!(stored(&world, ada).await.contains(FIRST));
    world.emails.set_failing(true);
    erasure::erase(&world.platform.app, ada, password()).await.unwrap();
    world.clock.forward(TimeDelta::hours(2));
    assert!(!erasure::sweep(&world.platform.app, ada).await.unwrap());
    let left = stored(&world, ada).await;
    assert!(!left.is_empty() && !left.contains(FIRST), "the address is gone, the subscription is not: {left}");
    world.emails.set_failing(false);
    assert!(erasure::sweep(&world.platform.app, ada).await.unwrap());
    assert!(world.emails.subscriptions() == 0 && stored(&world, ada).await.is_empty());
}

#[tokio::test]
async fn concurrent_alerts_ask_for_confirmation_once() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    world.emails.leave_requests_unanswered();
    let alert = NewAlert { symbol: symbol("AAPL"), condition: above("12"), repeat: Repeat::Once, email: true };
    let made = join_all((0..8).map(|_| alerts::create(&world.platform, ada, &alert, None))).await;
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    assert_eq!((world.emails.requested(), world.emails.subscriptions()), (vec![FIRST.to_owned()], 1));
    // So do concurrent e-mails after a change of address.
    change_address(&world, ada, SECOND).await;
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!(
        (world.emails.requested(), world.emails.subscriptions()),
        (vec![FIRST.to_owned(), SECOND.to_owned()], 1)
    );
}

#[tokio::test]
async fn a_subscription_opened_during_an_erasure_or_a_change_of_address_is_closed_again() {
    for erased in [true, false] {
        let world = World::new();
        let (ada, _) = world.connect("ada").await;
        world.emails.hold_next_opening();
        let alert = NewAlert { symbol: symbol("AAPL"), condition: above("12"), repeat: Repeat::Once, email: true };
        let meanwhile = async {
            while !world.emails.is_opening_held() {
                tokio::task::yield_now().await;
            }
            world.emails.let_others_pass();
            if erased {
                erasure::erase(&world.platform.app, ada, password()).await.unwrap();
            } else {
                change_address(&world, ada, SECOND).await;
                create_with_email(&world, ada).await;
            }
            world.emails.release_opening();
        };
        let (made, ()) = tokio::join!(alerts::create(&world.platform, ada, &alert, None), meanwhile);
        made.unwrap();
        if erased {
            assert_eq!((world.emails.subscriptions(), stored(&world, ada).await), (0, String::new()));
        } else {
            assert_eq!((world.emails.addresses(), world.emails.subscriptions()), (vec![SECOND.to_owned()], 1));
        }
    }
}

#[tokio::test]
async fn a_deleted_subscription_is_opened_again_and_the_email_is_sent() {
    let world = World::new();
    let (ada, _) = world.connect("ada").await;
    create_with_email(&world, ada).await;
    world.emails.delete_all();
    let quote = world.quote("AAPL", "13");
    let fired = alerts::evaluate(&world.platform, std::slice::from_ref(&quote)).await.unwrap();
    assert_eq!((fired.fired, fired.undelivered), (1, 1));
    world.clock.forward(TimeDelta::minutes(1));
    assert_eq!(alerts::evaluate(&world.platform, &[quote]).await.unwrap().delivered, 1);
    assert_eq!((world.emails.take().len(), world.emails.subscriptions()), (1, 1));
}
