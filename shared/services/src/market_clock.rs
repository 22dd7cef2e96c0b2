//! The market's "now": the provider's last bar for files, the last finished session when live.

use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::America::New_York;
use domain::{Day, calendar};
use market::MarketClock;

use crate::App;

/// A session's bar is expected this long after the exchange closes at 16:00 in New York.
const BAR_EXPECTED_AT: NaiveTime = match NaiveTime::from_hms_opt(16, 15, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// The last day of which a daily bar can be expected.
#[must_use]
pub fn market_day(app: &App) -> Day {
    match app.provider().clock() {
        MarketClock::StandsAt(day) => day,
        MarketClock::Live => last_finished_session(app.now()),
    }
}

/// The last trading day whose session had ended at `now`.
#[must_use]
pub fn last_finished_session(now: DateTime<Utc>) -> Day {
    let local = now.with_timezone(&New_York);
    // An unreadable clock (outside 1900 to 2199) expects no bar newer than the first day we know.
    let today = Day::try_from(local.date_naive()).unwrap_or(Day::FIRST);
    let candidate = if local.time() >= BAR_EXPECTED_AT { today } else { today.plus_days(-1) };
    calendar::last_trading_day_on_or_before(candidate).unwrap_or(Day::FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(instant: &str) -> String {
        last_finished_session(instant.parse().unwrap()).to_string()
    }

    #[test]
    fn a_session_counts_once_its_bar_can_be_expected() {
        assert_eq!(session("2026-06-10T20:14:59Z"), "2026-06-09");
        assert_eq!(session("2026-06-10T20:15:00Z"), "2026-06-10");
        assert_eq!(session("2026-01-14T21:15:00Z"), "2026-01-14", "winter time in New York");
    }

    #[test]
    fn weekends_and_holidays_fall_back_to_the_session_before() {
        assert_eq!(session("2026-06-14T12:00:00Z"), "2026-06-12");
        assert_eq!(session("2026-07-03T23:00:00Z"), "2026-07-02", "Independence Day is observed on Friday");
    }
}
