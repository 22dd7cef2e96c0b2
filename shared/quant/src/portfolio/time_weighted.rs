//! Time-weighted return: what a unit of money that stayed from first to last would have earned,
//! whatever was paid in and out on the way.

use super::Reason;
use crate::metrics::{DAYS_OF_A_YEAR, Unavailable};

/// Days of a year in the exponent of a return per year.
const YEAR: f64 = 365.0;

/// Daily returns and the index that they make.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeWeighted {
    /// (V + out)/(V of the day before + in) − 1 of every day; none where nothing was invested.
    pub returns: Vec<Option<f64>>,
    /// Π(1 + r) up to and including every day; 1 before the first return.
    pub index: Vec<f64>,
}

impl TimeWeighted {
    /// Π(1 + r) − 1 over all days; without a single return there is none.
    pub fn total(&self) -> Result<f64, Reason> {
        let invested = self.returns.iter().any(Option::is_some);
        match self.index.last() {
            Some(level) if invested => Reason::unless_finite(level - 1.0),
            _ => Err(Reason::NothingInvested),
        }
    }
}

/// The returns of every day from its closing value and flows; `start_value` is the value on the evening
/// before the first of them. Money that comes in works from the morning on, money that goes out until
/// the evening.
#[must_use]
pub fn time_weighted(start_value: f64, values: &[f64], inflows: &[f64], outflows: &[f64]) -> TimeWeighted {
    let mut result =
        TimeWeighted { returns: Vec::with_capacity(values.len()), index: Vec::with_capacity(values.len()) };
    let mut before = start_value;
    let mut level = 1.0;
    for ((&value, &inflow), &outflow) in values.iter().zip(inflows).zip(outflows) {
        let invested = before + inflow;
        let day = (invested > 0.0).then(|| (value + outflow) / invested - 1.0);
        level *= 1.0 + day.unwrap_or(0.0);
        result.returns.push(day);
        result.index.push(level);
        before = value;
    }
    result
}

/// A return over `calendar_days` as one per year, (1 + R)^(365/days) − 1, for spans of a year and more.
pub fn annualized(total: f64, calendar_days: i32) -> Result<f64, Reason> {
    if calendar_days < DAYS_OF_A_YEAR {
        return Err(Unavailable::SpanUnderOneYear.into());
    }
    Reason::unless_finite((1.0 + total).powf(YEAR / f64::from(calendar_days)) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The index of Portfolio Performance's own test: (inflow, outflow, gain) of each day.
    const DAYS: [(f64, f64, f64); 8] = [
        (0.0, 0.0, 230.0),
        (200.0, 0.0, 200.0),
        (0.0, 400.0, -234.41),
        (0.0, 0.0, 293.99),
        (0.0, 0.0, 293.99),
        (5400.0, 0.0, 195.99),
        (0.0, 3697.04, -882.52),
        (0.0, 0.0, -1003.85),
    ];
    const CUMULATIVE: [f64; 8] = [
        0.023,
        0.042_616_491,
        0.019_624_983,
        0.049_614_163,
        0.079_603_343,
        0.092_841_403,
        0.033_231_97,
        -0.056_182_678,
    ];

    #[test]
    fn money_in_and_out_does_not_move_the_index() {
        let mut value = 10_000.0;
        let mut values = Vec::new();
        for (inflow, outflow, gain) in DAYS {
            value += inflow - outflow + gain;
            values.push(value);
        }
        let inflows = DAYS.map(|day| day.0);
        let outflows = DAYS.map(|day| day.1);
        let result = time_weighted(10_000.0, &values, &inflows, &outflows);
        for (level, expected) in result.index.iter().zip(CUMULATIVE) {
            assert!((level - 1.0 - expected).abs() < 1e-9, "{level} is not {expected}");
        }
        assert!((result.total().unwrap() - CUMULATIVE[7]).abs() < 1e-9);
    }

    #[test]
    fn a_day_on_which_nothing_is_invested_has_no_return() {
        let result = time_weighted(0.0, &[0.0, 110.0, 0.0, 0.0], &[0.0, 100.0, 0.0, 0.0], &[0.0, 0.0, 121.0, 0.0]);
        assert_eq!(result.returns[0], None);
        assert_eq!(result.returns[3], None);
        assert!((result.index[3] - 1.21).abs() < 1e-12);
        assert_eq!(time_weighted(0.0, &[0.0], &[0.0], &[0.0]).total(), Err(Reason::NothingInvested));
    }

    #[test]
    fn a_year_is_needed_to_speak_of_years() {
        assert_eq!(annualized(0.1, 364), Err(Reason::Metric(Unavailable::SpanUnderOneYear)));
        assert!((annualized(0.1, 365).unwrap() - 0.1).abs() < 1e-12);
        assert!((annualized(0.21, 730).unwrap() - 0.1).abs() < 1e-12);
    }
}
