//! The integration tests of `refresh` on real stores.

mod refresh;
mod refresh_calls;
mod refresh_slots;
mod refresh_turns;
