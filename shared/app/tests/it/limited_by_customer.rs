//! Limits by customer: exact under concurrency, cheap, and gone after an hour or with the customer.

use std::sync::Arc;

use accounts::erasure;
use app::customer_limits::CustomerLimits;
use app::limited_by_customer::{self, LimitedRequest};
use app::rate_limiter::RateLimitStatus;
use app::source_limits::SourceLimits;
use app::{App, Channels, Parts, ServiceError};
use chrono::TimeDelta;
use domain::CustomerId;
use futures::future::join_all;
use store::{Table, keys};
use testing::people::{password, person, register};
use testing::{CountingTable, Counts, TestBed};
use uuid::Uuid;

const CUSTOMER: CustomerId = CustomerId(Uuid::from_u128(7));

struct World {
    bed: TestBed,
    table: Arc<CountingTable>,
    app: App,
}

impl World {
    fn new() -> Self {
        Self::limited(CustomerLimits::default())
    }

    fn limited(limits: CustomerLimits) -> Self {
        let bed = TestBed::at("2026-11-20T15:00:00Z");
        let table = Arc::new(CountingTable::new(Arc::new(bed.table())));
        let app = process(&bed, table.clone(), limits);
        Self { bed, table, app }
    }

    /// A report of the customer that succeeds, or fails for a reason of ours.
    async fn report(&self, succeeds: bool) -> (Result<bool, ServiceError>, Option<RateLimitStatus>) {
        report(&self.app, CUSTOMER, succeeds).await
    }
}

/// A process of its own on this table.
fn process(bed: &TestBed, table: Arc<dyn Table>, limits: CustomerLimits) -> App {
    let objects = bed.objects.clone();
    let parts = Parts { table, objects, clock: bed.clock.reader(), channels: Channels::none() };
    App::limited(parts, SourceLimits::default(), limits)
}

async fn report(
    app: &App,
    customer: CustomerId,
    succeeds: bool,
) -> (Result<bool, ServiceError>, Option<RateLimitStatus>) {
    limited_by_customer::run(app, LimitedRequest::Report, customer, async { succeeds }, |succeeds| *succeeds).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_concurrent_reports_in_two_processes_sixty_are_made() {
    let world = World::new();
    let other = process(&world.bed, world.table.clone(), CustomerLimits::default());
    let reports = (0..200).map(|number| report(if number % 2 == 0 { &world.app } else { &other }, CUSTOMER, true));
    let all = join_all(reports).await;
    assert_eq!(all.iter().filter(|(made, _)| made.is_ok()).count(), 60);
    for (refused, rate_limit) in all.iter().filter(|(made, _)| made.is_err()) {
        let is_limit = matches!(refused, Err(ServiceError::TooManyRequests { retry_after_seconds: 3_600, .. }));
        assert!(is_limit, "{refused:?}");
        assert_eq!(rate_limit.map(|status| status.remaining), Some(0));
    }
    let remaining = |(_, status): &(_, Option<RateLimitStatus>)| status.unwrap().remaining;
    let mut left: Vec<_> = all.iter().filter(|(made, _)| made.is_ok()).map(remaining).collect();
    left.sort_unstable();
    assert_eq!(left, (0..60).collect::<Vec<_>>(), "each response states another remainder");
}

#[tokio::test]
async fn a_request_costs_one_read_and_one_write_and_a_refused_one_only_the_read() {
    let world = World::limited(CustomerLimits { reports: 2, ..CustomerLimits::default() });
    world.table.take_counts();
    let one = Counts { reads: 1, transactions: 1, writes: 1 };
    for _ in 0..2 {
        world.report(true).await.0.unwrap();
        assert_eq!(world.table.take_counts(), one);
    }
    world.report(true).await.0.unwrap_err();
    assert_eq!(world.table.take_counts(), Counts { reads: 1, ..Counts::default() });
    world.bed.clock.forward(TimeDelta::hours(1));
    world.report(false).await.0.unwrap();
    assert_eq!(world.table.take_counts(), Counts { reads: 2, transactions: 2, writes: 2 }, "taken back");
}

#[tokio::test]
async fn a_limit_of_zero_is_switched_off_and_costs_nothing() {
    let world = World::limited(CustomerLimits { reports: 0, ..CustomerLimits::default() });
    world.table.take_counts();
    for _ in 0..100 {
        let (made, rate_limit) = world.report(true).await;
        assert!(made.unwrap() && rate_limit.is_none());
    }
    assert_eq!(world.table.take_counts(), Counts::default());
}

#[tokio::test]
async fn a_request_that_failed_for_a_reason_of_ours_does_not_count() {
    let world = World::new();
    for _ in 0..100 {
        let (made, rate_limit) = world.report(false).await;
        assert_eq!((made.unwrap(), rate_limit.unwrap().remaining), (false, 60));
    }
    world.report(true).await.0.unwrap();
    let (_, rate_limit) = world.report(false).await;
    let status = rate_limit.unwrap();
    assert_eq!((status.remaining, status.reset_seconds), (59, 3_600), "the other one still counts");
}

#[tokio::test]
async fn a_request_counts_for_an_hour() {
    let world = World::new();
    for _ in 0..60 {
        world.report(true).await.0.unwrap();
        world.bed.clock.forward(TimeDelta::seconds(1));
    }
    let refused = world.report(true).await.0;
    assert!(matches!(refused, Err(ServiceError::TooManyRequests { retry_after_seconds: 3_540, .. })), "{refused:?}");
    world.bed.clock.forward(TimeDelta::seconds(3_539));
    world.report(true).await.0.unwrap_err();
    world.bed.clock.forward(TimeDelta::seconds(1));
    world.report(true).await.0.unwrap();
    world.report(true).await.0.unwrap_err();
}

#[tokio::test]
async fn kinds_of_requests_and_customers_are_counted_separately() {
    let world = World::limited(CustomerLimits { reports: 1, exports: 1, ..CustomerLimits::default() });
    world.report(true).await.0.unwrap();
    world.report(true).await.0.unwrap_err();
    report(&world.app, CustomerId(Uuid::from_u128(8)), true).await.0.unwrap();
    let export = || limited_by_customer::run(&world.app, LimitedRequest::Export, CUSTOMER, async {}, |()| true);
    let (made, rate_limit) = export().await;
    assert_eq!((made.is_ok(), rate_limit.unwrap().quota.name), (true, "export"));
    assert!(matches!(export().await.0, Err(ServiceError::TooManyRequests { what: "exports", .. })));
}

#[tokio::test]
async fn the_work_of_a_refused_request_is_not_begun() {
    let world = World::limited(CustomerLimits { imports: 1, ..CustomerLimits::default() });
    let import = |work| limited_by_customer::run(&world.app, LimitedRequest::Import, CUSTOMER, work, |()| true);
    let quick: std::pin::Pin<Box<dyn Future<Output = ()>>> = Box::pin(async {});
    import(quick).await.0.unwrap();
    import(Box::pin(async { panic!("begun") })).await.0.unwrap_err();
}

#[tokio::test]
async fn counted_requests_expire_and_are_erased_with_their_customer() {
    let world = World::new();
    let customer = register(&world.app, person("Ada")).await;
    report(&world.app, customer, true).await.0.unwrap();
    let key = keys::request_count(customer, "report");
    let item = world.table.get(&key).await.unwrap().unwrap();
    assert_eq!(item.expires_at, Some(world.bed.clock.now().timestamp() + 3_601));
    erasure::erase(&world.app, customer, password()).await.unwrap();
    assert!(world.table.get(&key).await.unwrap().is_none());
}
