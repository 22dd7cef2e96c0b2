//! Watchlists and alerts: what fires, once, and is told, whatever fails in between.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test program a failed unwrap is a failed test")]

mod consent;
mod crowd;
mod delivery;
mod firing;
mod keeping;
mod letters;
mod survival;
mod watching;
mod world;
