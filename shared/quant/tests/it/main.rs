//! The integration tests of `quant`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod backtest_by_hand;
mod backtest_golden;
mod backtest_rules_of_play;
mod metrics_golden;
mod properties;
mod rules;
mod support;
