//! What an operator looks at: whether the platform is well, and whether the books add up.
//!
//! [`health`] answers for the public route; [`verification`] replays the books of every customer and compares them with what
//! is stored, freezes a wallet whose books are in doubt, and finishes what a change of an account has left to be done.
//!
//! Verification reads the table only, never a provider, and repairs nothing: it names what differs.

pub mod health;
pub mod verification;
