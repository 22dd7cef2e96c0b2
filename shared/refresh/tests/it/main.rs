//! The integration tests of `refresh` on real stores.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod friday;
mod paid_plan;
mod refresh;
mod refresh_calls;
mod refresh_order;
mod refresh_slots;
