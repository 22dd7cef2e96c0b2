//! What is kept of a registration while the customer changes and goes.

use accounts::erasure;
use app::{Created, Precondition, ServiceError};
use chrono::TimeDelta;
use identity::Customer;
use identity::profile::{self, Person};
use store::{Table, keys};

use crate::identity::{PASSWORD, World, ada, email, json, password};

#[tokio::test]
async fn a_registration_is_answered_again_under_its_key_whatever_became_of_the_customer() {
    let world = World::empty();
    let first = world.register(ada(), PASSWORD, "a").await.unwrap();
    let shown = |made: &Created<Customer>| serde_json::to_string(&made.value).unwrap();
    let id = first.value.id;
    assert_eq!(profile::find(&world.platform.app, id).await.unwrap().version, first.value.version);
    world.forward(TimeDelta::minutes(1));
    let change = |person| Person { last_name: "Byron".to_owned(), ..person };
    accounts::own_account::update_profile(&world.platform.app, id, &Precondition::Any, change).await.unwrap();
    let again = world.register(ada(), PASSWORD, "a").await.unwrap();
    assert_eq!((first.replayed, again.replayed, shown(&again)), (false, true, shown(&first)));
    assert!(matches!(world.register(ada(), PASSWORD, "b").await, Err(ServiceError::EmailTaken)));
    let other = Person { phone: Some("1".to_owned()), ..ada() };
    assert!(matches!(world.register(other, PASSWORD, "a").await, Err(ServiceError::IdempotencyKeyReused)));
    let another = Person { email: "b@example.com".parse().unwrap(), ..ada() };
    assert!(!world.register(another, PASSWORD, "a").await.unwrap().replayed, "a key belongs to its address");
}

#[tokio::test]
async fn what_is_kept_of_a_registration_has_no_password_and_goes_with_the_customer() {
    let world = World::empty();
    let first = world.register(ada(), PASSWORD, "a").await.unwrap().value.id;
    let (kept, request) = (keys::registration(first), keys::registration_request(&email(), "a"));
    for key in [&kept, &request] {
        let said = json(&world.table.get(key).await.unwrap().unwrap()).to_string();
        for secret in [PASSWORD, "argon2", keys::sha256_hex(PASSWORD).as_str()] {
            assert!(!said.contains(secret), "{key}: {said}");
        }
    }
    erasure::erase(&world.platform.app, first, password(PASSWORD)).await.unwrap();
    for key in [&kept, &request] {
        assert_eq!(world.table.get(key).await.unwrap(), None, "{key}");
    }
    let second = world.register(ada(), PASSWORD, "a").await.unwrap();
    assert!(!second.replayed && second.value.id != first);
}
