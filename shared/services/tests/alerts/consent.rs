//! Letters go to who has agreed, and the question is asked until it is answered or the address is none of theirs.

use chrono::TimeDelta;
use domain::alert::Repeat;
use domain::{CustomerId, Email};
use services::Precondition;
use services::alerts::{self, NewAlert};
use services::identity::password::Password;
use services::identity::profile::Person;
use services::identity::{accounts, erasure};
use store::{Table as _, keys};

use crate::world::{PASSWORD, World, above, symbol};

const FIRST: &str = "ada@example.com";
const SECOND: &str = "ada@example.org";

async fn by_mail(world: &World, customer: CustomerId) {
    let alert = NewAlert { symbol: symbol("AAPL"), condition: above("12"), repeat: Repeat::Once, email: true };
    alerts::create(&world.app, customer, &alert, None).await.unwrap();
}

async fn moves_to(world: &World, customer: CustomerId, email: &str) {
    let email: Email = email.parse().unwrap();
    let change = |person| Person { email: email.clone(), ..person };
    accounts::update_profile(&world.app, customer, &Precondition::Any, change).await.unwrap();
}

/// A letter of an alert that fires.
async fn a_letter(world: &World, customer: CustomerId) {
    by_mail(world, customer).await;
    alerts::evaluate(&world.app, &[world.quote("AAPL", "13")]).await.unwrap();
}

/// What is kept of the subscriptions of a customer.
async fn kept(world: &World, customer: CustomerId) -> String {
    let item = world.table.inner().get(&keys::mailbox(customer)).await.unwrap();
    item.map_or_else(String::new, |item| format!("{:?}", item.body))
}

#[tokio::test]
async fn a_question_that_was_not_answered_in_time_is_asked_with_the_next_alert() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    world.letters.go_unanswered();
    by_mail(&world, ada).await;
    by_mail(&world, ada).await;
    assert_eq!(world.letters.asked(), [FIRST, FIRST], "who has not answered is reminded");
    world.letters.lapse();
    by_mail(&world, ada).await;
    assert_eq!(world.letters.asked(), [FIRST, FIRST, FIRST]);
    world.letters.confirm(FIRST);
    by_mail(&world, ada).await;
    assert_eq!(world.letters.asked().len(), 3);
    // What is kept is the subscription that stands, and not the one that has lapsed.
    moves_to(&world, ada, SECOND).await;
    a_letter(&world, ada).await;
    assert!(world.letters.addresses(ada).is_empty(), "the earlier one has ended, the present one has not agreed");
}

#[tokio::test]
async fn an_earlier_address_that_agrees_late_gets_no_letter() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    world.letters.go_unanswered();
    by_mail(&world, ada).await;
    moves_to(&world, ada, SECOND).await;
    by_mail(&world, ada).await;
    for email in [FIRST, SECOND] {
        world.letters.confirm(email);
    }
    alerts::evaluate(&world.app, &[world.quote("AAPL", "13")]).await.unwrap();
    assert_eq!((world.letters.addresses(ada), world.letters.take().len()), (vec![SECOND.to_owned()], 2));
}

#[tokio::test]
async fn who_goes_back_to_an_earlier_address_keeps_its_subscription() {
    let world = World::new();
    let (ada, _) = world.connected("ada").await;
    world.letters.go_unanswered();
    for email in [FIRST, SECOND, FIRST] {
        if !world.letters.asked().is_empty() {
            moves_to(&world, ada, email).await;
        }
        by_mail(&world, ada).await;
    }
    for email in [FIRST, SECOND] {
        world.letters.confirm(email);
    }
    a_letter(&world, ada).await;
    assert_eq!(world.letters.addresses(ada), [FIRST]);
}

#[tokio::test]
async fn an_erasure_is_not_over_before_a_question_can_no_longer_be_answered() {
    for answers in [true, false] {
        let world = World::new();
        let (ada, _) = world.connected("ada").await;
        world.letters.go_unanswered();
        by_mail(&world, ada).await;
        assert!(kept(&world, ada).await.contains(FIRST));
        erasure::erase(&world.app, ada, Password::typed(PASSWORD.to_owned())).await.unwrap();
        world.clock.forward(TimeDelta::hours(2));
        assert!(!erasure::sweep(&world.app, ada).await.unwrap());
        let left = kept(&world, ada).await;
        assert!(left.contains("subscription 1") && !left.contains(FIRST), "{left}");
        if answers {
            world.letters.confirm(FIRST);
        } else {
            world.letters.lapse();
        }
        assert!(erasure::sweep(&world.app, ada).await.unwrap());
        assert!(world.letters.addresses(ada).is_empty() && kept(&world, ada).await.is_empty());
    }
}
