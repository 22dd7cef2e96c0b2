//! Profiles that an earlier version stored: they are read where they are, and move when they are next written.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use accounts::administration::AccountChange;
use accounts::{erasure, own_account, sign_out};
use app::{App, Precondition, ServiceError};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{CustomerId, Role};
use identity::audit::Actor;
use identity::authorization::{authorize, find_active_session};
use identity::profile::{self, Person};
use identity::sessions::{self, SessionKind};
use identity::{registration, tokens};
use market::Sample;
use operations::verification::{self, Interrupted};
use store::{DeleteExpect, StoreError, Table, Version, Write, keys};
use store_sqlite::SqliteTable;
use testing::{InterceptedTable, Interceptor, TestBed};
use tokio::sync::Barrier;

use crate::identity::{PASSWORD, World, ada, email, json, password};

impl World {
    /// Ada, stored as an earlier version stored her.
    async fn with_legacy_ada() -> (Self, CustomerId) {
        let world = Self::with_ada().await;
        let id = world.ada().await;
        store_as_before(&world.platform.app, id).await;
        // So that the next version differs from that of the profile.
        world.forward(TimeDelta::seconds(1));
        (world, id)
    }

    /// Whether the profile is at its key, and whether it is at its legacy key.
    async fn places(&self, id: CustomerId) -> [bool; 2] {
        places(self.table.inner(), id).await
    }

    async fn read_profile(&self, id: CustomerId) -> profile::Profile {
        profile::find(&self.platform.app, id).await.unwrap().profile
    }
}

const MOVED: [bool; 2] = [true, false];
const LEGACY: [bool; 2] = [false, true];

/// Moves a profile to where an earlier version stored it.
async fn store_as_before(app: &App, id: CustomerId) {
    let item = app.table().get(&keys::profile(id)).await.unwrap().unwrap();
    let writes = vec![
        Write::create(keys::legacy_profile(id), item.body),
        Write::Delete { key: item.key, expect: DeleteExpect::Version(item.version) },
    ];
    app.table().transact(writes).await.unwrap();
}

async fn places(table: &dyn Table, id: CustomerId) -> [bool; 2] {
    let found = table.get_many(&[keys::profile(id), keys::legacy_profile(id)]).await.unwrap();
    [found[0].is_some(), found[1].is_some()]
}

#[tokio::test]
async fn a_profile_of_an_earlier_version_is_read_where_it_is() {
    let (world, id) = World::with_legacy_ada().await;
    let token = world.token(SessionKind::Api).await;
    assert!(world.is_active(&token).await);
    assert!(matches!(world.guess("a wrong guess").await, Err(ServiceError::InvalidCredentials)));
    assert_eq!(world.exported(id).await["customer"]["email"], "ada@example.com");
    let both = profile::find_many(&world.platform.app, &[id, world.others(1).await[0]]).await.unwrap();
    assert_eq!(both.iter().flatten().count(), 2);
    assert_eq!(world.places(id).await, LEGACY);
}

#[tokio::test]
async fn an_unknown_address_takes_the_reads_of_a_known_one_wherever_its_profile_is() {
    let (world, id) = World::with_legacy_ada().await;
    let mut counts = Vec::new();
    for moved in [false, true] {
        if moved {
            profile::move_from_legacy_key(&world.platform.app, id).await.unwrap();
        }
        for address in ["ada@example.com", "unknown@example.com"] {
            world.table.inner().take_counts();
            let (address, wrong) = (address.parse().unwrap(), password("a wrong guess"));
            sessions::sign_in(&world.platform.app, &address, wrong, SessionKind::Api).await.unwrap_err();
            counts.push(world.table.inner().take_counts());
        }
    }
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
}

#[tokio::test]
async fn every_change_moves_the_profile_and_loses_nothing_of_it() {
    let (world, id) = World::with_legacy_ada().await;
    let app = &world.platform.app;
    let token = world.token(SessionKind::Api).await;
    let renamed =
        |person| Person { last_name: "King".to_owned(), email: "king@example.com".parse().unwrap(), ..person };
    own_account::update_profile(app, id, &Precondition::Any, renamed).await.unwrap();
    assert_eq!(world.places(id).await, MOVED);
    assert!(world.is_active(&token).await);
    let found = profile::find_by_email(app, &"king@example.com".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((found.profile.id, found.profile.person.unwrap().last_name.as_str()), (id, "King"));

    let (world, id) = World::with_legacy_ada().await;
    let token = world.token(SessionKind::Api).await;
    let new = password("another horse staple");
    own_account::change_password(&world.platform.app, id, password(PASSWORD), new).await.unwrap();
    assert_eq!((world.places(id).await, world.is_active(&token).await), (MOVED, false));
    world.guess("another horse staple").await.unwrap();

    let (world, id) = World::with_legacy_ada().await;
    let token = world.token(SessionKind::Api).await;
    world.change(id, AccountChange { disabled: Some(true), ..AccountChange::default() }).await.unwrap();
    assert_eq!((world.places(id).await, world.is_active(&token).await), (MOVED, false));
    assert!(matches!(world.guess(PASSWORD).await, Err(ServiceError::AccountDisabled)));

    let (world, id) = World::with_legacy_ada().await;
    let token = world.token(SessionKind::Api).await;
    sign_out::end_all(&world.platform.app, id).await.unwrap();
    assert_eq!((world.places(id).await, world.is_active(&token).await), (MOVED, false));
}

#[tokio::test]
async fn an_address_that_is_taken_is_reported_when_the_profile_would_move() {
    let (world, id) = World::with_legacy_ada().await;
    world.register(testing::people::person("Bob"), PASSWORD, "bob").await.unwrap();
    let taken = |person| Person { email: "bob@example.com".parse().unwrap(), ..person };
    let refused = own_account::update_profile(&world.platform.app, id, &Precondition::Any, taken).await;
    assert!(matches!(refused, Err(ServiceError::EmailTaken)), "{refused:?}");
    assert_eq!(world.places(id).await, LEGACY);
}

#[tokio::test]
async fn an_erasure_leaves_the_anonymous_profile_at_its_key_alone() {
    let (world, id) = World::with_legacy_ada().await;
    world.erase(id).await;
    assert_eq!(world.places(id).await, MOVED);
    assert!(world.sweep(id).await);
    let erased = world.read_profile(id).await;
    assert!(erased.person.is_none() && erased.password_hash.is_none() && erased.swept);

    // A version that stored the profile at the legacy key began this erasure.
    let (world, id) = World::with_legacy_ada().await;
    erasure::erase(&world.platform.app, id, password(PASSWORD)).await.unwrap();
    store_as_before(&world.platform.app, id).await;
    world.forward(TimeDelta::hours(2));
    assert!(world.sweep(id).await);
    assert_eq!(world.places(id).await, MOVED);
}

#[tokio::test]
async fn the_nightly_verification_moves_every_profile() {
    let (world, ada) = World::with_legacy_ada().await;
    let other = world.others(1).await[0];
    store_as_before(&world.platform.app, other).await;
    assert!(verification::verify_all(&world.platform, Interrupted::Continue, None).await.unwrap().is_clean());
    for id in [ada, other] {
        assert_eq!(world.places(id).await, MOVED);
    }
}

#[tokio::test]
async fn the_clients_of_a_former_advisor_move_in_transactions_that_are_not_too_large() {
    let (world, advisor) = World::with_legacy_ada().await;
    let clients = world.others(45).await;
    let role = |role| AccountChange { role: Some(role), ..AccountChange::default() };
    world.change(advisor, role(Role::Advisor)).await.unwrap();
    world.advise(&clients, advisor).await;
    for id in clients.iter().chain([&advisor]) {
        store_as_before(&world.platform.app, *id).await;
    }
    world.change(advisor, role(Role::Client)).await.unwrap();
    assert_eq!(world.advised(&clients, advisor).await, [0, 0, 0]);
    for id in &clients {
        assert_eq!(world.places(*id).await, MOVED);
    }
}

#[tokio::test]
async fn a_decision_on_a_profile_that_has_moved_since_is_not_committed() {
    let (world, id) = World::with_legacy_ada().await;
    let app = &world.platform.app;
    let token = world.token(SessionKind::Api).await;
    let session = find_active_session(app, &tokens::hash(&token).unwrap()).await.unwrap().unwrap();
    let stored = profile::find(app, id).await.unwrap();
    app.table().transact(session.unchanged()).await.unwrap();
    app.table().transact(stored.unchanged()).await.unwrap();
    profile::move_from_legacy_key(app, id).await.unwrap();
    for decided_before in [session.unchanged(), stored.unchanged(), stored.replaced_by(&stored.profile).unwrap()] {
        let refused = app.table().transact(decided_before).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    }
    let moved = profile::find(app, id).await.unwrap();
    app.table().transact(moved.unchanged()).await.unwrap();
}

/// A table in which the first two transactions wait for each other, so that both were decided on the same reads, and in
/// which a profile can move before a read.
struct Races {
    table: SqliteTable,
    both: Barrier,
    transactions: AtomicUsize,
    /// The profile that moves, and the number of reads before it does.
    moving: Mutex<Option<(CustomerId, usize)>>,
}

#[async_trait]
impl Interceptor for Races {
    fn table(&self) -> &dyn Table {
        &self.table
    }

    async fn before_read(&self) {
        let due = match &mut *self.moving.lock().unwrap() {
            Some((_, reads)) if *reads > 0 => {
                *reads -= 1;
                None
            }
            moving => moving.take(),
        };
        if let Some((id, _)) = due {
            let item = self.table.get(&keys::legacy_profile(id)).await.unwrap().unwrap();
            let removed = Write::Delete { key: item.key, expect: DeleteExpect::Version(item.version) };
            self.table.transact(vec![Write::create(keys::profile(id), item.body), removed]).await.unwrap();
        }
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Option<Version>>, StoreError> {
        if self.transactions.fetch_add(1, Ordering::SeqCst) < 2 {
            self.both.wait().await;
        }
        self.table.transact(writes).await
    }
}

/// Ada as an earlier version stored her, in a table with races.
async fn with_races() -> (TestBed, App, Arc<InterceptedTable<Races>>, CustomerId) {
    let test_bed = TestBed::at("2026-11-20T12:00:00Z");
    let table = test_bed.table();
    let transactions = AtomicUsize::new(2);
    let races = Races { table, both: Barrier::new(2), transactions, moving: Mutex::default() };
    let races = Arc::new(InterceptedTable(races));
    let app = test_bed.platform(races.clone(), Arc::new(Sample::new())).app;
    let id = registration::register(&app, ada(), password(PASSWORD)).await.unwrap().profile.id;
    store_as_before(&app, id).await;
    (test_bed, app, races, id)
}

#[tokio::test]
async fn two_changes_that_move_a_profile_at_once_both_take_effect() {
    let (_test_bed, app, races, id) = with_races().await;
    races.transactions.store(0, Ordering::SeqCst);
    let (one, other) = tokio::join!(sign_out::end_all(&app, id), sign_out::end_all(&app, id));
    one.unwrap();
    other.unwrap();
    assert_eq!(races.transactions.load(Ordering::SeqCst), 3, "the second change was decided again");
    assert_eq!(profile::find(&app, id).await.unwrap().profile.session_epoch, 2);
    assert_eq!(places(&races.table, id).await, MOVED);
}

#[tokio::test]
async fn a_profile_that_moves_between_two_reads_is_found() {
    // The reads before it moves: one of its key, and for a token one of the session.
    for (reads_before, look_up) in [(1, "by id"), (1, "many"), (2, "by token")] {
        let (_test_bed, app, races, id) = with_races().await;
        let token = sessions::sign_in(&app, &email(), password(PASSWORD), SessionKind::Api).await.unwrap().token;
        *races.moving.lock().unwrap() = Some((id, reads_before));
        let found = match look_up {
            "by id" => profile::find(&app, id).await.unwrap().profile.id,
            "many" => profile::find_many(&app, &[id]).await.unwrap().remove(0).unwrap().profile.id,
            _ => authorize(&app, &token).await.unwrap().unwrap().customer_id,
        };
        assert_eq!(found, id, "{look_up}");
        assert_eq!(places(&races.table, id).await, MOVED, "{look_up}");
    }
}

#[tokio::test]
async fn what_is_planted_at_the_legacy_key_of_a_customer_is_not_read() {
    let world = World::with_ada().await;
    let id = world.ada().await;
    let mut planted = json(&world.table.get(&keys::profile(id)).await.unwrap().unwrap());
    planted["role"] = "administrator".into();
    let body = store::Body::Json(planted.to_string());
    world.table.inner().transact(vec![Write::create(keys::legacy_profile(id), body)]).await.unwrap();
    assert_eq!(world.read_profile(id).await.role, Role::Client);
    let change = AccountChange { disabled: Some(true), ..AccountChange::default() };
    accounts::administration::administer(&world.platform.app, Actor::Operator, id, &Precondition::Any, change)
        .await
        .unwrap();
    assert_eq!(world.read_profile(id).await.role, Role::Client);
}
