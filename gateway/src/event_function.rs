//! Runs a function on an event other than an HTTP request: from a schedule, the bus, a live connection or the
//! authorizer.

use std::sync::Arc;
use std::time::Duration;

use market_data::MarketData;
use serde_json::Value;
use traces::{FunctionSpan, Invocation};

use crate::registry::EventAnswer;

/// The handler of events.
pub type Handle = Arc<dyn Fn(MarketData, Value) -> EventAnswer + Send + Sync>;

/// A function that handles events.
#[derive(Clone)]
pub struct EventFunction {
    /// Its name.
    pub name: String,
    /// Its timeout.
    pub timeout: Duration,
    /// How often a failed asynchronous run is retried.
    pub retries: u32,
    /// Its handler.
    pub handle: Handle,
}

/// The outcome of a run.
#[derive(Debug)]
pub enum RunOutcome {
    /// The function's result.
    Done(Value),
    /// The function refused, failed or panicked.
    Failed(anyhow::Error),
    /// The function exceeded its timeout.
    TimedOut,
}

impl EventFunction {
    /// Runs the function once in its own task, so that a panic affects nothing else, and sends the spans of the run.
    pub async fn run(&self, market: &MarketData, event: Value) -> RunOutcome {
        let outcome = self.run_within_request(market, event).await;
        traces::flush().await;
        outcome
    }

    /// The same, for a request whose spans are sent when it ends.
    pub async fn run_within_request(&self, market: &MarketData, event: Value) -> RunOutcome {
        let id = market.app.new_id().to_string();
        let invocation = Invocation { function: &self.name, id: &id, cold_start: false, trace: None };
        let span = FunctionSpan::of_event(&invocation, &event);
        let (within, handled) = (span.clone(), (self.handle)(market.clone(), event));
        let mut task = tokio::spawn(async move { within.run(handled).await });
        let outcome = match tokio::time::timeout(self.timeout, &mut task).await {
            Ok(Ok(Ok(answer))) => RunOutcome::Done(answer),
            Ok(Ok(Err(error))) => RunOutcome::Failed(error),
            Ok(Err(panic)) => RunOutcome::Failed(panic.into()),
            Err(_) => {
                task.abort();
                RunOutcome::TimedOut
            }
        };
        span.end(matches!(outcome, RunOutcome::Done(_)));
        outcome
    }
}

impl RunOutcome {
    /// The function's result, or the error.
    pub fn answer(self) -> anyhow::Result<Value> {
        match self {
            Self::Done(answer) => Ok(answer),
            Self::Failed(error) => Err(error),
            Self::TimedOut => Err(anyhow::anyhow!("the function timed out")),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests_support {
    //! Functions for the tests of other modules.

    use super::*;

    /// A function with this handler, a timeout of five seconds and one retry.
    pub(crate) fn function(handle: impl Fn(MarketData, Value) -> EventAnswer + Send + Sync + 'static) -> EventFunction {
        EventFunction { name: "test".to_owned(), timeout: Duration::from_secs(5), retries: 1, handle: Arc::new(handle) }
    }
}

#[cfg(test)]
mod tests {
    use super::tests_support::function;
    use super::*;
    use crate::platform::tests_support::market;

    #[tokio::test(start_paused = true)]
    async fn failures_panics_and_endless_runs_end_the_run_alone() {
        let (market, _folder) = market();
        let failing = function(|_, _| Box::pin(async { anyhow::bail!("no") }));
        assert!(matches!(failing.run(&market, Value::Null).await, RunOutcome::Failed(_)));
        let panicking = function(|_, _| Box::pin(async { panic!("a bug") }));
        assert!(matches!(panicking.run(&market, Value::Null).await, RunOutcome::Failed(_)));
        let endless = function(|_, _| Box::pin(std::future::pending()));
        assert!(matches!(endless.run(&market, Value::Null).await, RunOutcome::TimedOut));
        let echo = function(|_, event| Box::pin(async { Ok(event) }));
        assert_eq!(echo.run(&market, Value::Bool(true)).await.answer().unwrap(), Value::Bool(true));
    }
}
