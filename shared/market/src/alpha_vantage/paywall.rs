//! Whether the key's plan covers a function, found out with one call.

use std::sync::{Mutex, PoisonError};
use tokio::time::{Instant, timeout_at};

use crate::call_limits::NOT_IN_THE_PLAN;
use crate::error::ProviderError;
use crate::http::Refusal;
use crate::memory::{self, Memory};

/// Remembers whether a function that only some plans cover was given or refused.
///
/// A refusal costs one of the day's calls, and other processes learn of it too. While nothing is known one caller finds
/// out, and the others wait for it.
#[derive(Debug)]
pub(super) struct Paywall {
    function: &'static str,
    known: Mutex<Option<Known>>,
    finding_out: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy, Debug)]
enum Known {
    Covered,
    RefusedUntil(Instant),
}

impl Paywall {
    pub(super) fn of(function: &'static str) -> Self {
        Self { function, known: Mutex::default(), finding_out: tokio::sync::Mutex::default() }
    }

    /// The answer of the function; `None` where the plan does not cover it. `ask` is not polled once that is known.
    ///
    /// Errors: those of `ask`; [`ProviderError::TimedOut`] where nobody has found out by the deadline.
    pub(super) async fn pass<T>(
        &self,
        memory: &dyn Memory,
        deadline: Instant,
        ask: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<Option<T>, Refusal> {
        let mut turn = None;
        if self.is_covered().is_none() {
            turn = Some(timeout_at(deadline, self.finding_out.lock()).await.map_err(|_| ProviderError::TimedOut)?);
        }
        // Whoever had the turn before may have found out.
        let mut is_covered = self.is_covered();
        if is_covered.is_none() {
            is_covered = timeout_at(deadline, self.recall(memory)).await.map_err(|_| ProviderError::TimedOut)?;
        }
        if is_covered.is_some() {
            turn = None;
        }
        if is_covered == Some(false) {
            return Ok(None);
        }
        let answer = ask.await;
        let found = match answer {
            Ok(answer) => {
                self.remember(Known::Covered);
                Ok(Some(answer))
            }
            Err(Refusal::Premium) => {
                self.remember(Known::RefusedUntil(Instant::now() + NOT_IN_THE_PLAN));
                memory::remember(memory, &self.name(), &true, NOT_IN_THE_PLAN).await;
                Ok(None)
            }
            // That the call failed says nothing of the plan.
            Err(refusal) => Err(refusal),
        };
        drop(turn);
        found
    }

    fn is_covered(&self) -> Option<bool> {
        match *self.known.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Known::Covered) => Some(true),
            Some(Known::RefusedUntil(until)) if Instant::now() < until => Some(false),
            Some(Known::RefusedUntil(_)) | None => None,
        }
    }

    /// What another process has found out.
    async fn recall(&self, memory: &dyn Memory) -> Option<bool> {
        let is_refused = memory::recall::<bool>(memory, &self.name()).await?;
        Some(!is_refused)
    }

    fn remember(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }

    fn name(&self) -> String {
        format!("REFUSED#{}", self.function)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::memory::NoMemory;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_another_beyond_the_deadline() {
        let paywall = Paywall::of("FX_DAILY");
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
        // Nothing was found out: the next one asks.
        assert_eq!(paywall.pass(&NoMemory, in_seconds(11), async { Ok(1) }).await, Ok(Some(1)));
    }

    #[tokio::test]
    async fn a_plan_that_ends_is_noticed() {
        let paywall = Paywall::of("FX_DAILY");
        let deadline = Instant::now() + Duration::from_secs(1);
        assert_eq!(paywall.pass(&NoMemory, deadline, async { Ok(1) }).await, Ok(Some(1)));
        assert_eq!(paywall.pass::<()>(&NoMemory, deadline, async { Err(Refusal::Premium) }).await, Ok(None));
        assert_eq!(paywall.pass(&NoMemory, deadline, async { Ok(1) }).await, Ok(None));
    }
}
