//! The integration tests of `gateway`: the program in processes of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod addresses;
mod backups;
mod contract;
mod killed;
mod log;
mod process;
mod readme;
mod replay;
mod smoke;
mod sources;
mod strangers;
mod traces;
