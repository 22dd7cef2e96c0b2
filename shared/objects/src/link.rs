//! Links to objects and their options.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use crate::error::ObjectError;

/// The shortest lifetime of a link: expiry is counted in whole seconds.
pub const MIN_LINK_LIFETIME: Duration = Duration::from_secs(1);
/// The longest lifetime of a link: AWS Signature Version 4 allows no more for a presigned URL.
pub const MAX_LINK_LIFETIME: Duration = Duration::from_hours(7 * 24);

/// The options of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkOptions {
    /// How long it works, from 1 second to 7 days; fractions of a second are dropped.
    pub lifetime: Duration,
    /// The name under which a browser saves the object; what no file name may hold is replaced.
    pub filename: String,
}

impl LinkOptions {
    /// The instant after which a link made at `now` is refused: both in whole seconds.
    ///
    /// Errors: [`ObjectError::Lifetime`].
    pub fn expires_at(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, ObjectError> {
        let refusal = || ObjectError::Lifetime { lifetime: self.lifetime };
        if !(MIN_LINK_LIFETIME..=MAX_LINK_LIFETIME).contains(&self.lifetime) {
            return Err(refusal());
        }
        let lifetime = TimeDelta::seconds(self.lifetime.as_secs() as i64);
        now.trunc_subsecs(0).checked_add_signed(lifetime).ok_or_else(refusal)
    }
}

/// A link to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The whole URL. It is a secret: it gives access to the object.
    pub url: String,
    /// The instant of its expiry.
    pub expires_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expiry(lifetime: Duration, now: DateTime<Utc>) -> Result<DateTime<Utc>, ObjectError> {
        LinkOptions { lifetime, filename: String::new() }.expires_at(now)
    }

    #[test]
    fn a_link_expires_in_whole_seconds_from_the_second_it_was_made_in() {
        let now = DateTime::from_timestamp_millis(1_700_000_000_999).unwrap();
        assert_eq!(expiry(Duration::from_millis(300_900), now).unwrap().timestamp_millis(), 1_700_000_300_000);
    }

    #[test]
    fn lifetimes_below_a_second_and_over_a_week_are_refused() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let (short, long) = (Duration::from_millis(999), MAX_LINK_LIFETIME + Duration::from_millis(1));
        for bad in [Duration::ZERO, short, long, Duration::MAX] {
            assert!(matches!(expiry(bad, now), Err(ObjectError::Lifetime { lifetime }) if lifetime == bad));
        }
        assert!(expiry(MIN_LINK_LIFETIME, now).is_ok());
        assert!(expiry(MAX_LINK_LIFETIME, now).is_ok());
        assert!(expiry(MAX_LINK_LIFETIME, DateTime::<Utc>::MAX_UTC).is_err());
    }
}
