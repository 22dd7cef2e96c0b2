//! What all use cases stand on: the [`App`] with the engines that a composition root has chosen, and what
//! all use cases share.
//!
//! Here are the answers to a request that is sent twice ([`idempotency`], [`kept_answers`]), conditional changes
//! ([`Precondition`]), dry runs, counters and rate limits, and the traits by which a use case reaches customers and other
//! functions ([`bus`], [`push`], [`mail`]). [`ServiceError`] has every way in which a use case refuses or fails.
//!
//! It reads and writes the table and the objects through their traits only, and knows no market, no HTTP and no AWS. It
//! imports none of the other crates of use cases. A change is tried again for [`CONFLICT_BUDGET`] where it loses races, and no longer.

mod app;
pub mod bus;
pub mod digest;
mod dry_run;
pub mod effect;
pub mod error;
pub mod hasher;
pub mod idempotency;
pub mod kept_answers;
pub mod limited_by_source;
pub mod listing;
pub mod mail;
pub mod objects_of;
pub mod precondition;
pub mod push;
pub mod rate_limiter;
pub mod source_limits;
pub mod tally;

pub use app::{App, Channels, Parts, Platform};
pub use error::ServiceError;
pub use idempotency::Created;
pub use precondition::Precondition;

/// How long a change is tried again that loses races.
pub const CONFLICT_BUDGET: std::time::Duration = std::time::Duration::from_secs(5);
