use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use market_data::MarketData;

use super::*;
use crate::event_function::tests_support::function;
use crate::platform::tests_support::market;
use crate::registry::EventAnswer;
use crate::schedule_expression::ScheduleExpression;

fn scheduled(expression: &str, handle: impl Fn(MarketData, Value) -> EventAnswer + Send + Sync + 'static) -> Scheduled {
    let expression = ScheduleExpression::parse(expression, "UTC").unwrap();
    Scheduled { function: function(handle), schedule: Schedule { name: "Often".to_owned(), expression, input: None } }
}

#[tokio::test]
async fn a_run_gets_the_event_that_aws_would_send() {
    let (market, _folder) = market();
    let echo = scheduled("rate(1 hour)", |_, event| Box::pin(async { Ok(event) }));
    let RunOutcome::Done(event) = fire(&market, &echo, "2026-11-20T23:30:00Z".parse().unwrap()).await else { panic!() };
    assert_eq!(event["time"], "2026-11-20T23:30:00Z");
    assert_eq!(event["source"], "aws.scheduler");
    assert_eq!(event["detail-type"], "Scheduled Event");
    assert_eq!(event["resources"][0], "arn:aws:scheduler:local:000000000000:schedule/default/Often");
}

#[tokio::test]
async fn a_schedules_own_input_replaces_the_event() {
    let (market, _folder) = market();
    let mut echo = scheduled("rate(1 hour)", |_, event| Box::pin(async { Ok(event) }));
    echo.schedule.input = Some(json!({"job": 1}));
    let ended = fire(&market, &echo, DateTime::UNIX_EPOCH).await;
    assert!(matches!(ended, RunOutcome::Done(event) if event == json!({"job": 1})));
}

#[tokio::test]
async fn the_keyword_of_the_scheduled_time_is_the_slot_however_late_a_run_is_delivered() {
    let (market, _folder) = market();
    let mut echo = scheduled("rate(1 hour)", |_, event| Box::pin(async { Ok(event) }));
    echo.schedule.input = Some(json!({"time": SCHEDULED_TIME, "all": [1, format!("at {SCHEDULED_TIME}")]}));
    let slot = "2026-11-20T23:30:00Z".parse().unwrap();
    for _delivery in 0..2 {
        let RunOutcome::Done(event) = fire(&market, &echo, slot).await else { panic!() };
        assert_eq!(event, json!({"time": "2026-11-20T23:30:00Z", "all": [1, "at 2026-11-20T23:30:00Z"]}));
    }
}

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[tokio::test(start_paused = true)]
async fn a_schedule_runs_when_due_until_it_is_stopped() {
    let (market, _folder) = market();
    // What it shows, and how often it was looked at.
    let hand = Arc::new(Mutex::new((DateTime::UNIX_EPOCH, 0)));
    let shown = hand.clone();
    let clock: Clock = Arc::new(move || {
        let mut shown = shown.lock().unwrap();
        shown.1 += 1;
        shown.0
    });
    let counting = scheduled("rate(10 minutes)", |_, _| {
        Box::pin(async {
            RUNS.fetch_add(1, Ordering::SeqCst);
            Ok(Value::Null)
        })
    });
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(run_whenever_due(market.clone(), clock, counting.clone(), stopped));
    // Once for the next time, and again while that is waited for.
    let is_waited_for = async || {
        let looked = hand.lock().unwrap().1;
        while hand.lock().unwrap().1 < looked + 3 {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    is_waited_for().await;
    for (minutes, runs) in [(9, 0), (1, 1), (9, 1), (1, 2), (10, 3)] {
        hand.lock().unwrap().0 += TimeDelta::minutes(minutes);
        let due = DateTime::UNIX_EPOCH + TimeDelta::minutes(10 * runs);
        while runs > 0 && done_by(&market, &counting).await != Some(due) {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        is_waited_for().await;
        assert_eq!(RUNS.load(Ordering::SeqCst), runs as usize);
    }
    stop.send(true).unwrap();
    task.await.unwrap();
    assert_eq!(RUNS.load(Ordering::SeqCst), 3);
}

async fn done_by(market: &MarketData, scheduled: &Scheduled) -> Option<DateTime<Utc>> {
    let finished = documents::read::<Finished>(market.app.table(), &key(scheduled)).await.unwrap();
    finished.map(|(finished, _)| finished.due)
}

/// The slots that ran when the platform started at this time.
async fn caught_up(market: &MarketData, now: &str, expressions: &[&str]) -> Vec<String> {
    let slots = Arc::new(Mutex::new(Vec::new()));
    let schedules: Vec<_> = expressions
        .iter()
        .map(|expression| {
            let slots = slots.clone();
            scheduled(expression, move |_, event| {
                slots.lock().unwrap().push(event["time"].as_str().unwrap().to_owned());
                Box::pin(async { Ok(event) })
            })
        })
        .collect();
    catch_up(market, now.parse().unwrap(), &schedules).await;
    let slots = slots.lock().unwrap();
    slots.clone()
}

#[tokio::test]
async fn the_last_missed_slot_of_a_function_is_run_once_when_the_platform_starts() {
    let (market, _folder) = market();
    let refresh = ["cron(0/15 9-15 ? * MON-FRI *)", "cron(30 18 ? * MON-FRI *)"];
    // A Friday. Only the last of the missed slots is made up for.
    assert_eq!(caught_up(&market, "2026-11-20T10:07:00Z", &refresh).await, ["2026-11-20T10:00:00Z"]);
    assert!(caught_up(&market, "2026-11-20T10:08:00Z", &refresh).await.is_empty());
    assert_eq!(caught_up(&market, "2026-11-20T10:15:00Z", &refresh).await, ["2026-11-20T10:15:00Z"]);
    assert_eq!(caught_up(&market, "2026-11-20T23:00:00Z", &refresh).await, ["2026-11-20T18:30:00Z"]);
    assert!(caught_up(&market, "2026-11-21T18:30:00Z", &refresh).await.is_empty());
    // More than a day ago, it is skipped.
    assert_eq!(caught_up(&market, "2026-11-24T09:00:00Z", &refresh).await, ["2026-11-24T09:00:00Z"]);
    assert!(caught_up(&market, "2026-11-29T12:00:00Z", &refresh).await.is_empty());
}

#[tokio::test]
async fn a_missed_rate_is_made_up_for_since_its_last_run() {
    let (market, _folder) = market();
    let hourly = scheduled("rate(1 hour)", |_, event| Box::pin(async { Ok(event) }));
    catch_up(&market, "2026-11-20T10:00:00Z".parse().unwrap(), std::slice::from_ref(&hourly)).await;
    assert_eq!(done_by(&market, &hourly).await, None);
    finish(&market, &hourly, "2026-11-20T10:00:00Z".parse().unwrap()).await;
    for (now, done) in [("10:59", "10:00"), ("12:30", "12:00"), ("12:40", "12:00")] {
        let now = format!("2026-11-20T{now}:00Z").parse().unwrap();
        catch_up(&market, now, std::slice::from_ref(&hourly)).await;
        assert_eq!(done_by(&market, &hourly).await, format!("2026-11-20T{done}:00Z").parse().ok());
    }
}

#[tokio::test]
async fn a_slot_whose_run_failed_is_made_up_for_again() {
    let (market, _folder) = market();
    let failing = scheduled("cron(0 12 * * ? *)", |_, _| Box::pin(async { anyhow::bail!("no") }));
    catch_up(&market, "2026-11-20T12:01:00Z".parse().unwrap(), &[failing]).await;
    let works = caught_up(&market, "2026-11-20T12:02:00Z", &["cron(0 12 * * ? *)"]).await;
    assert_eq!(works, ["2026-11-20T12:00:00Z"]);
}
