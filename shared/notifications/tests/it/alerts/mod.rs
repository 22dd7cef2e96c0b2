//! Watchlists and alerts: what fires once and is delivered, whatever fails in between.

mod delivery;
mod email_subscriptions;
mod failures;
mod firing;
mod managing;
mod racing_table;
mod recording_mail;
mod watchlist;
mod world;
