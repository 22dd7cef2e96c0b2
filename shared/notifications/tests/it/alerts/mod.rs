//! Watchlists and alerts: what fires, once, and is told, whatever fails in between.

mod consent;
mod delivery;
mod emails;
mod firing;
mod keeping;
mod racing_table;
mod survival;
mod watching;
mod world;
