//! What a slot is for, and how many of the provider's calls it may use.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::America::New_York;
use domain::{Day, calendar};
use market::call_limits::{AT_ONCE_COUNTED, AT_ONCE_UNCOUNTED, CALLERS_RESERVE, CALLS_FOR_THE_PLAN, FEW_CALLS};
use market_data::exchange_hours::{BARS_OUT_AT, close_of, until_close};

/// How far apart the template's slots of a session are.
const SLOT_MINUTES: i64 = 15;

/// What a slot of a live provider is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The exchange is open: last prices.
    Quotes {
        /// Slots until the close, this one included.
        slots_left: usize,
    },
    /// It has closed, and the day's bars are not out yet: nothing is asked for.
    Rest,
    /// It is closed: the bars of its last session, each of which is a last price too.
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

/// Symbols that a slot may ask about, each of which takes a call, where `calls_left` may be made now (`None`: nobody
/// counts) and the evening will need `evening` of them.
///
/// While the exchange is open what is there beyond the calls that are left ([`reserve`]) is spread evenly, rounded up, over
/// the slots until the close. The provider's count looks back 24 hours, so calls of the evening before weigh on the day as
/// well: what is spare is so at any time of the day. Bars are asked for as long as there are calls, which become free
/// while a run goes on, a day after those of the evening before.
#[must_use]
pub fn allowance(work: Work, calls_left: Option<usize>, evening: usize) -> usize {
    let Some(calls_left) = calls_left else { return usize::MAX };
    match work {
        Work::Rest => 0,
        Work::Bars => usize::MAX,
        Work::Quotes { slots_left } => calls_left.saturating_sub(reserve(work, evening)).div_ceil(slots_left.max(1)),
    }
}

/// Calls that a slot leaves in each counted source: [`CALLERS_RESERVE`], and while the exchange is open as many more as the
/// evening will need, one for the bars of each symbol and [`CALLS_FOR_THE_PLAN`], for a bar is kept for good and a quote for a
/// quarter of an hour.
#[must_use]
pub(super) fn reserve(work: Work, evening: usize) -> usize {
    match work {
        Work::Quotes { .. } if evening > 0 => {
            CALLERS_RESERVE.saturating_add(evening).saturating_add(CALLS_FOR_THE_PLAN)
        }
        Work::Quotes { .. } | Work::Rest | Work::Bars => CALLERS_RESERVE,
    }
}

/// Symbols asked for at the same time.
///
/// A source that counts its calls wants a distance between them too. More at once would wait for each other's turns until
/// their time ends, and one that takes several calls, as a series that jumps does, would never get to its last. Of few
/// calls each is taken with a view to those that are left.
#[must_use]
pub(super) fn at_once(calls_left: Option<usize>) -> usize {
    match calls_left {
        None => AT_ONCE_UNCOUNTED,
        Some(0..=FEW_CALLS) => 1,
        Some(_) => AT_ONCE_COUNTED,
    }
}

/// How old a quote is that a slot asks for again: younger ones were brought by the slot itself, delivered twice, or by a
/// caller.
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
    fn the_reserve_of_callers_and_the_evenings_bars_are_left() {
        let open = |slots_left| Work::Quotes { slots_left };
        // (work, calls left, calls the evening needs, symbols asked about)
        let cases = [
            (Work::Bars, None, 5_000, usize::MAX),
            (open(3), None, 5_000, usize::MAX),
            (Work::Rest, Some(25), 10, 0),
            // Calls become free while bars are asked for.
            (Work::Bars, Some(25), 10, usize::MAX),
            (Work::Bars, Some(0), 10, usize::MAX),
            // 25 calls, 5 for callers, 10 for the evening and 1 for the plan: 9 to spare over the day.
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
