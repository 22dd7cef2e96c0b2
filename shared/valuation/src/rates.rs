//! The exchange rate of every day of a series.

use domain::{Day, ExchangeRate};

use crate::book::{MAX_RATE_AGE, RateQuote};

/// The rate of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DayRate {
    /// The last rate on or before the day, else the first one after it.
    pub(crate) rate: ExchangeRate,
    /// Whether it is of the day or of the seven days before; if not, the day has no value, and its flows use this rate.
    pub(crate) known: bool,
    /// The last rate before the day, if it is at most seven days old.
    pub(crate) before: Option<ExchangeRate>,
}

/// The rates of these days; none if there is no rate at all.
pub(crate) fn rates_on(days: &[Day], rate_days: &[Day], rates: &[RateQuote]) -> Option<Vec<DayRate>> {
    let count = rate_days.len().min(rates.len());
    let valid = |at: usize| Some((rate_days[at], rates[at].rate().ok()?));
    let earlier = days.first().map_or(0, |&first| rate_days[..count].partition_point(|&day| day < first));
    let start = (0..earlier).rev().find(|&at| valid(at).is_some()).unwrap_or(0);
    let mut coming = (start..count).filter_map(valid);
    let mut next = coming.next();
    let (_, first) = next?;
    let mut before: Option<(Day, ExchangeRate)> = None;
    let rate_on = |&day: &Day| {
        while let Some(passed) = next.filter(|&(rate_day, _)| rate_day < day) {
            before = Some(passed);
            next = coming.next();
        }
        let last = next.filter(|&(rate_day, _)| rate_day == day).or(before);
        let fresh = |rate: Option<(Day, ExchangeRate)>| rate.filter(|&(of, _)| day.days_since(of) <= MAX_RATE_AGE);
        DayRate {
            rate: last.map_or(first, |(_, rate)| rate),
            known: fresh(last).is_some(),
            before: fresh(before).map(|(_, rate)| rate),
        }
    };
    Some(days.iter().map(rate_on).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_without_a_rate_has_the_last_before_or_the_first_after() {
        let rate_days = ["2013-01-04", "2013-01-07", "2013-01-20"].map(day);
        let rates = [1.1, 1.2, 1.3].map(RateQuote::direct);
        let days = ["2013-01-02", "2013-01-04", "2013-01-05", "2013-01-14", "2013-01-15", "2013-01-20"].map(day);
        let found = rates_on(&days, &rate_days, &rates).unwrap();
        let tenths = |rate: ExchangeRate| (rate.to_f64() * 10.0).round() as i32;
        let row = |rate: &DayRate| (tenths(rate.rate), rate.known, rate.before.map(tenths));
        assert_eq!(
            found.iter().map(row).collect::<Vec<_>>(),
            [
                (11, false, None),
                (11, true, None),
                (11, true, Some(11)),
                (12, true, Some(12)),
                (12, false, None),
                (13, true, None),
            ]
        );
        assert_eq!(rates_on(&days[4..], &rate_days, &rates).unwrap(), found[4..]);
        assert_eq!(rates_on(&days, &rate_days, &[f64::NAN, 0.0, -1.0].map(RateQuote::direct)), None);
        assert_eq!(rates_on(&days, &[], &[]), None);
    }
}
