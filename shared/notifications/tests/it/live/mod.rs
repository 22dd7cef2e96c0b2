//! Live quotes: tickets, subscriptions, pushes and endings, with every step raced by what could come between.

mod conversation;
mod endings;
mod publishing;
mod races;
mod recorder;
mod steps;
mod tickets;
mod world;
