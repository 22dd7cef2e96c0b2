//! The integration tests of `market`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod alpha_vantage;
mod budget;
mod cases;
mod faults;
mod json_provider;
mod order;
mod scripted;
mod server;
mod unlisted;
