//! Why a backtest cannot be run.

use domain::Day;

/// Why a backtest cannot be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BacktestError {
    /// The span ends before it begins.
    #[error("from {from} is after to {to}")]
    FromAfterTo {
        /// First day asked for.
        from: Day,
        /// Last day asked for.
        to: Day,
    },
    /// The series has no bar inside the span.
    #[error("there is no bar between {from} and {to}")]
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
        /// What was given.
        value: f64,
        /// What is allowed, in words.
        range: &'static str,
    },
    /// Prices so far apart that the position's value is no finite number.
    #[error("the value of the position is too large to be represented")]
    Overflow,
}
