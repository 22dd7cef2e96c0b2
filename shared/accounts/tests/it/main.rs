//! The integration tests of `accounts` on real stores.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod identity;
mod token_emails;
