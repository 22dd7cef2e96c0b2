//! Trading days of the New York Stock Exchange.
//!
//! Published holidays apply in the years for which they are published, the exchange's rule in all others. Neither
//! includes unscheduled closings: the days after 2001-09-11 count as trading days here. A session without a bar is one
//! that did not take place.

use chrono::{Datelike, NaiveDate, Weekday};
use nyse_holiday_cal::HolidayCal;

use crate::day::Day;

/// First year in which the exchange closed for Martin Luther King's birthday.
const FIRST_KING_YEAR: i32 = 1998;

/// First year in which the exchange closed for Juneteenth.
const FIRST_JUNETEENTH_YEAR: i32 = 2022;

/// Whether the exchange is scheduled to trade on `day`, for the whole session or half of it.
///
/// The rule is today's. Before 1998 the exchange also closed on other holidays (Washington's birthday on its own date,
/// election days), which are not modelled.
#[must_use]
pub fn is_trading_day(day: Day) -> bool {
    let date = day.date();
    date.is_busday().unwrap_or_else(|_| !date.is_weekend() && !is_holiday_by_rule(date))
}

/// The first `count` trading days after `after`; fewer only at the end of the range of [`Day`].
#[must_use]
pub fn next_trading_days(after: Day, count: usize) -> Vec<Day> {
    following(after, 1).filter(|&day| is_trading_day(day)).take(count).collect()
}

/// The last trading day that is not after `day`; `None` only on 1900-01-01, where [`Day`] begins.
#[must_use]
pub fn last_trading_day_on_or_before(day: Day) -> Option<Day> {
    std::iter::once(day).chain(following(day, -1)).find(|&day| is_trading_day(day))
}

/// The days after `day` in steps of `step`, up to the end of the range of [`Day`].
fn following(day: Day, step: i32) -> impl Iterator<Item = Day> {
    std::iter::successors(Some(day), move |&day| {
        // At an end of the range, a step does not move.
        Some(day.plus_days(step)).filter(|&next| next != day)
    })
    .skip(1)
}

/// Whether the exchange's rule 7.2 names this weekday a holiday.
fn is_holiday_by_rule(date: NaiveDate) -> bool {
    let year = date.year();
    let is_nth = |month, weekday, nth| is_nth_weekday(date, month, weekday, nth);
    // New Year's Day on a Saturday is not observed on another day: 31 December closes the books.
    is_observed_on(date, 1, 1) && date.month() == 1
        || year >= FIRST_KING_YEAR && is_nth(1, Weekday::Mon, 3)
        || is_nth(2, Weekday::Mon, 3)
        || is_good_friday(date)
        || is_last_monday_of_may(date)
        || year >= FIRST_JUNETEENTH_YEAR && is_observed_on(date, 6, 19)
        || is_observed_on(date, 7, 4)
        || is_nth(9, Weekday::Mon, 1)
        || is_nth(11, Weekday::Thu, 4)
        || is_observed_on(date, 12, 25)
}

/// Whether a fixed-date holiday is observed on `date`: on the Friday before if it falls on a Saturday, on the Monday
/// after if it falls on a Sunday.
fn is_observed_on(date: NaiveDate, month: u32, day: u32) -> bool {
    let falls_on = |date: NaiveDate| date.month() == month && date.day() == day;
    match date.weekday() {
        Weekday::Fri => falls_on(date) || date.succ_opt().is_some_and(falls_on),
        Weekday::Mon => falls_on(date) || date.pred_opt().is_some_and(falls_on),
        _ => falls_on(date),
    }
}

fn is_nth_weekday(date: NaiveDate, month: u32, weekday: Weekday, nth: u32) -> bool {
    date.month() == month && date.weekday() == weekday && date.day().div_ceil(7) == nth
}

fn is_last_monday_of_may(date: NaiveDate) -> bool {
    date.month() == 5 && date.weekday() == Weekday::Mon && date.day() > 31 - 7
}

fn is_good_friday(date: NaiveDate) -> bool {
    date.weekday() == Weekday::Fri
        && date.checked_add_days(chrono::Days::new(2)).is_some_and(|sunday| {
            let (month, day) = easter(date.year());
            sunday.month() == month && sunday.day() == day
        })
}

/// Month and day of Easter Sunday: the anonymous Gregorian computus as printed by Meeus,
/// *Astronomical Algorithms* (1991), chapter 8.
fn easter(year: i32) -> (u32, u32) {
    let a = year % 19;
    let (b, c) = (year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let f = (b + 8) / 25;
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let sum = h + l - 7 * m + 114;
    ((sum / 31) as u32, (sum % 31 + 1) as u32)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn days(texts: &[&str]) -> Vec<Day> {
        texts.iter().map(|text| day(text)).collect()
    }

    fn sample_days(symbol: &str) -> BTreeSet<Day> {
        let path = format!("{}/../../data/prices/{symbol}.csv", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().skip(1).map(|line| day(line.split(',').next().unwrap())).collect()
    }

    #[test]
    fn every_bar_of_the_sample_is_on_a_trading_day() {
        for symbol in ["AAPL", "FB", "GOOG", "IBM", "MSFT"] {
            let closed: Vec<Day> = sample_days(symbol).into_iter().filter(|&day| !is_trading_day(day)).collect();
            assert_eq!(closed, [], "{symbol}");
        }
    }

    #[test]
    fn the_only_trading_days_without_a_bar_are_the_unscheduled_closings() {
        let unscheduled = days(&[
            "2001-09-11",
            "2001-09-12",
            "2001-09-13",
            "2001-09-14",
            "2004-06-11",
            "2007-01-02",
            "2012-10-29",
            "2012-10-30",
        ]);
        for symbol in ["AAPL", "FB", "GOOG", "IBM", "MSFT"] {
            let bars = sample_days(symbol);
            let (first, last) = (*bars.first().unwrap(), *bars.last().unwrap());
            let missing: Vec<Day> = std::iter::once(first)
                .chain(following(first, 1))
                .take_while(|&day| day <= last)
                .filter(|&day| is_trading_day(day) && !bars.contains(&day))
                .collect();
            let expected: Vec<Day> = unscheduled.iter().copied().filter(|&day| first <= day && day <= last).collect();
            assert_eq!(missing, expected, "{symbol}");
        }
    }

    #[test]
    fn the_rule_agrees_with_the_published_holidays() {
        let mut date = Day::new(i32::from(nyse_holiday_cal::MIN_YEAR), 1, 1).unwrap();
        while date.year() <= i32::from(nyse_holiday_cal::MAX_YEAR) {
            let by_rule = !date.date().is_weekend() && !is_holiday_by_rule(date.date());
            assert_eq!(Ok(by_rule), date.date().is_busday(), "{date}");
            date = date.plus_days(1);
        }
    }

    #[test]
    fn holidays_move_off_the_weekend_except_new_year_on_a_saturday() {
        // (day, open): 2011 began on a Saturday, 2012 on a Sunday.
        let cases = [
            ("2010-12-31", true),
            ("2012-01-02", false),
            ("2009-07-03", false),
            ("2010-07-05", false),
            ("2010-12-24", false),
            ("2011-12-26", false),
            ("2032-06-18", false),
            ("2011-06-20", true),
            ("2013-03-29", false),
            ("2000-04-21", false),
            ("2038-04-23", false),
            ("2013-05-27", false),
            ("2013-11-28", false),
            ("2013-11-29", true),
        ];
        for (text, open) in cases {
            assert_eq!(is_trading_day(day(text)), open, "{text}");
        }
    }

    #[test]
    fn the_next_trading_days_skip_weekends_and_holidays() {
        assert_eq!(
            next_trading_days(day("2012-06-29"), 4),
            days(&["2012-07-02", "2012-07-03", "2012-07-05", "2012-07-06"])
        );
        assert_eq!(next_trading_days(day("2012-06-30"), 1), days(&["2012-07-02"]));
        assert_eq!(next_trading_days(day("2012-06-29"), 0), []);
    }

    #[test]
    fn the_last_trading_day_can_be_the_day_itself() {
        assert_eq!(last_trading_day_on_or_before(day("2013-03-01")), Some(day("2013-03-01")));
        assert_eq!(last_trading_day_on_or_before(day("2013-04-01")), Some(day("2013-04-01")));
        assert_eq!(last_trading_day_on_or_before(day("2013-03-31")), Some(day("2013-03-28")));
    }

    #[test]
    fn the_calendar_ends_at_the_last_day() {
        assert_eq!(next_trading_days(day("2199-12-27"), 60), days(&["2199-12-30", "2199-12-31"]));
        assert_eq!(last_trading_day_on_or_before(day("1900-01-01")), None);
    }
}
