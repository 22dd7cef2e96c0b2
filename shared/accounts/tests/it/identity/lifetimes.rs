//! Lifetimes of sessions, tokens and failed attempts, with a clock that the test moves.

use accounts::{erasure, export, password_reset, sign_out};
use app::ServiceError;
use chrono::TimeDelta;
use domain::Email;
use identity::authorization::{Refusal, authorize};
use identity::profile::Person;
use identity::sessions::{self, SessionKind};
use operations::verification::{self, Interrupted};
use store::fault::{Fault, Plan};
use store::{Table as _, keys};
use testing::Counts;

use crate::identity::{PASSWORD, World, email, password};

#[tokio::test]
async fn a_session_ends_after_twelve_hours_even_if_it_is_used() {
    let world = World::with_ada().await;
    let token = world.token(SessionKind::Api).await;
    for _ in 0..11 {
        world.forward(TimeDelta::hours(1));
        assert!(world.is_active(&token).await);
    }
    world.forward(TimeDelta::seconds(3_599));
    assert!(world.is_active(&token).await);
    world.forward(TimeDelta::seconds(1));
    assert!(!world.is_active(&token).await);
}

#[tokio::test]
async fn a_browser_session_ends_after_half_an_hour_without_a_request() {
    let world = World::with_ada().await;
    let (used, idle, program) = (
        world.token(SessionKind::Browser).await,
        world.token(SessionKind::Browser).await,
        world.token(SessionKind::Api).await,
    );
    world.forward(TimeDelta::minutes(29));
    assert!(world.is_active(&used).await);
    world.forward(TimeDelta::minutes(1));
    assert!(!world.is_active(&idle).await);
    assert!(world.is_active(&used).await && world.is_active(&program).await);
    world.forward(TimeDelta::minutes(30));
    assert!(!world.is_active(&used).await && world.is_active(&program).await);
}

#[tokio::test]
async fn the_token_of_an_ended_session_is_recognised_for_a_day_after_its_longest_lifetime() {
    let world = World::with_ada().await;
    let app = &world.platform.app;
    let (signed_out, expired) = (world.token(SessionKind::Api).await, world.token(SessionKind::Api).await);
    let caller = authorize(app, &signed_out).await.unwrap().unwrap();
    for _ in 0..2 {
        sign_out::end_session(app, caller.customer_id, &caller.session).await.unwrap();
        assert_eq!(authorize(app, &signed_out).await.unwrap(), Err(Refusal::SessionEnded));
    }
    assert!(world.is_active(&expired).await, "the other session goes on");
    assert_eq!(sessions::list(app, caller.customer_id, None).await.unwrap().len(), 1);
    world.forward(TimeDelta::hours(sessions::LIFETIME_HOURS + sessions::REMEMBERED_HOURS) - TimeDelta::seconds(1));
    for token in [&signed_out, &expired] {
        assert_eq!(authorize(app, token).await.unwrap(), Err(Refusal::SessionEnded));
    }
    world.forward(TimeDelta::seconds(1));
    for token in [&signed_out, &expired] {
        assert_eq!(authorize(app, token).await.unwrap(), Err(Refusal::UnknownToken));
    }
}

#[tokio::test]
async fn signing_out_succeeds_although_other_requests_use_the_session_meanwhile() {
    let world = World::with_ada().await;
    let app = &world.platform.app;
    let token = world.token(SessionKind::Api).await;
    let caller = authorize(app, &token).await.unwrap().unwrap();
    world.table.plan_writes(Plan::scripted(vec![Some(Fault::Conflict); 3]));
    sign_out::end_session(app, caller.customer_id, &caller.session).await.unwrap();
    assert_eq!(authorize(app, &token).await.unwrap(), Err(Refusal::SessionEnded));
}

#[tokio::test]
async fn an_erasure_leaves_nothing_of_active_and_ended_sessions() {
    let world = World::with_ada().await;
    let app = &world.platform.app;
    let tokens = [world.token(SessionKind::Api).await, world.token(SessionKind::Browser).await];
    let mut callers = Vec::new();
    for token in &tokens {
        callers.push(authorize(app, token).await.unwrap().unwrap());
    }
    sign_out::end_session(app, callers[0].customer_id, &callers[0].session).await.unwrap();
    erasure::erase(app, callers[0].customer_id, password(PASSWORD)).await.unwrap();
    for (token, caller) in tokens.iter().zip(&callers) {
        assert_eq!(authorize(app, token).await.unwrap(), Err(Refusal::UnknownToken));
        for key in [keys::session(&caller.session), keys::session_of(caller.customer_id, &caller.session)] {
            assert_eq!(world.table.get(&key).await.unwrap(), None, "{key}");
        }
    }
}

#[tokio::test]
async fn a_failed_attempt_counts_for_a_quarter_of_an_hour() {
    let world = World::with_ada().await;
    for minute in 0..10 {
        assert!(matches!(world.guess("wrong").await, Err(ServiceError::InvalidCredentials)), "attempt {minute}");
        world.forward(TimeDelta::minutes(1));
    }
    // The first attempt failed ten minutes ago: five minutes are left.
    let refused = world.guess(PASSWORD).await.unwrap_err();
    assert!(matches!(refused, ServiceError::TooManyAttempts { retry_after_seconds: 300 }), "{refused}");
    world.forward(TimeDelta::minutes(5));
    world.guess(PASSWORD).await.unwrap();
    assert!(matches!(world.guess("wrong").await, Err(ServiceError::InvalidCredentials)));
    assert!(matches!(world.guess("wrong").await, Err(ServiceError::TooManyAttempts { .. })));
}

#[tokio::test]
async fn failed_attempts_stay_with_the_customer_when_the_address_changes() {
    let world = World::with_ada().await;
    let id = authorize(&world.platform.app, &world.token(SessionKind::Api).await).await.unwrap().unwrap().customer_id;
    for _ in 0..10 {
        let refused = accounts::own_account::change_password(
            &world.platform.app,
            id,
            password("wrong"),
            password("another long password"),
        )
        .await;
        assert!(matches!(refused, Err(ServiceError::WrongPassword)));
    }
    let moved: Email = "ada@example.org".parse().unwrap();
    let change = |person| Person { email: moved.clone(), ..person };
    accounts::own_account::update_profile(&world.platform.app, id, &app::Precondition::Any, change).await.unwrap();
    let refused = accounts::own_account::change_password(
        &world.platform.app,
        id,
        password("wrong"),
        password("another long password"),
    )
    .await;
    assert!(matches!(refused, Err(ServiceError::TooManyAttempts { .. })));
    let refused = sessions::sign_in(&world.platform.app, &moved, password(PASSWORD), SessionKind::Api).await;
    assert!(matches!(refused, Err(ServiceError::TooManyAttempts { .. })));
}

#[tokio::test]
async fn a_password_token_is_valid_for_a_day_or_until_the_password_changes() {
    let world = World::with_ada().await;
    let (late, outdated) = (
        password_reset::grant(&world.platform.app, &email()).await.unwrap().token,
        password_reset::grant(&world.platform.app, &email()).await.unwrap().token,
    );
    let used = password_reset::grant(&world.platform.app, &email()).await.unwrap().token;
    password_reset::redeem(&world.platform.app, &used, password("a second password")).await.unwrap();
    let refused = password_reset::redeem(&world.platform.app, &outdated, password("a third password")).await;
    assert!(matches!(refused, Err(ServiceError::InvalidToken)));
    world.forward(TimeDelta::hours(24));
    let refused = password_reset::redeem(&world.platform.app, &late, password("a third password")).await;
    assert!(matches!(refused, Err(ServiceError::InvalidToken)));
    world.guess("a second password").await.unwrap();
}

/// The interrupted erasures that a verification finishes.
async fn finished_by_verification(world: &World) -> usize {
    let report = verification::verify_all(&world.platform, Interrupted::Continue, None).await.unwrap();
    report.results.erasures_finished
}

#[tokio::test]
async fn the_nightly_verification_finishes_an_erasure_and_no_personal_data_stays_on_disk() {
    let world = World::with_ada().await;
    let id = authorize(&world.platform.app, &world.token(SessionKind::Api).await).await.unwrap().unwrap().customer_id;
    for _ in 0..5 {
        export::export(&world.platform.app, id).await.unwrap();
    }
    let files = || walk(world.test_bed.path());
    assert!(files().iter().any(|text| text.contains("Lovelace")));
    erasure::erase(&world.platform.app, id, password(PASSWORD)).await.unwrap();
    assert!(!files().iter().any(|text| text.contains("Lovelace")));
    assert_eq!(finished_by_verification(&world).await, 0, "requests may still be in progress");
    world.forward(TimeDelta::hours(1));
    assert_eq!(finished_by_verification(&world).await, 1);
    assert_eq!(finished_by_verification(&world).await, 0);
}

#[tokio::test]
async fn an_unknown_address_takes_as_much_work_as_a_wrong_password() {
    let world = World::with_ada().await;
    let unknown: Email = "unknown@example.com".parse().unwrap();
    let (mut costs, mut errors) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        for email in [email(), unknown.clone()] {
            world.table.inner().take_counts();
            let hashes = world.platform.app.hasher().computed();
            let refused =
                sessions::sign_in(&world.platform.app, &email, password("a wrong guess"), SessionKind::Api).await;
            let Counts { reads, transactions, .. } = world.table.inner().take_counts();
            costs.push((world.platform.app.hasher().computed() - hashes, reads, transactions));
            errors.push(refused.unwrap_err());
        }
    }
    assert!(errors.iter().all(|refused| matches!(refused, ServiceError::InvalidCredentials)));
    assert_eq!(costs[0].0, 1, "a hash is computed for an unknown address too");
    assert!(costs.iter().all(|cost| *cost == costs[0]), "{costs:?}");
}

/// The content of all files below a folder.
fn walk(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                walk(&path)
            } else {
                vec![String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()]
            }
        })
        .collect()
}
