//! Live quotes: tickets, client messages, publishing and closing, with races at every step.

mod batches;
mod closing;
mod conversation;
mod publishing;
mod races;
mod recorder;
mod steps;
mod throttling;
mod tickets;
mod world;
