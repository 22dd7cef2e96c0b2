//! Emails go to who has agreed, the question is asked until it is answered, and no subscription outlives its address.

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

async fn by_mail(world: &World, customer: CustomerId) {
    let alert = NewAlert { symbol: symbol("AAPL"), condition: above("12"), repeat: Repeat::Once, email: true };
    alerts::create(&world.platform, customer, &alert, None).await.unwrap();
}

async fn moves_to(world: &World, customer: CustomerId, email: &str) {
    let email: Email = email.parse().unwrap();
    let change = |person| Person { email: email.clone(), ..person };
    accounts::own_account::update_profile(&world.platform.app, customer, &Precondition::Any, change).await.unwrap();
}

/// An alert that fires.
async fn fires(world: &World, customer: CustomerId) {
    by_mail(world, customer).await;
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
}

/// What is kept of the subscriptions of a customer.
async fn kept(world: &World, customer: CustomerId) -> String {
    let item = world.table.inner().get(&keys::email_subscription(customer)).await.unwrap();
    item.map_or_else(String::new, |item| format!("{:?}", item.body))
}

#[tokio::test]
async fn a_question_that_was_not_answered_is_asked_with_the_next_alert_and_one_that_was_is_not() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    world.emails.go_unanswered();
    by_mail(&world, ada).await;
    by_mail(&world, ada).await;
    assert_eq!(world.emails.asked(), [FIRST]);
    world.clock.forward(TimeDelta::days(1));
    by_mail(&world, ada).await;
    assert_eq!(world.emails.asked(), [FIRST, FIRST], "who has not answered is reminded, once a day");
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!(world.emails.asked().len(), 2, "an email asks nobody");
    assert!(world.emails.take().is_empty(), "who has not agreed gets no email");
    world.emails.confirm(FIRST);
    fires(&world, ada).await;
    assert_eq!((world.emails.asked().len(), world.emails.subscriptions()), (2, 1));
}

#[tokio::test]
async fn nobody_is_flooded_with_questions_whatever_addresses_a_customer_claims() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    let alert = NewAlert { symbol: symbol("AAPL"), condition: above("12"), repeat: Repeat::Recurring, email: true };
    let ask = || alerts::create(&world.platform, ada, &alert, None);
    for email in ["one@example.com", "two@example.com", "three@example.com"] {
        moves_to(&world, ada, email).await;
        ask().await.unwrap();
    }
    moves_to(&world, ada, "four@example.com").await;
    assert!(matches!(ask().await, Err(ServiceError::LimitReached { limit: 3, .. })));
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!(world.emails.asked().len(), 3, "an email asks no more than an alert");
    world.clock.forward(TimeDelta::days(1));
    ask().await.unwrap();
    assert_eq!(world.emails.asked().last().unwrap(), "four@example.com");
    // Who has as many alerts as there may be asks nobody by one more.
    for _ in 4..alerts::MAX_ACTIVE {
        world.alert(ada, above("99"), Repeat::Recurring).await;
    }
    moves_to(&world, ada, "five@example.com").await;
    assert!(matches!(ask().await, Err(ServiceError::LimitReached { limit: alerts::MAX_ACTIVE, .. })));
    assert_eq!(world.emails.asked().len(), 4);
}

#[tokio::test]
async fn an_earlier_address_gets_no_email_whether_it_has_agreed_or_not() {
    for agreed in [true, false] {
        let world = World::new();
        let (ada, _) = world.connected("ada").await;
        world.emails.go_unanswered();
        by_mail(&world, ada).await;
        if agreed {
            world.emails.confirm(FIRST);
        }
        moves_to(&world, ada, SECOND).await;
        alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
        // The question to the earlier address stands no more, and who answers it late has nothing of it.
        for email in [FIRST, SECOND] {
            world.emails.confirm(email);
        }
        assert!(world.emails.take().is_empty(), "the present address had not agreed");
        fires(&world, ada).await;
        assert_eq!((world.emails.addresses(), world.emails.take().len()), (vec![SECOND.to_owned()], 1));
        assert_eq!(world.emails.subscriptions(), 1);
    }
}

#[tokio::test]
async fn who_goes_back_to_an_earlier_address_is_asked_anew() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    for email in [SECOND, FIRST] {
        by_mail(&world, ada).await;
        moves_to(&world, ada, email).await;
    }
    by_mail(&world, ada).await;
    assert_eq!(world.emails.asked(), [FIRST, SECOND, FIRST]);
    assert_eq!((world.emails.addresses(), world.emails.subscriptions()), (vec![FIRST.to_owned()], 1));
}

#[tokio::test]
async fn a_subscription_that_could_not_be_opened_or_closed_is_not_forgotten() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    world.emails.strike(true);
    let alert = NewAlert { symbol: symbol("AAPL"), condition: above("12"), repeat: Repeat::Once, email: true };
    assert!(matches!(alerts::create(&world.platform, ada, &alert, None).await, Err(ServiceError::Mail(_))));
    let first = kept(&world, ada).await;
    assert!(first.contains(FIRST), "{first}");
    world.emails.strike(false);
    by_mail(&world, ada).await;
    assert_eq!(world.emails.subscriptions(), 1, "it was opened under the id that was written down");
    moves_to(&world, ada, SECOND).await;
    world.emails.strike(true);
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert!(kept(&world, ada).await.contains(SECOND));
    world.emails.strike(false);
    by_mail(&world, ada).await;
    assert_eq!((world.emails.addresses(), world.emails.subscriptions()), (vec![SECOND.to_owned()], 1));
}

#[tokio::test]
async fn an_erasure_closes_every_subscription_and_is_not_over_before() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    world.emails.go_unanswered();
    by_mail(&world, ada).await;
    assert!(kept(&world, ada).await.contains(FIRST));
    world.emails.strike(true);
    erasure::erase(&world.platform.app, ada, password()).await.unwrap();
    world.clock.forward(TimeDelta::hours(2));
    assert!(!erasure::sweep(&world.platform.app, ada).await.unwrap());
    let left = kept(&world, ada).await;
    assert!(!left.is_empty() && !left.contains(FIRST), "the address is gone, the subscription is not: {left}");
    world.emails.strike(false);
    assert!(erasure::sweep(&world.platform.app, ada).await.unwrap());
    assert!(world.emails.subscriptions() == 0 && kept(&world, ada).await.is_empty());
}

#[tokio::test]
async fn alerts_that_are_made_at_the_same_time_ask_once() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    world.emails.go_unanswered();
    let alert = NewAlert { symbol: symbol("AAPL"), condition: above("12"), repeat: Repeat::Once, email: true };
    let made = join_all((0..8).map(|_| alerts::create(&world.platform, ada, &alert, None))).await;
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    assert_eq!((world.emails.asked(), world.emails.subscriptions()), (vec![FIRST.to_owned()], 1));
    // So do e-mails that go out at the same time after a change of address.
    moves_to(&world, ada, SECOND).await;
    alerts::evaluate(&world.platform, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!((world.emails.asked(), world.emails.subscriptions()), (vec![FIRST.to_owned(), SECOND.to_owned()], 1));
}

#[tokio::test]
async fn a_subscription_that_is_opened_while_its_owner_is_erased_or_moves_is_closed_again() {
    for erased in [true, false] {
        let world = World::new();
        let (ada, _) = world.connected("ada").await;
        world.emails.hold_opening();
        let alert = NewAlert { symbol: symbol("AAPL"), condition: above("12"), repeat: Repeat::Once, email: true };
        let meanwhile = async {
            while !world.emails.is_waited_for() {
                tokio::task::yield_now().await;
            }
            world.emails.let_others_pass();
            if erased {
                erasure::erase(&world.platform.app, ada, password()).await.unwrap();
            } else {
                moves_to(&world, ada, SECOND).await;
                by_mail(&world, ada).await;
            }
            world.emails.go_on();
        };
        let (made, ()) = tokio::join!(alerts::create(&world.platform, ada, &alert, None), meanwhile);
        made.unwrap();
        if erased {
            assert_eq!((world.emails.subscriptions(), kept(&world, ada).await), (0, String::new()));
        } else {
            assert_eq!((world.emails.addresses(), world.emails.subscriptions()), (vec![SECOND.to_owned()], 1));
        }
    }
}

#[tokio::test]
async fn a_subscription_that_is_gone_is_opened_again_and_its_email_goes_out() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    by_mail(&world, ada).await;
    world.emails.lose_all();
    let quote = world.quote("AAPL", "13");
    let fired = alerts::evaluate(&world.platform, std::slice::from_ref(&quote)).await.unwrap();
    assert_eq!((fired.fired, fired.undelivered), (1, 1));
    world.clock.forward(TimeDelta::minutes(1));
    assert_eq!(alerts::evaluate(&world.platform, &[quote]).await.unwrap().delivered, 1);
    assert_eq!((world.emails.take().len(), world.emails.subscriptions()), (1, 1));
}
