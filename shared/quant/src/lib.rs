//! Analytics on columns of numbers: the rule language, the backtest engine, performance figures,
//! forecasts and their grading.
//!
//! Pure: bars and settings in, figures out. Ratios are fractions (0.12 is 12 %), days are calendar
//! days unless a name says bars, and a figure that cannot be computed is `None` with a reason.

pub mod backtest;
pub mod fingerprint;
pub mod forecast;
pub mod grading;
pub mod indicators;
pub mod metrics;
pub mod portfolio;
pub mod rules;
