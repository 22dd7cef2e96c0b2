//! Limits of time and size of one response.

use std::time::Duration;

use crate::call_limits::{ATTEMPTS, CONNECT, FAILURES_TO_OPEN, FIRST_BACKOFF, OPEN_FOR, SPACING};

/// Limits of time and size of one response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time to connect.
    pub connect: Duration,
    /// Largest response, after decompression.
    pub max_bytes: usize,
    /// Least time between two calls.
    pub spacing: Duration,
    /// The longest pause before the first retry, doubled for each further one; the actual pause is a random part of it.
    pub backoff: Duration,
    /// Attempts for one response, including the first; each counts against the quota.
    pub attempts: u32,
    /// Failures in a row that open the breaker.
    pub failures_to_open: u32,
    /// How long the breaker stays open.
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
