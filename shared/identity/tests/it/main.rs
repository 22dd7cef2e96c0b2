//! The integration tests of `identity` on a store in memory that fails when a test says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod guessing;
mod registering;
mod tokens;
mod world;
