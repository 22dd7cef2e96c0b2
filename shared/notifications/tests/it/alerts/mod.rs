//! Watchlists and alerts: what fires, once, and is told, whatever fails in between.

mod consent;
mod crowd;
mod delivery;
mod firing;
mod keeping;
mod letters;
mod survival;
mod watching;
mod world;
