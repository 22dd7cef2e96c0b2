//! How much we wait for and hold of one answer.

use std::time::Duration;

use crate::provider::Patience;

/// How much we wait for and hold of one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until the connection stands.
    pub connect: Duration,
    /// For everything, when a person waits.
    pub caller: Duration,
    /// For everything, in a scheduled refresh.
    pub schedule: Duration,
    /// Of an answer, after decompression.
    pub max_bytes: usize,
    /// Between two calls.
    pub spacing: Duration,
    /// The first pause before a retry, doubled for each further one; the pause taken is a random part of it.
    pub backoff: Duration,
    /// Attempts at one answer, the first included; each counts against the quota.
    pub attempts: u32,
    /// Failures in a row after which the provider is left alone.
    pub failures_to_open: u32,
    /// How long it is left alone.
    pub open_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            caller: Patience::OF_A_CALLER,
            schedule: Patience::OF_A_SCHEDULE,
            max_bytes: 5 * 1024 * 1024,
            spacing: Duration::from_secs(1),
            backoff: Duration::from_millis(500),
            attempts: 3,
            failures_to_open: 5,
            open_for: Duration::from_mins(1),
        }
    }
}

impl Limits {
    pub(super) fn total(&self, patience: Patience) -> Duration {
        match patience {
            Patience::Caller => self.caller,
            Patience::Schedule => self.schedule,
            Patience::Left(within) | Patience::Scheduled { within, .. } | Patience::Sparing { within, .. } => {
                within.min(self.schedule)
            }
        }
    }
}
