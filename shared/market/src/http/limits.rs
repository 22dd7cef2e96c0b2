//! How much we wait for and hold of one answer.

use std::time::Duration;

use crate::call_limits::{ATTEMPTS, CONNECT, FAILURES_TO_OPEN, FIRST_BACKOFF, OPEN_FOR, SPACING};

/// How much we wait for and hold of one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until the connection stands.
    pub connect: Duration,
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
            connect: CONNECT,
            max_bytes: 5 * 1024 * 1024,
            spacing: SPACING,
            backoff: FIRST_BACKOFF,
            attempts: ATTEMPTS,
            failures_to_open: FAILURES_TO_OPEN,
            open_for: OPEN_FOR,
        }
    }
}
