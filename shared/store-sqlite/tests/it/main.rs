//! The integration tests of `store_sqlite`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod conformance;
mod copy;
mod files;
mod group_commit;
mod log;
