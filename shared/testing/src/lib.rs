//! What the tests of several crates share: a clock that is moved by hand, providers that answer as a test says, tables that
//! count, fail or take no time, and worlds with customers and books on them. Only tests depend on it.

#![allow(missing_docs, clippy::unwrap_used, clippy::missing_panics_doc, reason = "a failed unwrap is a failed test")]

mod clock;
pub mod exchange;
pub mod portfolios;
pub mod prompt;
pub mod vantage;

pub use clock::HandClock;
