//! Whole-system tests: the same checks over HTTP against the local gateway and against the
//! template deployed on an emulated AWS.
//!
//! The emulated one is there when `SEXTANT_TEST_AWS` names the file that `aws/deploy.py` wrote;
//! without it each of these tests prints the word SKIPPED, which fails `make test`.

#![expect(clippy::print_stderr, reason = "a test that does not run says so")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "a failed one is a failed test, and exact figures are compared exactly"
)]

mod access;
mod activities;
mod alarms;
mod amounts;
mod answer;
mod backtest;
mod circles;
mod contract;
mod cors;
mod deployment;
mod dry_run;
mod emails;
mod encodings;
mod event_buses;
mod events;
mod fetch_data;
mod gains;
mod guides;
mod health;
mod holdings;
mod identity;
mod imports;
mod instruments;
mod investments;
mod json_provider;
mod limits;
mod links;
mod listen;
mod lists;
mod live_client;
mod live_rates;
mod operations;
mod overview;
mod pages;
mod performance;
mod pipelines;
mod policies;
mod portfolios;
mod predict;
mod provider;
mod report;
mod restore;
mod schema_names;
mod shapes;
mod skeleton;
mod stages;
mod stored_backtests;
mod stored_keys;
mod target;
mod template;
mod tidy;
mod traces;
mod trades;
mod verbs;
mod verification;
mod wallet;
mod watch;
mod words;
mod zip_sizes;
