//! The integration tests of `render`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where its premises fail")]

mod json;
mod pdf;
mod samples;
mod svg;
