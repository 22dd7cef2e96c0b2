//! Bursts of requests, restarts and a failing store never lead to more calls than a provider allows in any 24 hours.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Symbol;
use futures::future::join_all;
use market::alpha_vantage::{AlphaVantage, FREE_PLAN, Settings};
use market::http::{Limits, NoPermit, Quota};
use market::{ApiPlan, CallBudget, CallsLeft, NoMemory, OnBehalfOf, Provider as _, ProviderError};
use market_data::quota::DurableQuota;
use proptest::prelude::*;
use store::fault::{Faulty, Plan};
use store::{Clock, Table};
use store_sqlite::SqliteTable;
use testing::ManualClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

const WORKERS: usize = 50;
const QUOTE: &str =
    r#"{"Global Quote": {"01. symbol": "IBM", "05. price": "202.91", "07. latest trading day": "2013-03-01"}}"#;

/// A provider's server that records when it was called.
struct CountingServer {
    address: String,
    calls: Arc<Mutex<Vec<DateTime<Utc>>>>,
}

impl CountingServer {
    async fn start(clock: ManualClock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let noted = calls.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, noted.clone(), clock.clone()));
            }
        });
        Self { address, calls }
    }

    fn calls(&self) -> Vec<DateTime<Utc>> {
        self.calls.lock().unwrap().clone()
    }
}

async fn answer(mut stream: TcpStream, calls: Arc<Mutex<Vec<DateTime<Utc>>>>, clock: ManualClock) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    calls.lock().unwrap().push(clock.now());
    let reply = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{QUOTE}", QUOTE.len());
    let _ = stream.write_all(reply.as_bytes()).await;
}

/// A deadline later than the end of any of these tests.
const LONG_DEADLINE: Duration = Duration::from_mins(2);

/// The spacing of calls to Alpha Vantage.
const A_SECOND: Duration = Duration::from_secs(1);

/// A budget for one call with this much time.
fn within(time: Duration) -> CallBudget {
    CallBudget { deadline: Instant::now() + time, longest_answer: time, ..CallBudget::of(OnBehalfOf::Platform) }
}

/// The most calls within any 24 hours.
fn most_in_a_day(calls: &[DateTime<Utc>]) -> usize {
    let in_the_day_from = |start: DateTime<Utc>| {
        calls.iter().filter(|call| start <= **call && **call - start < TimeDelta::hours(24)).count()
    };
    calls.iter().map(|call| in_the_day_from(*call)).max().unwrap_or(0)
}

/// A new worker with its own provider, client and quota.
fn worker(server: &CountingServer, table: &Arc<dyn Table>, clock: &ManualClock) -> AlphaVantage {
    worker_with(server, table, &clock.reader(), Duration::ZERO)
}

fn worker_with(server: &CountingServer, table: &Arc<dyn Table>, clock: &Clock, spacing: Duration) -> AlphaVantage {
    let mut settings = Settings::with_base("key".into(), &server.address).unwrap();
    settings.limits = Limits { connect: LONG_DEADLINE, spacing, ..Limits::default() };
    let budget = DurableQuota::alpha_vantage(table.clone(), clock.clone(), FREE_PLAN);
    AlphaVantage::new(settings, Arc::new(budget), Arc::new(NoMemory)).unwrap()
}

/// Bursts at these hours, each by new workers; returns when the server was called.
async fn storms(table: Arc<dyn Table>, clock: ManualClock, hours: &[i64]) -> Vec<DateTime<Utc>> {
    let server = CountingServer::start(clock.clone()).await;
    let ibm: Symbol = "IBM".parse().unwrap();
    let start = clock.now();
    for hour in hours {
        clock.forward(start + TimeDelta::hours(*hour) - clock.now());
        let workers: Vec<_> = (0..WORKERS).map(|_| worker(&server, &table, &clock)).collect();
        let storm = workers.iter().map(|worker| async {
            for _ in 0..2 {
                match worker.fetch_quote(&ibm, within(LONG_DEADLINE)).await {
                    Ok(quote) => assert_eq!(quote.price.to_string(), "202.91"),
                    Err(error) => assert!(matches!(error, ProviderError::QuotaExhausted { .. }), "{error}"),
                }
            }
        });
        join_all(storm).await;
    }
    server.calls()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_workers_never_make_the_twenty_sixth_call_in_any_24_hours() {
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.reader()).unwrap());
    let calls = storms(table, clock, &[0, 1, 12, 23, 25, 26, 48, 50, 62, 75]).await;
    assert_eq!(most_in_a_day(&calls), 25);
    assert_eq!(calls.len(), 4 * 25, "and every allowed call is made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_workers_stay_within_the_limit_on_a_table_that_fails() {
    for seed in 0..4 {
        let clock = ManualClock::at("2026-11-20T12:00:00Z");
        let sqlite = SqliteTable::in_memory(clock.reader()).unwrap();
        let faulty = Faulty::new(sqlite, Plan::seeded(seed, 0.3)).with_reads(Plan::seeded(seed + 100, 0.1));
        let calls = storms(Arc::new(faulty), clock, &[0, 6, 23, 25, 30, 50]).await;
        assert!(most_in_a_day(&calls) <= 25, "seed {seed}: {}", most_in_a_day(&calls));
        assert!(calls.len() > 25, "seed {seed}: {} calls", calls.len());
    }
}

#[tokio::test]
async fn the_calls_left_are_counted_without_taking_one() {
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.reader()).unwrap());
    let budget = DurableQuota::alpha_vantage(table.clone(), clock.reader(), FREE_PLAN);
    let yahoo = DurableQuota::yahoo(table.clone(), clock.reader());
    assert_eq!((budget.count_left().await, yahoo.count_left().await), (Some(25), Some(2000)));
    budget.take(Duration::ZERO, within(LONG_DEADLINE)).await.unwrap();
    yahoo.take(Duration::ZERO, within(LONG_DEADLINE)).await.unwrap();
    assert_eq!((budget.count_left().await, yahoo.count_left().await), (Some(24), Some(1999)));
    budget.mark_exhausted().await;
    assert_eq!((budget.count_left().await, yahoo.count_left().await), (Some(0), Some(1999)), "each has its own");
    clock.forward(TimeDelta::hours(24) + TimeDelta::seconds(15));
    assert_eq!(
        (budget.count_left().await, yahoo.count_left().await),
        (Some(25), Some(1999)),
        "five minutes count until they are over"
    );
    clock.forward(TimeDelta::minutes(5));
    assert_eq!(yahoo.count_left().await, Some(2000));
}

#[tokio::test]
async fn a_count_that_cannot_be_read_leaves_no_call() {
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let sqlite = SqliteTable::in_memory(clock.reader()).unwrap();
    let table = Arc::new(Faulty::new(sqlite, Plan::quiet()).with_reads(Plan::seeded(1, 1.0)));
    let budget = DurableQuota::alpha_vantage(table, clock.reader(), FREE_PLAN);
    let mut left = Vec::new();
    for _ in 0..8 {
        left.push(budget.count_left().await);
    }
    assert!(left.contains(&Some(0)), "{left:?}");
}

/// When each of these calls is made, if it is allowed.
async fn moments(
    budgets: &[DurableQuota],
    clock: &ManualClock,
    spacing: Duration,
    call: CallBudget,
) -> Vec<Result<DateTime<Utc>, NoPermit>> {
    let now = clock.now();
    let taken = join_all(budgets.iter().map(|budget| budget.take(spacing, call))).await;
    taken.into_iter().map(|wait| Ok(now + TimeDelta::from_std(wait?).unwrap())).collect()
}

#[tokio::test]
async fn no_two_processes_call_within_a_second() {
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.reader()).unwrap());
    let process = |_| DurableQuota::alpha_vantage(table.clone(), clock.reader(), FREE_PLAN);
    let mut calls = Vec::new();
    for processes in [1, 2, 3, 5] {
        let processes: Vec<_> = (0..processes).map(process).collect();
        calls
            .extend(moments(&processes, &clock, A_SECOND, within(LONG_DEADLINE)).await.into_iter().map(Result::unwrap));
        clock.forward(TimeDelta::milliseconds(2_300));
    }
    calls.sort();
    assert_eq!(calls.len(), 11);
    assert!(calls.windows(2).all(|pair| pair[1] - pair[0] >= TimeDelta::seconds(1)), "{calls:?}");
    assert!(calls[10] - calls[0] <= TimeDelta::milliseconds(11_600), "and no slot is lost: {calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_would_come_too_late_is_refused_immediately_and_not_counted() {
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.reader()).unwrap());
    let processes: Vec<_> =
        (0..5).map(|_| DurableQuota::alpha_vantage(table.clone(), clock.reader(), FREE_PLAN)).collect();
    let taken = moments(&processes, &clock, A_SECOND, within(Duration::from_secs(2))).await;
    assert_eq!(taken.iter().filter(|call| call.is_ok()).count(), 2);
    let late = Err(NoPermit::TooLate { wait: Duration::from_secs(2) });
    assert_eq!(taken.iter().filter(|call| **call == late).count(), 3, "{taken:?}");
    assert_eq!(processes[0].count_left().await, Some(23));
}

#[tokio::test(start_paused = true)]
async fn a_call_with_too_little_time_for_a_response_is_not_counted() {
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.reader()).unwrap());
    let budget = DurableQuota::alpha_vantage(table, clock.reader(), FREE_PLAN);
    let take = |time| budget.take(A_SECOND, within(Duration::from_millis(time)));
    assert_eq!(take(499).await, Err(NoPermit::TooLate { wait: Duration::ZERO }));
    take(500).await.unwrap();
    assert_eq!(take(1_499).await, Err(NoPermit::TooLate { wait: Duration::from_secs(1) }));
    assert_eq!(budget.count_left().await, Some(24));
    assert_eq!(take(1_500).await, Ok(Duration::from_secs(1)));
}

#[tokio::test]
async fn reserved_calls_are_not_taken() {
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.reader()).unwrap());
    let processes: Vec<_> =
        (0..30).map(|_| DurableQuota::alpha_vantage(table.clone(), clock.reader(), FREE_PLAN)).collect();
    let taken = moments(&processes, &clock, Duration::ZERO, within(LONG_DEADLINE).reserving(5)).await;
    assert_eq!(taken.iter().filter(|call| call.is_ok()).count(), 20);
    assert_eq!(processes[0].count_left().await, Some(5));
    assert!(processes[0].take(Duration::ZERO, within(LONG_DEADLINE)).await.is_ok(), "requests may take them");
}

#[tokio::test]
async fn calls_of_several_processes_wait_for_their_spacing() {
    // On a clock that stands still each call is one spacing later than the one before.
    let clock = ManualClock::at("2026-11-20T12:00:00Z").reader();
    let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.clone()).unwrap());
    let spacing = Duration::from_millis(60);
    let processes: Vec<_> =
        (0..4).map(|_| DurableQuota::alpha_vantage(table.clone(), clock.clone(), FREE_PLAN)).collect();
    let waits = join_all(processes.iter().map(|process| process.take(spacing, within(LONG_DEADLINE)))).await;
    let mut waits: Vec<Duration> = waits.into_iter().map(Result::unwrap).collect();
    waits.sort_unstable();
    assert_eq!(waits, [0, 60, 120, 180].map(Duration::from_millis));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_large_budget_counts_intervals_and_keeps_its_limit_in_any_24_hours(
        steps in prop::collection::vec((0_i64..200, 1_usize..160), 1..40)
    ) {
        let limit = 520;
        let plan = ApiPlan::of_a_day(limit);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let calls = runtime.block_on(async {
            let clock = ManualClock::at("2026-11-20T12:00:00Z");
            let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.reader()).unwrap());
            let mut calls = Vec::new();
            for (minutes, tries) in steps {
                clock.forward(TimeDelta::minutes(minutes));
                let budget = DurableQuota::new(table.clone(), clock.reader(), "large", plan);
                for _ in 0..tries {
                    if budget.take(Duration::ZERO, within(LONG_DEADLINE)).await.is_ok() {
                        calls.push(clock.now());
                    }
                }
            }
            // However full, a day and five minutes later every call is available again.
            clock.forward(TimeDelta::hours(24) + TimeDelta::seconds(315));
            let budget = DurableQuota::new(table, clock.reader(), "large", plan);
            assert_eq!(budget.count_left().await, Some(limit));
            calls
        });
        prop_assert!(most_in_a_day(&calls) <= limit);
    }
}

#[tokio::test]
async fn parallel_callers_never_take_more_calls_than_the_budget_has() {
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.reader()).unwrap());
    let budgets: Vec<_> =
        (0..50).map(|_| DurableQuota::alpha_vantage(table.clone(), clock.reader(), FREE_PLAN)).collect();
    let taken = join_all(budgets.iter().map(|budget| budget.take(Duration::ZERO, within(LONG_DEADLINE)))).await;
    assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 25);
    clock.forward(TimeDelta::hours(23));
    assert!(budgets[0].take(Duration::ZERO, within(LONG_DEADLINE)).await.is_err(), "not in the same 24 hours");
    clock.forward(TimeDelta::hours(1) + TimeDelta::seconds(15));
    assert!(budgets[0].take(Duration::ZERO, within(LONG_DEADLINE)).await.is_ok());
}

#[tokio::test]
async fn a_provider_that_reports_its_calls_used_up_is_not_called_for_a_day() {
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.reader()).unwrap());
    let budget = DurableQuota::alpha_vantage(table.clone(), clock.reader(), FREE_PLAN);
    let refused = budget.mark_exhausted().await;
    assert_eq!(refused.until, Some("2026-11-21T12:00:00Z".parse().unwrap()));
    assert_eq!(budget.take(Duration::ZERO, within(LONG_DEADLINE)).await, Err(refused.into()));
    clock.forward(TimeDelta::hours(24));
    assert!(budget.take(Duration::ZERO, within(LONG_DEADLINE)).await.is_ok());
}

const PAID: ApiPlan = ApiPlan { calls_a_day: None, calls_a_minute: Some(75) };

#[tokio::test(start_paused = true)]
async fn a_paid_plan_makes_its_calls_of_every_minute_and_never_one_more() {
    let clock = ManualClock::at("2026-11-20T12:00:00.700Z");
    let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.reader()).unwrap());
    let processes: Vec<_> = (0..4).map(|_| DurableQuota::alpha_vantage(table.clone(), clock.reader(), PAID)).collect();
    let mut calls = Vec::new();
    for round in 0..1_200 {
        let quota = &processes[round % processes.len()];
        if let Ok(wait) = quota.take(PAID.spacing(), within(Duration::from_secs(1))).await {
            calls.push(clock.now() + TimeDelta::from_std(wait).unwrap());
        }
        clock.forward(TimeDelta::milliseconds(500));
    }
    let in_the_minute_from = |start: DateTime<Utc>| {
        calls.iter().filter(|call| start <= **call && **call - start < TimeDelta::minutes(1)).count()
    };
    assert_eq!(calls.iter().map(|call| in_the_minute_from(*call)).max(), Some(75));
    // Ten minutes: nearly all of their calls, where a free key would have stopped at 25.
    assert!(calls.len() > 720, "{}", calls.len());
    assert!(calls.windows(2).all(|pair| pair[1] - pair[0] >= TimeDelta::milliseconds(200)), "in no burst");
}

#[tokio::test(start_paused = true)]
async fn a_minute_keeps_calls_for_requests_and_is_waited_for() {
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.reader()).unwrap());
    let quota = DurableQuota::alpha_vantage(table, clock.reader(), PAID);
    let scheduled = within(Duration::from_secs(10)).reserving(400);
    let take = |call| quota.take(Duration::ZERO, call);
    for _ in 0..70 {
        assert_eq!(take(scheduled).await, Ok(Duration::ZERO));
    }
    let left = |now| CallsLeft { today: None, now, a_minute: Some(75) };
    assert_eq!(quota.read_state().await.unwrap().left, left(5));
    // Its second is over after one, and counts for 61 more.
    assert_eq!(take(scheduled).await, Err(NoPermit::TooLate { wait: Duration::from_secs(62) }));
    assert_eq!(quota.read_state().await.unwrap().more_in(), Some(Duration::from_secs(62)));
    for _ in 0..5 {
        assert_eq!(take(within(Duration::from_secs(2))).await, Ok(Duration::ZERO), "for requests");
    }
    assert_eq!(quota.read_state().await.unwrap().left, left(0));
    clock.forward(TimeDelta::seconds(61));
    let request = within(Duration::from_secs(2));
    assert_eq!(take(request).await, Ok(Duration::from_secs(1)), "a call that is soon available is waited for");
    clock.forward(TimeDelta::seconds(1));
    assert_eq!(quota.read_state().await.unwrap().left, left(74));
}

#[tokio::test(start_paused = true)]
async fn a_plan_with_both_limits_keeps_both() {
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.reader()).unwrap());
    let plan = ApiPlan { calls_a_day: Some(20), calls_a_minute: Some(8) };
    let quota = DurableQuota::new(table, clock.reader(), "both", plan);
    let mut taken = Vec::new();
    for _ in 0..4 {
        let mut in_this_minute = 0;
        while quota.take(Duration::ZERO, within(Duration::from_secs(2))).await.is_ok() {
            in_this_minute += 1;
        }
        taken.push(in_this_minute);
        clock.forward(TimeDelta::seconds(62));
    }
    assert_eq!(taken, [8, 8, 4, 0]);
    let state = quota.read_state().await.unwrap();
    assert_eq!(state.left, CallsLeft { today: Some(0), now: 0, a_minute: Some(8) });
    assert_eq!(state.more_at, Some("2026-11-21T12:00:15Z".parse().unwrap()), "not in the next minute");
}

#[tokio::test]
async fn calls_without_any_limit_are_not_counted() {
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let table: Arc<dyn Table> = Arc::new(SqliteTable::in_memory(clock.reader()).unwrap());
    let plan = ApiPlan { calls_a_day: None, calls_a_minute: None };
    let quota = DurableQuota::new(table.clone(), clock.reader(), "own", plan);
    assert_eq!(quota.take(A_SECOND, within(LONG_DEADLINE)).await, Ok(Duration::ZERO));
    assert_eq!((quota.read_state().await, quota.keeps_distance()), (None, false));
    assert_eq!(table.get(&store::keys::quota("own")).await.unwrap(), None);
}
