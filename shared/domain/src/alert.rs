//! Alerts: the condition that a customer waits for, and whether a quote meets it.
//!
//! Every condition is evaluated on one quote and the daily bars before it, without memory of earlier quotes of the day.
//! A quote that arrives twice, late, or in two processes concurrently gives the same result each time. Only the market
//! day on which an alert last fired is remembered; an alert fires at most once a day.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::decimal::{DECIMALS, DecimalError, from_f64};
use crate::{Bars, Day, Price, Split, SplitRatio, calendar};

/// The shortest moving average that can be crossed: an average of one day is the price itself.
pub const MIN_WINDOW: u16 = 2;
/// The longest.
pub const MAX_WINDOW: u16 = 400;
/// Decimals of a percentage.
pub const PERCENT_DECIMALS: u32 = 4;
/// The largest move that can be waited for, in percent.
pub const MAX_PERCENT: i64 = 1_000;

/// Closes that differ by more than this share of the later one are in different units; smaller differences come from
/// the sources.
const LEAST_SPLIT: Decimal = Decimal::from_parts(1, 0, 0, false, 1);

/// A condition on a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = AlertCondition)]
pub enum Condition {
    /// The price is above this one, in units of the day on which the alert was made.
    Above {
        /// The threshold; the condition is false at the threshold itself.
        price: Price,
    },
    /// The price is below this one, in units of the day on which the alert was made.
    Below {
        /// The threshold; the condition is false at the threshold itself.
        price: Price,
    },
    /// The price has moved at least this far from the close of the previous trading day.
    PercentMove {
        /// The move, in percent of that close.
        #[schema(value_type = crate::schema::DecimalString)]
        percent: Percent,
        /// The direction of the move.
        direction: Direction,
    },
    /// The price is on the other side of its simple moving average than the close of the previous trading day was.
    CrossesSma {
        /// Trading days of the average, including the quote's own, 2 to 400.
        window: Window,
        /// The direction of the move.
        direction: Direction,
    },
}

/// The direction of a price move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AlertDirection)]
pub enum Direction {
    /// The price rises.
    Up,
    /// The price falls.
    Down,
    /// Upwards or downwards.
    Either,
}

/// How often an alert fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AlertRepeat)]
pub enum Repeat {
    /// At the first quote that meets the condition, and never again.
    Once,
    /// On every market day, at the first quote that meets the condition.
    Recurring,
}

/// A percentage above zero, at most [`MAX_PERCENT`], with at most [`PERCENT_DECIMALS`] decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "Decimal", into = "Decimal")]
#[schema(value_type = String, example = "5")]
pub struct Percent(Decimal);

/// Trading days of a moving average, 2 to 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "u16", into = "u16")]
#[schema(as = AlertWindow, value_type = u16, minimum = 2, maximum = 400, example = 50)]
pub struct Window(u16);

/// Why a number is not a [`Percent`] or [`Window`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// Not a decimal number.
    #[error("must be a decimal number")]
    NotANumber,
    /// A percentage of zero or less, or above [`MAX_PERCENT`].
    #[error("must be above 0 and at most {MAX_PERCENT} percent")]
    PercentRange,
    /// A percentage with too many decimals.
    #[error("must have at most {PERCENT_DECIMALS} decimals")]
    PercentTooFine,
    /// Not a window.
    #[error("must be a whole number of days from {MIN_WINDOW} to {MAX_WINDOW}")]
    Window,
}

/// What an alert is evaluated on.
#[derive(Clone, Copy, Debug)]
pub struct EvaluationContext<'a> {
    /// The price of the quote.
    pub price: Price,
    /// The market day of the quote; prices are in units of this day.
    pub day: Day,
    /// The close of the previous trading day, in the same units, if known.
    pub previous_close: Option<Price>,
    /// The daily bars of the instrument, as far as they are known; those after `day` are ignored.
    pub bars: &'a Bars,
    /// The splits that these bars report.
    pub splits: &'a [Split],
}

/// The rule of an alert, and what is remembered between quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRuleState {
    /// The condition.
    pub condition: Condition,
    /// How often it fires.
    pub repeat: Repeat,
    /// The day whose units the threshold is in.
    pub units_of: Day,
    /// The market day on which it last fired.
    pub fired_on: Option<Day>,
}

impl AlertRuleState {
    /// Whether the alert fires at this quote. If it does, record the quote's day in `last_fired`.
    #[must_use]
    pub fn fires(&self, context: &EvaluationContext<'_>) -> bool {
        self.is_due(context.day) && self.holds(context)
    }

    /// Whether it may still fire on this day: at most once a day, and never on a day before the last one.
    #[must_use]
    pub fn is_due(&self, day: Day) -> bool {
        match (self.repeat, self.fired_on) {
            (_, None) => true,
            (Repeat::Once, Some(_)) => false,
            (Repeat::Recurring, Some(fired_on)) => day > fired_on,
        }
    }

    /// Whether bars are needed to evaluate a quote of this day.
    #[must_use]
    pub fn needs_bars(&self, day: Day) -> bool {
        match self.condition {
            Condition::Above { .. } | Condition::Below { .. } => self.units_of < day,
            Condition::PercentMove { .. } => false,
            Condition::CrossesSma { .. } => true,
        }
    }

    /// The first day whose bar is needed to evaluate a quote of this day: the day whose units a threshold is in, the
    /// previous day, or the first day of the previous day's average.
    #[must_use]
    pub fn looks_back_to(&self, day: Day, bars: &Bars) -> Day {
        let back = match self.condition {
            Condition::Above { .. } | Condition::Below { .. } => return self.units_of.min(day),
            Condition::PercentMove { .. } => 1,
            Condition::CrossesSma { window, .. } => usize::from(window.0),
        };
        bars.dates().get(bars.count_before(day).saturating_sub(back)).map_or(day, |&first| first.min(day))
    }

    /// Whether the quote meets the condition. If a value is unknown or too large to compute with, it does not.
    fn holds(&self, context: &EvaluationContext<'_>) -> bool {
        match self.condition {
            Condition::Above { price } => self.in_own_units(context).is_some_and(|now| now > price.amount()),
            Condition::Below { price } => self.in_own_units(context).is_some_and(|now| now < price.amount()),
            Condition::PercentMove { percent, direction } => moved(context, percent, direction).unwrap_or(false),
            Condition::CrossesSma { window, direction } => crossed(context, window, direction).unwrap_or(false),
        }
    }

    /// The price of the quote for what was one unit on the day on which the alert was made.
    fn in_own_units(&self, context: &EvaluationContext<'_>) -> Option<Decimal> {
        let since = context.splits.iter().filter(|split| self.units_of < split.day && split.day <= context.day);
        let ratio = since.map(|split| split.ratio).try_fold(SplitRatio::ONE, |all, next| all.then(next).ok())?;
        let now = in_units_of_bars(context)?.checked_mul(ratio.new_units().into())?;
        Some(now.checked_div(ratio.old_units().into())?.round_dp(DECIMALS))
    }
}

/// The price of the quote in the units of the last bar.
///
/// Bars report a split of the same day only in the evening. Until then the previous close shows it: the quote carries
/// that close in new units, and its bar in old ones.
fn in_units_of_bars(context: &EvaluationContext<'_>) -> Option<Decimal> {
    context.price.amount().checked_mul(unreported_split(context).unwrap_or(Decimal::ONE))
}

fn unreported_split(context: &EvaluationContext<'_>) -> Option<Decimal> {
    let last = context.bars.get(context.bars.count_through(context.day).checked_sub(1)?)?;
    let before = calendar::last_trading_day_on_or_before(context.day.plus_days(-1))?;
    let ratio = from_f64(last.close).ok()?.checked_div(context.previous_close?.amount())?;
    (last.date == before && (ratio - Decimal::ONE).abs() > LEAST_SPLIT).then_some(ratio)
}

/// Whether |price − close| · 100 ≥ percent · close, in the direction asked for. There is no division, so it is exact.
fn moved(context: &EvaluationContext<'_>, percent: Percent, direction: Direction) -> Option<bool> {
    let close = context.previous_close?.amount();
    let change = context.price.amount().checked_sub(close)?.checked_mul(Decimal::ONE_HUNDRED)?;
    let needed = percent.0.checked_mul(close)?;
    Some(match direction {
        Direction::Up => change >= needed,
        Direction::Down => -change >= needed,
        Direction::Either => change.abs() >= needed,
    })
}

/// Whether a > b now and a ≤ b one trading day ago, with a the price and b its average, or the reverse.
fn crossed(context: &EvaluationContext<'_>, window: Window, direction: Direction) -> Option<bool> {
    let days = usize::from(window.0);
    let before = context.bars.count_before(context.day);
    // The scale is that of the quote's own day if its bar is there already, else that of the previous day.
    let origin = context.bars.get(context.bars.count_through(context.day).checked_sub(1)?)?;
    let scale = origin.close / origin.adjusted_close;
    let closes = context.bars.adjusted_close().get(before.checked_sub(days)?..before)?;
    let closes: Vec<Decimal> = closes.iter().map(|close| from_f64(close * scale)).collect::<Result<_, _>>().ok()?;
    let (oldest, newest, price) = (*closes.first()?, *closes.last()?, in_units_of_bars(context)?);
    let days = Decimal::from(days);
    let sum_before = closes.iter().copied().try_fold(Decimal::ZERO, Decimal::checked_add)?;
    let sum_now = sum_before.checked_sub(oldest)?.checked_add(price)?;
    let (price, newest) = (price.checked_mul(days)?, newest.checked_mul(days)?);
    let up = price > sum_now && newest <= sum_before;
    let down = price < sum_now && newest >= sum_before;
    Some(match direction {
        Direction::Up => up,
        Direction::Down => down,
        Direction::Either => up || down,
    })
}

impl Percent {
    /// Exactly this percentage.
    pub fn new(percent: Decimal) -> Result<Self, ConditionError> {
        let percent = percent.normalize();
        if percent <= Decimal::ZERO || percent > Decimal::from(MAX_PERCENT) {
            return Err(ConditionError::PercentRange);
        }
        if percent.scale() > PERCENT_DECIMALS {
            return Err(ConditionError::PercentTooFine);
        }
        Ok(Self(percent))
    }

    /// Reads `2.5` exactly.
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        match Price::parse(text) {
            Ok(percent) => Self::new(percent.amount()),
            Err(DecimalError::NotANumber) => Err(ConditionError::NotANumber),
            Err(DecimalError::TooFine | DecimalError::PriceTooSmall) => Err(ConditionError::PercentTooFine),
            Err(DecimalError::TooLarge | DecimalError::Negative | DecimalError::Zero) => {
                Err(ConditionError::PercentRange)
            }
        }
    }
}

impl TryFrom<Decimal> for Percent {
    type Error = ConditionError;

    fn try_from(percent: Decimal) -> Result<Self, ConditionError> {
        Self::new(percent)
    }
}

impl From<Percent> for Decimal {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

impl TryFrom<u16> for Window {
    type Error = ConditionError;

    fn try_from(days: u16) -> Result<Self, ConditionError> {
        if (MIN_WINDOW..=MAX_WINDOW).contains(&days) { Ok(Self(days)) } else { Err(ConditionError::Window) }
    }
}

impl From<Window> for u16 {
    fn from(window: Window) -> Self {
        window.0
    }
}

/// What has happened, as the end of a sentence about the instrument.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above { price } => write!(f, "is above {price}"),
            Self::Below { price } => write!(f, "is below {price}"),
            Self::PercentMove { percent: Percent(percent), direction } => match direction {
                Direction::Up => write!(f, "has risen by {percent} % or more"),
                Direction::Down => write!(f, "has fallen by {percent} % or more"),
                Direction::Either => write!(f, "has moved by {percent} % or more"),
            },
            Self::CrossesSma { window: Window(days), direction } => match direction {
                Direction::Up => write!(f, "has crossed its {days}-day average upwards"),
                Direction::Down => write!(f, "has crossed its {days}-day average downwards"),
                Direction::Either => write!(f, "has crossed its {days}-day average"),
            },
        }
    }
}

#[cfg(test)]
mod tests;
