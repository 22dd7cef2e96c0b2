//! Time-weighted return: what a unit of money invested from start to end would have earned, independent of cash flows.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Reason;
use crate::metrics::{DAYS_OF_A_YEAR, Unavailable};

/// Days of a year in the exponent of a return per year.
const YEAR: f64 = 365.0;

/// When the money that moves on a day starts or stops earning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlowTiming {
    /// Each flow at its own price: the day is cut at its flows.
    #[default]
    Priced,
    /// Inflows from the start of the day, outflows at its end: (V + out)/(V of the previous day + in) − 1.
    StartOfDay,
    /// All flows at the end of the day: (V + out − in)/V of the previous day − 1.
    EndOfDay,
}

/// The text does not name a [`FlowTiming`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of priced, start_of_day, end_of_day")]
pub struct UnknownFlowTiming;

impl FromStr for FlowTiming {
    type Err = UnknownFlowTiming;

    fn from_str(text: &str) -> Result<Self, UnknownFlowTiming> {
        match text {
            "priced" => Ok(Self::Priced),
            "start_of_day" => Ok(Self::StartOfDay),
            "end_of_day" => Ok(Self::EndOfDay),
            _ => Err(UnknownFlowTiming),
        }
    }
}

/// The inputs of a day's return, in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReturnDay {
    /// Value at the close.
    pub value: f64,
    /// Money paid in.
    pub inflow: f64,
    /// Money paid out.
    pub outflow: f64,
    /// Growth between the cuts of the day; none if nothing was traded and the outflows are dividends.
    pub growth: Option<f64>,
    /// Whether the day has no return, whatever its value.
    pub has_no_return: bool,
}

/// Daily returns and the resulting index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeWeighted {
    /// The return of every day; none on days without a base.
    pub returns: Vec<Option<f64>>,
    /// Π(1 + r) up to and including every day; 1 before the first return.
    pub index: Vec<f64>,
    /// Whether a return has a base: a value at the end of the day before the first one, or a return.
    pub invested: bool,
}

impl TimeWeighted {
    /// Π(1 + r) − 1 over all days: 0 if something is held and no day moves it; none if nothing is held.
    pub fn total(&self) -> Result<f64, Reason> {
        if !self.invested {
            return Err(Reason::NothingInvested);
        }
        Reason::unless_finite(self.index.last().copied().unwrap_or(1.0) - 1.0)
    }
}

impl FlowTiming {
    /// Growth of a day that starts with the value `before`.
    fn growth(self, before: f64, day: &ReturnDay) -> Option<f64> {
        if day.has_no_return {
            return day.growth.filter(|_| self == Self::Priced);
        }
        let over = |end: f64, start: f64| (start > 0.0).then(|| end / start);
        match self {
            Self::Priced => day.growth.or_else(|| over(day.value + day.outflow, before)),
            Self::StartOfDay => over(day.value + day.outflow, before + day.inflow),
            Self::EndOfDay => over(day.value + day.outflow - day.inflow, before),
        }
    }
}

/// The returns of every day; `start_value` is the value at the end of the day before the first.
#[must_use]
pub fn time_weighted(start_value: f64, days: &[ReturnDay], timing: FlowTiming) -> TimeWeighted {
    let (returns, index) = (Vec::with_capacity(days.len()), Vec::with_capacity(days.len()));
    let mut result = TimeWeighted { returns, index, invested: start_value > 0.0 };
    let mut before = start_value;
    let mut level = 1.0;
    for day in days {
        let growth = timing.growth(before, day);
        level *= growth.unwrap_or(1.0);
        result.invested |= growth.is_some();
        result.returns.push(growth.map(|growth| growth - 1.0));
        result.index.push(level);
        before = day.value;
    }
    result
}

/// A return over `calendar_days` as a yearly one, (1 + R)^(365/days) − 1, for spans of at least a year.
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

    fn day(value: f64, inflow: f64, outflow: f64) -> ReturnDay {
        ReturnDay { value, inflow, outflow, ..ReturnDay::default() }
    }

    #[test]
    fn money_in_and_out_does_not_move_the_index() {
        let mut value = 10_000.0;
        let days = DAYS.map(|(inflow, outflow, gain)| {
            value += inflow - outflow + gain;
            day(value, inflow, outflow)
        });
        let result = time_weighted(10_000.0, &days, FlowTiming::StartOfDay);
        for (level, expected) in result.index.iter().zip(CUMULATIVE) {
            assert!((level - 1.0 - expected).abs() < 1e-9, "{level} is not {expected}");
        }
        assert!((result.total().unwrap() - CUMULATIVE[7]).abs() < 1e-9);
    }

    #[test]
    fn a_day_with_nothing_invested_has_no_return() {
        let days = [day(0.0, 0.0, 0.0), day(110.0, 100.0, 0.0), day(0.0, 0.0, 121.0), day(0.0, 0.0, 0.0)];
        let result = time_weighted(0.0, &days, FlowTiming::StartOfDay);
        assert_eq!(result.returns[0], None);
        assert_eq!(result.returns[3], None);
        assert!((result.index[3] - 1.21).abs() < 1e-12);
        let nothing = time_weighted(0.0, &[day(0.0, 0.0, 0.0)], FlowTiming::StartOfDay);
        assert_eq!(nothing.total(), Err(Reason::NothingInvested));
    }

    #[test]
    fn holdings_over_an_empty_span_earn_nothing() {
        assert_eq!(time_weighted(100.0, &[], FlowTiming::Priced).total(), Ok(0.0));
        assert_eq!(time_weighted(0.0, &[], FlowTiming::Priced).total(), Err(Reason::NothingInvested));
    }

    #[test]
    fn end_of_day_flows_are_subtracted_from_the_days_value() {
        let days = [day(100.0, 99.0, 0.0), day(150.0, 45.0, 0.0), day(60.0, 0.0, 105.0), day(0.0, 0.0, 66.0)];
        let result = time_weighted(0.0, &days, FlowTiming::EndOfDay);
        assert_eq!(result.returns[0], None, "nothing was held before");
        for (found, expected) in result.returns[1..].iter().zip([0.05, 0.1, 0.1]) {
            assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?} is not {expected}");
        }
    }

    #[test]
    fn only_a_day_with_trades_grows_by_its_cuts() {
        let cut = ReturnDay { growth: Some(1.5), ..day(300.0, 200.0, 0.0) };
        let result = time_weighted(100.0, &[cut, day(310.0, 0.0, 5.0)], FlowTiming::Priced);
        assert_eq!(result.index, [1.5, 1.5 * 1.05]);
    }

    #[test]
    fn a_timing_is_read_by_its_name() {
        for (text, timing) in [
            ("priced", FlowTiming::Priced),
            ("start_of_day", FlowTiming::StartOfDay),
            ("end_of_day", FlowTiming::EndOfDay),
        ] {
            assert_eq!(text.parse(), Ok(timing));
        }
        assert_eq!("noon".parse::<FlowTiming>(), Err(UnknownFlowTiming));
    }

    #[test]
    fn yearly_returns_need_a_year() {
        assert_eq!(annualized(0.1, 364), Err(Reason::Metric(Unavailable::SpanUnderOneYear)));
        assert!((annualized(0.1, 365).unwrap() - 0.1).abs() < 1e-12);
        assert!((annualized(0.21, 730).unwrap() - 0.1).abs() < 1e-12);
    }
}
