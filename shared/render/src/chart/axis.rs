//! Axes that choose their own ticks: calendar dates, and values on a linear or logarithmic scale.

use std::ops::Range;

use domain::Day;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::chart::scale::{Label, label_value, linear_ticks, logarithmic_ticks};
use crate::typeface::{Weight, text_width};

/// Font size of all text in a chart, in points.
pub(crate) const LETTER: f32 = 7.0;

/// The ratio of highest to lowest from which a positive series is drawn on a logarithmic scale.
const LOGARITHMIC_FROM: f64 = 12.0;

/// Minimum distance in points between two date ticks, for years and for dates with a month.
const YEAR_SPACING: f32 = 30.0;
const MONTH_SPACING: f32 = 43.0;
const DAY_SPACING: f32 = 60.0;

/// How far the label of a date can extend beyond the ends of the axis, in points.
pub(crate) const LABEL_OVERHANG: f32 = 13.0;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Calendar days along the width, as days since 1970-01-01.
#[derive(Clone)]
pub(crate) struct DateAxis {
    first: i32,
    last: i32,
    ticks: Vec<(i32, String)>,
}

/// Values along the height.
#[derive(Clone)]
pub(crate) struct ValueAxis {
    low: f64,
    high: f64,
    logarithmic: bool,
    ticks: Vec<f64>,
    label: Label,
}

impl DateAxis {
    /// An axis from `first` to `last` on `width` points.
    pub(crate) fn new(first: Day, last: Day, width: f32) -> Self {
        let (first, last) = (first.days_since_epoch(), last.days_since_epoch());
        // A single day still needs some width.
        let (first, last) = if first < last { (first, last) } else { (first - 1, first + 1) };
        let mut ticks = date_ticks(first, last, width);
        let points_a_day = width / (last - first) as f32;
        ticks.retain(|(day, label)| {
            let half = text_width(label, LETTER, Weight::Regular) / 2.0;
            let left = (day - first) as f32 * points_a_day + LABEL_OVERHANG;
            let right = (last - day) as f32 * points_a_day + LABEL_OVERHANG;
            left >= half && right >= half
        });
        Self { first, last, ticks }
    }
}

fn date_ticks(first: i32, last: i32, width: f32) -> Vec<(i32, String)> {
    let days_a_point = (last - first) as f32 / width.max(1.0);
    let room = |spacing: f32| days_a_point * spacing;
    if let Some(days) = [1, 2, 7, 14].into_iter().find(|&days| days as f32 >= room(DAY_SPACING)) {
        return (first..=last).step_by(days as usize).filter_map(|day| Some((day, day_label(day)?))).collect();
    }
    let months = [1, 2, 3, 6].into_iter().find(|&months| months as f32 * 30.4 >= room(MONTH_SPACING));
    let years = [1, 2, 5, 10, 20, 50, 100].into_iter().find(|&years| years as f32 * 365.0 >= room(YEAR_SPACING));
    let step = months.unwrap_or(12 * years.unwrap_or(100));
    let Ok(start) = Day::from_days_since_epoch(first) else { return Vec::new() };
    let mut month = (start.year() * 12).div_euclid(step) * step;
    let mut ticks = Vec::new();
    while let Ok(day) = Day::new(month.div_euclid(12), (month.rem_euclid(12) + 1) as u32, 1) {
        let place = day.days_since_epoch();
        if place > last {
            break;
        }
        if place >= first {
            ticks.push((place, if step < 12 { month_label(day) } else { day.year().to_string() }));
        }
        month += step;
    }
    ticks
}

fn month_label(day: Day) -> String {
    let name = MONTHS.get(day.month() as usize - 1).copied().unwrap_or_default();
    format!("{name} {}", day.year())
}

fn day_label(days_since_epoch: i32) -> Option<String> {
    let day = Day::from_days_since_epoch(days_since_epoch).ok()?;
    Some(format!("{} {}", day.day_of_month(), month_label(day)))
}

impl Ranged for DateAxis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = i32;

    fn map(&self, value: &i32, limit: (i32, i32)) -> i32 {
        project(f64::from(value - self.first) / f64::from(self.last - self.first), limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<i32> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.ticks.iter().map(|tick| tick.0).collect()
    }

    fn range(&self) -> Range<i32> {
        self.first..self.last
    }
}

impl ValueFormatter<i32> for DateAxis {
    fn format_ext(&self, value: &i32) -> String {
        self.ticks.iter().find(|tick| tick.0 == *value).map(|tick| tick.1.clone()).unwrap_or_default()
    }
}

impl ValueAxis {
    /// An axis that shows all of `values` on `height` points, logarithmic if their range is large.
    pub(crate) fn of_prices(values: impl Iterator<Item = f64>, height: f32, label: Label) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 1.0));
        if low > 0.0 && high / low >= LOGARITHMIC_FROM {
            let margin = (high / low).powf(0.03);
            let (low, high) = (low / margin, high * margin);
            return Self { low, high, logarithmic: true, ticks: logarithmic_ticks(low, high, height), label };
        }
        let margin = if high > low { (high - low) * 0.05 } else { (high.abs() * 0.05).max(f64::MIN_POSITIVE) };
        Self::linear(low - margin, high + margin, height, label)
    }

    /// An axis from the lowest drawdown up to zero.
    pub(crate) fn of_drawdowns(values: impl Iterator<Item = f64>, height: f32) -> Self {
        let low = extent(values).map_or(0.0, |extent| extent.0).min(-0.01);
        Self::linear(low * 1.05, 0.0, height, Label::Percent)
    }

    fn linear(low: f64, high: f64, height: f32, label: Label) -> Self {
        Self { low, high, logarithmic: false, ticks: linear_ticks(low, high, height), label }
    }

    /// Whether equal heights are equal ratios.
    pub(crate) fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// The labels of the ticks, lowest first.
    pub(crate) fn labels(&self) -> impl Iterator<Item = String> {
        self.ticks.iter().map(|tick| self.format_ext(tick))
    }
}

fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).fold(None, |extent, value| {
        let (low, high) = extent.unwrap_or((value, value));
        Some((value.min(low), value.max(high)))
    })
}

/// The position of a fraction of the axis, in whole units.
fn project(share: f64, (start, end): (i32, i32)) -> i32 {
    start + (share * f64::from(end - start)).round() as i32
}

impl Ranged for ValueAxis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        project(share.clamp(0.0, 1.0), limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for ValueAxis {
    fn format_ext(&self, value: &f64) -> String {
        label_value(*value, &self.ticks, self.logarithmic, &self.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(first: &str, last: &str, width: f32) -> Vec<String> {
        let axis = DateAxis::new(first.parse().unwrap(), last.parse().unwrap(), width);
        axis.ticks.iter().map(|tick| tick.1.clone()).collect()
    }

    #[test]
    fn date_ticks_are_round_dates_with_room_for_their_labels() {
        assert_eq!(dates("2000-03-01", "2013-03-01", 470.0).len(), 13);
        assert_eq!(dates("2000-03-01", "2013-03-01", 200.0), ["2002", "2004", "2006", "2008", "2010", "2012"]);
        assert_eq!(dates("2012-05-18", "2013-03-01", 200.0), ["Jul 2012", "Oct 2012", "Jan 2013"]);
        assert_eq!(dates("2013-02-25", "2013-03-01", 300.0), ["26 Feb 2013", "27 Feb 2013", "28 Feb 2013"]);
        assert_eq!(dates("1920-01-01", "2019-12-31", 100.0), ["1950", "2000"]);
    }

    #[test]
    fn a_single_day_and_a_single_value_still_have_an_axis() {
        let day: Day = "2013-03-01".parse().unwrap();
        let axis = DateAxis::new(day, day, 300.0);
        assert_eq!(axis.map(&day.days_since_epoch(), (0, 100)), 50);
        let axis = ValueAxis::of_prices([5.0].into_iter(), 100.0, Label::Plain);
        assert_eq!(axis.map(&5.0, (0, 100)), 50);
        let axis = ValueAxis::of_prices(std::iter::empty(), 100.0, Label::Plain);
        assert!((0..=100).contains(&axis.map(&5.0, (0, 100))));
    }

    #[test]
    fn a_series_that_multiplies_is_drawn_on_a_logarithmic_scale() {
        let axis = ValueAxis::of_prices([1.0, 100.0].into_iter(), 200.0, Label::Plain);
        assert!(axis.is_logarithmic());
        assert_eq!(axis.map(&10.0, (0, 1000)), 500);
        assert!(!ValueAxis::of_prices([10.0, 100.0].into_iter(), 200.0, Label::Plain).is_logarithmic());
        assert!(!ValueAxis::of_prices([-1.0, 100.0].into_iter(), 200.0, Label::Plain).is_logarithmic());
    }
}
