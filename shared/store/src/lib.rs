//! The store: a small interface to one table, [`Table`], and typed access to its items.
//!
//! `store-sqlite` and `store-dynamodb` implement [`Table`]. What both must agree on is here and is used by both: the
//! [`limits`] and their [`check`], the order and paging of a [`query`], when an item counts as expired
//! ([`Item::is_expired`]), and the suite that tests it ([`conformance`]). The crate depends only on `domain`, and on no
//! AWS, no HTTP and no clock of its own.
//!
//! - Reads are strongly consistent. A transaction writes all of its items or none.
//! - A change has three steps: read, decide in pure code, and write on the condition that the version is the one that was
//!   read ([`Write`]). If another writer was first, the write is a [`StoreError::Conflict`], and [`retry::retry`] repeats
//!   all three steps.
//! - Keys are built only in [`keys`]. Every later version must be able to read what is stored.
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

pub mod access;
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
