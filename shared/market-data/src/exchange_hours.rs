//! The hours of the New York Stock Exchange, and when the bars of its sessions are out.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::America::New_York;
use domain::{Day, calendar};

/// When a session opens, in New York time.
const OPEN: NaiveTime = match NaiveTime::from_hms_opt(9, 30, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// When a session closes by the calendar, in New York time.
const CLOSE: NaiveTime = match NaiveTime::from_hms_opt(16, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// A session's bar is expected this long after the exchange closes at 16:00 in New York.
const BAR_EXPECTED_AT: NaiveTime = match NaiveTime::from_hms_opt(16, 15, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// When sources have the bars of a session, in New York time. A call made earlier would be wasted, and calls are
/// counted.
pub const BARS_OUT_AT: NaiveTime = match NaiveTime::from_hms_opt(18, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// The last session whose bars are out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BarsOut {
    /// Its day.
    pub(crate) session: Day,
    /// When its bars came out.
    pub(crate) since: DateTime<Utc>,
}

/// The instant at which the session of a day closes.
#[must_use]
pub fn close_of(day: Day) -> DateTime<Utc> {
    in_new_york(day, CLOSE)
}

fn in_new_york(day: Day, time: NaiveTime) -> DateTime<Utc> {
    let local = day.date().and_time(time);
    // Every day in New York has exactly one afternoon: clocks change at two in the morning.
    local.and_local_timezone(New_York).earliest().map_or_else(|| local.and_utc(), |time| time.with_timezone(&Utc))
}

/// The time until the current session closes, at `now`; none if the exchange is closed. A session that ends early on
/// the eve of a holiday counts as a full one.
#[must_use]
pub fn until_close(now: DateTime<Utc>) -> Option<TimeDelta> {
    let local = now.with_timezone(&New_York);
    let today = Day::try_from(local.date_naive()).ok()?;
    let open = (OPEN..CLOSE).contains(&local.time()) && calendar::is_trading_day(today);
    open.then(|| close_of(today) - now)
}

/// The last trading day whose session had closed at `now`.
#[must_use]
pub fn last_finished_session(now: DateTime<Utc>) -> Day {
    last_session_past(BAR_EXPECTED_AT, now)
}

/// The last session whose bars were out at `now`.
pub(crate) fn bars_out(now: DateTime<Utc>) -> BarsOut {
    let session = last_session_past(BARS_OUT_AT, now);
    BarsOut { session, since: in_new_york(session, BARS_OUT_AT) }
}

/// The last trading day on which this time of day in New York had passed at `now`.
fn last_session_past(time: NaiveTime, now: DateTime<Utc>) -> Day {
    let local = now.with_timezone(&New_York);
    // If the clock is outside of 1900 to 2199, no bar newer than the first known day is expected.
    let today = Day::try_from(local.date_naive()).unwrap_or(Day::FIRST);
    let candidate = if local.time() >= time { today } else { today.plus_days(-1) };
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
    fn a_session_closes_at_four_in_new_york_summer_and_winter() {
        let close = |day: &str| close_of(day.parse().unwrap()).to_rfc3339();
        assert_eq!(close("2013-03-01"), "2013-03-01T21:00:00+00:00");
        assert_eq!(close("2013-07-01"), "2013-07-01T20:00:00+00:00");
    }

    #[test]
    fn the_exchange_is_open_from_half_past_nine_to_four_on_trading_days() {
        let left = |instant: &str| until_close(instant.parse().unwrap()).map(|left| left.num_minutes());
        let cases = [
            ("2026-06-10T13:29:59Z", None),
            ("2026-06-10T13:30:00Z", Some(390)),
            ("2026-06-10T19:59:00Z", Some(1)),
            ("2026-06-10T20:00:00Z", None),
            ("2026-01-14T14:30:00Z", Some(390)),
            ("2026-06-13T15:00:00Z", None),
            ("2026-07-03T15:00:00Z", None),
        ];
        for (instant, minutes) in cases {
            assert_eq!(left(instant), minutes, "{instant}");
        }
    }

    #[test]
    fn weekends_and_holidays_fall_back_to_the_session_before() {
        assert_eq!(session("2026-06-14T12:00:00Z"), "2026-06-12");
        assert_eq!(session("2026-07-03T23:00:00Z"), "2026-07-02", "Independence Day is observed on Friday");
    }
}
