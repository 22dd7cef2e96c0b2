//! At least one administrator always remains.

use accounts::administration::AccountChange;
use accounts::erasure;
use app::{Precondition, ServiceError};
use domain::{CustomerId, Role};
use identity::audit::Actor;
use store::fault::{Fault, Plan};
use store::{DeleteExpect, Table, Write, keys};

use crate::identity::{PASSWORD, World, json, password};

fn role(role: Role) -> AccountChange {
    AccountChange { role: Some(role), ..AccountChange::default() }
}

fn disabled(disabled: bool) -> AccountChange {
    AccountChange { disabled: Some(disabled), ..AccountChange::default() }
}

impl World {
    /// Ada and another customer, both administrators.
    async fn with_two_administrators() -> (Self, CustomerId, CustomerId) {
        let world = Self::with_ada().await;
        let (ada, other) = (world.ada().await, world.others(1).await[0]);
        for one in [ada, other] {
            world.change(one, role(Role::Administrator)).await.unwrap();
        }
        (world, ada, other)
    }

    async fn administrators(&self) -> Vec<CustomerId> {
        let item = self.table.get(&keys::administrator_index()).await.unwrap().unwrap();
        serde_json::from_value(json(&item)).unwrap()
    }

    /// Removes the list, as in a store of an earlier version.
    async fn remove_the_list(&self) {
        let key = keys::administrator_index();
        self.table.inner().transact(vec![Write::Delete { key, expect: DeleteExpect::Any }]).await.unwrap();
    }
}

fn is_last(outcome: &Result<(), ServiceError>) -> bool {
    matches!(outcome, Err(ServiceError::LastAdministrator))
}

#[tokio::test]
async fn the_last_administrator_can_be_neither_demoted_disabled_nor_erased() {
    for listed in [true, false] {
        let (world, ada, other) = World::with_two_administrators().await;
        if !listed {
            world.remove_the_list().await;
        }
        world.change(other, disabled(true)).await.unwrap();
        assert_eq!(world.administrators().await, [ada], "a disabled administrator is not listed");
        for change in [role(Role::Client), role(Role::Advisor), disabled(true)] {
            assert!(is_last(&world.change(ada, change).await));
        }
        assert!(is_last(&erasure::erase(&world.platform.app, ada, password(PASSWORD)).await));
        world.guess(PASSWORD).await.unwrap();
        world.change(other, disabled(false)).await.unwrap();
        erasure::erase(&world.platform.app, ada, password(PASSWORD)).await.unwrap();
        assert_eq!(world.administrators().await, [other]);
        assert!(is_last(&world.change(other, role(Role::Client)).await));
    }
}

#[tokio::test]
async fn one_of_two_administrators_who_remove_each_other_remains() {
    for listed in [true, false] {
        for change in [role(Role::Client), disabled(true)] {
            let (world, ada, other) = World::with_two_administrators().await;
            if !listed {
                world.remove_the_list().await;
            }
            let remove = async |by, whom| {
                let by = Actor::Customer(by);
                accounts::administration::administer(&world.platform.app, by, whom, &Precondition::Any, change.clone())
                    .await
                    .map(drop)
            };
            let (one, two) = tokio::join!(remove(ada, other), remove(other, ada));
            assert!(one.is_ok() != two.is_ok() && (is_last(&one) || is_last(&two)), "{one:?} {two:?}");
            assert_eq!(world.administrators().await.len(), 1);
        }
    }
}

#[tokio::test]
async fn one_of_two_administrators_who_erase_themselves_remains() {
    let (world, ada, other) = World::with_two_administrators().await;
    let erase = async |whom| erasure::erase(&world.platform.app, whom, password(PASSWORD)).await;
    let (one, two) = tokio::join!(erase(ada), erase(other));
    assert!(one.is_ok() != two.is_ok() && (is_last(&one) || is_last(&two)), "{one:?} {two:?}");
    assert_eq!(world.administrators().await.len(), 1);
}

#[tokio::test]
async fn profiles_are_searched_once_per_change_however_often_it_is_retried() {
    let mut reads = Vec::new();
    for lost_races in [0, 3] {
        let (world, _, other) = World::with_two_administrators().await;
        world.remove_the_list().await;
        world.table.plan_writes(Plan::scripted(vec![Some(Fault::Conflict); lost_races]));
        world.table.inner().take_counts();
        world.change(other, role(Role::Client)).await.unwrap();
        reads.push(world.table.inner().take_counts().reads);
    }
    let [direct, retried] = reads[..] else { panic!("{reads:?}") };
    // Each retry reads the profile and the list.
    assert_eq!(retried - direct, 3 * 2);
}
