//! Registering once per idempotency key, also on a store that fails.

use app::ServiceError;
use chrono::TimeDelta;
use identity::profile::{self, Person};
use store::fault::{Fault, Plan};
use testing::people::PASSWORD;

use crate::world::{World, ada};

#[tokio::test]
async fn repeating_a_registration_is_limited_like_guessing_a_password() {
    let world = World::empty();
    world.register(ada(), PASSWORD, "a").await.unwrap();
    for attempt in 0..10 {
        let refused = world.register(ada(), "another password", "a").await;
        assert!(matches!(refused, Err(ServiceError::IdempotencyKeyReused)), "attempt {attempt}");
    }
    let refused = world.register(ada(), PASSWORD, "a").await;
    assert!(matches!(refused, Err(ServiceError::TooManyAttempts { .. })));
    assert!(matches!(world.guess(PASSWORD).await, Err(ServiceError::TooManyAttempts { .. })));
    world.forward(TimeDelta::minutes(15));
    assert!(world.register(ada(), PASSWORD, "a").await.unwrap().replayed);
}

#[tokio::test]
async fn a_registration_whose_response_was_lost_is_replayed() {
    for lost in
        [vec![Some(Fault::ErrorAfter)], vec![None, Some(Fault::ErrorBefore)], vec![None, Some(Fault::ErrorAfter)]]
    {
        let world = World::empty();
        world.table.plan_writes(Plan::scripted(lost.clone()));
        assert!(matches!(world.register(ada(), PASSWORD, "a").await, Err(ServiceError::Store(_))), "{lost:?}");
        let again = world.register(ada(), PASSWORD, "a").await.unwrap();
        let third = world.register(ada(), PASSWORD, "a").await.unwrap();
        assert!(again.replayed && third.replayed, "{lost:?}");
        assert_eq!(again.value.version, profile::find(&world.app, again.value.id).await.unwrap().version);
        assert_eq!(again.value.version, third.value.version);
    }
}

#[tokio::test]
async fn no_hash_is_computed_for_a_taken_address_or_a_refused_password() {
    let world = World::with_ada().await;
    let before = world.app.hasher().computed();
    assert!(matches!(world.register(ada(), PASSWORD, "a").await, Err(ServiceError::EmailTaken)));
    let another = Person { email: "b@example.com".parse().unwrap(), ..ada() };
    let refused = world.register(another, "AdaLovelace", "a").await;
    assert!(matches!(refused, Err(ServiceError::Field { field: "password", .. })), "{refused:?}");
    assert_eq!(world.app.hasher().computed(), before);
}
