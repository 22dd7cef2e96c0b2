//! Runs a function on an event that is no HTTP request: a schedule's, the bus's, a live connection's, the authorizer's.

use std::sync::Arc;
use std::time::Duration;

use market_data::MarketData;
use serde_json::Value;

use crate::registry::EventAnswer;

/// What runs on an event.
pub type Handle = Arc<dyn Fn(MarketData, Value) -> EventAnswer + Send + Sync>;

/// A function that takes events.
#[derive(Clone)]
pub struct EventFunction {
    /// Its name.
    pub name: String,
    /// After this it is stopped.
    pub timeout: Duration,
    /// How often a failed run that nobody waits for is done again.
    pub retries: u32,
    /// What runs.
    pub handle: Handle,
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

impl EventFunction {
    /// Runs it once, in a task of its own, so that a panic ends nothing else.
    pub async fn run(&self, market: &MarketData, event: Value) -> Ended {
        let mut task = tokio::spawn((self.handle)(market.clone(), event));
        match tokio::time::timeout(self.timeout, &mut task).await {
            Ok(Ok(Ok(answer))) => Ended::Done(answer),
            Ok(Ok(Err(error))) => Ended::Failed(error),
            Ok(Err(panic)) => Ended::Failed(panic.into()),
            Err(_) => {
                task.abort();
                Ended::TimedOut
            }
        }
    }
}

impl Ended {
    /// The function's answer, or why there is none.
    pub fn answer(self) -> anyhow::Result<Value> {
        match self {
            Self::Done(answer) => Ok(answer),
            Self::Failed(error) => Err(error),
            Self::TimedOut => Err(anyhow::anyhow!("it timed out")),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests_support {
    //! Functions for the tests of other modules.

    use super::*;

    /// A function of this handler with five seconds to run, repeated once when it fails.
    pub(crate) fn function(handle: fn(MarketData, Value) -> EventAnswer) -> EventFunction {
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
        assert!(matches!(failing.run(&market, Value::Null).await, Ended::Failed(_)));
        let panicking = function(|_, _| Box::pin(async { panic!("a bug") }));
        assert!(matches!(panicking.run(&market, Value::Null).await, Ended::Failed(_)));
        let endless = function(|_, _| Box::pin(std::future::pending()));
        assert!(matches!(endless.run(&market, Value::Null).await, Ended::TimedOut));
        let echo = function(|_, event| Box::pin(async { Ok(event) }));
        assert_eq!(echo.run(&market, Value::Bool(true)).await.answer().unwrap(), Value::Bool(true));
    }
}
