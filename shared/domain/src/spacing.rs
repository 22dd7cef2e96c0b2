//! The spacing of the bars of a series: days, weeks or months.

use chrono::Weekday;

use crate::{Bars, Day};

/// The most calendar days between two daily bars that some exchange's calendar explains: weekends with their holidays,
/// and the week in which New York was closed in 2001.
pub const LONGEST_PAUSE: i32 = 7;

/// The median of seven days between two bars lies in the middle of these.
const DAYS_OF_A_WEEK: std::ops::RangeInclusive<i32> = 4..=17;
/// Bars a year if every day trades.
const YEAR: usize = 365;
/// If all days of the week trade, each weekday has a seventh of the bars; a weekday with less than a twentieth has
/// strays.
const LEAST_PART: usize = 20;

/// The spacing of the bars of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Days on which an exchange is open, about five a week.
    TradingDays,
    /// Every day, weekends too.
    CalendarDays,
    /// Weeks.
    Weeks,
    /// Months.
    Months,
}

impl Spacing {
    /// The spacing of bars on these days, oldest first: the median of their distances decides. Fewer than two bars
    /// count as daily.
    #[must_use]
    pub fn of(dates: &[Day]) -> Self {
        let distances = dates.len().saturating_sub(1);
        // The number of distances above these locates the median. Of the two in the middle the smaller counts, since a
        // gap next to a few bars is no spacing.
        let beyond = |days: i32| dates.windows(2).filter(|pair| pair[1].days_since(pair[0]) > days).count();
        let is_median_within = |days: i32| distances.saturating_sub(1) / 2 < distances - beyond(days);
        if are_close(dates) || is_median_within(DAYS_OF_A_WEEK.start() - 1) {
            if trade_all_week(dates) { Self::CalendarDays } else { Self::TradingDays }
        } else if is_median_within(*DAYS_OF_A_WEEK.end()) {
            Self::Weeks
        } else {
            Self::Months
        }
    }

    /// Bars a year, for annualizing figures of one bar.
    #[must_use]
    pub fn periods_per_year(self) -> u32 {
        match self {
            Self::TradingDays => 252,
            Self::CalendarDays => 365,
            Self::Weeks => 52,
            Self::Months => 12,
        }
    }

    /// The most calendar days from one bar to the next without a bar missing between them.
    fn longest_pause(self) -> i32 {
        match self {
            Self::TradingDays | Self::CalendarDays => LONGEST_PAUSE,
            // One bar may be early and the next one late.
            Self::Weeks => 13,
            Self::Months => 45,
        }
    }
}

/// Bars a year of this series: 252 for days or, if weekends trade, 365; 52 for weeks, 12 for months.
#[must_use]
pub fn periods_per_year(bars: &Bars) -> u32 {
    Spacing::of(bars.dates()).periods_per_year()
}

/// Bars of a year of trading days: the value assumed by earlier records, which do not state it.
#[must_use]
pub fn of_trading_days() -> u32 {
    Spacing::TradingDays.periods_per_year()
}

/// The pairs of neighbouring days that are further apart than a calendar explains: more than seven days and, for weekly
/// and monthly bars, more than the distance to the next one.
#[must_use]
pub fn gaps(dates: &[Day]) -> Vec<(Day, Day)> {
    let beyond = |pause: i32| {
        let far = move |pair: &&[Day]| pair[1].days_since(pair[0]) > pause;
        dates.windows(2).filter(far).map(|pair| (pair[0], pair[1]))
    };
    // Most series have none and need no median.
    if beyond(LONGEST_PAUSE).next().is_none() {
        return Vec::new();
    }
    beyond(Spacing::of(dates).longest_pause()).collect()
}

/// Whether the first and last day are so close that more than half of the distances must be under a week, without
/// looking at any: each longer one adds at least three days to the minimum.
fn are_close(dates: &[Day]) -> bool {
    let (Some(first), Some(last)) = (dates.first(), dates.last()) else { return true };
    let distances = dates.len() - 1;
    let least = distances + 3 * (distances - distances.saturating_sub(1) / 2);
    distances == 0 || usize::try_from(last.days_since(*first)).is_ok_and(|days| days < least)
}

/// By the latest year of bars.
fn trade_all_week(dates: &[Day]) -> bool {
    let dates = &dates[dates.len().saturating_sub(YEAR)..];
    let mut bars = [0_usize; 7];
    for date in dates {
        bars[date.weekday().days_since(Weekday::Mon) as usize] += 1;
    }
    bars.into_iter().all(|count| count * LEAST_PART >= dates.len().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    /// This many days from a Monday on, each `step` days after the one before.
    fn every(step: i32, count: i32) -> Vec<Day> {
        (0..count).map(|number| day("2019-09-30").plus_days(number * step)).collect()
    }

    fn open_on(open: &[Weekday]) -> Vec<Day> {
        every(1, 100).into_iter().filter(|day| open.contains(&day.weekday())).collect()
    }

    fn a_year_of(dates: &[Day]) -> u32 {
        Spacing::of(dates).periods_per_year()
    }

    #[test]
    fn the_median_distance_decides_the_bars_a_year() {
        use Weekday::{Fri, Mon, Sun, Thu, Tue, Wed};
        assert_eq!(a_year_of(&open_on(&[Mon, Tue, Wed, Thu, Fri])), 252);
        assert_eq!(a_year_of(&open_on(&[Sun, Mon, Tue, Wed, Thu])), 252, "Tel Aviv opens on Sundays");
        assert_eq!(
            a_year_of(&open_on(&[Sun, Mon, Tue, Wed, Thu, Fri])),
            252,
            "currencies trade from Sunday evening on"
        );
        assert_eq!(a_year_of(&every(1, 100)), 365);
        assert_eq!(a_year_of(&every(7, 60)), 52);
        let months: Vec<Day> = (1..=12).map(|month| Day::new(2019, month, 1).unwrap()).collect();
        assert_eq!(a_year_of(&months), 12);
        for few in [&[][..], &months[..1], &every(1, 2)] {
            assert_eq!(a_year_of(few), 252);
        }
    }

    #[test]
    fn the_spacing_is_that_of_the_median_of_all_distances() {
        for pattern in [&[1, 1, 3][..], &[1, 9], &[9, 1], &[3, 3, 4], &[4, 4, 3], &[1, 1, 40, 40], &[17, 18, 18], &[1]]
        {
            for count in 1..40 {
                let mut dates = every(1, 1);
                for at in 0..count {
                    dates.push(dates[at].plus_days(pattern[at % pattern.len()]));
                }
                let mut distances: Vec<i32> = dates.windows(2).map(|pair| pair[1].days_since(pair[0])).collect();
                distances.sort_unstable();
                let expected = match distances[(distances.len() - 1) / 2] {
                    ..4 => [252, 365],
                    4..=17 => [52; 2],
                    18.. => [12; 2],
                };
                assert!(expected.contains(&a_year_of(&dates)), "{count} of {pattern:?}");
            }
        }
    }

    #[test]
    fn gaps_and_holidays_do_not_change_the_spacing() {
        let mut daily = open_on(&[Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri]);
        daily.drain(20..40);
        assert_eq!(a_year_of(&daily), 252);
        let mut weekly = every(7, 60);
        weekly[30] = weekly[30].plus_days(-1);
        assert_eq!(a_year_of(&weekly), 52);
    }

    #[test]
    fn more_than_seven_days_between_daily_bars_are_a_gap() {
        let mut daily = open_on(&[Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri]);
        assert_eq!(gaps(&daily), []);
        daily.drain(6..10);
        assert_eq!(daily[6].days_since(daily[5]), 7);
        assert_eq!(gaps(&daily), [], "seven days are not more than seven");
        daily.remove(6);
        assert_eq!(gaps(&daily), [(daily[5], daily[6])]);
        assert_eq!(gaps(&[]), []);
    }

    #[test]
    fn weekly_and_monthly_bars_have_a_gap_where_one_is_missing() {
        let mut weekly = every(7, 60);
        weekly[30] = weekly[30].plus_days(-1);
        assert_eq!(gaps(&weekly), []);
        weekly.remove(10);
        assert_eq!(gaps(&weekly), [(weekly[9], weekly[10])]);
        let mut months: Vec<Day> = (1..=12).map(|month| Day::new(2019, month, 1).unwrap()).collect();
        assert_eq!(gaps(&months), []);
        months.remove(5);
        assert_eq!(gaps(&months), [(day("2019-05-01"), day("2019-07-01"))]);
    }
}
