//! The base of all use cases: the [`App`] with the engines that a composition root has chosen, and what use cases
//! share.
//!
//! It has idempotency ([`idempotency`], [`stored_responses`]), conditional changes ([`Precondition`]), dry runs,
//! counters and rate limits, and the traits by which a use case notifies customers and other functions ([`bus`],
//! [`push`], [`mail`]). [`ServiceError`] lists every way in which a use case refuses or fails.
//!
//! It reads and writes the table and the objects only through their traits. It calls no provider and knows neither HTTP
//! nor AWS. It imports no other crate of use cases. The clock and the ids come only from the [`App`].
//!
//! - An idempotency key is stored in the transaction of the result that it points to, so that a repeated request gets
//!   the result of the first.
//! - A change that runs into conflicts is retried for at most [`CONFLICT_BUDGET`].
//! - A dry run decides and responds like the real request, and writes nothing.
//!
//! ```
//! use std::sync::Arc;
//!
//! use app::idempotency::{KeyLookup, look_up, commit};
//! use app::{App, Channels, Parts};
//! use chrono::DateTime;
//! use domain::CustomerId;
//! use objects::FolderObjects;
//! use store_sqlite::SqliteTable;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock: store::Clock = Arc::new(|| DateTime::UNIX_EPOCH);
//! let folder = tempfile::tempdir()?;
//! let app = App::new(Parts {
//!     table: Arc::new(SqliteTable::in_memory(clock.clone())?),
//!     objects: Arc::new(FolderObjects::open(folder.path(), [7; 32], clock.clone())?),
//!     clock,
//!     channels: Channels::none(),
//! });
//! let (customer, key, route) = (CustomerId(app.new_id()), Some("sent-twice"), "POST /things");
//!
//! let KeyLookup::First(reserved) = look_up(&app, customer, key, route, &"a thing").await? else { unreachable!() };
//! let made = app.new_id();
//! commit(&app, reserved, made, Vec::new()).await?;
//!
//! let again = look_up(&app, customer, key, route, &"a thing").await?;
//! assert!(matches!(again, KeyLookup::Replay(first) if first == made));
//! # Ok(())
//! # }
//! ```

mod app;
pub mod bus;
pub mod counter;
pub mod customer_limits;
pub mod digest;
mod dry_run;
pub mod effect;
pub mod error;
pub mod exports;
pub mod hasher;
pub mod idempotency;
pub mod limited_by_customer;
pub mod limited_by_source;
pub mod listing;
pub mod mail;
pub mod objects_of;
pub mod precondition;
pub mod push;
pub mod rate_limiter;
pub mod restricted_table;
pub mod source_limits;
pub mod stored_responses;

pub use app::{App, Channels, Parts, Platform};
pub use error::ServiceError;
pub use idempotency::Created;
pub use precondition::Precondition;

/// How long a change is retried after conflicts.
pub const CONFLICT_BUDGET: std::time::Duration = std::time::Duration::from_secs(5);
