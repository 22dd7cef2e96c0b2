//! Why a backtest cannot be run.

use domain::Day;

/// Why a backtest cannot be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BacktestError {
    /// The first day is after the last.
    #[error("`from` must not be after `to`, but {from} is after {to}")]
    FromAfterTo {
        /// The requested first day.
        from: Day,
        /// The requested last day.
        to: Day,
    },
    /// There is no bar in the span.
    #[error("there are no bars between {from} and {to}")]
    NoBars {
        /// The requested first day.
        from: Day,
        /// The requested last day.
        to: Day,
    },
    /// A setting is outside its range.
    #[error("{setting} is {value}: it must be {range}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// The value given.
        value: f64,
        /// The allowed range, in words.
        range: &'static str,
    },
    /// The value of the position is not a finite number, because prices are too far apart.
    #[error("the value of the position is too large to be represented")]
    Overflow,
}
