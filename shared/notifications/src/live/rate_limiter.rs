//! The rate limiter for the messages of a connection: a token bucket, stored in the item of the connection, so that it
//! holds whichever process handles its messages.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Messages in a burst.
const BURST: i64 = 20;
/// Messages per second in the long run.
const PER_SECOND: i64 = 5;
/// One token, in thousandths, so that no fraction is lost to rounding.
const TOKEN: i64 = 1_000;

/// The tokens that a connection has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bucket {
    millitokens: i64,
    #[serde(with = "domain::instant")]
    at: DateTime<Utc>,
}

impl Bucket {
    /// The bucket of a connection that has sent nothing yet.
    pub(super) fn full(now: DateTime<Utc>) -> Self {
        Self { millitokens: BURST * TOKEN, at: now }
    }

    /// The bucket after one more message at `now`; `None` if no token was left.
    pub(super) fn take(self, now: DateTime<Utc>) -> Option<Self> {
        // The clocks of two machines differ a little: time never goes back here.
        let at = now.max(self.at);
        let gained = (at - self.at).num_milliseconds().saturating_mul(PER_SECOND);
        let tokens = self.millitokens.saturating_add(gained).min(BURST * TOKEN);
        (tokens >= TOKEN).then_some(Self { millitokens: tokens - TOKEN, at })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_burst_of_twenty_messages_passes_and_then_five_a_second() {
        let mut bucket = Bucket::full(noon());
        for _ in 0..20 {
            bucket = bucket.take(noon()).unwrap();
        }
        assert_eq!(bucket.take(noon() + TimeDelta::milliseconds(199)), None);
        for second in 0..10 {
            let later = noon() + TimeDelta::seconds(second + 1);
            for _ in 0..5 {
                bucket = bucket.take(later).unwrap();
            }
            assert_eq!(bucket.take(later), None, "the sixth within a second");
        }
    }

    #[test]
    fn the_bucket_holds_one_burst_and_a_clock_that_goes_back_adds_nothing() {
        let mut bucket = Bucket::full(noon()).take(noon() + TimeDelta::hours(2)).unwrap();
        let earlier = noon();
        for _ in 0..19 {
            bucket = bucket.take(earlier).unwrap();
        }
        assert_eq!(bucket.take(earlier), None);
        assert_eq!(bucket.take(noon() + TimeDelta::hours(2)), None);
    }
}
