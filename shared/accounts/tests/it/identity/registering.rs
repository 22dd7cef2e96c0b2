//! The stored response to a registration, while the customer changes and is erased.

use accounts::erasure;
use app::{Created, Precondition, ServiceError};
use chrono::TimeDelta;
use identity::Customer;
use identity::profile::{self, Person};
use store::{Table, keys};

use crate::identity::{PASSWORD, World, ada, email, json, password};

#[tokio::test]
async fn a_registration_is_replayed_even_after_the_customer_changed() {
    let world = World::empty();
    let first = world.register(ada(), PASSWORD, "a").await.unwrap();
    let text = |made: &Created<Customer>| serde_json::to_string(&made.value).unwrap();
    let id = first.value.id;
    assert_eq!(profile::find(&world.platform.app, id).await.unwrap().version, first.value.version);
    world.forward(TimeDelta::minutes(1));
    let change = |person| Person { last_name: "Byron".to_owned(), ..person };
    accounts::own_account::update_profile(&world.platform.app, id, &Precondition::Any, change).await.unwrap();
    let again = world.register(ada(), PASSWORD, "a").await.unwrap();
    assert_eq!((first.replayed, again.replayed, text(&again)), (false, true, text(&first)));
    assert!(matches!(world.register(ada(), PASSWORD, "b").await, Err(ServiceError::EmailTaken)));
    let other = Person { phone: Some("1".to_owned()), ..ada() };
    assert!(matches!(world.register(other, PASSWORD, "a").await, Err(ServiceError::IdempotencyKeyReused)));
    let another = Person { email: "b@example.com".parse().unwrap(), ..ada() };
    assert!(!world.register(another, PASSWORD, "a").await.unwrap().replayed, "a key belongs to its e-mail address");
}

#[tokio::test]
async fn a_stored_registration_contains_no_password_and_is_erased_with_the_customer() {
    let world = World::empty();
    let first = world.register(ada(), PASSWORD, "a").await.unwrap().value.id;
    let (stored, request) = (keys::registration(first), keys::registration_request(&email(), "a"));
    for key in [&stored, &request] {
        let text = json(&world.table.get(key).await.unwrap().unwrap()).to_string();
        for secret in [PASSWORD, "argon2", keys::sha256_hex(PASSWORD).as_str()] {
            assert!(!text.contains(secret), "{key}: {text}");
        }
    }
    erasure::erase(&world.platform.app, first, password(PASSWORD)).await.unwrap();
    for key in [&stored, &request] {
        assert_eq!(world.table.get(key).await.unwrap(), None, "{key}");
    }
    let second = world.register(ada(), PASSWORD, "a").await.unwrap();
    assert!(!second.replayed && second.value.id != first);
}
