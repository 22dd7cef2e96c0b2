//! Live rates: tickets, subscriptions, pushes and endings, with every step raced by what could come between.

#![expect(clippy::unwrap_used, reason = "in a test program a failed unwrap is a failed test")]

mod conversation;
mod endings;
mod publishing;
mod races;
mod recorder;
mod steps;
mod tickets;
mod world;
