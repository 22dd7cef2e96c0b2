//! Whether the API key's plan covers a function, determined with one call.

use std::sync::{Mutex, PoisonError};
use tokio::time::{Instant, timeout_at};

use super::settings::FREE_PLAN;
use crate::api_plan::ApiPlan;
use crate::call_limits::NOT_IN_THE_PLAN;
use crate::error::ProviderError;
use crate::http::Refusal;
use crate::memory::{self, Memory};

/// Remembers whether the plan covers a function that only some plans cover.
///
/// A refusal costs one of the day's calls, so it is shared with other processes. It is stored by plan: with another plan
/// in the settings the function is called again at once. While nothing is known, one caller
/// makes the call and the others wait for it.
#[derive(Debug)]
pub(super) struct Paywall {
    function: &'static str,
    plan: ApiPlan,
    known: Mutex<Option<Coverage>>,
    lookup: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy, Debug)]
enum Coverage {
    Covered,
    RefusedUntil(Instant),
}

impl Paywall {
    pub(super) fn of(function: &'static str, plan: ApiPlan) -> Self {
        Self { function, plan, known: Mutex::default(), lookup: tokio::sync::Mutex::default() }
    }

    /// The response of the function; `None` if the plan does not cover it. `ask` is not polled once that is known.
    ///
    /// Errors: those of `ask`; [`ProviderError::TimedOut`] if it is still unknown at the deadline.
    pub(super) async fn pass<T>(
        &self,
        memory: &dyn Memory,
        deadline: Instant,
        ask: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<Option<T>, Refusal> {
        let mut guard = None;
        if self.is_covered().is_none() {
            guard = Some(timeout_at(deadline, self.lookup.lock()).await.map_err(|_| ProviderError::TimedOut)?);
        }
        // The previous holder of the lock may have determined it.
        let mut is_covered = self.is_covered();
        if is_covered.is_none() {
            is_covered = timeout_at(deadline, self.recall(memory)).await.map_err(|_| ProviderError::TimedOut)?;
        }
        if is_covered.is_some() {
            guard = None;
        }
        if is_covered == Some(false) {
            return Ok(None);
        }
        let answer = ask.await;
        let found = match answer {
            Ok(answer) => {
                self.remember(Coverage::Covered);
                Ok(Some(answer))
            }
            Err(Refusal::Premium) => {
                self.remember(Coverage::RefusedUntil(Instant::now() + NOT_IN_THE_PLAN));
                memory::remember(memory, &self.name(), &true, NOT_IN_THE_PLAN).await;
                Ok(None)
            }
            // A failed call says nothing about the plan.
            Err(refusal) => Err(refusal),
        };
        drop(guard);
        found
    }

    fn is_covered(&self) -> Option<bool> {
        match *self.known.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Coverage::Covered) => Some(true),
            Some(Coverage::RefusedUntil(until)) if Instant::now() < until => Some(false),
            Some(Coverage::RefusedUntil(_)) | None => None,
        }
    }

    /// What another process has determined.
    async fn recall(&self, memory: &dyn Memory) -> Option<bool> {
        let is_refused = memory::recall::<bool>(memory, &self.name()).await?;
        Some(!is_refused)
    }

    fn remember(&self, known: Coverage) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }

    fn name(&self) -> String {
        let function = self.function;
        let limit = |calls: Option<usize>| calls.map_or("-".to_owned(), |calls| calls.to_string());
        match self.plan {
            // As it was stored before other plans could be set.
            FREE_PLAN => format!("REFUSED#{function}"),
            plan => format!("REFUSED#{function}#{}#{}", limit(plan.calls_a_day), limit(plan.calls_a_minute)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::memory::NoMemory;

    #[tokio::test(start_paused = true)]
    async fn a_caller_does_not_wait_for_another_beyond_its_deadline() {
        let paywall = Paywall::of("FX_DAILY", FREE_PLAN);
        let start = Instant::now();
        let in_seconds = |seconds| start + Duration::from_secs(seconds);
        let hangs = async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            Err::<(), _>(Refusal::Failed(ProviderError::TimedOut))
        };
        let waits = async {
            let answer = paywall.pass(&NoMemory, in_seconds(2), async { Ok(()) }).await;
            assert_eq!((answer, start.elapsed().as_secs()), (Err(Refusal::Failed(ProviderError::TimedOut)), 2));
        };
        let (hung, ()) = tokio::join!(paywall.pass(&NoMemory, in_seconds(10), hangs), waits);
        assert!(hung.is_err());
        // It is still unknown: the next caller asks.
        assert_eq!(paywall.pass(&NoMemory, in_seconds(11), async { Ok(1) }).await, Ok(Some(1)));
    }

    #[tokio::test]
    async fn the_end_of_a_paid_plan_is_noticed() {
        let paywall = Paywall::of("FX_DAILY", FREE_PLAN);
        let deadline = Instant::now() + Duration::from_secs(1);
        assert_eq!(paywall.pass(&NoMemory, deadline, async { Ok(1) }).await, Ok(Some(1)));
        assert_eq!(paywall.pass::<()>(&NoMemory, deadline, async { Err(Refusal::Premium) }).await, Ok(None));
        assert_eq!(paywall.pass(&NoMemory, deadline, async { Ok(1) }).await, Ok(None));
    }
}
