//! Why a backtest cannot be run.

use domain::Day;

/// Why a backtest cannot be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BacktestError {
    /// The first day is after the last.
    #[error("from {from} is after to {to}: from must not be later than to")]
    FromAfterTo {
        /// First day asked for.
        from: Day,
        /// Last day asked for.
        to: Day,
    },
    /// The series has no bar inside the span.
    #[error("there are no bars between {from} and {to}")]
    NoBars {
        /// First day asked for.
        from: Day,
        /// Last day asked for.
        to: Day,
    },
    /// A setting outside its range.
    #[error("{setting} is {value}: it must be {range}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// The value given.
        value: f64,
        /// The allowed range, in words.
        range: &'static str,
    },
    /// Prices so far apart that the value of the position is not a finite number.
    #[error("the value of the position is too large to be represented")]
    Overflow,
}
