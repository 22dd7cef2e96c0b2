//! The integration tests of `operations` on real stores.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod crowd;
mod interruptions;
mod isolation;
