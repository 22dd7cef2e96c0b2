//! Limits on password guessing, by one client and by many concurrently.

use std::time::Duration;

use app::ServiceError;
use app::limited_by_source::{self, LimitedAction};
use app::rate_limiter::RateLimitStatus;
use app::source_limits::{SourceAddress, SourceLimits};
use chrono::TimeDelta;
use futures::future::join_all;
use identity::sessions::{self, SessionKind};
use store::fault::{Fault, Plan};
use store::{Body, Table, Write, keys};
use testing::people::PASSWORD;

use crate::world::{World, email, json, password};

impl World {
    /// Replaces Ada's stored hash.
    async fn replace_hash(&self, change: impl Fn(&str) -> String) {
        let item = self.table.get(&keys::profile(self.ada().await)).await.unwrap().unwrap();
        let mut profile = json(&item);
        profile["password_hash"] = change(profile["password_hash"].as_str().unwrap()).into();
        let put = Write::update(item.key, Body::Json(profile.to_string()), item.version);
        self.table.inner().transact(vec![put]).await.unwrap();
    }

    /// Starts ten checks of Ada's password and drops them while the hash is computed, so that none is settled.
    async fn abandon_ten_attempts(&self) {
        for _ in 0..10 {
            let mut abandoned = std::pin::pin!(self.guess(PASSWORD));
            let hashes = self.app.hasher().computed();
            while self.app.hasher().computed() == hashes {
                assert!(futures::poll!(abandoned.as_mut()).is_pending());
                tokio::task::yield_now().await;
            }
        }
    }

    async fn guess_from(
        &self,
        source: Option<SourceAddress>,
        text: &str,
    ) -> (Result<(), ServiceError>, Option<RateLimitStatus>) {
        limited_by_source::run(&self.app, LimitedAction::SignIn, source, self.guess(text)).await
    }
}

fn source(address: &str) -> Option<SourceAddress> {
    SourceLimits::default().source(address.parse().unwrap(), None)
}

fn kinds(outcomes: &[Result<(), ServiceError>]) -> [usize; 3] {
    let count =
        |is: fn(&ServiceError) -> bool| outcomes.iter().filter(|outcome| outcome.as_ref().is_err_and(is)).count();
    [
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        count(|error| matches!(error, ServiceError::InvalidCredentials)),
        count(|error| matches!(error, ServiceError::TooManyAttempts { .. } | ServiceError::RateLimited { .. })),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_sign_ins_with_the_right_password_all_succeed() {
    let world = World::with_ada().await;
    let all = join_all((0..25).map(|_| world.guess(PASSWORD))).await;
    assert_eq!(kinds(&all), [25, 0, 0]);
    // Nine failed attempts leave one permit, which all of them acquire one after the other.
    for _ in 0..9 {
        world.guess("a wrong guess").await.unwrap_err();
    }
    let all = join_all((0..12).map(|_| world.guess(PASSWORD))).await;
    assert_eq!(kinds(&all), [12, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_guesses_do_not_exceed_the_limit() {
    let world = World::with_ada().await;
    let before = world.app.hasher().computed();
    let all = join_all((0..40).map(|_| world.guess("a wrong guess"))).await;
    assert_eq!(kinds(&all), [0, 10, 30]);
    assert_eq!(world.app.hasher().computed() - before, 10, "no hash is computed for a refused attempt");
    assert!(matches!(world.guess(PASSWORD).await, Err(ServiceError::TooManyAttempts { .. })));
}

#[tokio::test]
async fn a_check_that_cannot_be_made_is_not_counted_as_an_attempt() {
    let world = World::with_ada().await;
    for _ in 0..9 {
        world.guess("a wrong guess").await.unwrap_err();
    }
    // The hash needs more memory than a buffer has.
    world.replace_hash(|hash| hash.replace("m=19456", "m=1945600")).await;
    for attempt in 0..12 {
        let refused = world.guess_from(source("192.0.2.7"), PASSWORD).await;
        assert!(matches!(refused.0, Err(ServiceError::Hasher(_))), "attempt {attempt}: {refused:?}");
        assert_eq!(refused.1.unwrap().remaining, 30, "it does not count for the source address either");
    }
    world.replace_hash(|hash| hash.replace("m=1945600", "m=19456")).await;
    world.guess(PASSWORD).await.unwrap();
    assert_eq!(world.guess_from(source("192.0.2.7"), "a wrong guess").await.1.unwrap().remaining, 29);
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_attempt_holds_its_permit_for_thirty_seconds_then_counts_as_failed() {
    let world = World::with_ada().await;
    world.abandon_ten_attempts().await;
    let refused = world.guess(PASSWORD).await;
    assert!(matches!(refused, Err(ServiceError::TooManyAttempts { retry_after_seconds: 1 })), "{refused:?}");
    for (forward, left) in [(30, 870), (869, 1)] {
        world.forward(TimeDelta::seconds(forward));
        let refused = world.guess(PASSWORD).await;
        let is_full = |error: &ServiceError| matches!(error, ServiceError::TooManyAttempts { retry_after_seconds } if *retry_after_seconds == left);
        assert!(refused.as_ref().is_err_and(is_full), "{refused:?}");
    }
    world.forward(TimeDelta::seconds(1));
    world.guess(PASSWORD).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_attempt_counts_as_failed_for_its_source_address() {
    let world = World::with_ada().await;
    let from = source("192.0.2.7");
    for _ in 0..30 {
        let began = std::cell::Cell::new(false);
        let work = async {
            began.set(true);
            std::future::pending::<Result<(), ServiceError>>().await
        };
        let mut abandoned = std::pin::pin!(limited_by_source::run(&world.app, LimitedAction::SignIn, from, work));
        while !began.get() {
            assert!(futures::poll!(abandoned.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
    }
    world.forward(TimeDelta::seconds(30));
    let (refused, rate_limit) = world.guess_from(from, PASSWORD).await;
    assert!(matches!(refused, Err(ServiceError::RateLimited { retry_after_seconds: 3_570 })), "{refused:?}");
    assert_eq!(rate_limit.unwrap().remaining, 0);
    world.forward(TimeDelta::seconds(3_570));
    world.guess_from(from, PASSWORD).await.0.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_at_most_five_seconds_for_all_its_permits() {
    let world = World::with_ada().await;
    world.abandon_ten_attempts().await;
    let began = tokio::time::Instant::now();
    let guessing_late = async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        world.guess(PASSWORD).await
    };
    let (refused, _) =
        limited_by_source::run(&world.app, LimitedAction::SignIn, source("192.0.2.7"), guessing_late).await;
    assert!(matches!(refused, Err(ServiceError::TooManyAttempts { .. })), "{refused:?}");
    assert!(began.elapsed() <= Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_failed_guess_that_cannot_be_counted_is_not_revealed_and_counts_later() {
    let world = World::with_ada().await;
    for _ in 0..9 {
        world.guess("a wrong guess").await.unwrap_err();
    }
    world.table.plan_writes(Plan::scripted([None, Some(Fault::ErrorBefore)]));
    assert!(matches!(world.guess("a wrong guess").await, Err(ServiceError::Store(_))));
    world.forward(TimeDelta::seconds(30));
    assert!(matches!(world.guess(PASSWORD).await, Err(ServiceError::TooManyAttempts { .. })));
    world.forward(TimeDelta::minutes(15));
    world.table.plan_writes(Plan::scripted([None, Some(Fault::ErrorBefore)]));
    let token = sessions::sign_in(&world.app, &email(), password(PASSWORD), SessionKind::Api).await;
    assert!(token.is_ok(), "a successful sign-in stands");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_address_may_fail_thirty_sign_ins_an_hour_across_accounts() {
    let world = World::with_ada().await;
    let from = source("2001:db8:1:2::7");
    let guesses = (0..40).map(|number| {
        let email = format!("unknown{number}@example.com").parse().unwrap();
        let (app, from) = (&world.app, from);
        async move {
            let signing_in = sessions::sign_in(app, &email, password("a wrong guess"), SessionKind::Api);
            limited_by_source::run(app, LimitedAction::SignIn, from, signing_in).await.0.map(drop)
        }
    });
    assert_eq!(kinds(&join_all(guesses).await), [0, 30, 10]);
    let (refused, rate_limit) = world.guess_from(source("2001:db8:1:2:ffff::1"), PASSWORD).await;
    assert!(matches!(refused, Err(ServiceError::RateLimited { retry_after_seconds: 3_600 })), "{refused:?}");
    let rate_limit = rate_limit.unwrap();
    assert_eq!((rate_limit.remaining, rate_limit.reset_seconds, rate_limit.quota.name), (0, 3_600, "sign-in"));
    for elsewhere in [None, source("2001:db8:1:3::7"), source("192.0.2.7")] {
        world.guess_from(elsewhere, PASSWORD).await.0.unwrap();
    }
    world.forward(TimeDelta::minutes(59));
    assert_eq!(world.guess_from(from, PASSWORD).await.1.unwrap().reset_seconds, 60);
    world.forward(TimeDelta::minutes(1));
    let (signed_in, rate_limit) = world.guess_from(from, PASSWORD).await;
    assert_eq!((signed_in.is_ok(), rate_limit.unwrap().remaining), (true, 30), "a successful sign-in does not count");
}

#[tokio::test]
async fn refused_registrations_also_count_for_their_source_address() {
    let world = World::with_ada().await;
    let from = source("192.0.2.7");
    let register = async || {
        let taken = async { Err::<(), _>(ServiceError::EmailTaken) };
        limited_by_source::run(&world.app, LimitedAction::Registration, from, taken).await
    };
    for left in (0..60).rev() {
        let (refused, rate_limit) = register().await;
        assert!(matches!(refused, Err(ServiceError::EmailTaken)));
        assert_eq!(rate_limit.unwrap().remaining, left);
    }
    assert!(matches!(register().await.0, Err(ServiceError::RateLimited { .. })));
    world.guess_from(from, PASSWORD).await.0.unwrap();
}
