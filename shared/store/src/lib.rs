//! Where everything is kept: one small interface over one table, and the typed stores written once above it.
//!
//! An engine implements [`Table`]; `store-sqlite` and `store-dynamodb` are the two. Whatever both must agree on stands
//! here and is called by both: the limits ([`limits`]) and their [`check`], the order and paging of a query ([`query`]), what counts as
//! expired ([`Item::is_expired`]), and the suite that proves it ([`conformance`]). No AWS, no HTTP, no clock of its own.
//!
//! A change is always the same three steps: read, decide in pure code, write at the version read ([`Write`]). A lost
//! race is a [`StoreError::Conflict`], and [`retry::retry`] takes the three steps again.

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
