//! Runs the template's schedules as EventBridge Scheduler does.
//!
//! Each fires its function with the event that AWS would send. A time that passed while the machine
//! slept is made up for once, however many there were; a run that fails is logged and not repeated,
//! the next time comes soon enough.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use services::App;
use store::Clock;
use tokio::sync::watch;

use crate::event::ACCOUNT;
use crate::registry::EventAnswer;
use crate::template::Schedule;

/// The clock is looked at this often, because it can be set and the machine can sleep.
const LOOK_INTERVAL: Duration = Duration::from_secs(20);

/// A schedule and the function that it starts.
#[derive(Clone, Debug)]
pub struct Scheduled {
    /// The function's name.
    pub function: String,
    /// After this it is stopped.
    pub timeout: Duration,
    /// When, and with what.
    pub schedule: Schedule,
    /// The function.
    pub handle: fn(App, Value) -> EventAnswer,
}

/// How a run ended.
#[derive(Debug)]
pub enum Ended {
    /// The function's answer.
    Done(Value),
    /// It refused, failed or panicked.
    Failed(anyhow::Error),
    /// It took longer than its timeout.
    TimedOut,
}

/// Fires `scheduled` whenever it is due, until `stopped`; a run under way is finished first.
pub async fn run(app: App, clock: Clock, scheduled: Scheduled, mut stopped: watch::Receiver<bool>) {
    let expression = &scheduled.schedule.expression;
    let mut due = expression.next_after(clock());
    while let Some(time) = due {
        let stop = stopped.wait_for(|stopped| *stopped);
        tokio::select! {
            // An error means that whoever could stop us is gone.
            _ = stop => return,
            () = wait_until(time, &clock) => {}
        }
        log(&scheduled, time, &fire(&app, &scheduled, time).await);
        due = expression.next_after(time.max(clock()));
    }
}

async fn wait_until(time: DateTime<Utc>, clock: &Clock) {
    // A difference that is not positive is no `Duration`: the time has come.
    while let Ok(left) = (time - clock()).to_std() {
        if left.is_zero() {
            break;
        }
        tokio::time::sleep(left.min(LOOK_INTERVAL)).await;
    }
}

/// Runs the function once, for the slot `time`.
pub async fn fire(app: &App, scheduled: &Scheduled, time: DateTime<Utc>) -> Ended {
    let made_up = || scheduler_event(&scheduled.schedule.name, &app.new_id().to_string(), time);
    let event = scheduled.schedule.input.clone().unwrap_or_else(made_up);
    let mut task = tokio::spawn((scheduled.handle)(app.clone(), event));
    match tokio::time::timeout(scheduled.timeout, &mut task).await {
        Ok(Ok(Ok(answer))) => Ended::Done(answer),
        Ok(Ok(Err(error))) => Ended::Failed(error),
        Ok(Err(panic)) => Ended::Failed(panic.into()),
        Err(_) => {
            task.abort();
            Ended::TimedOut
        }
    }
}

/// The event that EventBridge Scheduler sends to a function whose schedule has no input of its own.
fn scheduler_event(schedule: &str, id: &str, time: DateTime<Utc>) -> Value {
    json!({
        "version": "0",
        "id": id,
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": time.to_rfc3339_opts(SecondsFormat::Secs, true),
        "region": "local",
        "resources": [format!("arn:aws:scheduler:local:{ACCOUNT}:schedule/default/{schedule}")],
        "detail": "{}",
    })
}

fn log(scheduled: &Scheduled, time: DateTime<Utc>, ended: &Ended) {
    let (function, schedule) = (&scheduled.function, &scheduled.schedule.name);
    match ended {
        Ended::Done(answer) => tracing::info!(function, schedule, %time, %answer, "scheduled run done"),
        Ended::Failed(error) => {
            tracing::error!(function, schedule, %time, error = format!("{error:#}"), "scheduled run failed");
        }
        Ended::TimedOut => tracing::error!(function, schedule, %time, "scheduled run timed out"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::platform::tests_support::app;
    use crate::schedule_expression::ScheduleExpression;

    fn scheduled(expression: &str, handle: fn(App, Value) -> EventAnswer) -> Scheduled {
        let expression = ScheduleExpression::parse(expression, "UTC").unwrap();
        let schedule = Schedule { name: "Often".to_owned(), expression, input: None };
        Scheduled { function: "test".to_owned(), timeout: Duration::from_secs(5), schedule, handle }
    }

    #[tokio::test]
    async fn a_run_gets_the_event_that_aws_would_send() {
        let (app, _folder) = app();
        let echo = scheduled("rate(1 hour)", |_, event| Box::pin(async { Ok(event) }));
        let Ended::Done(event) = fire(&app, &echo, "2026-11-20T23:30:00Z".parse().unwrap()).await else { panic!() };
        assert_eq!(event["time"], "2026-11-20T23:30:00Z");
        assert_eq!(event["source"], "aws.scheduler");
        assert_eq!(event["detail-type"], "Scheduled Event");
        assert_eq!(event["resources"][0], "arn:aws:scheduler:local:000000000000:schedule/default/Often");
    }

    #[tokio::test]
    async fn an_input_of_its_own_stands_in_for_the_event() {
        let (app, _folder) = app();
        let mut echo = scheduled("rate(1 hour)", |_, event| Box::pin(async { Ok(event) }));
        echo.schedule.input = Some(json!({"job": 1}));
        let ended = fire(&app, &echo, DateTime::UNIX_EPOCH).await;
        assert!(matches!(ended, Ended::Done(event) if event == json!({"job": 1})));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_panics_and_endless_runs_end_the_run_alone() {
        let (app, _folder) = app();
        let failing = scheduled("rate(1 hour)", |_, _| Box::pin(async { anyhow::bail!("no") }));
        assert!(matches!(fire(&app, &failing, DateTime::UNIX_EPOCH).await, Ended::Failed(_)));
        let panicking = scheduled("rate(1 hour)", |_, _| Box::pin(async { panic!("a bug") }));
        assert!(matches!(fire(&app, &panicking, DateTime::UNIX_EPOCH).await, Ended::Failed(_)));
        let endless = scheduled("rate(1 hour)", |_, _| Box::pin(std::future::pending()));
        assert!(matches!(fire(&app, &endless, DateTime::UNIX_EPOCH).await, Ended::TimedOut));
    }

    static RUNS: AtomicUsize = AtomicUsize::new(0);

    #[tokio::test(start_paused = true)]
    async fn a_schedule_fires_when_due_until_it_is_stopped() {
        let (app, _folder) = app();
        let started = tokio::time::Instant::now();
        let clock: Clock =
            Arc::new(move || DateTime::UNIX_EPOCH + chrono::TimeDelta::from_std(started.elapsed()).unwrap_or_default());
        let counting = scheduled("rate(10 minutes)", |_, _| {
            Box::pin(async {
                RUNS.fetch_add(1, Ordering::SeqCst);
                Ok(Value::Null)
            })
        });
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(run(app, clock, counting, stopped));
        tokio::time::sleep(Duration::from_mins(35)).await;
        assert_eq!(RUNS.load(Ordering::SeqCst), 3);
        stop.send(true).unwrap();
        task.await.unwrap();
        assert_eq!(RUNS.load(Ordering::SeqCst), 3);
    }
}
