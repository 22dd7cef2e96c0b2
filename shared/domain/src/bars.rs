//! Daily bars as columns, as providers deliver them, the store keeps them and the engines read them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};

use crate::day::Day;

/// One bar: prices as quoted that day in the instrument's currency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Bar {
    /// Trading day; for a week or month, its last trading day.
    pub date: Day,
    /// First price of the day.
    pub open: f64,
    /// Highest price of the day.
    pub high: f64,
    /// Lowest price of the day.
    pub low: f64,
    /// Last price of the day.
    pub close: f64,
    /// Units traded, fractional only for instruments that trade in fractions.
    #[serde(serialize_with = "serialize_count")]
    pub volume: f64,
    /// Close adjusted for later splits and dividends. Its ratios are total returns; its level is not a price.
    pub adjusted_close: f64,
    /// New units per old unit on the first day that trades at the new price; 1 on every other day.
    pub split_ratio: f64,
    /// Cash per unit on the ex-date; 0 on every other day.
    pub dividend: f64,
}

/// How far open and close may lie outside the day's range, as a fraction: sources round each price separately.
const OUTSIDE_THE_RANGE: f64 = 0.005;
/// The largest ratio of high to close, and of close to low, that is plausible.
const FAR_FROM_THE_CLOSE: f64 = 5.0;

impl Bar {
    /// Whether the prices contradict each other: the high is below the low, open or close lies more than 0.5 % outside
    /// the range, or a price is more than five times off the close.
    #[must_use]
    pub fn is_impossible(&self) -> bool {
        contradict(self.open, self.high, self.low, self.close)
    }
}

fn contradict(open: f64, high: f64, low: f64, close: f64) -> bool {
    let (highest, lowest) = (high * (1.0 + OUTSIDE_THE_RANGE), low * (1.0 - OUTSIDE_THE_RANGE));
    high < low
        || open.max(close) > highest
        || open.min(close) < lowest
        || high > close * FAR_FROM_THE_CLOSE
        || low * FAR_FROM_THE_CLOSE < close
}

/// Writes whole numbers without a decimal point, as volumes usually are.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn serialize_count<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && (0.0..EXACT).contains(value) {
        serializer.serialize_u64(*value as u64)
    } else {
        serializer.serialize_f64(*value)
    }
}

/// Why a bar cannot be appended to a series.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BarError {
    /// A price that is zero, negative or not finite.
    #[error("{column} of {date} is {value}; it must be a positive price")]
    Price {
        /// Day of the bar.
        date: Day,
        /// The offending column.
        column: &'static str,
        /// Its value.
        value: f64,
    },
    /// A negative or non-finite volume or dividend, or a split ratio that is not positive.
    #[error("{column} of {date} must not be {value}")]
    Amount {
        /// Day of the bar.
        date: Day,
        /// The offending column.
        column: &'static str,
        /// Its value.
        value: f64,
    },
    /// Not after the bar before it.
    #[error("{date} must come after {last}")]
    OutOfOrder {
        /// Day of the bar.
        date: Day,
        /// Last day of the series.
        last: Day,
    },
}

/// A series of bars, oldest first: days strictly increase, prices are positive and finite.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bars {
    dates: Vec<Day>,
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
    volume: Vec<f64>,
    adjusted_close: Vec<f64>,
    split_ratio: Vec<f64>,
    dividend: Vec<f64>,
}

impl Bars {
    /// An empty series with room for `capacity` bars.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let column = || Vec::with_capacity(capacity);
        Self {
            dates: Vec::with_capacity(capacity),
            open: column(),
            high: column(),
            low: column(),
            close: column(),
            volume: column(),
            adjusted_close: column(),
            split_ratio: column(),
            dividend: column(),
        }
    }

    /// Appends a bar. On an error the series is unchanged.
    pub fn push(&mut self, bar: Bar) -> Result<(), BarError> {
        self.check(&bar)?;
        self.dates.push(bar.date);
        self.open.push(bar.open);
        self.high.push(bar.high);
        self.low.push(bar.low);
        self.close.push(bar.close);
        self.volume.push(bar.volume);
        self.adjusted_close.push(bar.adjusted_close);
        self.split_ratio.push(bar.split_ratio);
        self.dividend.push(bar.dividend);
        Ok(())
    }

    fn check(&self, bar: &Bar) -> Result<(), BarError> {
        let date = bar.date;
        let prices = [
            ("open", bar.open),
            ("high", bar.high),
            ("low", bar.low),
            ("close", bar.close),
            ("adjusted_close", bar.adjusted_close),
        ];
        for (column, value) in prices {
            if !(value.is_finite() && value > 0.0) {
                return Err(BarError::Price { date, column, value });
            }
        }
        for (column, value) in [("volume", bar.volume), ("dividend", bar.dividend)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(BarError::Amount { date, column, value });
            }
        }
        if !(bar.split_ratio.is_finite() && bar.split_ratio > 0.0) {
            return Err(BarError::Amount { date, column: "split_ratio", value: bar.split_ratio });
        }
        match self.dates.last() {
            Some(&last) if last >= date => Err(BarError::OutOfOrder { date, last }),
            _ => Ok(()),
        }
    }

    /// The series of these bars; fails at the first bar that cannot be appended.
    pub fn from_rows(rows: impl IntoIterator<Item = Bar>) -> Result<Self, BarError> {
        let mut bars = Self::default();
        for bar in rows {
            bars.push(bar)?;
        }
        Ok(bars)
    }

    /// Number of bars.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dates.len()
    }

    /// Whether the series is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dates.is_empty()
    }

    /// Days, strictly increasing.
    #[must_use]
    pub fn dates(&self) -> &[Day] {
        &self.dates
    }

    /// First prices as quoted.
    #[must_use]
    pub fn open(&self) -> &[f64] {
        &self.open
    }

    /// Highest prices as quoted.
    #[must_use]
    pub fn high(&self) -> &[f64] {
        &self.high
    }

    /// Lowest prices as quoted.
    #[must_use]
    pub fn low(&self) -> &[f64] {
        &self.low
    }

    /// Highest prices that a rule can rely on. For an impossible bar ([`Bar::is_impossible`]) it is the higher of open
    /// and close.
    #[must_use]
    pub fn credible_high(&self) -> Cow<'_, [f64]> {
        self.credible(&self.high, f64::max)
    }

    /// Lowest prices that a rule can rely on. For an impossible bar ([`Bar::is_impossible`]) it is the lower of open
    /// and close.
    #[must_use]
    pub fn credible_low(&self) -> Cow<'_, [f64]> {
        self.credible(&self.low, f64::min)
    }

    fn credible<'a>(&'a self, column: &'a [f64], of_open_and_close: fn(f64, f64) -> f64) -> Cow<'a, [f64]> {
        let mut column = Cow::Borrowed(column);
        for (at, &close) in self.close.iter().enumerate() {
            if contradict(self.open[at], self.high[at], self.low[at], close) {
                column.to_mut()[at] = of_open_and_close(self.open[at], close);
            }
        }
        column
    }

    /// Last prices as quoted.
    #[must_use]
    pub fn close(&self) -> &[f64] {
        &self.close
    }

    /// Units traded.
    #[must_use]
    pub fn volume(&self) -> &[f64] {
        &self.volume
    }

    /// Closes adjusted for later splits and dividends.
    #[must_use]
    pub fn adjusted_close(&self) -> &[f64] {
        &self.adjusted_close
    }

    /// Split ratios, 1 on days without a split.
    #[must_use]
    pub fn split_ratio(&self) -> &[f64] {
        &self.split_ratio
    }

    /// Cash dividends per unit, 0 on days without one.
    #[must_use]
    pub fn dividend(&self) -> &[f64] {
        &self.dividend
    }

    /// The bar at `index`, if there is one.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Bar> {
        Some(Bar {
            date: *self.dates.get(index)?,
            open: self.open[index],
            high: self.high[index],
            low: self.low[index],
            close: self.close[index],
            volume: self.volume[index],
            adjusted_close: self.adjusted_close[index],
            split_ratio: self.split_ratio[index],
            dividend: self.dividend[index],
        })
    }

    /// The first bar.
    #[must_use]
    pub fn first(&self) -> Option<Bar> {
        self.get(0)
    }

    /// The last bar.
    #[must_use]
    pub fn last(&self) -> Option<Bar> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The bars, oldest first.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Bar> + '_ {
        (0..self.len()).map(|index| Bar {
            date: self.dates[index],
            open: self.open[index],
            high: self.high[index],
            low: self.low[index],
            close: self.close[index],
            volume: self.volume[index],
            adjusted_close: self.adjusted_close[index],
            split_ratio: self.split_ratio[index],
            dividend: self.dividend[index],
        })
    }

    /// Number of bars dated before `day`: the index of the first bar on or after it.
    #[must_use]
    pub fn count_before(&self, day: Day) -> usize {
        self.dates.partition_point(|&date| date < day)
    }

    /// Number of bars dated on or before `day`.
    #[must_use]
    pub fn count_through(&self, day: Day) -> usize {
        self.dates.partition_point(|&date| date <= day)
    }

    /// The bars from `start` up to but not including `end`, both clamped to the series.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> Self {
        let end = end.min(self.len());
        let range = start.min(end)..end;
        Self {
            dates: self.dates[range.clone()].to_vec(),
            open: self.open[range.clone()].to_vec(),
            high: self.high[range.clone()].to_vec(),
            low: self.low[range.clone()].to_vec(),
            close: self.close[range.clone()].to_vec(),
            volume: self.volume[range.clone()].to_vec(),
            adjusted_close: self.adjusted_close[range.clone()].to_vec(),
            split_ratio: self.split_ratio[range.clone()].to_vec(),
            dividend: self.dividend[range].to_vec(),
        }
    }

    /// The bars from `from` to `to`, both inclusive.
    #[must_use]
    pub fn between(&self, from: Day, to: Day) -> Self {
        self.slice(self.count_before(from), self.count_through(to))
    }
}

#[cfg(test)]
mod tests;
