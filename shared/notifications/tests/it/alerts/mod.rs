//! Watchlists and alerts: what fires once and is delivered, whatever fails in between.

mod delivery;
mod emails;
mod failures;
mod firing;
mod managing;
mod racing_table;
mod watchlist;
mod world;
