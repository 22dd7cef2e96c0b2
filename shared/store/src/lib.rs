//! Where everything is kept: one small interface over one table, and the typed stores written once above it.
//!
//! An engine implements [`Table`]; `store-sqlite` and `store-dynamodb` are the two. Whatever both must agree on stands
//! here and is called by both: the [`limits`] and their [`check`], the order and paging of a query ([`query`]), what
//! counts as expired ([`Item::is_expired`]), and the suite that proves it ([`conformance`]). The crate uses `domain`
//! and nothing else of ours; it knows no AWS, no HTTP and no clock of its own.
//!
//! - Reads are strongly consistent. A transaction writes all of its items or none.
//! - A change is always three steps: read, decide in pure code, write at the version read ([`Write`]). A lost race is a
//!   [`StoreError::Conflict`], and [`retry::retry`] takes the three steps again.
//! - Keys are spelled in [`keys`] and nowhere else. What is stored stays readable by all later code.
//! - After any error but [`StoreError::Unavailable`] nothing was written.
//!
//! ```
//! use std::sync::Arc;
//!
//! use chrono::DateTime;
//! use store::{Key, StoreError, Table, Write, documents};
//! use store_sqlite::SqliteTable;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let table = SqliteTable::in_memory(Arc::new(|| DateTime::UNIX_EPOCH))?;
//! let key = Key::new("CUSTOMER#1", "VISITS");
//! table.transact(vec![Write::create(key.clone(), documents::body(&key, &1)?)]).await?;
//!
//! let (visits, version) = documents::read::<u32>(&table, &key).await?.ok_or("it was created")?;
//! let one_more = Write::update(key.clone(), documents::body(&key, &(visits + 1))?, version);
//! table.transact(vec![one_more.clone()]).await?;
//!
//! let too_late = table.transact(vec![one_more]).await;
//! assert!(matches!(too_late, Err(StoreError::Conflict { write: 0 })));
//! # Ok(())
//! # }
//! ```

pub mod bars;
pub mod check;
pub mod conformance;
pub mod documents;
pub mod error;
pub mod fault;
pub mod item;
pub mod keys;
pub mod limits;
pub mod pack;
pub mod query;
pub mod retry;
pub mod table;
pub mod write;

pub use error::StoreError;
pub use item::{Body, Item, Key, Version};
pub use query::{Cursor, Direction, Page, Query, Range};
pub use table::{Clock, Table};
pub use write::{DeleteExpect, Expect, Write};
