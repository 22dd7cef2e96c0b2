//! The exact books.
