//! Whether stored bars are up to date, or a call could bring newer ones.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Day, calendar};
use market::call_limits::{LATE, RETRY};
use market::{MarketClock, Provider};

use crate::exchange_hours;
use crate::series::PriceSeries;

/// Whether a call to the provider could not bring anything newer.
pub(crate) fn is_current(provider: &dyn Provider, now: DateTime<Utc>, series: &PriceSeries) -> bool {
    if !provider.gives(&series.source) || series.revision != provider.revision(&series.symbol) {
        return false;
    }
    match provider.clock() {
        MarketClock::StandsAt(_) => true,
        MarketClock::Live => is_all_there_is(series.last, series.fetched_at, now),
    }
}

/// Whether nothing newer was available at `now` from a live provider that was last called at `fetched_at`, if the last
/// bar is of `last`.
///
/// Once the bars of a session are out, one call is enough until those of the next session are. A halted share, a
/// monthly price and a foreign holiday have no new bar, however often they are requested.
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
    fn one_call_after_the_bars_are_out_is_enough_until_the_next_session() {
        // (last bar, requested at, now, whether nothing newer is available); Friday is the 20th, bars are out at 23:00
        // UTC.
        let cases = [
            // A symbol with the bar of the last session needs no call, whenever it was requested.
            ("2026-11-19", "2026-11-19T23:10:00Z", "2026-11-20T22:59:59Z", true),
            ("2026-11-20", "2026-11-20T21:20:00Z", "2026-11-23T22:59:59Z", true),
            ("2026-11-20", "2026-11-20T23:10:00Z", "2026-11-23T23:00:00Z", false),
            // From the close until 18:00 in New York no bars are out.
            ("2026-11-19", "2026-11-20T17:00:00Z", "2026-11-20T22:30:00Z", true),
            // Requested at noon, it is requested again in the evening, but not twice within a quarter of an hour.
            ("2026-11-19", "2026-11-20T17:00:00Z", "2026-11-20T23:00:00Z", false),
            ("2026-11-19", "2026-11-20T22:50:00Z", "2026-11-20T23:04:59Z", true),
            ("2026-11-19", "2026-11-20T22:50:00Z", "2026-11-20T23:05:00Z", false),
            // A monthly price, or a halted share.
            ("2026-10-01", "2026-11-20T12:00:00Z", "2026-11-20T22:59:59Z", true),
            ("2026-10-01", "2026-11-20T12:00:00Z", "2026-11-20T23:00:00Z", false),
            ("2026-10-01", "2026-11-20T23:00:00Z", "2026-11-23T22:59:59Z", true),
            ("2026-11-18", "2026-11-20T23:00:00Z", "2026-11-23T22:59:59Z", true),
            ("2026-11-18", "2026-11-20T23:00:00Z", "2026-11-23T23:00:00Z", false),
            // It had a bar for the session before, so this one is late or its exchange had a holiday: an hour, three,
            // twelve.
            ("2026-11-19", "2026-11-20T23:00:00Z", "2026-11-20T23:59:59Z", true),
            ("2026-11-19", "2026-11-20T23:00:00Z", "2026-11-21T00:00:00Z", false),
            ("2026-11-19", "2026-11-21T00:00:00Z", "2026-11-21T02:59:59Z", true),
            ("2026-11-19", "2026-11-21T00:00:00Z", "2026-11-21T03:00:00Z", false),
            ("2026-11-19", "2026-11-21T03:00:00Z", "2026-11-21T14:59:59Z", true),
            ("2026-11-19", "2026-11-21T15:00:00Z", "2026-11-23T14:59:59Z", true),
            // Thanksgiving is not a session: no bar is expected in its evening.
            ("2026-11-25", "2026-11-26T12:00:00Z", "2026-11-27T22:59:59Z", true),
            ("2026-11-25", "2026-11-26T12:00:00Z", "2026-11-27T23:00:00Z", false),
        ];
        for (last, fetched_at, now, expected) in cases {
            let found = is_all_there_is(last.parse().unwrap(), fetched_at.parse().unwrap(), now.parse().unwrap());
            assert_eq!(found, expected, "{last}, requested at {fetched_at}, at {now}");
        }
    }
}
