//! Whole-system tests: the same checks over HTTP against the local gateway and against the
//! template deployed on an emulated AWS.
//!
//! The emulated one is there when `SEXTANT_TEST_AWS` names the file that `aws/deploy.py` wrote;
//! without it each of these tests prints the word SKIPPED, which fails `make test`.

#![expect(clippy::print_stderr, reason = "a test that does not run says so")]
#![expect(missing_docs, reason = "the names of tests are sentences")]

mod backtest;
mod events;
mod fetch_data;
mod health;
mod predict;
mod report;
mod target;
mod tidy;
