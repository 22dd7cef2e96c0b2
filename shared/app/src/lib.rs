//! What all use cases stand on: the [`App`] with the engines that a composition root has chosen, and what they share.
//!
//! Here are the responses to a request that is sent twice ([`idempotency`], [`stored_responses`]), conditional changes
//! ([`Precondition`]), dry runs, counters and rate limits, and the traits by which a use case reaches customers and
//! other functions ([`bus`], [`push`], [`mail`]). [`ServiceError`] has every way in which a use case refuses or fails.
//!
//! It reads and writes the table and the objects through their traits only, and asks no provider, and knows no HTTP and
//! no AWS. It imports none of the other crates of use cases. The clock and the ids come from the [`App`] and from
//! nowhere else.
//!
//! - A key of idempotency is used up in the transaction of the result that it points to, so that exactly what was done
//!   is answered again.
//! - A change that loses races is tried again for [`CONFLICT_BUDGET`], and no longer.
//! - A dry run decides and answers as the real one does, and writes nothing.
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
pub mod digest;
mod dry_run;
pub mod effect;
pub mod error;
pub mod hasher;
pub mod idempotency;
pub mod limited_by_source;
pub mod listing;
pub mod mail;
pub mod objects_of;
pub mod precondition;
pub mod push;
pub mod rate_limiter;
pub mod source_limits;
pub mod stored_responses;

pub use app::{App, Channels, Parts, Platform};
pub use error::ServiceError;
pub use idempotency::Created;
pub use precondition::Precondition;

/// How long a change is tried again that loses races.
pub const CONFLICT_BUDGET: std::time::Duration = std::time::Duration::from_secs(5);
