//! Whether stored bars are as new as they can be, or a call could bring newer ones.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Day, calendar};
use market::call_limits::{LATE, RETRY};
use market::{MarketClock, Provider};

use crate::exchange_hours;
use crate::series::PriceSeries;

/// Whether asking the provider could not bring anything newer.
pub(crate) fn is_current(provider: &dyn Provider, now: DateTime<Utc>, series: &PriceSeries) -> bool {
    if !provider.gives(&series.source) || series.revision != provider.revision(&series.symbol) {
        return false;
    }
    match provider.clock() {
        MarketClock::StandsAt(_) => true,
        MarketClock::Live => is_all_there_is(series.last, series.fetched_at, now),
    }
}

/// Whether nothing newer could be had at `now` of a live provider that was last asked at `fetched_at` and whose last bar is
/// of `last`.
///
/// Once the bars of a session are out, one look tells whether there is one, until those of the next are: a halted share,
/// a price that comes once a month and a foreign holiday have none, however often they are asked for.
fn is_all_there_is(last: Day, fetched_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let out = exchange_hours::bars_out(now);
    if last >= out.session {
        return true;
    }
    let asked_in_vain = fetched_at - out.since;
    if asked_in_vain < TimeDelta::zero() {
        return now - fetched_at < RETRY;
    }
    let is_late =
        calendar::last_trading_day_on_or_before(out.session.plus_days(-1)).is_some_and(|before| last >= before);
    !is_late || now - fetched_at < (asked_in_vain * 3).max(LATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_after_the_bars_are_out_tells_until_those_of_the_next_session_are() {
        // (last bar, asked at, now, whether nothing newer can be had); Friday is the 20th, bars are out at 23:00 UTC.
        let cases = [
            // What has the bar of the last session needs no look, whenever it was asked for.
            ("2026-11-19", "2026-11-19T23:10:00Z", "2026-11-20T22:59:59Z", true),
            ("2026-11-20", "2026-11-20T21:20:00Z", "2026-11-23T22:59:59Z", true),
            ("2026-11-20", "2026-11-20T23:10:00Z", "2026-11-23T23:00:00Z", false),
            // From the close until six in New York nothing is out.
            ("2026-11-19", "2026-11-20T17:00:00Z", "2026-11-20T22:30:00Z", true),
            // Asked for at noon, it is asked for again in the evening; but not twice within a quarter of an hour.
            ("2026-11-19", "2026-11-20T17:00:00Z", "2026-11-20T23:00:00Z", false),
            ("2026-11-19", "2026-11-20T22:50:00Z", "2026-11-20T23:04:59Z", true),
            ("2026-11-19", "2026-11-20T22:50:00Z", "2026-11-20T23:05:00Z", false),
            // A price of once a month, a share that is halted.
            ("2026-10-01", "2026-11-20T12:00:00Z", "2026-11-20T22:59:59Z", true),
            ("2026-10-01", "2026-11-20T12:00:00Z", "2026-11-20T23:00:00Z", false),
            ("2026-10-01", "2026-11-20T23:00:00Z", "2026-11-23T22:59:59Z", true),
            ("2026-11-18", "2026-11-20T23:00:00Z", "2026-11-23T22:59:59Z", true),
            ("2026-11-18", "2026-11-20T23:00:00Z", "2026-11-23T23:00:00Z", false),
            // One that had the session before is late, or its exchange had a holiday: an hour, three, twelve.
            ("2026-11-19", "2026-11-20T23:00:00Z", "2026-11-20T23:59:59Z", true),
            ("2026-11-19", "2026-11-20T23:00:00Z", "2026-11-21T00:00:00Z", false),
            ("2026-11-19", "2026-11-21T00:00:00Z", "2026-11-21T02:59:59Z", true),
            ("2026-11-19", "2026-11-21T00:00:00Z", "2026-11-21T03:00:00Z", false),
            ("2026-11-19", "2026-11-21T03:00:00Z", "2026-11-21T14:59:59Z", true),
            ("2026-11-19", "2026-11-21T15:00:00Z", "2026-11-23T14:59:59Z", true),
            // Thanksgiving is no session: its evening expects nothing.
            ("2026-11-25", "2026-11-26T12:00:00Z", "2026-11-27T22:59:59Z", true),
            ("2026-11-25", "2026-11-26T12:00:00Z", "2026-11-27T23:00:00Z", false),
        ];
        for (last, fetched_at, now, expected) in cases {
            let found = is_all_there_is(last.parse().unwrap(), fetched_at.parse().unwrap(), now.parse().unwrap());
            assert_eq!(found, expected, "{last}, asked for at {fetched_at}, at {now}");
        }
    }
}
