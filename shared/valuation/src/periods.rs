//! The days of a performance by week or month.

use domain::Interval;

use crate::measured_span::PerformanceDay;

/// One row for each period: that of its last day, with the flows of all its days. The return of a row is cumulative, so
/// that of the last day chains those of the period.
#[must_use]
pub fn by_period(days: Vec<PerformanceDay>, interval: Interval) -> Vec<PerformanceDay> {
    if interval == Interval::Day {
        return days;
    }
    let mut rows: Vec<PerformanceDay> = Vec::new();
    for day in days {
        match rows.last_mut().filter(|row| interval.has_both(row.date, day.date)) {
            Some(row) => {
                let (inflow, outflow) = (row.inflow + day.inflow, row.outflow + day.outflow);
                *row = PerformanceDay { inflow, outflow, ..day };
            }
            None => rows.push(day),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(date: &str, value: &str, inflow: &str, outflow: &str, twr: Option<f64>) -> PerformanceDay {
        let money = |text: &str| text.parse().unwrap();
        PerformanceDay {
            date: date.parse().unwrap(),
            value: money(value),
            inflow: money(inflow),
            outflow: money(outflow),
            twr,
        }
    }

    #[test]
    fn a_period_has_the_value_and_return_of_its_last_day_and_the_flows_of_all() {
        let days = vec![
            day("2013-02-27", "100.00", "100.00", "0.00", None),
            day("2013-02-28", "110.00", "0.00", "0.05", Some(0.1)),
            day("2013-03-01", "99.00", "5.50", "1.25", Some(-0.01)),
            day("2013-03-04", "98.00", "0.00", "2.00", Some(-0.02)),
        ];
        let weeks = [day("2013-03-01", "99.00", "105.50", "1.30", Some(-0.01)), days[3]];
        assert_eq!(by_period(days.clone(), Interval::Week), weeks);
        let months = [
            day("2013-02-28", "110.00", "100.00", "0.05", Some(0.1)),
            day("2013-03-04", "98.00", "5.50", "3.25", Some(-0.02)),
        ];
        assert_eq!(by_period(days.clone(), Interval::Month), months);
        assert_eq!(by_period(days.clone(), Interval::Day), days);
    }
}
