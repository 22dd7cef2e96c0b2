//! Share splits: what one unit of yesterday is today.

use rust_decimal::Decimal;

use crate::decimal::{DecimalError, from_f64};
use crate::{Bars, Day};

/// A split of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The first day that is quoted in new units.
    pub day: Day,
    /// New units for each old one, above zero: 2 for two for one, 0.1 for one for ten.
    pub ratio: Decimal,
}

/// The splits that a history tells of, oldest first.
///
/// Errors: a ratio that is no number above zero.
pub fn splits_of(bars: &Bars) -> Result<Vec<Split>, DecimalError> {
    let days = bars.dates().iter().zip(bars.split_ratio()).filter(|&(_, &ratio)| (ratio - 1.0).abs() > f64::EPSILON);
    let split = |(&day, &ratio): (&Day, &f64)| match from_f64(ratio)? {
        ratio if ratio > Decimal::ZERO => Ok(Split { day, ratio }),
        _ => Err(DecimalError::Zero),
    };
    days.map(split).collect()
}
