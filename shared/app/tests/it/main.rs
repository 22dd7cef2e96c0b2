//! The integration tests of `app` on real stores.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod limited_by_customer;
mod listing;
mod stored_responses;
