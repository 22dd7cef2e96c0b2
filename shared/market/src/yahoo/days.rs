//! The trading day of a timestamp in a chart.

use chrono::DateTime;
use domain::Day;

/// A daily bar is stamped with the start of its session, between midnight and noon at its exchange. The chart's offset
/// is today's, an hour off in the other half of the year. This margin keeps such a midnight on its day and moves no
/// noon to the next.
const MARGIN_SECONDS: i64 = 4 * 3600;
const A_DAY_SECONDS: i64 = 24 * 3600;
/// Ten years of days, less a month.
const DAYS_OF_A_WHOLE_RANGE: i32 = 3_620;
/// If the first trade is this many days before the first bar, bars are missing in between, whatever the holidays.
const HOLIDAYS: i32 = 10;

/// Converts the timestamps of one chart to days.
#[derive(Clone, Copy, Debug)]
pub(super) struct Days {
    /// Seconds by which the exchange's clock is ahead of UTC today.
    pub(super) offset: i64,
    /// The chart's latest timestamp: the newest bar has it while its session is open.
    pub(super) now: Option<i64>,
}

impl Days {
    pub(super) fn of(&self, time: i64) -> Option<Day> {
        let is_of_today = self.now.is_some_and(|now| time > now.saturating_sub(A_DAY_SECONDS));
        at(time, if is_of_today { self.offset } else { self.offset.saturating_add(MARGIN_SECONDS) })
    }
}

/// The day at `time` (seconds since 1970) on a clock `offset` seconds ahead of UTC; no clock is a day ahead.
pub(super) fn at(time: i64, offset: i64) -> Option<Day> {
    if !(-A_DAY_SECONDS..=A_DAY_SECONDS).contains(&offset) {
        return None;
    }
    let local = DateTime::from_timestamp(time.checked_add(offset)?, 0)?;
    local.date_naive().try_into().ok()
}

/// Whether bars before the first one are missing.
pub(super) fn is_cut_off(first_trade: Option<i64>, first: Day, last: Day) -> bool {
    match first_trade.and_then(|time| at(time, 0)) {
        Some(first_trade) => first.days_since(first_trade) > HOLIDAYS,
        None => last.days_since(first) > DAYS_OF_A_WHOLE_RANGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(instant: &str) -> i64 {
        instant.parse::<DateTime<chrono::Utc>>().unwrap().timestamp()
    }

    #[test]
    fn a_session_keeps_its_day_in_summer_and_winter() {
        let new_york = Days { offset: -5 * 3600, now: Some(seconds("2026-11-20T21:00:01Z")) };
        let london = Days { offset: 0, now: Some(seconds("2026-11-20T22:29:58Z")) };
        let tokyo = Days { offset: 9 * 3600, now: Some(seconds("2026-11-20T06:30:00Z")) };
        for (days, time, day) in [
            (new_york, "2026-07-01T13:30:00Z", "2026-07-01"),
            (new_york, "2026-01-05T14:30:00Z", "2026-01-05"),
            (new_york, "2026-11-20T21:00:01Z", "2026-11-20"),
            // A currency pair: midnight in London, an hour before midnight UTC in summer.
            (london, "2026-06-30T23:00:00Z", "2026-07-01"),
            (london, "2026-01-05T00:00:00Z", "2026-01-05"),
            (london, "2026-11-20T22:29:58Z", "2026-11-20"),
            (tokyo, "2026-07-01T00:00:00Z", "2026-07-01"),
        ] {
            assert_eq!(days.of(seconds(time)).unwrap().to_string(), day, "{time}");
        }
    }

    #[test]
    fn a_timestamp_outside_the_calendar_has_no_day() {
        for time in [i64::MAX, i64::MIN, 253_402_300_800] {
            assert_eq!(Days { offset: i64::MAX, now: Some(i64::MIN) }.of(time), None);
            assert_eq!(Days { offset: 0, now: None }.of(time), None);
        }
    }

    #[test]
    fn a_history_is_cut_off_when_trading_began_earlier() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let (first, last) = (day("2016-11-21"), day("2026-11-20"));
        assert!(is_cut_off(Some(seconds("1980-12-12T14:30:00Z")), first, last));
        assert!(!is_cut_off(Some(seconds("2016-11-21T14:30:00Z")), first, last));
        assert!(is_cut_off(None, first, last));
        assert!(!is_cut_off(None, day("2020-01-02"), last));
    }
}
