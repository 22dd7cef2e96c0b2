//! The integration tests of `identity` on an in-memory store with injected failures.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod guessing;
mod registering;
mod tokens;
mod world;
