//! What a slot is for, and how many of the provider's calls it may use.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::America::New_York;
use domain::{Day, calendar};
use market::CallsLeft;
use market::call_limits::{
    A_MINUTE_FOR_ONE_AT_ONCE, AT_ONCE_COUNTED, AT_ONCE_UNCOUNTED, CALLERS_RESERVE, CALLS_FOR_THE_PLAN, FEW_CALLS,
};
use market_data::exchange_hours::{BARS_OUT_AT, close_of, until_close};

/// The time between the scheduled slots of a session.
const SLOT_MINUTES: i64 = 15;

/// What a slot of a live provider is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The exchange is open: quotes.
    Quotes {
        /// Slots until the close, this one included.
        slots_left: usize,
    },
    /// The exchange has closed, and the day's bars are not out yet: nothing is requested.
    Rest,
    /// The exchange is closed: the bars of its last session. Each last close becomes a quote too.
    Bars,
}

/// What a slot at `now` is for.
#[must_use]
pub fn work_at(now: DateTime<Utc>) -> Work {
    if let Some(left) = until_close(now) {
        let slots = (left.num_seconds() + SLOT_MINUTES * 60 - 1) / (SLOT_MINUTES * 60);
        return Work::Quotes { slots_left: usize::try_from(slots).unwrap_or(1) };
    }
    let local = now.with_timezone(&New_York);
    let has_closed =
        Day::try_from(local.date_naive()).is_ok_and(|today| calendar::is_trading_day(today) && now >= close_of(today));
    if has_closed && local.time() < BARS_OUT_AT { Work::Rest } else { Work::Bars }
}

/// How many symbols a slot may request, one call each, if `calls_left` calls are left of 24 hours (`None`: there is no
/// daily limit) and the evening will need `evening` of them.
///
/// While the exchange is open, the calls beyond the reserve ([`reserve`]) are spread evenly over the slots until the
/// close, rounded up. The provider counts the last 24 hours, so calls of the evening before count during the day too: a
/// spare call is spare at any time of the day. Bars are requested as long as calls last. Calls become available during
/// a run, a day after those of the evening before.
#[must_use]
pub fn allowance(work: Work, calls_left: Option<usize>, evening: usize) -> usize {
    let Some(calls_left) = calls_left else { return usize::MAX };
    match work {
        Work::Rest => 0,
        Work::Bars => usize::MAX,
        Work::Quotes { slots_left } => calls_left.saturating_sub(reserve(work, evening)).div_ceil(slots_left.max(1)),
    }
}

/// Calls that a slot reserves in each counted source: [`CALLERS_RESERVE`], and while the exchange is open also those
/// that the evening will need, one per symbol for its bars and [`CALLS_FOR_THE_PLAN`]. A bar lasts for good, and a
/// quote for a quarter of an hour.
#[must_use]
pub(super) fn reserve(work: Work, evening: usize) -> usize {
    match work {
        Work::Quotes { .. } if evening > 0 => {
            CALLERS_RESERVE.saturating_add(evening).saturating_add(CALLS_FOR_THE_PLAN)
        }
        Work::Quotes { .. } | Work::Rest | Work::Bars => CALLERS_RESERVE,
    }
}

/// How many symbols are requested concurrently.
///
/// A source that counts its calls also spaces them. More concurrent requests would wait for each other's calls until
/// their time is over, and a symbol that needs several calls, such as a series with a jump, would never get to its last
/// one. If calls are few, each is made only after the calls left have been checked again.
#[must_use]
pub(super) fn at_once(calls_left: Option<CallsLeft>) -> usize {
    let Some(calls) = calls_left else { return AT_ONCE_UNCOUNTED };
    match (calls.today, calls.a_minute) {
        (Some(0..=FEW_CALLS), _) => 1,
        (_, Some(limit)) => (limit / A_MINUTE_FOR_ONE_AT_ONCE).clamp(1, AT_ONCE_UNCOUNTED),
        (Some(_), None) => AT_ONCE_COUNTED,
        (None, None) => AT_ONCE_UNCOUNTED,
    }
}

/// The age from which a slot requests a quote again. Younger ones were brought by an earlier delivery of the slot or by
/// a request.
#[must_use]
pub(super) fn is_due(asked_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - asked_at >= TimeDelta::minutes(SLOT_MINUTES / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_while_the_exchange_is_open_and_bars_once_they_are_out() {
        let cases = [
            ("2026-06-10T13:00:00Z", Work::Bars),
            ("2026-06-10T13:30:00Z", Work::Quotes { slots_left: 26 }),
            ("2026-06-10T19:30:02Z", Work::Quotes { slots_left: 2 }),
            ("2026-06-10T19:45:00Z", Work::Quotes { slots_left: 1 }),
            ("2026-06-10T19:59:30Z", Work::Quotes { slots_left: 1 }),
            ("2026-06-10T20:00:00Z", Work::Rest),
            ("2026-06-10T20:45:00Z", Work::Rest),
            ("2026-06-10T21:59:59Z", Work::Rest),
            ("2026-06-10T22:00:00Z", Work::Bars),
            ("2026-06-10T22:30:00Z", Work::Bars),
            ("2026-06-11T03:00:00Z", Work::Bars),
            // Winter time in New York; a holiday; a Saturday.
            ("2026-01-14T22:59:59Z", Work::Rest),
            ("2026-01-14T23:00:00Z", Work::Bars),
            ("2026-07-03T20:30:00Z", Work::Bars),
            ("2026-06-13T15:00:00Z", Work::Bars),
        ];
        for (instant, work) in cases {
            assert_eq!(work_at(instant.parse().unwrap()), work, "{instant}");
        }
    }

    #[test]
    fn calls_for_requests_and_for_the_evenings_bars_stay_reserved() {
        let open = |slots_left| Work::Quotes { slots_left };
        // (work, calls left, calls the evening needs, symbols that may be requested)
        let cases = [
            (Work::Bars, None, 5_000, usize::MAX),
            (open(3), None, 5_000, usize::MAX),
            (Work::Rest, Some(25), 10, 0),
            // Calls become available while bars are requested.
            (Work::Bars, Some(25), 10, usize::MAX),
            (Work::Bars, Some(0), 10, usize::MAX),
            // 25 calls, 5 for requests, 10 for the evening and 1 for the plan: 9 are spare over the day.
            (open(26), Some(25), 10, 1),
            (open(9), Some(25), 10, 1),
            (open(5), Some(25), 10, 2),
            (open(1), Some(25), 10, 9),
            (open(1), Some(25), 0, 20),
            // The evening takes all.
            (open(26), Some(25), 19, 0),
            (open(1), Some(25), 40, 0),
            (open(1), Some(17), 10, 1),
            (open(1), Some(16), 10, 0),
            (open(0), Some(17), 10, 1),
        ];
        for (work, left, evening, allowed) in cases {
            assert_eq!(allowance(work, left, evening), allowed, "{work:?} {left:?} {evening}");
        }
    }
}
