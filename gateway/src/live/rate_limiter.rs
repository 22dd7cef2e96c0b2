//! The rate limiter of a client's messages: a burst, and a number per second in the long run.

use std::time::Duration;

use tokio::time::Instant;

/// Messages in a burst.
const BURST: u32 = 100;
/// The time after which one more message is allowed.
const EVERY: Duration = Duration::from_millis(100);

/// The rate limiter of one client's messages.
pub struct RateLimiter {
    /// When the full burst is available again.
    whole_at: Instant,
}

impl RateLimiter {
    /// The rate limiter of a client that has sent nothing by `now`.
    pub fn new(now: Instant) -> Self {
        Self { whole_at: now }
    }

    /// Counts one more message and returns whether it is allowed.
    pub fn takes_one_more(&mut self, now: Instant) -> bool {
        let whole_at = self.whole_at.max(now) + EVERY;
        let taken = whole_at - now <= EVERY * BURST;
        if taken {
            self.whole_at = whole_at;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_one_message_each_interval() {
        let begun = Instant::now();
        let mut rate_limiter = RateLimiter::new(begun);
        assert!((0..BURST).all(|_| rate_limiter.takes_one_more(begun)));
        assert!(!rate_limiter.takes_one_more(begun));
        assert!(!rate_limiter.takes_one_more(begun + EVERY / 2));
        assert!(rate_limiter.takes_one_more(begun + EVERY));
        assert!(!rate_limiter.takes_one_more(begun + EVERY));
        let later = begun + EVERY * (2 * BURST);
        assert!((0..BURST).all(|_| rate_limiter.takes_one_more(later)));
        assert!(!rate_limiter.takes_one_more(later));
    }
}
