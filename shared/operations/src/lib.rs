//! Operation of the platform: its health, and the verification of the books.
//!
//! [`health`] is for the public route. [`verification`] recomputes the books of every customer, compares them with what
//! is stored, freezes a wallet with discrepancies, and finishes interrupted changes of accounts.
//!
//! It may use the other crates of use cases, and none of them uses it. It reads only the table, calls no provider, and
//! knows no HTTP.
//!
//! - Verification repairs no books: it reports discrepancies, and unfreezes a wallet whose books add up again.
//! - A frozen wallet accepts no commands.
//! - Each customer's books are verified separately: an error in one does not stop the others.
//! - A run that is interrupted loses at most the batches in progress; the next one continues it.
//! - A wallet that is in use during verification is verified again, not reported.

pub mod health;
pub mod verification;
